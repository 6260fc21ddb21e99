//! What an evaluation measures, and the data's own figures that it is measured against.

use crate::{
    data::{Dataset, Normalisation, Targets},
    problem::Task,
};

/// What an evaluation measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Mean loss: cross-entropy without label smoothing, or squared error of standardised targets.
    pub loss: f64,
    /// Classification: share of samples classified rightly. Regression: R squared.
    pub score: f64,
    /// Classification: samples classified rightly. Regression: 0.
    pub correct: u64,
    /// Samples evaluated.
    pub count: u64,
    /// Classification: share of predictions that are the class predicted most. Regression: 0.
    pub one_class_share: f64,
}

/// Sums over batches, as evaluation graphs compute them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Sum of the samples' losses.
    pub loss: f64,
    /// Samples classified rightly.
    pub correct: f64,
    /// Predictions of each class.
    pub counts: Vec<f64>,
    /// Samples.
    pub samples: u64,
}

impl Sums {
    /// Means and shares; `reference` belongs to the same samples.
    pub fn scores(&self, reference: &Reference) -> Scores {
        let count = self.samples.max(1) as f64;
        let loss = self.loss / count;
        let score = match reference {
            Reference::Classification { .. } => self.correct / count,
            Reference::Regression { variance } => 1.0 - loss / variance,
        };
        let most = self.counts.iter().copied().fold(0.0, f64::max);
        Scores {
            loss,
            score,
            correct: self.correct.round() as u64,
            count: self.samples,
            one_class_share: most / count,
        }
    }
}

/// What the targets of some samples are like, whatever a network predicts.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// For classification.
    Classification {
        /// Share of the most frequent class.
        majority_share: f64,
        /// Entropy of the classes' shares, in nats: the loss of the best constant prediction.
        entropy: f64,
        /// Number of classes.
        classes: usize,
    },
    /// For regression.
    Regression {
        /// Variance of the standardised targets around their own mean, averaged over targets; never 0.
        variance: f64,
    },
}

impl Reference {
    /// The figures of some samples of a data set.
    pub fn of(dataset: &Dataset, normalisation: &Normalisation, indices: &[u32]) -> Self {
        match (&dataset.targets, dataset.problem.task) {
            (Targets::Classes { labels, .. }, Task::Classification { classes }) => {
                classification(labels, classes as usize, indices)
            }
            (Targets::Classes { .. }, Task::Regression { .. }) => Self::Regression { variance: 1.0 },
            (Targets::Values { values, names }, _) => {
                Self::Regression { variance: variance(values, names.len(), normalisation, indices) }
            }
        }
    }
}

fn classification(labels: &[i64], classes: usize, indices: &[u32]) -> Reference {
    let mut counts = vec![0_u64; classes.max(1)];
    for &index in indices {
        if let Some(count) = counts.get_mut(labels[index as usize] as usize) {
            *count += 1;
        }
    }
    let total = indices.len().max(1) as f64;
    let shares = counts.iter().map(|&count| count as f64 / total);
    let majority_share = shares.clone().fold(0.0, f64::max);
    let entropy = shares.filter(|&share| share > 0.0).map(|share| -share * share.ln()).sum();
    Reference::Classification { majority_share, entropy, classes }
}

fn variance(values: &[f32], targets: usize, normalisation: &Normalisation, indices: &[u32]) -> f64 {
    let targets = targets.max(1);
    let of_target = |target: usize| {
        let deviation = f64::from(normalisation.target_deviation.get(target).copied().unwrap_or(1.0));
        let value = |&index: &u32| f64::from(values[index as usize * targets + target]);
        let count = indices.len().max(1) as f64;
        let mean = indices.iter().map(value).sum::<f64>() / count;
        let squares: f64 = indices.iter().map(|index| (value(index) - mean).powi(2)).sum();
        squares / count / (deviation * deviation)
    };
    let mean = (0..targets).map(of_target).sum::<f64>() / targets as f64;
    if mean > 0.0 { mean } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_entropy_of_classes() {
        let reference = classification(&[0, 0, 0, 1, 2], 3, &[0, 1, 2, 3]);
        let Reference::Classification { majority_share, entropy, classes: 3 } = reference else {
            panic!("{reference:?}")
        };
        assert_eq!(majority_share, 0.75);
        assert!((entropy - 0.562_335).abs() < 1e-5, "{entropy}");
    }

    #[test]
    fn predicting_the_mean_scores_0_and_predicting_all_scores_1() {
        let normalisation = Normalisation {
            mean: vec![],
            deviation: vec![],
            target_mean: vec![3.0],
            target_deviation: vec![2.0],
        };
        let variance = variance(&[1.0, 3.0, 5.0, 99.0], 1, &normalisation, &[0, 1, 2]);
        let reference = Reference::Regression { variance };
        let score = |loss| Sums { loss, samples: 3, ..Sums::default() }.scores(&reference).score;
        assert!((score(2.0)).abs() < 1e-6, "squared errors of the mean, standardised: 1 + 0 + 1");
        assert_eq!(score(0.0), 1.0);
    }

    #[test]
    fn sums_become_means_and_shares() {
        let reference = Reference::Classification { majority_share: 0.5, entropy: 0.69, classes: 2 };
        let sums = Sums { loss: 8.0, correct: 3.0, counts: vec![1.0, 3.0], samples: 4 };
        let expected = Scores { loss: 2.0, score: 0.75, correct: 3, count: 4, one_class_share: 0.75 };
        assert_eq!(sums.scores(&reference), expected);
    }
}
