//! The comparison at full length: who was in it, and what each came to.

use super::table::{Cell, table};
use crate::view::{FullLength, Run};

/// Everyone who was trained at full length, the best first; nothing where nobody was.
pub fn section(run: &Run) -> String {
    let mut rows: Vec<_> =
        run.full_length.iter().filter_map(|(id, at_length)| Some((run.row(*id)?, at_length))).collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|(one, at_length), (other, others)| {
        others.score.total_cmp(&at_length.score).then(one.id.cmp(&other.id))
    });
    let cells = rows.into_iter().map(|(row, FullLength { score, epochs })| {
        vec![
            Cell::Figure(row.id.to_string()),
            Cell::Figure(run.write_score(Some(*score))),
            Cell::Figure(epochs.to_string()),
            Cell::Figure(run.write_score(row.search_score())),
            Cell::Words(row.operation.clone()),
            Cell::Genome(row.summary.clone()),
        ]
    });
    let table = table(&["id", "at full length", "epochs", "in the search", "by", "genome"], cells);
    format!("<section><h2>The comparison at full length</h2>\n<div class=\"wide\">{table}</div></section>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn finalists_stand_with_both_scores_and_who_was_born_for_it_with_one() {
        let mut run = fixture::run();
        run.full_length.clear();
        assert_eq!(section(&run), "");
        run.finalists = vec![fixture::finalist(6, 4)];
        run.full_length =
            [(4, 0.92), (6, 0.94)].map(|(id, score)| (id, FullLength { score, epochs: 40 })).into();
        let text = section(&run);
        let (sixth, fourth) = (text.find(">6</td>").unwrap(), text.find(">4</td>").unwrap());
        assert!(sixth < fourth, "the best comes first: {text}");
        assert!(
            text[sixth..fourth].contains("94.00 %") && !text[sixth..fourth].contains("90.00 %"),
            "{text}"
        );
        assert!(text[fourth..].contains("92.00 %") && text[fourth..].contains("90.00 %"), "{text}");
    }
}
