//! What a search is told to do, and its fixed limits.

use super::retry::RetryPolicy;
use super::stopping::StoppingRule;
use crate::makers::Makers;
use crate::protocol::{Images, Newborn};
use hatchery_config::experiment::{FinalTraining, Search};
use std::sync::Arc;

/// The weights of so many of the best candidates are kept, for the final, for export, and where the final fails.
pub const WEIGHTS_KEPT_MAX: usize = 8;

/// Of the front of score against size, the weights of so many are kept beside the best ones': more champions than a
/// report can tell apart, and still a journal of moderate size.
pub const FRONT_KEPT_MAX: usize = 24;

/// What the search is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one seed.
    pub seed: u64,
    /// How networks come about, and what they are judged by.
    pub search: Search,
    /// Networks designed by hand, which are born first.
    pub seeds: Vec<Newborn>,
    /// Evaluations that count, at most.
    pub evaluations: Option<u32>,
    /// Seconds for the whole run, the final included.
    pub time: Option<f64>,
    /// Epochs of a search training.
    pub epochs: u32,
    /// Seconds of a search training, at most.
    pub seconds: Option<f64>,
    /// What follows the search.
    pub final_training: FinalTraining,
    /// Who regularises the best more strongly for the comparison at full length; `None`: nobody.
    pub regulariser: Option<Arc<dyn Makers>>,
    /// Trainers side by side; so many candidates are kept ready.
    pub trainers: u32,
    /// How many samples one epoch has.
    pub images: Images,
    /// Early stopping across candidates.
    pub stopping: StoppingRule,
    /// What becomes of attempts that failed.
    pub retry: RetryPolicy,
    /// Whether what an earlier life of the coordinator had handed out may still be under way somewhere: then it is
    /// waited for a moment for those who have it.
    pub claims: bool,
    /// Whether offspring begin with the weights of their first parent.
    pub inherit: bool,
    /// Whether the latency of the networks of the search is measured.
    pub measure_latency: bool,
}

impl Settings {
    /// Share of the run's time that is kept for what follows the search.
    pub(super) const fn final_share(&self) -> f64 {
        if self.final_training.enabled { self.final_training.time_share } else { 0.0 }
    }

    /// Early stopping as it is in force: where decisions must not depend on the trainers, nobody is compared.
    pub(super) const fn stopping(&self) -> StoppingRule {
        if self.search.reproducible { StoppingRule::never() } else { self.stopping }
    }
}
