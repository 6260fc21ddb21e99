//! What is made once for all who ask, and kept.
//!
//! It must not know how it is made.

use hatchery_models::data::Normalisation;
use hyper::body::Bytes;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{Semaphore, watch};

/// Listeners to events at once; further ones are told to come again.
pub const LISTENERS_MAX: usize = 100;

/// What is kept.
#[derive(Debug)]
pub struct Kept {
    /// What raw values are normalised by, once a model is asked for.
    pub normalisation: OnceLock<Normalisation>,
    /// All points, as they were sent last.
    pub points: Mutex<KeptPoints>,
    /// What is news, once somebody listens.
    pub tidings: OnceLock<watch::Receiver<Tidings>>,
    /// Room for listeners.
    pub listeners: Arc<Semaphore>,
}

/// All points of a number of them: plain and packed.
#[derive(Debug, Default)]
pub struct KeptPoints {
    pub next: usize,
    pub plain: Option<Bytes>,
    pub packed: Option<Bytes>,
}

/// The latest of each kind of news, as events.
#[derive(Clone, Debug, Default)]
pub struct Tidings {
    pub turn: u64,
    pub run: Bytes,
    /// Whether they say how the run has ended.
    pub is_ended: bool,
    /// The turn in which those of the nodes were made.
    pub nodes_turn: u64,
    pub nodes: Bytes,
    /// Points that there are.
    pub points: usize,
    /// The last of them: after how many, how many there are with them, and the event.
    pub latest: Option<(usize, usize, Bytes)>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            normalisation: OnceLock::new(),
            points: Mutex::default(),
            tidings: OnceLock::new(),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
        }
    }
}
