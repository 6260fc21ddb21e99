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
    /// Classification: share of samples classified rightly. Regression: R squared, as `mean_r_squared` defines it.
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
    /// Squared errors of each standardised target; empty where there is one target, whose loss they are.
    pub squares: Vec<f64>,
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
            Reference::Regression { variances } => mean_r_squared(&self.mean_squares(loss, count), variances),
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

    /// The mean squared error of each target.
    fn mean_squares(&self, loss: f64, count: f64) -> Vec<f64> {
        if self.squares.is_empty() {
            return vec![loss];
        }
        self.squares.iter().map(|squares| squares / count).collect()
    }
}

/// R squared of each target, averaged over targets: `r2_score` of scikit-learn with its default `uniform_average`.
/// `errors` are the targets' mean squared errors, `variances` their variances around the mean of the same samples; the
/// unit does not matter.
pub fn mean_r_squared(errors: &[f64], variances: &[f64]) -> f64 {
    let sum: f64 = errors.iter().zip(variances).map(|(error, variance)| r_squared(*error, *variance)).sum();
    sum / errors.len().max(1) as f64
}

/// 1 - error / variance; of a target that never varies 1 where it is met exactly, else 0.
pub fn r_squared(error: f64, variance: f64) -> f64 {
    if variance > 0.0 {
        1.0 - error / variance
    } else if error > 0.0 {
        0.0
    } else {
        // No error, or one that is not a number: that must be seen.
        1.0 - error
    }
}

/// Variance of values around their own mean; exactly 0 where all are the same.
pub fn variance_of(values: &[f64]) -> f64 {
    let Some(first) = values.first() else { return 0.0 };
    if values.iter().all(|value| value == first) {
        return 0.0;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
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
        /// Variance of each standardised target around the mean of these samples; 0 for one that never varies.
        variances: Vec<f64>,
    },
}

impl Reference {
    /// The figures of some samples of a data set.
    pub fn of(dataset: &Dataset, normalisation: &Normalisation, indices: &[u32]) -> Self {
        match (&dataset.targets, dataset.problem.task) {
            (Targets::Classes { labels, .. }, Task::Classification { classes }) => {
                classification(labels, classes as usize, indices)
            }
            (Targets::Classes { .. }, Task::Regression { targets }) => {
                Self::Regression { variances: vec![1.0; targets as usize] }
            }
            (Targets::Values { values, names }, _) => {
                Self::Regression { variances: variances(values, names.len(), normalisation, indices) }
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

/// Of each target, standardised.
fn variances(values: &[f32], targets: usize, normalisation: &Normalisation, indices: &[u32]) -> Vec<f64> {
    let targets = targets.max(1);
    let of_target = |target: usize| {
        let deviation = f64::from(normalisation.target_deviation.get(target).copied().unwrap_or(1.0));
        let value = |&index: &u32| f64::from(values[index as usize * targets + target]);
        variance_of(&indices.iter().map(value).collect::<Vec<_>>()) / (deviation * deviation)
    };
    (0..targets).map(of_target).collect()
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
        let normalisation = standardised(&[3.0], &[2.0]);
        let variances = variances(&[1.0, 3.0, 5.0, 99.0], 1, &normalisation, &[0, 1, 2]);
        let reference = Reference::Regression { variances };
        let score = |loss| Sums { loss, samples: 3, ..Sums::default() }.scores(&reference).score;
        assert!((score(2.0)).abs() < 1e-6, "squared errors of the mean, standardised: 1 + 0 + 1");
        assert_eq!(score(0.0), 1.0);
    }

    fn standardised(mean: &[f32], deviation: &[f32]) -> Normalisation {
        Normalisation {
            mean: vec![],
            deviation: vec![],
            target_mean: mean.to_vec(),
            target_deviation: deviation.to_vec(),
            encoding: None,
        }
    }

    #[test]
    fn every_target_counts_alike_as_scikit_learn_has_it() {
        // The example in the documentation of its `r2_score`: squares that are pooled would give 0.938.
        let truth = [0.5, 1.0, -1.0, 1.0, 7.0, -6.0];
        let normalisation = standardised(&[0.0, 0.0], &[2.0, 1.0]);
        let variances = variances(&truth, 2, &normalisation, &[0, 1, 2]);
        let squares = vec![1.25 / 4.0, 3.0];
        let sums = Sums { loss: squares.iter().sum::<f64>() / 2.0, squares, samples: 3, ..Sums::default() };
        let score = sums.scores(&Reference::Regression { variances }).score;
        assert!((score - 0.936_800_526).abs() < 1e-8, "{score}");
    }

    #[test]
    fn a_target_that_never_varies_is_met_or_not() {
        let variances = variances(
            &[0.1, 1.0, 0.1, 2.0, 0.1, 3.0],
            2,
            &standardised(&[0.1, 2.0], &[1.0, 1.0]),
            &[0, 1, 2],
        );
        assert_eq!(variances[0], 0.0);
        assert_eq!(r_squared(0.0, 0.0), 1.0);
        assert_eq!(r_squared(1e-12, 0.0), 0.0);
        assert!(r_squared(f64::NAN, 0.0).is_nan(), "a failure is no score");
        assert_eq!(mean_r_squared(&[0.0, variances[1]], &variances), 0.5);
    }

    #[test]
    fn sums_become_means_and_shares() {
        let reference = Reference::Classification { majority_share: 0.5, entropy: 0.69, classes: 2 };
        let sums = Sums { loss: 8.0, correct: 3.0, counts: vec![1.0, 3.0], samples: 4, ..Sums::default() };
        let expected = Scores { loss: 2.0, score: 0.75, correct: 3, count: 4, one_class_share: 0.75 };
        assert_eq!(sums.scores(&reference), expected);
    }
}
