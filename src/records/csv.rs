//! Tables as comma-separated values (RFC 4180): a header, an empty cell where there is nothing.

use super::{
    Records,
    table::{self, Cells, Table},
};
use crate::run_directory::{make, write_whole};
use std::path::{Path, PathBuf};

/// How a path ends that is one file, not a folder.
const FILE_ENDING: &str = "csv";

/// Writes the evaluations to a path that ends in `.csv`, or all tables to a folder; says which files were written.
///
/// # Errors
/// Where the system does not let them be written.
pub fn write(path: &Path, records: &Records) -> anyhow::Result<Vec<PathBuf>> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(FILE_ENDING)) {
        write_whole(path, text(&table::evaluations(records)).as_bytes())?;
        return Ok(vec![path.to_owned()]);
    }
    make(path)?;
    let file = |table: &Table| {
        let path = path.join(format!("{}.{FILE_ENDING}", table.name));
        write_whole(&path, text(table).as_bytes()).map(|()| path)
    };
    table::all(records).iter().map(file).collect()
}

fn text(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut text = names.join(",");
    text.push('\n');
    for row in 0..table.rows() {
        for (number, column) in table.columns.iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            text.push_str(&cell(&column.cells, row));
        }
        text.push('\n');
    }
    text
}

fn cell(cells: &Cells, row: usize) -> String {
    let cell = match cells {
        Cells::Whole(cells) => cells.get(row).copied().flatten().map(|cell| cell.to_string()),
        Cells::Real(cells) => cells.get(row).copied().flatten().map(|cell| cell.to_string()),
        Cells::Text(cells) => cells.get(row).and_then(Option::as_deref).map(quoted),
    };
    cell.unwrap_or_default()
}

/// A text as one cell, whatever is in it.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::table::Column;

    #[test]
    fn cells_are_told_apart_whatever_is_in_them() {
        let table = Table {
            name: "t",
            columns: vec![
                Column { name: "a", cells: Cells::Whole(vec![Some(-1), None]) },
                Column { name: "b", cells: Cells::Real(vec![Some(0.1), Some(f64::NAN)]) },
                Column {
                    name: "c",
                    cells: Cells::Text(vec![Some("x,\"y\"\r\n\u{1b}[31m<script>".to_owned()), None]),
                },
            ],
        };
        assert_eq!(text(&table), "a,b,c\n-1,0.1,\"x,\"\"y\"\"\r\n\u{1b}[31m<script>\"\n,NaN,\n");
    }
}
