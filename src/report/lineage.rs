//! The winner's ancestors as a table: who begot whom, by which change, with what result.

use crate::{drawing::escape, view::Run};
use std::fmt::Write;

/// Most ancestors shown; of more, the youngest.
const ANCESTORS_MAX: usize = 60;

/// A table of the individual and its ancestors, eldest first.
pub fn table(run: &Run, id: u64) -> String {
    let ancestors = run.lineage(id);
    let hidden = ancestors.len().saturating_sub(ANCESTORS_MAX);
    let mut text = String::from(
        "<div class=\"wide\"><table><thead><tr><th>id</th><th>from</th><th>by</th><th>score</th><th>genome</th></tr></thead>\n<tbody>\n",
    );
    if hidden > 0 {
        _ = writeln!(text, "<tr><td colspan=\"5\">{hidden} older ancestors</td></tr>");
    }
    for row in &ancestors[hidden..] {
        let parents: Vec<String> = row.parents.iter().map(u64::to_string).collect();
        _ = writeln!(
            text,
            "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"g\">{}</td></tr>",
            row.id,
            if parents.is_empty() { "&ndash;".to_owned() } else { parents.join(" &times; ") },
            escape(&row.operation),
            run.write_score(row.search_score()),
            escape(&row.summary)
        );
    }
    text.push_str("</tbody></table></div>\n");
    text
}
