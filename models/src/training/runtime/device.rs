//! Devices that sessions run on.

use crate::graph::lowering::Provider;
use ort::ep::{self, ExecutionProviderDispatch};
use std::{fmt, str::FromStr};

/// Where a session runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU, by its number.
    Cuda(u16),
}

/// A word that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no device; write `cpu` or `cuda:N`, as in `cuda:0`")]
pub struct ParseDeviceError(String);

impl Device {
    /// The provider to lower graphs for.
    pub const fn provider(self) -> Provider {
        match self {
            Self::Cpu => Provider::Cpu,
            Self::Cuda(_) => Provider::Cuda,
        }
    }

    /// What a session must be given; nothing for the CPU, which every session has. `memory_bytes_max` bounds what the
    /// session's arena takes of the device; `cuda_graphs` has its runs recorded and replayed.
    pub(super) fn execution_provider(
        self,
        memory_bytes_max: Option<u64>,
        cuda_graphs: bool,
    ) -> Option<ExecutionProviderDispatch> {
        let Self::Cuda(index) = self else { return None };
        // Trying every algorithm of every convolution would take longer than many a training.
        let mut cuda = ep::CUDA::default()
            .with_device_id(i32::from(index))
            .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
            .with_cuda_graph(cuda_graphs);
        if let Some(bytes) = memory_bytes_max {
            cuda = cuda.with_memory_limit(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Some(cuda.build().error_on_failure())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(index) => write!(formatter, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = ParseDeviceError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word.strip_prefix("cuda") {
            None if word == "cpu" => Ok(Self::Cpu),
            Some("") => Ok(Self::Cuda(0)),
            Some(rest) => rest
                .strip_prefix(':')
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| ParseDeviceError(word.to_owned())),
            None => Err(ParseDeviceError(word.to_owned())),
        }
    }
}
