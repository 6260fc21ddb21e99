//! Tables of the page: headings, and rows of cells.

use crate::drawing::escape;

/// What a cell holds.
pub enum Cell {
    /// A number or a measure: set to the right.
    Figure(String),
    /// Words.
    Words(String),
    /// A genome in one line.
    Genome(String),
}

impl Cell {
    fn html(&self) -> String {
        let (class, text) = match self {
            Self::Figure(text) => (" class=\"n\"", text),
            Self::Words(text) => ("", text),
            Self::Genome(text) => (" class=\"g\"", text),
        };
        format!("<td{class}>{}</td>", escape(text))
    }
}

/// A table with these headings, a row for each list of cells.
pub fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let headings: String = headings.iter().map(|heading| format!("<th>{heading}</th>")).collect();
    let row = |cells: Vec<Cell>| format!("<tr>{}</tr>\n", cells.iter().map(Cell::html).collect::<String>());
    let rows: String = rows.into_iter().map(row).collect();
    format!("<table><thead><tr>{headings}</tr></thead><tbody>\n{rows}</tbody></table>")
}
