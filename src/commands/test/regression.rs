//! How well a model predicts numbers: the figures of each target, beside those of always saying the mean.
//!
//! It must not know how a model is run.

use crate::output::{six_digits, table};
use hatchery_models::training::{r_squared, variance_of};
use serde::Serialize;

/// How well a model predicts one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TargetFigures {
    name: String,
    pub(super) r_squared: f64,
    /// Root of the mean squared error, in the target's own unit.
    rmse: f64,
    /// Mean absolute error, in the target's own unit.
    mae: f64,
    /// Root of the mean squared error that always saying the mean of these samples leaves.
    baseline_rmse: f64,
}

/// The figures of each target; `predictions` are those of the samples `indices`, one after the other.
pub(super) fn of_targets(
    names: &[String],
    values: &[f32],
    indices: &[u32],
    predictions: &[f32],
) -> Vec<TargetFigures> {
    let width = names.len();
    let of_target = |(target, name): (usize, &String)| {
        let truth: Vec<f64> =
            indices.iter().map(|index| f64::from(values[*index as usize * width + target])).collect();
        let predicted = predictions.iter().skip(target).step_by(width);
        let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| t - f64::from(*p)).collect();
        let mean = |of: fn(&f64) -> f64| errors.iter().map(of).sum::<f64>() / errors.len().max(1) as f64;
        let squares = mean(|error| error * error);
        let variance = variance_of(&truth);
        TargetFigures {
            name: name.clone(),
            r_squared: r_squared(squares, variance),
            rmse: squares.sqrt(),
            mae: mean(|error| error.abs()),
            baseline_rmse: variance.sqrt(),
        }
    };
    names.iter().enumerate().map(of_target).collect()
}

/// The targets as a table.
pub(super) fn text(targets: &[TargetFigures]) -> String {
    let cells = targets.iter().map(|target| {
        let TargetFigures { name, r_squared, rmse, mae, baseline_rmse } = target;
        let figures = [*rmse, *mae, *baseline_rmse].map(six_digits);
        [vec![name.clone(), format!("{r_squared:.4}")], figures.to_vec()].concat()
    });
    let header = ["target", "r_squared", "rmse", "mae", "rmse of always the mean"];
    table(&header, &cells.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_two(predictions: &[f32]) -> Vec<TargetFigures> {
        let names = ["width", "length"].map(str::to_owned);
        let values = [1.0, 10.0, 3.0, 30.0, 99.0, 99.0];
        of_targets(&names, &values, &[0, 1], predictions)
    }

    #[test]
    fn predicting_the_mean_scores_0_and_the_truth_1() {
        let scores = |predictions: &[f32]| -> Vec<f64> {
            of_two(predictions).iter().map(|target| target.r_squared).collect()
        };
        assert_eq!(scores(&[1.0, 10.0, 3.0, 30.0]), [1.0, 1.0]);
        let mean = of_two(&[2.0, 20.0, 2.0, 20.0]);
        assert!(mean.iter().all(|target| target.r_squared.abs() < 1e-9), "{mean:?}");
        assert!(mean.iter().all(|target| target.rmse == target.baseline_rmse), "{mean:?}");
    }

    #[test]
    fn errors_are_in_the_unit_of_their_target() {
        let figures = of_two(&[1.0, 20.0, 2.0, 30.0]);
        assert_eq!((figures[0].rmse, figures[0].mae, figures[0].baseline_rmse), (0.5_f64.sqrt(), 0.5, 1.0));
        assert_eq!((figures[1].rmse, figures[1].mae, figures[1].baseline_rmse), (50.0_f64.sqrt(), 5.0, 10.0));
        let table = text(&figures);
        assert!(
            table.contains("length") && table.contains("7.07107") && table.contains("0.707107"),
            "{table}"
        );
        assert!(table.lines().next().unwrap().ends_with("rmse of always the mean"), "{table}");
    }
}
