//! Fully connected layers and the matrix products that their gradients are.

use super::{all_f32, expect_shape, misfit, reduce::ReduceSum};
use crate::graph::{
    Application, Cost, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// Inputs: x `[N, I]`, weights `[I, O]`, optional bias `[O]`. Output `[N, O]`.
#[derive(Clone, Copy, Debug)]
pub struct Dense;

/// Product of two matrices, either of them transposed first. Inputs `[M, K]` and `[K, N]` after transposition, output
/// `[M, N]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatrixProduct {
    /// Whether the first matrix is given transposed.
    pub transpose_left: bool,
    /// Whether the second matrix is given transposed.
    pub transpose_right: bool,
}

impl Operator for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        all_f32(self.name(), inputs)?;
        let (x, weights, bias) = match inputs {
            [x, weights] => (x, weights, None),
            [x, weights, bias] => (x, weights, Some(bias)),
            _ => return Err(misfit(self.name(), format!("expects 2 or 3 inputs, got {}", inputs.len()))),
        };
        let ([samples, width], [rows, outputs]) = (x.shape.as_slice(), weights.shape.as_slice()) else {
            return Err(misfit(
                self.name(),
                format!("expects matrices, got {:?} and {:?}", x.shape, weights.shape),
            ));
        };
        if width != rows {
            return Err(misfit(
                self.name(),
                format!("{:?} does not fit weights {:?}", x.shape, weights.shape),
            ));
        }
        if let Some(bias) = bias {
            expect_shape(self.name(), "bias", bias, &[*outputs])?;
        }
        Ok(vec![Fact::f32(&[*samples, *outputs])])
    }

    fn cost(&self, inputs: &[&Fact], outputs: &[Fact]) -> Cost {
        Cost { multiply_adds: (outputs[0].volume() * inputs[1].shape[0]) as u64 }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let mut gradients = vec![None; application.inputs.len()];
        let Some(upstream) = application.output_gradients[0] else { return Ok(gradients) };
        let (x, weights) = (application.inputs[0], application.inputs[1]);
        if application.wanted[0] {
            let product = MatrixProduct { transpose_right: true, ..MatrixProduct::default() };
            gradients[0] = Some(graph.add(product, &[upstream, weights])?);
        }
        if application.wanted[1] {
            let product = MatrixProduct { transpose_left: true, ..MatrixProduct::default() };
            gradients[1] = Some(graph.add(product, &[x, upstream])?);
        }
        if application.wanted.get(2) == Some(&true) {
            gradients[2] = Some(graph.add(ReduceSum { axes: vec![0], keep: false }, &[upstream])?);
        }
        Ok(gradients)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Gemm", &super::names(inputs), Vec::new())]
    }
}

impl MatrixProduct {
    /// Rows, inner size and columns; none where the matrices do not fit.
    fn sizes(&self, left: &[usize], right: &[usize]) -> Option<[usize; 3]> {
        let (&[mut rows, mut inner], &[mut depth, mut columns]) = (left, right) else { return None };
        if self.transpose_left {
            (rows, inner) = (inner, rows);
        }
        if self.transpose_right {
            (depth, columns) = (columns, depth);
        }
        (inner == depth).then_some([rows, inner, columns])
    }
}

impl Operator for MatrixProduct {
    fn name(&self) -> &'static str {
        "matrix product"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        all_f32(self.name(), inputs)?;
        let [left, right] = super::exactly(self.name(), inputs)?;
        match self.sizes(&left.shape, &right.shape) {
            Some([rows, _, columns]) => Ok(vec![Fact::f32(&[rows, columns])]),
            None => Err(misfit(self.name(), format!("{:?} times {:?} as {self:?}", left.shape, right.shape))),
        }
    }

    fn cost(&self, inputs: &[&Fact], _: &[Fact]) -> Cost {
        let sizes = self.sizes(&inputs[0].shape, &inputs[1].shape).unwrap_or_default();
        Cost { multiply_adds: sizes.iter().product::<usize>() as u64 }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let mut gradients = vec![None, None];
        let Some(upstream) = application.output_gradients[0] else { return Ok(gradients) };
        let (left, right) = (application.inputs[0], application.inputs[1]);
        let product = |transpose_left, transpose_right| Self { transpose_left, transpose_right };
        if application.wanted[0] {
            gradients[0] = Some(match self.transpose_left {
                false => graph.add(product(false, !self.transpose_right), &[upstream, right])?,
                true => graph.add(product(self.transpose_right, true), &[right, upstream])?,
            });
        }
        if application.wanted[1] {
            gradients[1] = Some(match self.transpose_right {
                false => graph.add(product(!self.transpose_left, false), &[left, upstream])?,
                true => graph.add(product(true, self.transpose_left), &[upstream, left])?,
            });
        }
        Ok(gradients)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let flags = [("transA", self.transpose_left), ("transB", self.transpose_right)];
        let attributes = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, Attribute::Int(1)));
        vec![emitter.op("Gemm", &[&inputs[0], &inputs[1]], attributes.collect())]
    }
}
