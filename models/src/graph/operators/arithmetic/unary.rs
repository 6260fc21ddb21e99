//! Arithmetic of one tensor and fixed numbers.

use super::Multiply;
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Emitter, Value},
    operators::same_as_input,
};

/// x times a number.
#[derive(Clone, Copy, Debug)]
pub struct Scale(pub f32);

/// x plus a number.
#[derive(Clone, Copy, Debug)]
pub struct AddScalar(pub f32);

/// x².
#[derive(Clone, Copy, Debug)]
pub struct Square;

/// √x.
#[derive(Clone, Copy, Debug)]
pub struct SquareRoot;

/// 1 / x.
#[derive(Clone, Copy, Debug)]
pub struct Reciprocal;

/// x to the power of a number.
#[derive(Clone, Copy, Debug)]
pub struct Power(pub f32);

/// A number to the power of x; no gradient.
#[derive(Clone, Copy, Debug)]
pub struct PowerOf(pub f32);

/// The smaller of x and a number; no gradient.
#[derive(Clone, Copy, Debug)]
pub struct AtMost(pub f32);

fn with_scalar(op_type: &'static str, number: f32, emitter: &mut Emitter, inputs: &[Value]) -> Vec<Value> {
    let number = emitter.scalar(number);
    vec![emitter.op(op_type, &[&inputs[0], &number], Vec::new())]
}

impl Operator for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        Ok(vec![Some(graph.add(*self, &[upstream])?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.scale(&inputs[0], self.0)]
    }
}

impl Operator for AddScalar {
    fn name(&self) -> &'static str {
        "add scalar"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    fn gradient(&self, _: &mut Graph, application: &Application<'_>) -> InputGradients {
        Ok(vec![application.output_gradients[0]])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        with_scalar("Add", self.0, emitter, inputs)
    }
}

impl Operator for Square {
    fn name(&self) -> &'static str {
        "square"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    /// 2 x dy.
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let product = graph.add(Multiply, &[upstream, application.inputs[0]])?;
        Ok(vec![Some(graph.add(Scale(2.0), &[product])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Mul", &[&inputs[0], &inputs[0]], Vec::new())]
    }
}

impl Operator for SquareRoot {
    fn name(&self) -> &'static str {
        "square root"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    /// dy / (2 √x).
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let half = graph.add(Scale(0.5), &[upstream])?;
        Ok(vec![Some(graph.add(super::Divide, &[half, application.outputs[0]])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Sqrt", &[&inputs[0]], Vec::new())]
    }
}

impl Operator for Reciprocal {
    fn name(&self) -> &'static str {
        "reciprocal"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    /// -dy / x².
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let square = graph.add(Square, &[application.outputs[0]])?;
        let product = graph.add(Multiply, &[upstream, square])?;
        Ok(vec![Some(graph.add(Scale(-1.0), &[product])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Reciprocal", &[&inputs[0]], Vec::new())]
    }
}

impl Operator for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    /// c x^(c-1) dy.
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let power = graph.add(Self(self.0 - 1.0), &[application.inputs[0]])?;
        let product = graph.add(Multiply, &[upstream, power])?;
        Ok(vec![Some(graph.add(Scale(self.0), &[product])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        with_scalar("Pow", self.0, emitter, inputs)
    }
}

impl Operator for PowerOf {
    fn name(&self) -> &'static str {
        "power of"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let base = emitter.scalar(self.0);
        vec![emitter.op("Pow", &[&base, &inputs[0]], Vec::new())]
    }
}

impl Operator for AtMost {
    fn name(&self) -> &'static str {
        "at most"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        with_scalar("Min", self.0, emitter, inputs)
    }
}
