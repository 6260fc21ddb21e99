//! Who made the networks, and how the winner compares with those of the user.

use crate::{drawing::escape, output::percent, view::Run};
use std::fmt::Write;

/// What each maker has contributed.
pub fn table(run: &Run) -> String {
    let mut text = String::from(
        "<table><thead><tr><th>maker</th><th>networks</th><th>share</th><th>best score</th>\
         <th>improvements of the best</th></tr></thead><tbody>\n",
    );
    for share in run.shares() {
        _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td></tr>",
            share.maker.word(),
            share.networks,
            percent(share.networks as f64 / run.rows.len().max(1) as f64),
            run.write_score(share.best),
            share.improvements
        );
    }
    text.push_str("</tbody></table>\n");
    text
}

/// The user's networks beside the winner; nothing where there were none.
pub fn starting_points(run: &Run) -> String {
    if run.starting_points.is_empty() {
        return String::new();
    }
    let mut text = String::from("<section><h2>Your networks</h2>\n");
    if let Some(words) = run.comparison_in_words() {
        _ = writeln!(text, "<p>{}</p>", escape(&words));
    }
    text.push_str(
        "<table><thead><tr><th>id</th><th>in the search</th><th>at full length</th><th>genome</th></tr></thead><tbody>\n",
    );
    for point in &run.starting_points {
        _ = writeln!(
            text,
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"g\">{}</td></tr>",
            point.id,
            run.write_score(point.search_score),
            run.write_score(point.full_length_score),
            escape(&point.summary)
        );
    }
    text.push_str("</tbody></table></section>\n");
    text
}
