//! The suite's file: networks described independently of any program, read as genomes.

use crate::{
    data::limits::{CLASSES_MAX, COLUMNS_MAX, IMAGE_SIDE_PIXELS_MAX},
    expression::{NotViable, blueprint, estimate},
    genome::{
        Activation, BATCH_MAX, Convolution, Dense, Genome, Groups, Initializer, LayerGene, Norm, Optimizer,
        Padding, Pool, Residual, Schedule, TrainingGenes,
    },
    problem::{Problem, Task},
};
use serde::{Deserialize, de::IgnoredAny};

/// Learning rate of the suite.
const LEARNING_RATE: f64 = 0.01;
/// Momentum of the suite.
const MOMENTUM: f64 = 0.9;
/// Fewest classes: with one there is nothing to be learnt.
const CLASSES_MIN: u64 = 2;
/// Most values of a batch, all samples together: a gibibyte of floats, drawn before anything is timed.
const BATCH_VALUES_MAX: u64 = 1 << 28;
/// Most parameters of a network: a gibibyte of floats, of which a step keeps several sets.
const PARAMETERS_MAX: u64 = 1 << 28;
/// Most memory that a step may take by its estimate, in bytes: one device has hardly more.
const MEMORY_BYTES_MAX: u64 = 128 << 30;

/// Networks to be timed.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// In the order of the file.
    pub networks: Vec<Network>,
}

/// One network of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// What goes in and comes out.
    pub problem: Problem,
    /// The network; its batch size is the suite's.
    pub genome: Genome,
}

/// Why a suite's file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// Not the JSON that a suite is written in.
    #[error("the suite is not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// Nothing to be timed.
    #[error("the suite has no networks; put at least one into `networks`")]
    NoNetworks,
    /// A number beyond its limits.
    #[error("network {network}: {what} {value}; it must lie between {min} and {max}")]
    OutOfRange {
        /// The network's name.
        network: String,
        /// What the number is, as the beginning of a sentence.
        what: &'static str,
        /// What it is.
        value: u64,
        /// The least that it may be.
        min: u64,
        /// The most that it may be.
        max: u64,
    },
    /// Layers that do not fit together.
    #[error("network {network} cannot be built: {reason}")]
    NotViable {
        /// The network's name.
        network: String,
        /// Which layer, and why.
        reason: NotViable,
    },
    /// A layer that no gene stands for.
    #[error("network {network}, layer {layer}: {message}")]
    Layer {
        /// The network's name.
        network: String,
        /// The layer, from 1.
        layer: usize,
        /// What does not fit.
        message: String,
    },
    /// A network was asked for that is not there.
    #[error("the suite has no network {asked}; it has {known}")]
    Unknown {
        /// The name asked for.
        asked: String,
        /// All names.
        known: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSuite {
    /// For people.
    #[serde(rename = "note")]
    _note: Option<IgnoredAny>,
    networks: Vec<FileNetwork>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNetwork {
    /// For people.
    #[serde(rename = "note")]
    _note: Option<IgnoredAny>,
    name: String,
    input: [u32; 3],
    classes: u32,
    batch: u32,
    #[serde(default)]
    towers: bool,
    layers: Vec<FileLayer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLayer {
    op: String,
    out: Option<u32>,
    kernel: Option<[u32; 2]>,
    stride: Option<Stride>,
    pad: Option<String>,
    act: Option<String>,
    norm: Option<String>,
    ratio: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Stride {
    One(u32),
    Both([u32; 2]),
}

impl Suite {
    /// Reads a suite from its JSON text.
    ///
    /// # Errors
    /// Where it is not JSON of that form, a layer cannot be said in genes, a number is beyond its limits, or layers do
    /// not fit together.
    pub fn parse(text: &str) -> Result<Self, SuiteError> {
        let file: FileSuite = serde_json::from_str(text)?;
        if file.networks.is_empty() {
            return Err(SuiteError::NoNetworks);
        }
        let networks = file.networks.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { networks })
    }

    /// The networks of these names; all, where no name is given.
    ///
    /// # Errors
    /// Where a name is not in the suite.
    pub fn only(self, names: &[String]) -> Result<Vec<Network>, SuiteError> {
        let known: Vec<&str> = self.networks.iter().map(|network| network.name.as_str()).collect();
        if let Some(asked) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(SuiteError::Unknown { asked: asked.clone(), known: known.join(", ") });
        }
        let wanted = |network: &Network| names.is_empty() || names.contains(&network.name);
        Ok(self.networks.into_iter().filter(wanted).collect())
    }
}

fn network(file: &FileNetwork) -> Result<Network, SuiteError> {
    check_numbers(file)?;
    let mut layers = Vec::new();
    for (index, layer) in file.layers.iter().enumerate() {
        push_layer(&mut layers, layer).map_err(|message| SuiteError::Layer {
            network: file.name.clone(),
            layer: index + 1,
            message,
        })?;
    }
    let [channels, height, width] = file.input;
    // A single row of a single channel is a table: its columns are features.
    let (channels, width) = if (channels, height) == (1, 1) { (width, 1) } else { (channels, width) };
    let network = Network {
        name: file.name.clone(),
        problem: Problem {
            channels,
            height,
            width,
            multi_view: file.towers,
            task: Task::Classification { classes: file.classes },
        },
        genome: Genome { layers, training: training(file.batch) },
    };
    check_size(&network)?;
    Ok(network)
}

/// Whether what the file says of samples can be: whatever is computed from it later fits 64 bits, and memory.
fn check_numbers(file: &FileNetwork) -> Result<(), SuiteError> {
    let [channels, height, width] = file.input.map(u64::from);
    // A single row of a single channel is a table.
    let width_max = if (channels, height) == (1, 1) { COLUMNS_MAX } else { IMAGE_SIDE_PIXELS_MAX };
    within(file, "`input` has channels:", channels, 1, COLUMNS_MAX)?;
    within(file, "`input` has rows:", height, 1, IMAGE_SIDE_PIXELS_MAX)?;
    within(file, "`input` has columns:", width, 1, width_max)?;
    within(file, "`classes` is", u64::from(file.classes), CLASSES_MIN, CLASSES_MAX)?;
    within(file, "`batch` is", u64::from(file.batch), 1, u64::from(BATCH_MAX))?;
    let values = [height, width, u64::from(file.batch)].into_iter().fold(channels, u64::saturating_mul);
    within(file, "`batch` times `input` is", values, 1, BATCH_VALUES_MAX)
}

fn within(file: &FileNetwork, what: &'static str, value: u64, min: u64, max: u64) -> Result<(), SuiteError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(SuiteError::OutOfRange { network: file.name.clone(), what, value, min, max })
}

/// Whether the layers fit together, and what they make is not beyond all measure.
fn check_size(network: &Network) -> Result<(), SuiteError> {
    let name = || network.name.clone();
    let blueprint = blueprint(&network.genome, &network.problem)
        .map_err(|reason| SuiteError::NotViable { network: name(), reason })?;
    let cost = estimate(&network.genome, &blueprint);
    let sizes = [
        ("its number of parameters is", cost.parameters, PARAMETERS_MAX),
        ("the estimated memory of a step in bytes is", cost.memory_bytes, MEMORY_BYTES_MAX),
    ];
    match sizes.into_iter().find(|(_, value, max)| value > max) {
        Some((what, value, max)) => Err(SuiteError::OutOfRange { network: name(), what, value, min: 0, max }),
        None => Ok(()),
    }
}

fn training(batch_size: u32) -> TrainingGenes {
    TrainingGenes {
        optimizer: Optimizer::Momentum,
        learning_rate: LEARNING_RATE,
        schedule: Schedule::Constant,
        momentum: MOMENTUM,
        weight_decay: 0.0,
        batch_size,
        label_smoothing: 0.0,
        gradient_clip: 0.0,
        initializer: Initializer::HeNormal,
        shift: 0,
        flip: false,
    }
}

/// Adds a layer's gene.
fn push_layer(layers: &mut Vec<LayerGene>, file: &FileLayer) -> Result<(), String> {
    let activation = activation(file.act.as_deref())?;
    let gene = match file.op.as_str() {
        "conv" => LayerGene::Convolution(Convolution {
            filters: needed("out", file.out)?,
            kernel: needed("kernel", file.kernel)?,
            stride: square("stride", file.stride)?,
            dilation: 1,
            groups: Groups::Count(1),
            padding: padding(file.pad.as_deref())?,
            norm: norm(file.norm.as_deref())?,
            activation,
        }),
        "maxpool" => {
            activate_before_pool(layers, activation)?;
            LayerGene::MaxPool(pool(file)?)
        }
        "avgpool" if activation == Activation::None => LayerGene::AveragePool(pool(file)?),
        "residual" => LayerGene::Residual(Residual {
            filters: needed("out", file.out)?,
            stride: square("stride", file.stride)?,
            norm: Norm::Batch,
            activation: Activation::Relu,
        }),
        "globalavgpool" => LayerGene::GlobalAveragePool,
        "dense" => LayerGene::Dense(Dense {
            units: needed("out", file.out)?,
            norm: norm(file.norm.as_deref())?,
            activation,
        }),
        "dropout" => LayerGene::Dropout { ratio: needed("ratio", file.ratio)? },
        "merge" => LayerGene::Merge,
        other => return Err(format!("there is no gene for `{other}` as it is written there")),
    };
    layers.push(gene);
    Ok(())
}

/// Pool genes have no activation. Behind a maximum it can move to the convolution before it, and the function stays
/// the same: a non-decreasing function of the maximum is the maximum of the function's values.
fn activate_before_pool(layers: &mut [LayerGene], activation: Activation) -> Result<(), String> {
    match (activation, layers.last_mut()) {
        (Activation::None, _) => Ok(()),
        (Activation::Relu, Some(LayerGene::Convolution(before))) if before.activation == Activation::None => {
            before.activation = activation;
            Ok(())
        }
        _ => Err(format!("`{activation}` behind this pool cannot be moved in front of it")),
    }
}

fn pool(file: &FileLayer) -> Result<Pool, String> {
    let [height, width] = needed("kernel", file.kernel)?;
    if height != width {
        return Err(format!("pool genes have square windows, not {height}x{width}"));
    }
    Ok(Pool {
        kernel: height,
        stride: square("stride", file.stride)?,
        padding: padding(file.pad.as_deref())?,
    })
}

fn needed<T>(key: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("`{key}` is missing"))
}

fn square(key: &str, stride: Option<Stride>) -> Result<u32, String> {
    match stride {
        None => Ok(1),
        Some(Stride::One(size)) => Ok(size),
        Some(Stride::Both([height, width])) if height == width => Ok(height),
        Some(Stride::Both([height, width])) => Err(format!("`{key}` {height}x{width} differs by direction")),
    }
}

fn padding(word: Option<&str>) -> Result<Padding, String> {
    match word {
        None | Some("same") => Ok(Padding::Same),
        Some("valid") => Ok(Padding::Valid),
        Some(other) => Err(format!("there is no padding `{other}`")),
    }
}

fn norm(word: Option<&str>) -> Result<Norm, String> {
    match word {
        None => Ok(Norm::None),
        Some("batch") => Ok(Norm::Batch),
        Some(other) => Err(format!("there is no norm `{other}`")),
    }
}

fn activation(word: Option<&str>) -> Result<Activation, String> {
    let Some(word) = word else { return Ok(Activation::None) };
    let known = Activation::ALL.iter().find(|activation| activation.word() == word);
    known.copied().ok_or_else(|| format!("there is no activation `{word}`"))
}
