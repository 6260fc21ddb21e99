//! The mean of each channel.

use crate::graph::{
    Application, Fact, Graph, GraphError, Operator, Outlet,
    lowering::{Attribute, Emitter, Value},
    operators::{
        all_f32,
        arithmetic::Scale,
        exactly, misfit,
        shape::{Expand, Reshape},
    },
};

/// Input `[N, C, H, W]`, output `[N, C]`.
#[derive(Clone, Copy, Debug)]
pub struct GlobalAveragePool;

impl Operator for GlobalAveragePool {
    fn name(&self) -> &'static str {
        "global average pool"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        match x.shape.as_slice() {
            [samples, channels, _, _] => Ok(vec![Fact::f32(&[*samples, *channels])]),
            shape => Err(misfit(self.name(), format!("expects [N, C, H, W], got {shape:?}"))),
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let shape = graph.shape(application.inputs[0]).to_vec();
        let share = graph.add(Scale(1.0 / (shape[2] * shape[3]) as f32), &[upstream])?;
        let share = graph.add(Reshape { shape: vec![shape[0], shape[1], 1, 1] }, &[share])?;
        Ok(vec![Some(graph.add(Expand { shape }, &[share])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let means = emitter.op("GlobalAveragePool", &[&inputs[0]], Vec::new());
        vec![emitter.op("Flatten", &[&means], vec![("axis", Attribute::Int(1))])]
    }
}
