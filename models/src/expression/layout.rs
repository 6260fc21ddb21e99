//! Where each tensor lies in the flat vectors of parameters and statistics.
//!
//! Weights come first, then biases, scales and shifts, so that weight decay acts on a prefix.

use super::{Blueprint, Operation, Origin, Step};
use crate::{
    genome::{Genome, Norm},
    graph::optimizer::moments,
};

/// What a tensor is for; decides how it is drawn and whether it decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Weight of a convolution or matrix product; drawn by the initializer, decays.
    Weight,
    /// Bias; begins at 0.
    Bias,
    /// Scale of a normalisation; begins at 1.
    Scale,
    /// Shift of a normalisation; begins at 0.
    Shift,
}

impl Role {
    const fn word(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Shift => "shift",
        }
    }
}

/// One trainable tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterTensor {
    /// Such as `layer2.weight`, `layer1.view2.first.scale`, `head.bias`; layers and views count from 1.
    pub name: String,
    /// Index of the blueprint's step that it belongs to.
    pub step: usize,
    /// First index in the flat vector.
    pub offset: usize,
    /// Convolution `[filters, channels / groups, height, width]`, dense `[inputs, outputs]`, else `[channels]`.
    pub shape: Vec<usize>,
    /// Inputs that one output is summed from; 0 for anything but weights.
    pub fan_in: usize,
    /// Outputs that one input adds to, within its group; 0 for anything but weights.
    pub fan_out: usize,
    /// What it is for.
    pub role: Role,
}

impl ParameterTensor {
    /// Number of values.
    pub fn volume(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One running statistic of a batch normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticTensor {
    /// Such as `layer1.mean` or `layer1.variance`.
    pub name: String,
    /// Index of the blueprint's step that it belongs to.
    pub step: usize,
    /// First index in the flat vector.
    pub offset: usize,
    /// Number of values.
    pub channels: usize,
    /// Whether it is a variance (begins at 1), not a mean (begins at 0).
    pub is_variance: bool,
}

/// A network's numbers, flat, in the order of the layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// All trainable parameters.
    pub parameters: Vec<f32>,
    /// Running statistics of batch normalisations; may be empty.
    pub statistics: Vec<f32>,
}

impl Weights {
    /// Whether all are numbers, none of them infinite.
    pub fn are_finite(&self) -> bool {
        self.parameters.iter().chain(&self.statistics).all(|value| value.is_finite())
    }
}

/// All tensors of a network in their flat vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Length of the vector of parameters.
    pub parameters: usize,
    /// Length of its prefix that decays: all weights.
    pub decayed: usize,
    /// Length of the vector of running statistics; may be 0.
    pub statistics: usize,
    /// Vectors of the optimizer's memory, each as long as the parameters.
    pub moments: usize,
    /// The parameters, in the order of the vector.
    pub tensors: Vec<ParameterTensor>,
    /// The statistics, in the order of the vector.
    pub statistic_tensors: Vec<StatisticTensor>,
}

/// The layout of a network.
pub fn layout(genome: &Genome, blueprint: &Blueprint) -> Layout {
    let moments = moments(genome.training.optimizer);
    let mut layout = Layout { moments, ..Layout::default() };
    let (weights, others): (Vec<_>, Vec<_>) =
        tensors(blueprint).into_iter().partition(|tensor| tensor.role == Role::Weight);
    layout.decayed = weights.iter().map(ParameterTensor::volume).sum();
    for mut tensor in weights.into_iter().chain(others) {
        tensor.offset = layout.parameters;
        layout.parameters += tensor.volume();
        layout.tensors.push(tensor);
    }
    for (index, step) in blueprint.steps.iter().enumerate() {
        if step.operation == Operation::Normalise(Norm::Batch) {
            layout.add_statistic(index, step, false);
            layout.add_statistic(index, step, true);
        }
    }
    layout
}

impl Layout {
    fn add_statistic(&mut self, index: usize, step: &Step, is_variance: bool) {
        let name = full_name(&step.origin, if is_variance { "variance" } else { "mean" });
        let (offset, channels) = (self.statistics, step.shape.channels());
        self.statistics += channels;
        self.statistic_tensors.push(StatisticTensor { name, step: index, offset, channels, is_variance });
    }
}

/// The trainable tensors of all steps, in the order of the steps; offsets are set later.
fn tensors(blueprint: &Blueprint) -> Vec<ParameterTensor> {
    let mut tensors = Vec::new();
    for (index, step) in blueprint.steps.iter().enumerate() {
        let outputs = step.shape.channels();
        let mut add = |role: Role, shape: Vec<usize>, fan_in: usize, fan_out: usize| {
            let name = full_name(&step.origin, role.word());
            tensors.push(ParameterTensor { name, step: index, offset: 0, shape, fan_in, fan_out, role });
        };
        let inputs = blueprint.input_shape(step);
        let bias = match step.operation {
            Operation::Convolution(convolution) => {
                let [height, width] = convolution.window.kernel;
                let per_group = inputs.channels() / convolution.groups;
                let fan_out = outputs / convolution.groups * height * width;
                add(
                    Role::Weight,
                    vec![outputs, per_group, height, width],
                    per_group * height * width,
                    fan_out,
                );
                convolution.bias
            }
            Operation::Dense { bias } => {
                add(Role::Weight, vec![inputs.volume(), outputs], inputs.volume(), outputs);
                bias
            }
            Operation::Normalise(Norm::Batch | Norm::Layer) => {
                add(Role::Scale, vec![outputs], 0, 0);
                add(Role::Shift, vec![outputs], 0, 0);
                false
            }
            _ => false,
        };
        if bias {
            add(Role::Bias, vec![outputs], 0, 0);
        }
    }
    tensors
}

/// `layer2.view1.first.weight`: where a step comes from, then what its tensor is.
fn full_name(origin: &Origin, last: &str) -> String {
    let mut name = String::new();
    if let Some(gene) = origin.gene {
        name.push_str(&format!("layer{}.", gene + 1));
    }
    if let Some(view) = origin.view {
        name.push_str(&format!("view{}.", view + 1));
    }
    if !origin.part.is_empty() {
        name.push_str(origin.part);
        name.push('.');
    }
    name + last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{blueprint, estimate, suite};
    use std::collections::HashSet;

    #[test]
    fn tensors_fill_the_vectors_without_gaps_and_weights_come_first() {
        for network in suite::networks() {
            let blueprint = blueprint(&network.genome, &network.problem).unwrap();
            let layout = layout(&network.genome, &blueprint);
            let mut end = 0;
            for tensor in &layout.tensors {
                assert_eq!(tensor.offset, end, "{}", tensor.name);
                assert_eq!(tensor.role == Role::Weight, tensor.offset < layout.decayed, "{}", tensor.name);
                end += tensor.volume();
            }
            assert_eq!(end, layout.parameters);
            assert_eq!(end as u64, estimate(&network.genome, &blueprint).parameters, "{}", network.name);
            let end: usize = layout.statistic_tensors.iter().map(|statistic| statistic.channels).sum();
            assert_eq!(end, layout.statistics);
            let names: HashSet<&String> = layout.tensors.iter().map(|tensor| &tensor.name).collect();
            assert_eq!(names.len(), layout.tensors.len(), "names of {} repeat", network.name);
        }
    }
}
