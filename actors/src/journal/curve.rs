//! Learning curves as JSON. JSON knows no infinities and no NaN, which is just what a diverged training reports:
//! they are written as `null` and read back as NaN.

use hatchery_models::training::outcome::EpochReport;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Point {
    epoch: u32,
    training_loss: Option<f64>,
    validation_loss: Option<f64>,
    validation_score: Option<f64>,
    seconds: Option<f64>,
}

/// A JSON list with one object per epoch.
pub fn to_json(curve: &[EpochReport]) -> String {
    let points: Vec<Point> = curve
        .iter()
        .map(|report| Point {
            epoch: report.epoch,
            training_loss: Some(report.training_loss),
            validation_loss: Some(report.validation_loss),
            validation_score: Some(report.validation_score),
            seconds: Some(report.seconds),
        })
        .collect();
    serde_json::to_string(&points).unwrap_or_else(|_| "[]".to_owned())
}

/// The reports back.
pub fn from_json(text: &str) -> Result<Vec<EpochReport>, serde_json::Error> {
    let points: Vec<Point> = serde_json::from_str(text)?;
    Ok(points
        .into_iter()
        .map(|point| EpochReport {
            epoch: point.epoch,
            training_loss: point.training_loss.unwrap_or(f64::NAN),
            validation_loss: point.validation_loss.unwrap_or(f64::NAN),
            validation_score: point.validation_score.unwrap_or(f64::NAN),
            seconds: point.seconds.unwrap_or(f64::NAN),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diverged_curve_comes_back() {
        let report = EpochReport {
            epoch: 3,
            training_loss: f64::INFINITY,
            validation_loss: f64::NAN,
            validation_score: 0.125,
            seconds: 1.5,
        };
        let back = from_json(&to_json(&[report])).unwrap();
        assert_eq!(back.len(), 1);
        assert_eq!((back[0].epoch, back[0].validation_score, back[0].seconds), (3, 0.125, 1.5));
        assert!(back[0].training_loss.is_nan() && back[0].validation_loss.is_nan());
    }
}
