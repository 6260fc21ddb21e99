//! How well a model tells classes apart: each class beside the others, worst first where they are many.
//!
//! It must not know how a model is run.

use crate::output::{grouped, percent, table};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Classes up to which each has a row of the table.
const ROWS_MAX: usize = 20;
/// Rows where there are more: the worst.
const WORST_ROWS: usize = 10;
/// Classes up to which the confusion matrix is written whole: a million numbers. Of more, pairs of classes are too many
/// for one line.
const CONFUSION_CLASSES_MAX: usize = 1_000;

/// Which class was taken for which.
#[derive(Clone, Debug)]
pub(super) struct Confusion {
    /// Names of the classes, in the model's order.
    names: Vec<String>,
    /// How many samples of a class (first) were taken for a class (second); pairs that occur.
    pairs: BTreeMap<(usize, usize), u64>,
}

/// What became of one class.
#[derive(Clone, Debug, PartialEq)]
struct Class<'a> {
    name: &'a str,
    /// Samples of this class.
    samples: u64,
    /// Samples taken for this class.
    predicted: u64,
    /// Samples for which both holds.
    right: u64,
}

impl Class<'_> {
    /// Of the samples that were taken for this class, the share that are; `None` where none was.
    fn precision(&self) -> Option<f64> {
        share(self.right, self.predicted)
    }

    /// Of the samples of this class, the share that was taken for it; `None` where there are none.
    fn recall(&self) -> Option<f64> {
        share(self.right, self.samples)
    }

    /// F1, the harmonic mean of precision and recall; `None` where the class does not occur at all.
    fn f1(&self) -> Option<f64> {
        share(2 * self.right, self.samples + self.predicted)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Confusion {
    /// Of pairs of what a sample is and what it was taken for, each a number of one of `names`.
    pub(super) fn new(names: Vec<String>, answers: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut pairs = BTreeMap::new();
        for pair in answers {
            *pairs.entry(pair).or_default() += 1;
        }
        Self { names, pairs }
    }

    /// Share of samples classified rightly.
    pub(super) fn accuracy(&self) -> f64 {
        let right: u64 = self.pairs.iter().filter(|((is, said), _)| is == said).map(|(_, count)| count).sum();
        right as f64 / self.pairs.values().sum::<u64>().max(1) as f64
    }

    fn classes(&self) -> Vec<Class<'_>> {
        let class = |name| Class { name, samples: 0, predicted: 0, right: 0 };
        let mut classes: Vec<Class<'_>> = self.names.iter().map(|name| class(name.as_str())).collect();
        for (&(is, said), count) in &self.pairs {
            if let Some(class) = classes.get_mut(is) {
                class.samples += count;
                class.right += if is == said { *count } else { 0 };
            }
            if let Some(class) = classes.get_mut(said) {
                class.predicted += count;
            }
        }
        classes
    }

    /// All classes, and where they are not too many, who was taken for whom: `confusion[i][j]` is the number of samples of
    /// class i that were taken for class j.
    pub(super) fn json(&self) -> (Value, Value) {
        let class = |class: &Class<'_>| {
            json!({
                "name": class.name,
                "samples": class.samples,
                "precision": class.precision(),
                "recall": class.recall(),
            })
        };
        let classes = self.classes().iter().map(class).collect();
        let count = self.names.len();
        if count > CONFUSION_CLASSES_MAX {
            return (classes, Value::Null);
        }
        let cell = |is, said| self.pairs.get(&(is, said)).copied().unwrap_or(0);
        let rows = (0..count).map(|is| (0..count).map(|said| cell(is, said)).collect::<Vec<u64>>());
        (classes, json!(rows.collect::<Vec<_>>()))
    }

    /// The classes as a table; of many, the worst.
    pub(super) fn text(&self) -> String {
        let mut classes = self.classes();
        let count = classes.len();
        if count <= ROWS_MAX {
            return rows(&classes);
        }
        classes.retain(|class| class.f1().is_some());
        classes.sort_by(|one, other| one.f1().unwrap_or(0.0).total_cmp(&other.f1().unwrap_or(0.0)));
        classes.truncate(WORST_ROWS);
        format!(
            "the worst {} of {} classes, by F1; --json has all\n{}",
            classes.len(),
            grouped(count as u64),
            rows(&classes)
        )
    }
}

fn rows(classes: &[Class<'_>]) -> String {
    let written = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    let cells = classes.iter().map(|class| {
        let name = class.name.to_owned();
        vec![name, grouped(class.samples), written(class.precision()), written(class.recall())]
    });
    table(&["class", "samples", "precision", "recall"], &cells.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("class {number}")).collect()
    }

    #[test]
    fn precision_recall_and_confusion_are_those_of_the_definition() {
        // Four of class 0, of which three are found; one of class 1, taken for 0; class 2 has no samples.
        let answers = [(0, 0), (0, 0), (0, 0), (0, 2), (1, 0)];
        let confusion = Confusion::new(names(3), answers.into_iter());
        assert_eq!(confusion.accuracy(), 0.6);
        let (classes, matrix) = confusion.json();
        assert_eq!(
            classes,
            json!([
                {"name": "class 0", "samples": 4, "precision": 0.75, "recall": 0.75},
                {"name": "class 1", "samples": 1, "precision": null, "recall": 0.0},
                {"name": "class 2", "samples": 0, "precision": 0.0, "recall": null},
            ])
        );
        assert_eq!(matrix, json!([[3, 0, 1], [1, 0, 0], [0, 0, 0]]));
        let text = confusion.text();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("class 1        1          -   0.00 %"), "{text}");
    }

    #[test]
    fn of_many_classes_the_worst_are_shown() {
        let count = ROWS_MAX + 5;
        let all =
            (0..count - 1).flat_map(|class| [(class, class), (class, if class == 7 { 3 } else { class })]);
        let confusion = Confusion::new(names(count), all);
        let text = confusion.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("the worst 10 of 25 classes"), "{text}");
        assert_eq!(lines.len(), 2 + WORST_ROWS);
        assert!(lines[2].starts_with("class 7 ") && lines[3].starts_with("class 3 "), "{text}");
        assert!(!text.contains("class 24"), "it does not occur: {text}");
        assert_eq!(confusion.json().0.as_array().unwrap().len(), count);
    }

    #[test]
    fn a_matrix_that_nobody_can_hold_is_left_out() {
        let (classes, matrix) = Confusion::new(names(CONFUSION_CLASSES_MAX + 1), [(0, 0)].into_iter()).json();
        assert_eq!((classes.as_array().unwrap().len(), matrix), (CONFUSION_CLASSES_MAX + 1, Value::Null));
    }
}
