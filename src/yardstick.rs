//! What is reached on some samples without looking at any: the figure that a model's own is to be held against.
//!
//! It must not know how a model is run.

use crate::output::{percent, plain};
use hatchery_models::{
    data::{Dataset, Targets},
    training::variance_of,
};

/// The best that a model can do which always says the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Yardstick {
    /// Always saying the most frequent class of these samples.
    Majority {
        /// The class.
        class: String,
        /// Its share of the samples, 0 to 1: the accuracy that this reaches.
        share: f64,
    },
    /// Always saying the mean of these samples: R squared is 0.
    Mean {
        /// The root of the mean squared error that this leaves, of each target in its own unit: the standard deviation of
        /// the samples.
        rmse: Vec<f64>,
    },
}

impl Yardstick {
    /// That of the samples `indices`, which must lie within the data set.
    pub fn of(dataset: &Dataset, indices: &[u32]) -> Self {
        match &dataset.targets {
            Targets::Classes { names, .. } => {
                let counts = dataset.class_counts(indices);
                // Of equals the first.
                let (place, most) =
                    counts.iter().enumerate().rev().max_by_key(|(_, count)| **count).unwrap_or((0, &0));
                let share = *most as f64 / indices.len().max(1) as f64;
                Self::Majority { class: names.get(place).cloned().unwrap_or_default(), share }
            }
            Targets::Values { values, names } => {
                let of_target = |target: usize| {
                    let value = |index: &u32| f64::from(values[*index as usize * names.len() + target]);
                    variance_of(&indices.iter().map(value).collect::<Vec<_>>()).sqrt()
                };
                Self::Mean { rmse: (0..names.len()).map(of_target).collect() }
            }
        }
    }

    /// In words, where one figure says it.
    pub fn in_words(&self) -> Option<String> {
        match self {
            Self::Majority { class, share } => {
                Some(format!("always the most frequent class ({}): {}", plain(class), percent(*share)))
            }
            Self::Mean { .. } => None,
        }
    }

    /// The RMSE that an R squared on these samples stands for, in the target's own unit: 1 - SS_res / SS_tot, solved for
    /// SS_res. `None` where there are several targets, of whose R squared the mean alone is known, and where the target
    /// never varies.
    pub fn rmse(&self, r_squared: f64) -> Option<f64> {
        match self {
            Self::Mean { rmse } => match rmse.as_slice() {
                [deviation] if *deviation > 0.0 => Some((1.0 - r_squared).max(0.0).sqrt() * deviation),
                _ => None,
            },
            Self::Majority { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_models::data::{self, LoadOptions};

    /// Data with these targets.
    fn dataset(targets: Targets) -> Dataset {
        Dataset { targets, ..data::load("digits", &LoadOptions::default()).unwrap() }
    }

    #[test]
    fn the_most_frequent_class_of_these_samples_counts() {
        let names = ["cat", "dog", "cow"].map(str::to_owned).to_vec();
        let targets = Targets::Classes { labels: vec![0, 0, 0, 1, 2, 2, 1, 1], names };
        let data = dataset(targets);
        assert_eq!(
            Yardstick::of(&data, &[0, 4, 5, 6]),
            Yardstick::Majority { class: "cow".to_owned(), share: 0.5 }
        );
        let Yardstick::Majority { class, .. } = Yardstick::of(&data, &[0, 3, 4]) else { panic!("classes") };
        assert_eq!(class, "cat", "of equals the first");
    }

    #[test]
    fn an_r_squared_is_an_error_in_the_targets_unit() {
        let targets = Targets::Values { values: vec![10.0, 30.0, 99.0], names: vec!["y".to_owned()] };
        let data = dataset(targets);
        let yardstick = Yardstick::of(&data, &[0, 1]);
        assert_eq!(yardstick, Yardstick::Mean { rmse: vec![10.0] });
        assert_eq!(yardstick.rmse(0.0), Some(10.0), "as good as the mean");
        assert_eq!(yardstick.rmse(0.75), Some(5.0));
        assert_eq!(yardstick.rmse(1.0), Some(0.0));
        assert_eq!(
            Yardstick::Mean { rmse: vec![1.0, 2.0] }.rmse(0.5),
            None,
            "of two, the mean alone is known"
        );
    }
}
