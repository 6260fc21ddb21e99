//! Work that trains nothing and takes its time, to measure everything around the training: a coordinator, its
//! journal and its connections, with more trainers than there are devices.
//!
//! A made-up training reports one epoch, a score that follows from its seed, and a single weight.

use super::work::{Work, WorkFactory};
use crate::protocol::{Lease, LeaseKind, nothing_trained};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use hatchery_models::training::{Observer, Wish};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// A trainer that waits gives a sign of life so often. It is woken where it is to stop: of thousands of trainers on one
/// machine, each that looks for itself would wake it.
const SIGN_EVERY: Duration = Duration::from_secs(10);

/// Spread of a log-normal training time, where none is named: as was seen over real searches.
const SIGMA: f64 = 0.5;

/// A longer training time is a mistake.
const SECONDS_MAX: f64 = 86_400.0;

/// How long made-up trainings take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainingTime {
    /// Always so many seconds; 0 is instantly.
    Fixed(f64),
    /// Log-normal: mean in seconds, and standard deviation of the logarithm.
    LogNormal {
        /// Mean in seconds.
        mean: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

/// Not a training time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no training time: write fixed:SECONDS, or lognormal:MEAN or lognormal:MEAN:SIGMA")]
pub struct NoTrainingTime(String);

impl FromStr for TrainingTime {
    type Err = NoTrainingTime;

    fn from_str(text: &str) -> Result<Self, NoTrainingTime> {
        let number = |word: &str, max: f64| {
            let value = word.parse::<f64>().ok().filter(|value| (0.0..=max).contains(value));
            value.ok_or_else(|| NoTrainingTime(text.to_owned()))
        };
        match text.split(':').collect::<Vec<_>>().as_slice() {
            ["fixed", seconds] => Ok(Self::Fixed(number(seconds, SECONDS_MAX)?)),
            ["lognormal", mean] => Ok(Self::LogNormal { mean: number(mean, SECONDS_MAX)?, sigma: SIGMA }),
            ["lognormal", mean, sigma] => {
                Ok(Self::LogNormal { mean: number(mean, SECONDS_MAX)?, sigma: number(sigma, 4.0)? })
            }
            _ => Err(NoTrainingTime(text.to_owned())),
        }
    }
}

impl Display for TrainingTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(seconds) => write!(formatter, "fixed:{seconds}"),
            Self::LogNormal { mean, sigma } => write!(formatter, "lognormal:{mean}:{sigma}"),
        }
    }
}

impl TrainingTime {
    /// The time of the training with this seed.
    pub fn seconds(self, seed: u64) -> f64 {
        match self {
            Self::Fixed(seconds) => seconds,
            Self::LogNormal { mean, sigma } => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                // Box and Muller, 1958. Neither draw is 0.
                let (one, other) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
                let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
                mean * (sigma * normal - sigma * sigma / 2.0).exp()
            }
        }
    }
}

/// Makes trainers that only pretend.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedFactory {
    /// How long their trainings take.
    pub time: TrainingTime,
}

impl WorkFactory for SimulatedFactory {
    fn make(&self, _: u32) -> Result<Box<dyn Work>, String> {
        Ok(Box::new(Simulated { time: self.time }))
    }
}

struct Simulated {
    time: TrainingTime,
}

impl Work for Simulated {
    fn evaluate(&mut self, lease: &Lease, observer: &mut dyn Observer) -> Trained {
        let began = Instant::now();
        let seconds = if lease.kind == LeaseKind::Test { 0.0 } else { self.time.seconds(lease.seed) };
        let end = began + Duration::from_secs_f64(seconds);
        loop {
            match observer.wish() {
                Wish::GoOn => {}
                Wish::HandBack => return nothing_trained(Outcome::WorkerLost, "handed back".to_owned()),
                Wish::Stop | Wish::Yield { .. } => return nothing_trained(Outcome::TimedOut, String::new()),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left.min(SIGN_EVERY));
        }
        let score = ChaCha8Rng::seed_from_u64(lease.seed ^ 1).random::<f64>();
        let seconds = began.elapsed().as_secs_f64();
        let report = EpochReport {
            epoch: 1,
            training_loss: 1.0,
            validation_loss: 1.0 - score,
            validation_score: score,
            seconds,
        };
        observer.epoch(&report);
        let weights = Weights { parameters: vec![score as f32], statistics: Vec::new() };
        let done = nothing_trained(Outcome::Completed, String::new());
        Trained { curve: vec![report], weights: Some(weights), steps: 1, seconds, ..done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_and_have_their_mean() {
        assert_eq!("fixed:0".parse(), Ok(TrainingTime::Fixed(0.0)));
        let time: TrainingTime = "lognormal:10:0.5".parse().unwrap();
        assert_eq!(time.to_string().parse(), Ok(time));
        for wrong in ["", "fixed", "fixed:x", "fixed:-1", "lognormal:1:2:3", "lognormal:1e9", "normal:1"] {
            let error = wrong.parse::<TrainingTime>().unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("lognormal:MEAN"), "{error}");
        }
        let mean = (0..20_000).map(|seed| time.seconds(seed)).sum::<f64>() / 20_000.0;
        assert!((mean - 10.0).abs() < 0.2, "{mean}");
        assert!((0..1000).all(|seed| time.seconds(seed) > 0.0));
    }
}
