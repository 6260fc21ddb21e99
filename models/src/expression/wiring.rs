//! From a blueprint to graph nodes: each primitive operation becomes an operator, each tensor a piece of a vector.

use super::{
    Blueprint, Convolution, Operation, Role, Step,
    layout::{Layout, ParameterTensor, Weights},
};
use crate::{
    genome::Norm,
    graph::{
        Graph, GraphError, Outlet,
        operators::{
            self,
            activation::Activate,
            dropout::Dropout,
            normalisation::{BatchNorm, BatchNormInference, LayerNorm, LocalResponseNorm},
            pooling::{AveragePool, GlobalAveragePool, MaxPool},
            shape::{Concat, Flatten, Reshape, Slice, Split},
            source::Constant,
        },
    },
};
use std::{collections::HashMap, sync::Arc};

/// Keeps normalisations' divisions finite; the value of Ioffe & Szegedy's and of every framework since.
const EPSILON: f32 = 1e-5;
/// Share of the running statistics that a training step keeps.
const STATISTICS_KEPT: f32 = 0.9;
/// Krizhevsky et al. (2012), with the bias of ONNX.
const LOCAL_RESPONSE: LocalResponseNorm = LocalResponseNorm { size: 5, alpha: 1e-4, beta: 0.75, bias: 1.0 };

/// Whether the network trains, and where its randomness comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Dropout zeroes, batch normalisation uses the batch's statistics.
    Training {
        /// An i64 scalar, another one for each step.
        seed: Outlet,
    },
    /// Dropout does nothing, batch normalisation uses the running statistics.
    Inference,
}

/// Outlets of a network's tensors, by step and by what they are.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    parameters: HashMap<(usize, Role), Outlet>,
    /// Mean and variance.
    statistics: HashMap<(usize, bool), Outlet>,
}

/// A wired network.
#[derive(Debug)]
pub(super) struct Wired {
    /// The result of each step.
    pub steps: Vec<Outlet>,
    /// Training: the next running statistics, in the order of the layout.
    pub next_statistics: Vec<Outlet>,
}

impl Wired {
    /// What the network puts out.
    pub fn output(&self) -> Outlet {
        self.steps[self.steps.len() - 1]
    }
}

/// Cuts the flat vectors into tensors.
pub(super) fn split(
    graph: &mut Graph,
    layout: &Layout,
    parameters: Outlet,
    statistics: Option<Outlet>,
) -> Result<Tensors, GraphError> {
    let mut tensors = Tensors::default();
    let sizes = layout.tensors.iter().map(ParameterTensor::volume).collect();
    let pieces = graph.add_many(Split { axis: 0, sizes }, &[parameters])?;
    for (tensor, piece) in layout.tensors.iter().zip(pieces) {
        let outlet = match tensor.shape.len() {
            1 => piece,
            _ => graph.add(Reshape { shape: tensor.shape.clone() }, &[piece])?,
        };
        tensors.parameters.insert((tensor.step, tensor.role), outlet);
    }
    if let Some(statistics) = statistics {
        let sizes = layout.statistic_tensors.iter().map(|tensor| tensor.channels).collect();
        let pieces = graph.add_many(Split { axis: 0, sizes }, &[statistics])?;
        for (tensor, piece) in layout.statistic_tensors.iter().zip(pieces) {
            tensors.statistics.insert((tensor.step, tensor.is_variance), piece);
        }
    }
    Ok(tensors)
}

/// Writes the tensors into the graph as constants.
pub(super) fn fixed(graph: &mut Graph, layout: &Layout, weights: &Weights) -> Result<Tensors, GraphError> {
    let mut tensors = Tensors::default();
    for tensor in &layout.tensors {
        let values = weights.parameters[tensor.offset..tensor.offset + tensor.volume()].to_vec();
        let constant = Constant { shape: tensor.shape.clone(), values: Arc::new(values) };
        tensors.parameters.insert((tensor.step, tensor.role), graph.add(constant, &[])?);
    }
    for tensor in &layout.statistic_tensors {
        let values = weights.statistics[tensor.offset..tensor.offset + tensor.channels].to_vec();
        let outlet = graph.add(Constant::vector(values), &[])?;
        tensors.statistics.insert((tensor.step, tensor.is_variance), outlet);
    }
    Ok(tensors)
}

/// Wires all steps behind `input`, the normalised samples.
pub(super) fn wire(
    graph: &mut Graph,
    blueprint: &Blueprint,
    tensors: &Tensors,
    input: Outlet,
    mode: Mode,
) -> Result<Wired, GraphError> {
    let steps = Vec::with_capacity(blueprint.steps.len());
    let wired = Wired { steps, next_statistics: Vec::new() };
    let mut wiring = Wiring { graph, blueprint, tensors, mode, wired };
    for (index, step) in blueprint.steps.iter().enumerate() {
        let outlet = match step.operation {
            Operation::Input => input,
            _ => wiring.step(index, step)?,
        };
        wiring.wired.steps.push(outlet);
    }
    Ok(wiring.wired)
}

struct Wiring<'a> {
    graph: &'a mut Graph,
    blueprint: &'a Blueprint,
    tensors: &'a Tensors,
    mode: Mode,
    wired: Wired,
}

impl Wiring<'_> {
    fn step(&mut self, index: usize, step: &Step) -> Result<Outlet, GraphError> {
        let inputs: Vec<Outlet> = step.inputs.iter().map(|&input| self.wired.steps[input]).collect();
        match step.operation {
            Operation::Input => Ok(inputs[0]),
            Operation::View { channel } => {
                self.graph.add(Slice { axis: 1, start: channel, end: channel + 1 }, &inputs)
            }
            Operation::Convolution(convolution) => self.convolution(index, &convolution, inputs[0]),
            Operation::MaxPool(window) => self.graph.add(MaxPool(window), &inputs),
            Operation::AveragePool(window) => self.graph.add(AveragePool(window), &inputs),
            Operation::GlobalAveragePool => self.graph.add(GlobalAveragePool, &inputs),
            Operation::Flatten => self.graph.add(Flatten, &inputs),
            Operation::Dense { bias } => {
                let inputs = self.with_weights(index, inputs[0], bias)?;
                self.graph.add(operators::dense::Dense, &inputs)
            }
            Operation::Normalise(norm) => self.normalise(index, norm, inputs[0]),
            Operation::Activate(activation) => self.graph.add(Activate(activation), &inputs),
            Operation::Dropout { ratio } => match self.mode {
                Mode::Inference => Ok(inputs[0]),
                Mode::Training { seed } => {
                    self.graph.add(Dropout { ratio: ratio as f32, salt: index as u64 }, &[inputs[0], seed])
                }
            },
            Operation::Add => self.graph.add(operators::arithmetic::Add, &inputs),
            Operation::Concatenate => self.graph.add(Concat { axis: 1 }, &inputs),
        }
    }

    fn convolution(&mut self, index: usize, genes: &Convolution, x: Outlet) -> Result<Outlet, GraphError> {
        let operator = operators::convolution::Convolution {
            stride: genes.window.stride,
            dilation: genes.dilation,
            groups: genes.groups,
            pads: genes.window.pads,
        };
        let inputs = self.with_weights(index, x, genes.bias)?;
        self.graph.add(operator, &inputs)
    }

    fn normalise(&mut self, index: usize, norm: Norm, x: Outlet) -> Result<Outlet, GraphError> {
        match (norm, self.mode) {
            (Norm::None, _) => Ok(x),
            (Norm::LocalResponse, _) => self.graph.add(LOCAL_RESPONSE, &[x]),
            (Norm::Layer, _) => {
                let inputs = [x, self.parameter(index, Role::Scale)?, self.parameter(index, Role::Shift)?];
                self.graph.add(LayerNorm { epsilon: EPSILON }, &inputs)
            }
            (Norm::Batch, Mode::Inference) => {
                let inputs = self.batch_norm_inputs(index, x)?;
                self.graph.add(BatchNormInference { epsilon: EPSILON }, &inputs)
            }
            (Norm::Batch, Mode::Training { .. }) => {
                let inputs = self.batch_norm_inputs(index, x)?;
                let operator = BatchNorm { epsilon: EPSILON, momentum: STATISTICS_KEPT };
                let outputs = self.graph.add_many(operator, &inputs)?;
                self.wired.next_statistics.extend(&outputs[1..]);
                Ok(outputs[0])
            }
        }
    }

    fn batch_norm_inputs(&self, index: usize, x: Outlet) -> Result<[Outlet; 5], GraphError> {
        let [scale, shift] = [self.parameter(index, Role::Scale)?, self.parameter(index, Role::Shift)?];
        Ok([x, scale, shift, self.statistic(index, false)?, self.statistic(index, true)?])
    }

    fn with_weights(&self, index: usize, x: Outlet, bias: bool) -> Result<Vec<Outlet>, GraphError> {
        let mut inputs = vec![x, self.parameter(index, Role::Weight)?];
        if bias {
            inputs.push(self.parameter(index, Role::Bias)?);
        }
        Ok(inputs)
    }

    fn parameter(&self, index: usize, role: Role) -> Result<Outlet, GraphError> {
        self.tensors.parameters.get(&(index, role)).copied().ok_or_else(|| self.missing(index))
    }

    fn statistic(&self, index: usize, is_variance: bool) -> Result<Outlet, GraphError> {
        self.tensors.statistics.get(&(index, is_variance)).copied().ok_or_else(|| self.missing(index))
    }

    /// The layout belongs to another blueprint.
    fn missing(&self, index: usize) -> GraphError {
        let step = &self.blueprint.steps[index];
        let message = format!("the layout has no tensor for step {index}, {:?}", step.origin);
        GraphError::Shape { operator: "network", message }
    }
}
