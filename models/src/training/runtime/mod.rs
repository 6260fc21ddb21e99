//! ONNX Runtime: the loaded library, its environment, sessions, tensors on a device.
//!
//! This module and those in it are the only ones that name the `ort` crate. They know models as bytes and tensors
//! by name; they must not know genomes, data sets or when a training ends.

mod device;
mod evaluator;
mod host;
mod launch;
#[cfg(target_arch = "x86_64")]
mod operators;
mod small;
mod stepper;
mod tensor;

pub use device::{Device, ParseDeviceError};
pub use evaluator::{BatchSums, Evaluator};
pub use host::HostTensor;
pub use stepper::{StateVector, StepInputs, Stepper};
pub use tensor::{HostValues, Shared};

use launch::Launch;

use super::library::{Flavour, LibraryError, MINOR_VERSION_MIN, Origin, Search, VERSION};
use crate::graph::lowering::Provider;
use ort::{
    environment::Environment,
    ep::{self, ExecutionProvider},
    logging::LogLevel,
    session::{
        Session, SessionInputValue,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Threads of one trainer, at most: beyond that a training step only waits for its threads.
pub const THREADS_MAX: usize = 256;

/// Which library was loaded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LibraryReport {
    /// The file.
    pub path: PathBuf,
    /// Its version, as far as it tells.
    pub version: String,
    /// Who named it.
    pub origin: Origin,
}

/// Where the library may be looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryOptions {
    /// The experiment's `runtime.library`.
    pub library: Option<PathBuf>,
    /// Whether nothing may be fetched.
    pub offline: bool,
}

/// What can go wrong between us and ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There is no library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// There is one, which cannot be used.
    #[error(
        "{path} (named by {origin}) is not a usable ONNX Runtime library: {message}; version 1.{MINOR_VERSION_MIN} or \
         later is needed, {VERSION} is what Hatchery fetches where nothing else is named"
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Who named it.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
    /// The device has not enough memory.
    #[error("out of memory while {doing}: {message}")]
    OutOfMemory {
        /// What was tried.
        doing: &'static str,
        /// ONNX Runtime's words.
        message: String,
    },
    /// ONNX Runtime refused or failed.
    #[error("ONNX Runtime failed while {doing}: {message}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// ONNX Runtime's words.
        message: String,
    },
}

impl RuntimeError {
    pub(super) fn new(doing: &'static str, error: &ort::Error) -> Self {
        let message = error.message().to_owned();
        if is_out_of_memory(&message) {
            Self::OutOfMemory { doing, message }
        } else {
            Self::Failed { doing, message }
        }
    }
}

/// ONNX Runtime has no error code for exhausted memory; these are the words of its allocators (those with a limit say
/// how much is available), of CUDA, and of cuBLAS and cuDNN (`CUBLAS_STATUS_ALLOC_FAILED`).
fn is_out_of_memory(message: &str) -> bool {
    const WORDS: [&str; 6] = [
        "Failed to allocate memory",
        "bad_alloc",
        "out of memory",
        "OUT_OF_MEMORY",
        "Available memory of",
        "ALLOC_FAILED",
    ];
    WORDS.iter().any(|words| message.contains(words))
}

/// Adds to `ort`'s errors what was being done.
pub(super) trait While<T> {
    fn doing(self, doing: &'static str) -> Result<T, RuntimeError>;
}

impl<T, E: Into<ort::Error>> While<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, RuntimeError> {
        self.map_err(|error| RuntimeError::new(doing, &error.into()))
    }
}

/// The loaded library with a device and a number of threads; cheap to clone.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    report: Arc<LibraryReport>,
    device: Device,
    threads: usize,
    spinning: bool,
    kernels: bool,
    device_memory_bytes_max: Option<u64>,
    cuda_graphs: bool,
}

/// A process can hold one environment of ONNX Runtime, and cannot give it back: it is loaded once and kept.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Finds and loads the library, on the CPU with one thread. A process loads one library: later calls get the
    /// first one's, whatever they ask for.
    ///
    /// # Errors
    /// Where there is no library, or one that is none or too old.
    pub fn open(options: &LibraryOptions) -> Result<Self, RuntimeError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let search = Search::from_environment(options.library.clone(), options.offline);
        let found = search.find(Flavour::of_this_machine())?;
        let runtime = load(&found.path, found.origin)?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// The same library on another device.
    #[must_use]
    pub fn on(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// The same with another number of threads per session, on CPU (at least 1).
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, THREADS_MAX);
        self
    }

    /// Whether idle threads of a session wait in a busy loop: faster where a trainer has the machine for itself,
    /// wasteful where trainers share it.
    #[must_use]
    pub fn with_spinning(mut self, spinning: bool) -> Self {
        self.spinning = spinning;
        self
    }

    /// The same with a limit on the device memory that a session takes for itself: a training has two sessions, one for
    /// its steps (with its state) and one for its validation; the data set, which all share, lies outside. What goes
    /// beyond ends as `RuntimeError::OutOfMemory`. Means nothing on CPU.
    #[must_use]
    pub fn with_device_memory_max(mut self, bytes: Option<u64>) -> Self {
        self.device_memory_bytes_max = bytes;
        self
    }

    /// The limit on a session's device memory.
    pub fn device_memory_bytes_max(&self) -> Option<u64> {
        self.device_memory_bytes_max
    }

    /// Whether training steps are recorded once and replayed (CUDA graphs): launched as one piece, not kernel by kernel,
    /// which is what small networks spend their time on. While a step is recorded no other thread of the process may use
    /// CUDA, so that such a runtime is for processes with one trainer. On a processor nothing is recorded, but steps are
    /// prepared in the same way.
    #[must_use]
    pub fn with_cuda_graphs(mut self, cuda_graphs: bool) -> Self {
        self.cuda_graphs = cuda_graphs;
        self
    }

    /// Whether training steps are recorded and replayed.
    pub fn cuda_graphs(&self) -> bool {
        self.cuda_graphs
    }

    /// Which library this is.
    pub fn report(&self) -> &LibraryReport {
        &self.report
    }

    /// Where sessions run.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Threads per session.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The provider to lower graphs for.
    pub fn provider(&self) -> Provider {
        self.device.provider()
    }

    /// Providers of those we use that the library was built with.
    pub fn providers(&self) -> Vec<Provider> {
        let mut providers = vec![Provider::Cpu];
        if ep::CUDA::is_available().unwrap_or(false) {
            providers.push(Provider::Cuda);
        }
        providers
    }

    /// Whether sessions know Hatchery's own kernels: on processors with the vectors that these are written for.
    pub fn has_kernels(&self) -> bool {
        self.kernel_floats().is_some()
    }

    /// Floats in a vector of Hatchery's own kernels; none where sessions do not know them.
    pub fn kernel_floats(&self) -> Option<usize> {
        floats_of_this_processor().filter(|_| self.device == Device::Cpu && self.kernels)
    }

    /// The same with or without kernels of our own, where there are any.
    #[must_use]
    pub fn with_kernels(mut self, kernels: bool) -> Self {
        self.kernels = kernels;
        self
    }

    /// A model ready to run.
    ///
    /// # Errors
    /// Where the bytes are no model that ONNX Runtime accepts, or the device cannot be used.
    pub fn model(&self, model: &[u8]) -> Result<Model, RuntimeError> {
        Ok(Model { session: self.session(model, Launch::ByKernel)? })
    }

    fn session(&self, model: &[u8], launch: Launch) -> Result<Session, RuntimeError> {
        let doing = "preparing a model";
        let mut builder = self.configured().doing(doing)?;
        #[cfg(target_arch = "x86_64")]
        if let Some(domain) = operators::domain(self.threads).doing("registering kernels")? {
            builder = builder.with_operators(domain).doing("registering kernels")?;
        }
        let recorded = launch == Launch::Recorded;
        if let Some(provider) = self.device.execution_provider(self.device_memory_bytes_max, recorded) {
            builder = builder.with_execution_providers([provider]).doing("preparing the CUDA device")?;
        }
        first_alone(|| builder.commit_from_memory(model)).doing(doing)
    }

    fn configured(&self) -> Result<SessionBuilder, ort::Error> {
        let builder = Session::builder(&self.environment)?
            .with_log_level(LogLevel::Warning)?
            // The level above rearranges layouts for blocked kernels, which costs training graphs more than it gives.
            .with_optimization_level(GraphOptimizationLevel::Level2)?
            .with_memory_pattern(true)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(self.spinning)?
            // A dying network's activations shrink below the normal range, where arithmetic is many times slower.
            .with_flush_to_zero()?;
        Ok(builder)
    }
}

/// Makes a session; the process's first one while no other is made. ONNX Runtime enters the kernels' domain into a list
/// of the whole process without a lock when it first meets it: two sessions at once would both enter it, and one fail.
fn first_alone(make: impl FnOnce() -> Result<Session, ort::Error>) -> Result<Session, ort::Error> {
    static ONE_MADE: Mutex<bool> = Mutex::new(false);
    let mut one_made = ONE_MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if *one_made {
        drop(one_made);
        return make();
    }
    let session = make();
    *one_made = session.is_ok();
    session
}

/// Loads the library and makes the environment. `ort` panics on some libraries that are none: then that is the error.
fn load(path: &Path, origin: Origin) -> Result<Runtime, RuntimeError> {
    let unusable = |message: String| RuntimeError::Unusable { path: path.to_path_buf(), origin, message };
    let environment = std::panic::catch_unwind(|| environment(path))
        .map_err(|_| unusable("it does not behave like one".to_owned()))?
        .map_err(unusable)?;
    let report = Arc::new(LibraryReport { path: path.to_path_buf(), version: version(path), origin });
    let (device, threads, spinning) = (Device::Cpu, 1, false);
    Ok(Runtime {
        environment,
        report,
        device,
        threads,
        spinning,
        kernels: true,
        device_memory_bytes_max: None,
        cuda_graphs: false,
    })
}

#[cfg(target_arch = "x86_64")]
fn floats_of_this_processor() -> Option<usize> {
    super::kernels::Vectors::of_this_processor().map(super::kernels::Vectors::width)
}

#[cfg(not(target_arch = "x86_64"))]
fn floats_of_this_processor() -> Option<usize> {
    None
}

fn environment(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let environment = builder
        .with_name("hatchery")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, category, _, _, message| match level {
            LogLevel::Error | LogLevel::Fatal => tracing::warn!("ONNX Runtime: {category}: {message}"),
            _ => tracing::debug!("ONNX Runtime: {category}: {message}"),
        }))
        .build()
        .map_err(|error| error.message().to_owned())?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// The library's version: it tells major and minor number, the rest is in its file's name where that agrees, as in
/// `libonnxruntime.so.1.31.1`.
fn version(path: &Path) -> String {
    let Some(minor) = ort::util::probe(path) else { return "unknown".to_owned() };
    let version = format!("1.{minor}");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let patch = name.split_once(&format!("{version}.")).map(|(_, rest)| rest);
    let digits: String = patch.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() { version } else { format!("{version}.{digits}") }
}

/// A model ready to run on named host tensors.
#[derive(Debug)]
pub struct Model {
    session: Session,
}

impl Model {
    /// Names of the inputs.
    pub fn inputs(&self) -> Vec<String> {
        self.session.inputs().iter().map(|input| input.name().to_owned()).collect()
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> Vec<String> {
        self.session.outputs().iter().map(|output| output.name().to_owned()).collect()
    }

    /// Runs it once.
    ///
    /// # Errors
    /// Where an input is missing or does not fit, or the device runs out of memory.
    pub fn run(&mut self, inputs: &[(&str, HostTensor)]) -> Result<Vec<(String, HostTensor)>, RuntimeError> {
        let doing = "running a model";
        let values = inputs
            .iter()
            .map(|(name, tensor)| Ok((Cow::Borrowed(*name), SessionInputValue::from(tensor.to_value()?))))
            .collect::<Result<Vec<_>, ort::Error>>()
            .doing(doing)?;
        let outputs = self.session.run(values).doing(doing)?;
        outputs
            .iter()
            .map(|(name, value)| Ok((name.to_owned(), HostTensor::from_value(&value)?)))
            .collect::<Result<Vec<_>, ort::Error>>()
            .doing("reading a model's outputs")
    }
}

/// Runs a model once.
///
/// # Errors
/// As `Runtime::model` and `Model::run`.
pub fn run_once(
    runtime: &Runtime,
    model: &[u8],
    inputs: &[(&str, HostTensor)],
) -> Result<Vec<(String, HostTensor)>, RuntimeError> {
    runtime.model(model)?.run(inputs)
}

#[cfg(test)]
mod tests;
