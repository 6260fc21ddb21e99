//! What the columns of a table hold, for people.
//!
//! It must not know where they come from.

use crate::output::{grouped, say};
use hatchery_models::data::{Column, ColumnFigures, ColumnKind};

/// Columns that are listed, at most; `--json` has all.
const COLUMNS_SHOWN_MAX: usize = 100;

/// Says how many features there are, and of which columns: those that have more to say than that they are numbers.
pub(super) fn print(features: u32, columns: &[ColumnFigures]) {
    say(lines(features, columns).join("\n"));
}

fn lines(features: u32, columns: &[ColumnFigures]) -> Vec<String> {
    let special: Vec<&ColumnFigures> = columns.iter().filter(|one| one.column.is_encoded()).collect();
    if special.is_empty() {
        return vec![format!("table          {features} features")];
    }
    let is_text = |one: &ColumnFigures| matches!(one.column.kind, ColumnKind::Categorical { .. });
    let categorical = columns.iter().filter(|one| is_text(one)).count();
    let numeric = columns.len() - categorical;
    let mut lines = vec![format!(
        "table          {numeric} columns of numbers, {categorical} of categories; encoded: {features} features"
    )];
    lines.extend(special.iter().take(COLUMNS_SHOWN_MAX).map(|one| line(one)));
    if let more @ 1.. = special.len().saturating_sub(COLUMNS_SHOWN_MAX) {
        lines.push(format!("               and {more} more; --json has all"));
    }
    lines
}

fn line(ColumnFigures { column: Column { name, kind }, missing_values }: &ColumnFigures) -> String {
    let missing = format!("{} missing", grouped(*missing_values as u64));
    match kind {
        ColumnKind::Numeric { .. } => format!("  numbers      {name}: {missing}"),
        ColumnKind::Categorical { categories } => {
            format!("  categories   {name}: {} categories, {missing}", categories.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnKind, missing_values: usize) -> ColumnFigures {
        ColumnFigures { column: Column { name: name.to_owned(), kind }, missing_values }
    }

    #[test]
    fn columns_with_text_or_gaps_are_listed() {
        let whole = column("a", ColumnKind::Numeric { missing: false }, 0);
        assert_eq!(lines(1, std::slice::from_ref(&whole)), ["table          1 features"]);
        let categories = ["x", "y", "z"].map(str::to_owned).to_vec();
        let columns = [
            whole,
            column("b", ColumnKind::Numeric { missing: true }, 1_200),
            column("c", ColumnKind::Categorical { categories }, 3),
        ];
        let expected = [
            "table          2 columns of numbers, 1 of categories; encoded: 6 features",
            "  numbers      b: 1,200 missing",
            "  categories   c: 3 categories, 3 missing",
        ];
        assert_eq!(lines(6, &columns), expected);
    }

    #[test]
    fn of_very_many_columns_the_rest_is_counted() {
        let columns = vec![column("b", ColumnKind::Numeric { missing: true }, 1); COLUMNS_SHOWN_MAX + 2];
        let lines = lines(204, &columns);
        assert_eq!(lines.len(), COLUMNS_SHOWN_MAX + 2);
        assert!(lines[COLUMNS_SHOWN_MAX + 1].contains("and 2 more"), "{lines:?}");
    }
}
