//! Who made the networks, and how the winner compares with those of the user.

use super::table::{self, Cell};
use crate::{drawing::escape, output::percent, view::Run};
use std::fmt::Write;

/// What each maker has contributed.
pub fn table(run: &Run) -> String {
    let cells = run.shares().into_iter().map(|share| {
        vec![
            Cell::Words(share.maker.word().to_owned()),
            Cell::Figure(share.networks.to_string()),
            Cell::Figure(percent(share.networks as f64 / run.rows.len().max(1) as f64)),
            Cell::Figure(run.write_score(share.best)),
            Cell::Figure(share.improvements.to_string()),
        ]
    });
    table::table(&["maker", "networks", "share", "best score", "improvements of the best"], cells) + "\n"
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
    let cells = run.starting_points.iter().map(|point| {
        vec![
            Cell::Figure(point.id.to_string()),
            Cell::Figure(run.write_score(point.search_score)),
            Cell::Figure(run.write_score(point.full_length_score)),
            Cell::Genome(point.summary.clone()),
        ]
    });
    text.push_str(&table::table(&["id", "in the search", "at full length", "genome"], cells));
    text.push_str("</section>\n");
    text
}
