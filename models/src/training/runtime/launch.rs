//! How the runs of a session are launched on a GPU: kernel by kernel, or recorded once and replayed (a CUDA graph).
//!
//! A graph replays the same kernels on the same addresses, and copies nothing in or out. ONNX Runtime keeps one graph
//! for each number that a run carries, records it by running twice as usual and once more while it listens, and replays
//! it from then on. It must not know what is computed.

use super::{RuntimeError, While};
use ort::session::{IoBinding, RunOptions, Session};
use std::fmt;

/// The option of a run that says which graph it is.
const GRAPH_KEY: &str = "gpu_graph_id";

/// How a session's runs are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Launch {
    /// Each kernel by itself.
    ByKernel,
    /// Recorded once for each binding and replayed. Means nothing on a processor.
    Recorded,
}

/// Runs bindings of a session, each always by the same graph.
pub(super) struct Launcher {
    graphs: Option<[RunOptions; 2]>,
}

impl Launcher {
    /// For two bindings.
    pub fn new(launch: Launch) -> Result<Self, RuntimeError> {
        let graphs = match launch {
            Launch::ByKernel => None,
            Launch::Recorded => Some([graph("1")?, graph("2")?]),
        };
        Ok(Self { graphs })
    }

    /// Runs one of the two bindings; `turn` says which.
    pub fn run(&self, session: &mut Session, binding: &IoBinding, turn: usize) -> Result<(), RuntimeError> {
        let outputs = match &self.graphs {
            None => session.run_binding(binding),
            Some(graphs) => session.run_binding_with_options(binding, &graphs[turn]),
        };
        outputs.map(drop).doing("taking a training step")
    }
}

impl fmt::Debug for Launcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Launcher").field("is_recorded", &self.graphs.is_some()).finish()
    }
}

/// The options of runs by the graph of this number.
fn graph(number: &str) -> Result<RunOptions, RuntimeError> {
    let doing = "numbering a CUDA graph";
    let mut options = RunOptions::new().doing(doing)?;
    options.set(GRAPH_KEY, number).doing(doing)?;
    Ok(options)
}
