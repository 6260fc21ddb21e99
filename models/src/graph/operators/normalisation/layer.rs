//! Layer normalisation (Ba et al., 2016) over channels and positions of each sample.

use super::{axes_of_a_channel, channels, per_channel};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
    operators::{all_f32, exactly, expect_shape, signed},
};

/// Inputs: x `[N, C]` or `[N, C, H, W]`, scale `[C]`, shift `[C]`. Output like x: each sample with mean 0 and
/// variance 1, times scale, plus shift.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// Added to the variance.
    pub epsilon: f32,
}

/// Gradient of `LayerNorm`. Inputs: x, scale, shift, the gradient of y. Outputs: the gradients of x, scale and shift.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormGradient {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for LayerNorm {
    fn name(&self) -> &'static str {
        "layer norm"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, scale, shift] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale, shift])?;
        Ok(vec![x.clone()])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None; 3]) };
        let inputs = [application.inputs[0], application.inputs[1], application.inputs[2], upstream];
        let found = graph.add_many(LayerNormGradient { epsilon: self.epsilon }, &inputs)?;
        Ok(found.into_iter().map(Some).collect())
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true, false, false]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![normalised(emitter, inputs, &facts[0].shape, self.epsilon).swap_remove(0)]
    }
}

/// y, and each sample's mean and inverse deviation `[N, 1, ..]`. ONNX wants scale and shift for every element.
fn normalised(emitter: &mut Emitter, inputs: &[Value], shape: &[usize], epsilon: f32) -> Vec<Value> {
    let [scale, shift] = [&inputs[1], &inputs[2]].map(|vector| per_element(emitter, vector, shape));
    let attributes = vec![("axis", Attribute::Int(1)), ("epsilon", Attribute::Float(epsilon))];
    emitter.op_many("LayerNormalization", &[&inputs[0], &scale, &shift], 3, attributes)
}

fn per_element(emitter: &mut Emitter, vector: &str, shape: &[usize]) -> Value {
    if shape.len() == 2 {
        return vector.to_owned();
    }
    let column = per_channel(emitter, vector, shape.len());
    let shape = emitter.integers(&signed(&shape[1..]));
    emitter.op("Expand", &[&column, &shape], Vec::new())
}

impl Operator for LayerNormGradient {
    fn name(&self) -> &'static str {
        "layer norm gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, scale, shift, upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale, shift])?;
        expect_shape(self.name(), "gradient", upstream, &x.shape)?;
        Ok(vec![x.clone(), scale.clone(), shift.clone()])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        let summed = vec![false, true, true];
        Some(Batching { summed, ..Batching::element_wise(&[true, false, false, true]) })
    }

    /// With h the normalised x, i the inverse deviation, g = dy scale and means over each sample:
    /// `dx = i (g - mean(g) - h mean(g h))`.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let (shape, upstream) = (&facts[0].shape, inputs[3].as_str());
        let rank = shape.len();
        let [mean, inverse] = {
            let found = normalised(emitter, inputs, shape, self.epsilon);
            [found[1].clone(), found[2].clone()]
        };
        let centred = emitter.op("Sub", &[&inputs[0], &mean], Vec::new());
        let normal = emitter.op("Mul", &[&centred, &inverse], Vec::new());
        let axes = axes_of_a_channel(rank);
        let product = emitter.op("Mul", &[upstream, &normal], Vec::new());
        let shift_gradient = emitter.reduce_sum(upstream, axes, false);
        let scale_gradient = emitter.reduce_sum(&product, axes, false);
        let scale = per_channel(emitter, &inputs[1], rank);
        let scaled = emitter.op("Mul", &[upstream, &scale], Vec::new());
        let scaled_product = emitter.op("Mul", &[&product, &scale], Vec::new());
        let sample: Vec<i64> = (1..rank as i64).collect();
        let offset = emitter.reduce_mean(&scaled, &sample, true);
        let slope = emitter.reduce_mean(&scaled_product, &sample, true);
        let along = emitter.op("Mul", &[&normal, &slope], Vec::new());
        let rest = emitter.op("Sub", &[&scaled, &offset], Vec::new());
        let rest = emitter.op("Sub", &[&rest, &along], Vec::new());
        let x_gradient = emitter.op("Mul", &[&rest, &inverse], Vec::new());
        vec![x_gradient, scale_gradient, shift_gradient]
    }
}
