//! The sum over samples and positions: the gradient of a convolution's bias.

use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    choices::BiasGradient,
    emitter::{Emitter, Value},
    operators::{images, lowering_choice, reduce::ReduceSum, signed},
};

/// Input `[N, C, H, W]`, output `[C]`: the sum over all but the channels.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSum;

impl Operator for ChannelSum {
    fn name(&self) -> &'static str {
        "channel sum"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [_, channels, _, _] = images(self.name(), inputs)?;
        Ok(vec![Fact::f32(&[channels])])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        ReduceSum { axes: vec![0, 2, 3], keep: false }.gradient(graph, application)
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sum(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![match lowering_choice::bias_gradient(emitter) {
            BiasGradient::Kernel => {
                emitter.kernel("ChannelSum", &[&inputs[0]], 1, signed(&facts[0].shape)).swap_remove(0)
            }
            BiasGradient::ReduceSum | BiasGradient::TwoSums => sum_per_channel(emitter, &inputs[0]),
        }]
    }
}

/// `[N, C, H, W]` summed to `[C]`, in standard operators.
pub(crate) fn sum_per_channel(emitter: &mut Emitter, x: &str) -> Value {
    match lowering_choice::bias_gradient(emitter) {
        BiasGradient::ReduceSum => emitter.reduce_sum(x, &[0, 2, 3], false),
        BiasGradient::TwoSums | BiasGradient::Kernel => {
            let planes = emitter.reshape(x, &[0, 0, -1]);
            let positions = emitter.reduce_sum(&planes, &[2], false);
            emitter.reduce_sum(&positions, &[0], false)
        }
    }
}
