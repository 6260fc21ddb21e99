//! Training: finds and loads the ONNX Runtime library, makes sessions, runs the loop.
//!
//! It must not know where work comes from or where results go: it is handed an assignment and an observer.

mod assignment;
pub mod bench;
pub mod checkpoint;
mod evaluation;
#[cfg(target_arch = "x86_64")]
mod kernels;
mod latency;
pub mod library;
mod memory;
pub mod outcome;
mod probe;
mod programs;
mod record;
mod resident;
pub mod runtime;
mod sampler;
pub mod schedule;
mod scores;
mod trainer;
mod watch;

pub use assignment::{Assignment, Excess, Observer, Phase, Unobserved, Verdict, Wish};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use evaluation::{EvaluateError, evaluate, evaluate_observed};
pub use latency::{LatencyError, latency_seconds};
pub use probe::{Probe, ProbeError, probe};
pub use resident::Resident;
pub use scores::{Scores, mean_r_squared, r_squared, variance_of};
pub use trainer::train;
