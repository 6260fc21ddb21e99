//! `hatchery data`: which data can be read, what is in it, and parts of it as arrays.

mod columns;

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::{DataCommand, DataOptions, InspectOptions, Part, SourceOptions, WriteOptions},
    },
    output::{duration, grouped, note, percent, say, say_json},
    run_directory::RunDirectory,
};
use hatchery_config::{Experiment, experiment};
use hatchery_models::data::{
    self, DataError, Dataset, Description, LargeOffset, LoadOptions, NearlyNumbers, Shape, Split, Targets,
};
use serde_json::json;
use std::time::Instant;

/// What is said of a first row that may be a header of numbers.
const FIRST_ROW_OUTSIDE: &str = "the first row lies far outside all others in every column of numbers: if it is a header, say so by naming the label \
     column as it does (data.label = \"2021\"), or give the columns names that are text";
/// Columns that a warning names.
const COLUMNS_SHOWN_MAX: usize = 5;

/// Does what is asked for.
pub fn data(options: &DataOptions) -> Result<(), Failure> {
    match &options.command {
        DataCommand::List(options) => list(options.json),
        DataCommand::Inspect(options) => inspect(options)?,
        DataCommand::Write(options) => write(options)?,
    }
    Ok(())
}

fn list(as_json: bool) {
    for kind in data::catalogue() {
        if as_json {
            say_json(&json!({
                "spelling": kind.spelling,
                "explanation": kind.explanation,
                "test_part": kind.test_part,
                "embedded": kind.embedded,
                "example": kind.example,
            }));
            continue;
        }
        say(format_args!("{}\n    {}\n    test part: {}", kind.spelling, kind.explanation, kind.test_part));
        if !kind.embedded {
            say(format_args!("    for example: {}", kind.example));
        }
    }
}

fn inspect(options: &InspectOptions) -> Result<(), Failure> {
    let settings = settings(&options.source)?;
    let began = Instant::now();
    let dataset = load(&settings)?;
    let split = split(&dataset, &settings)?;
    let description = data::describe(&dataset);
    if options.json {
        let mut object = serde_json::to_value(&description).or_exit(Exit::Failed)?;
        if let Some(fields) = object.as_object_mut() {
            let parts =
                json!({"train": split.train.len(), "valid": split.valid.len(), "test": split.test.len()});
            fields.insert("split".to_owned(), parts);
            fields.insert("warnings".to_owned(), json!(warnings(&dataset)));
        }
        say(object);
    } else {
        print(&description, &split);
        say(format_args!("read in        {}", duration(began.elapsed().as_secs_f64())));
        warn(&dataset);
    }
    Ok(())
}

fn print(description: &Description, split: &Split) {
    let Description { source, count, official_test, element, minimum, maximum, .. } = description;
    say(format_args!("source         {source}"));
    say(format_args!(
        "samples        {} ({} of them the official test part)",
        grouped(*count as u64),
        grouped(*official_test as u64)
    ));
    match description.shape {
        Shape::Image { channels, height, width } => {
            say(format_args!("images         {channels} channels, {height} rows, {width} columns"));
        }
        Shape::Table { features } => columns::print(features, &description.columns),
    }
    say(format_args!("values         {element}, {minimum} to {maximum}"));
    say(format_args!(
        "split          {} training, {} validation, {} test",
        grouped(split.train.len() as u64),
        grouped(split.valid.len() as u64),
        grouped(split.test.len() as u64)
    ));
    if !description.classes.is_empty() {
        say(format_args!(
            "classes        {}, majority {}",
            description.classes.len(),
            percent(description.majority_share)
        ));
    }
    for class in &description.classes {
        say(format_args!("  {:>8}     {}", grouped(class.count as u64), class.name));
    }
    for target in &description.targets {
        say(format_args!(
            "target         {}: {} to {}, mean {}",
            target.name, target.minimum, target.maximum, target.mean
        ));
    }
    say(format_args!("content hash   {}", description.content_hash));
}

fn write(options: &WriteOptions) -> Result<(), Failure> {
    let settings = settings(&options.source)?;
    let dataset = load(&settings)?;
    let indices = part(&dataset, &settings, options.part)?;
    data::write_npz(&dataset, &indices, &options.out).map_err(|error| {
        let unwritable = matches!(error, DataError::Unwritable { .. });
        Failure { exit: if unwritable { Exit::RunDirectory } else { Exit::Data }, error: error.into() }
    })?;
    let arrays = match dataset.targets {
        Targets::Classes { .. } => "x, y and classes",
        Targets::Values { .. } => "x and y",
    };
    let samples = grouped(indices.len() as u64);
    say(format_args!("{}: {samples} samples, arrays {arrays}", options.out.display()));
    Ok(())
}

/// `[data]` as the options say: of a run's experiment, or the defaults.
fn settings(options: &SourceOptions) -> Result<experiment::Data, Failure> {
    let mut sets = vec![format!("data.source={}", options.data)];
    sets.extend(options.sets.iter().cloned());
    let experiment = match &options.run {
        Some(run) => Experiment::load(&RunDirectory::at(run).experiment().to_string_lossy(), &sets),
        None => Experiment::parse("name = \"data\"\n", "the options", &sets),
    };
    Ok(experiment.or_exit(Exit::Experiment)?.data)
}

/// Loads the data of an experiment.
pub fn load(settings: &experiment::Data) -> Result<Dataset, Failure> {
    data::load(&settings.source, &LoadOptions::from(settings)).or_exit(Exit::Data)
}

/// Says what in the data will hardly be learnt as it is.
pub fn warn(dataset: &Dataset) {
    warnings(dataset).iter().for_each(|words| note(format_args!("warning: {words}")));
}

/// What will hardly be learnt, and what to do about it.
fn warnings(dataset: &Dataset) -> Vec<String> {
    let nearly_numbers = nearly_numbers_warning(&dataset.notes.nearly_numbers);
    let offsets = offset_warning(&data::large_offsets(dataset));
    let first_row = data::first_row_is_far_outside(dataset).then(|| FIRST_ROW_OUTSIDE.to_owned());
    offsets.into_iter().chain(nearly_numbers).chain(first_row).collect()
}

/// Columns of which 32-bit floats keep little but their offset.
fn offset_warning(found: &[LargeOffset]) -> Option<String> {
    let words = |one: &LargeOffset| {
        let [mean, deviation] = [one.mean, one.deviation].map(few_digits);
        format!("{} (mean {mean}, spread {deviation})", one.column)
    };
    Some(format!(
        "{}: the differences between samples are lost beside so large an offset, since values are 32-bit floats with \
         seven digits; subtract the offset where the data are written (of times, count from the first)",
        listed(found, words)?
    ))
}

/// Columns that have categories for the sake of a few cells.
fn nearly_numbers_warning(found: &[NearlyNumbers]) -> Option<String> {
    let words = |one: &NearlyNumbers| {
        let NearlyNumbers { column, values, numbers, commas, example, line } = one;
        let [values, numbers] = [values, numbers].map(|&count| grouped(count));
        let why = match *commas {
            0 => format!("\"{example}\" in line {line} is none"),
            _ => format!("\"{example}\" in line {line} has a decimal comma"),
        };
        format!("column \"{column}\" ({numbers} of {values} values are numbers, {why})")
    };
    Some(format!(
        "categories are made of what seem to be numbers: {}; correct such cells (numbers have a decimal point), or name \
         the columns in data.categorical if their numbers are codes",
        listed(found, words)?
    ))
}

/// The first few in words, and how many more there are; nothing where there are none.
fn listed<T>(all: &[T], words: impl Fn(&T) -> String) -> Option<String> {
    let mut named: Vec<String> = all.iter().take(COLUMNS_SHOWN_MAX).map(words).collect();
    let more = all.len() - named.len();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    (!all.is_empty()).then(|| named.join(", "))
}

/// Large and small numbers, roughly.
fn few_digits(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.2e}") }
}

/// Splits it as every run of this experiment does.
pub fn split(dataset: &Dataset, settings: &experiment::Data) -> Result<Split, Failure> {
    Split::new(dataset, settings.test_fraction, settings.valid_fraction, settings.split_seed)
        .or_exit(Exit::Data)
}

/// The indices of a part.
pub fn part(dataset: &Dataset, settings: &experiment::Data, part: Part) -> Result<Vec<u32>, Failure> {
    if part == Part::All {
        return Ok((0..dataset.count as u32).collect());
    }
    let split = split(dataset, settings)?;
    Ok(match part {
        Part::Train => split.train,
        Part::Valid => split.valid,
        Part::Test | Part::All => split.test,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_told_in_few_digits() {
        let of = |mean, deviation| LargeOffset { column: "feature t".to_owned(), mean, deviation };
        let words = offset_warning(&[of(10_000_000.954_166_668, 0.0), of(-1.7e9, 12.345)]).unwrap();
        assert!(
            words.starts_with("feature t (mean 1.00e7, spread 0), feature t (mean -1.70e9, spread 1.23e1): "),
            "{words}"
        );
        assert_eq!(offset_warning(&[]), None);
    }

    #[test]
    fn columns_that_are_nearly_numbers_are_told_with_an_example() {
        let of = |commas, example: &str| NearlyNumbers {
            column: "price".to_owned(),
            values: 2_000,
            numbers: 1_990,
            commas,
            example: example.to_owned(),
            line: 7,
        };
        let words = nearly_numbers_warning(&[of(0, "7l"), of(1_990, "1,5")]).unwrap();
        let expected = "column \"price\" (1,990 of 2,000 values are numbers, \"7l\" in line 7 is none), \
                        column \"price\" (1,990 of 2,000 values are numbers, \"1,5\" in line 7 has a decimal comma); ";
        assert!(words.contains(expected) && words.contains("data.categorical"), "{words}");
        let many = vec![of(0, "x"); 8];
        assert!(nearly_numbers_warning(&many).unwrap().contains(", and 3 more; "));
    }
}
