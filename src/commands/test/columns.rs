//! Rows of a table as the model knows them: texts by the categories of the model, whatever others the data has.
//!
//! It must not know how a model is run.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    output::{grouped, note},
};
use hatchery_config::experiment;
use hatchery_models::data::{Dataset, Known, LoadOptions, UnknownCategories, load_to_test};

/// Columns whose unknown categories a note tells one by one.
const COLUMNS_SHOWN_MAX: usize = 8;

/// Data with text or missing values, and a model that says nothing of columns.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{origin}: column \"{column}\" has text or missing values, and the model takes numbers only: test it on a table like \
     the one that it was trained on, or leave the column out with data.ignore"
)]
struct NumbersOnly {
    origin: String,
    column: String,
}

/// Loads the data for a model that knows this of its table. Values of categories that it does not know are noted and, for
/// each column that has any, handed over.
pub(super) fn load(
    settings: &experiment::Data,
    known: Known<'_>,
) -> Result<(Dataset, Vec<UnknownCategories>), Failure> {
    let mut options = LoadOptions::from(settings);
    if known.columns.is_some() && !settings.source.starts_with("csv:") {
        // What these say is in the model's columns already.
        (options.ignore, options.categorical) = (Vec::new(), Vec::new());
    }
    let (dataset, unknown) = load_to_test(&settings.source, &options, known).or_exit(Exit::Data)?;
    if known.columns.is_none() {
        return Ok((numbers_only(dataset).or_exit(Exit::Data)?, unknown));
    }
    if !unknown.is_empty() {
        note(in_words(&unknown));
    }
    Ok((dataset, unknown))
}

fn numbers_only(dataset: Dataset) -> Result<Dataset, NumbersOnly> {
    match dataset.columns.iter().find(|column| column.is_encoded()) {
        None => Ok(dataset),
        Some(column) => Err(NumbersOnly { origin: dataset.source.clone(), column: column.name.clone() }),
    }
}

fn in_words(unknown: &[UnknownCategories]) -> String {
    let total: u64 = unknown.iter().map(|column| column.values).sum();
    let one = |UnknownCategories { column, values, example }: &UnknownCategories| {
        format!("{} in column \"{column}\" (\"{example}\")", grouped(*values))
    };
    let shown: Vec<String> = unknown.iter().take(COLUMNS_SHOWN_MAX).map(one).collect();
    let more = unknown.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(", and in {more} more columns") };
    format!(
        "warning: {} values of the data are of categories that the model does not know, and count as none: {}{more}",
        grouped(total),
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(column: &str, values: u64) -> UnknownCategories {
        UnknownCategories { column: column.to_owned(), values, example: "mauve".to_owned() }
    }

    #[test]
    fn unknown_categories_are_told_of_each_column() {
        let words = in_words(&[unknown("colour", 1_200), unknown("shade", 2)]);
        assert!(
            words.contains("1,202 values of the data are of categories that the model does not know"),
            "{words}"
        );
        assert!(
            words.ends_with("1,200 in column \"colour\" (\"mauve\"), 2 in column \"shade\" (\"mauve\")"),
            "{words}"
        );
        let many: Vec<UnknownCategories> = (0..10).map(|number| unknown(&number.to_string(), 1)).collect();
        assert!(in_words(&many).ends_with(", and in 2 more columns"));
    }

    #[test]
    fn a_model_that_knows_no_columns_takes_numbers_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let mut settings = experiment::Data {
            source: format!("csv:{}", path.display()),
            ..hatchery_config::Experiment::load("digits", &[]).unwrap().data
        };
        settings.label = None;
        std::fs::write(&path, "a,b,kind\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n").unwrap();
        assert!(load(&settings, Known::default()).is_ok());
        std::fs::write(&path, "a,b,kind\n1,,x\n2,3,y\n3,4,x\n4,5,y\n").unwrap();
        let message = load(&settings, Known::default()).err().unwrap().error.to_string();
        assert!(message.contains("column \"b\" has text or missing values"), "{message}");
    }
}
