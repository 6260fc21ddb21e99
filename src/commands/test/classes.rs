//! Classes by their names: a model and data may list them in another order, and data may lack some.
//!
//! It must not know how a model is run.

use hatchery_models::{
    data::{Dataset, Targets},
    problem::{Problem, Task},
};
use std::collections::HashMap;

/// Unknown classes that a message names.
const SHOWN_MAX: usize = 8;

/// Data with classes that the model does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model does not know the classes {}: it knows {}; write them as in the data that it was trained on, or leave \
     their samples out", in_words(.unknown), in_words(.known)
)]
pub(super) struct UnknownClasses {
    unknown: Vec<String>,
    known: Vec<String>,
}

/// The data with its classes numbered as the model numbers them. Where either does not name its classes, or both name
/// them alike, nothing changes.
pub(super) fn as_known(dataset: Dataset, known: &[String]) -> Result<Dataset, UnknownClasses> {
    let Targets::Classes { labels, names } = &dataset.targets else { return Ok(dataset) };
    if known.is_empty() || names == known {
        return Ok(dataset);
    }
    let places: HashMap<&str, i64> = known.iter().map(String::as_str).zip(0..).collect();
    let place = |name: &String| places.get(name.as_str()).copied();
    let unknown: Vec<String> = names.iter().filter(|name| place(name).is_none()).cloned().collect();
    if !unknown.is_empty() {
        return Err(UnknownClasses { unknown, known: known.to_vec() });
    }
    let numbers: Vec<i64> = names.iter().filter_map(place).collect();
    let number = |label: &i64| usize::try_from(*label).ok().and_then(|label| numbers.get(label)).copied();
    // Labels are numbers of names: none is left out.
    let labels = labels.iter().filter_map(number).collect();
    let task = Task::Classification { classes: u32::try_from(known.len()).unwrap_or(u32::MAX) };
    let problem = Problem { task, ..dataset.problem };
    Ok(Dataset { problem, targets: Targets::Classes { labels, names: known.to_vec() }, ..dataset })
}

fn in_words(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN_MAX).map(|name| format!("\"{name}\"")).collect();
    let more = names.len().saturating_sub(SHOWN_MAX);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_models::data::{self, LoadOptions};

    fn table(rows: &str) -> Dataset {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, format!("a,kind\n{rows}")).unwrap();
        data::load(&format!("csv:{}", path.display()), &LoadOptions::default()).unwrap()
    }

    fn names(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn classes_are_matched_by_their_names() {
        let data =
            as_known(table("1,red\n2,blue\n3,red\n4,blue\n"), &names(&["red", "green", "blue"])).unwrap();
        let Targets::Classes { labels, names: found } = &data.targets else { panic!("classes") };
        assert_eq!((labels.as_slice(), found.len()), (&[0, 2, 0, 2][..], 3));
        assert_eq!(data.problem.task.outputs(), 3);
    }

    #[test]
    fn classes_that_the_model_does_not_know_are_named() {
        let error = as_known(table("1,Red\n2,blue\n3,Red\n4,blue\n"), &names(&["red", "blue"])).unwrap_err();
        assert!(
            error.to_string().contains("does not know the classes \"Red\": it knows \"red\", \"blue\""),
            "{error}"
        );
    }

    #[test]
    fn a_model_that_names_no_classes_takes_them_as_they_are() {
        let data = as_known(table("1,red\n2,blue\n3,red\n4,blue\n"), &[]).unwrap();
        assert!(matches!(data.targets, Targets::Classes { ref names, .. } if names.len() == 2));
    }
}
