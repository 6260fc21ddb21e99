//! The mean of each channel.

use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
    operators::{all_f32, exactly, images, misfit},
};

/// Input `[N, C, H, W]`, output `[N, C]`.
#[derive(Clone, Copy, Debug)]
pub struct GlobalAveragePool;

/// Gradient of `GlobalAveragePool`. Input `[N, C]`, output `[N, C, H, W]`: each element's share.
#[derive(Clone, Copy, Debug)]
pub struct GlobalAveragePoolGradient {
    /// Height and width of the pool's input.
    pub size: [usize; 2],
}

impl Operator for GlobalAveragePoolGradient {
    fn name(&self) -> &'static str {
        "global average pool gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        match upstream.shape.as_slice() {
            [samples, channels] => Ok(vec![Fact::f32(&[*samples, *channels, self.size[0], self.size[1]])]),
            shape => Err(misfit(self.name(), format!("expects [N, C], got {shape:?}"))),
        }
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [height, width] = self.size;
        let share = emitter.scale(&inputs[0], 1.0 / (height * width) as f32);
        let share = emitter.reshape(&share, &[0, 0, 1, 1]);
        let image = emitter.integers(&[1, 1, height as i64, width as i64]);
        vec![emitter.op("Expand", &[&share, &image], Vec::new())]
    }
}

impl Operator for GlobalAveragePool {
    fn name(&self) -> &'static str {
        "global average pool"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [samples, channels, _, _] = images(self.name(), inputs)?;
        Ok(vec![Fact::f32(&[samples, channels])])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let shape = graph.shape(application.inputs[0]).to_vec();
        let operator = GlobalAveragePoolGradient { size: [shape[2], shape[3]] };
        Ok(vec![Some(graph.add(operator, &[upstream])?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let means = emitter.op("GlobalAveragePool", &[&inputs[0]], Vec::new());
        vec![emitter.op("Flatten", &[&means], vec![("axis", Attribute::Int(1))])]
    }
}
