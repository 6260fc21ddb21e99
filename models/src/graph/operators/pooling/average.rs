//! The mean of each window, padding excluded.

use super::spread::{pad_to_image, spread};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    choices::AveragePoolGradient,
    emitter::{Emitter, Provider, Value},
    operators::{
        exactly, expect_shape, lowering_choice, signed,
        window::{PoolShape, Window},
    },
};

/// Input `[N, C, H, W]`, output `[N, C, H', W']`. Padding counts neither as value nor in the number of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AveragePool(pub Window);

/// Gradient of an average pool. Input: the gradient of its output. Output: the gradient of its input.
#[derive(Clone, Copy, Debug)]
pub struct AveragePoolGradientOf {
    /// The pool.
    pub pool: AveragePool,
    /// Height and width of its input.
    pub size: [usize; 2],
}

impl AveragePool {
    fn shape(&self, inputs: &[&Fact]) -> Result<PoolShape, GraphError> {
        PoolShape::of("average pool", inputs, self.0)
    }
}

impl Operator for AveragePool {
    fn name(&self) -> &'static str {
        "average pool"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        Ok(vec![self.shape(inputs)?.output_fact()])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let &[_, _, height, width] = graph.shape(application.inputs[0]) else { return Ok(vec![None]) };
        let operator = AveragePoolGradientOf { pool: *self, size: [height, width] };
        Ok(vec![Some(graph.add(operator, &[upstream])?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        // cuDNN knows one pad per axis, not one per side.
        vec![match emitter.provider {
            Provider::Cuda if shape.is_lopsided() => pad_and_correct(emitter, &inputs[0], &shape),
            _ if lowering_choice::average_pool_has_kernel(emitter, &shape) => {
                emitter.kernel("AveragePool", &[&inputs[0]], 1, shape.to_sizes()).swap_remove(0)
            }
            _ => emitter.op("AveragePool", &[&inputs[0]], shape.attributes(shape.pads)),
        }]
    }
}

/// Pads with zeros first, and corrects the means for the zeros counted.
fn pad_and_correct(emitter: &mut Emitter, x: &str, shape: &PoolShape) -> Value {
    let [top, left, bottom, right] = shape.pads.map(|pad| pad as i64);
    let pads = emitter.integers(&[0, 0, top, left, 0, 0, bottom, right]);
    let padded = emitter.op("Pad", &[x, &pads], Vec::new());
    let means = emitter.op("AveragePool", &[&padded], shape.attributes([0; 4]));
    let all = (shape.kernel[0] * shape.kernel[1]) as f32;
    let inside = |axis: usize, position: usize| {
        let (start, end) = shape.window(axis, position);
        (end - start) as f32
    };
    let [rows, columns] = shape.output;
    let corrections = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let corrections = corrections.map(|(row, column)| all / (inside(0, row) * inside(1, column))).collect();
    let corrections = emitter.tensor(&[rows, columns], corrections);
    emitter.op("Mul", &[&means, &corrections], Vec::new())
}

impl AveragePoolGradientOf {
    fn shape(&self, inputs: &[&Fact]) -> Result<PoolShape, GraphError> {
        let [upstream] = exactly(self.name(), inputs)?;
        let mut x = upstream.clone();
        if let [_, _, height, width] = x.shape.as_mut_slice() {
            [*height, *width] = self.size;
        }
        self.pool.shape(&[&x])
    }
}

impl Operator for AveragePoolGradientOf {
    fn name(&self) -> &'static str {
        "average pool gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let shape = self.shape(inputs)?;
        expect_shape(self.name(), "gradient", inputs[0], &shape.output_fact().shape)?;
        Ok(vec![shape.input_fact()])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        vec![match lowering_choice::average_pool_gradient(emitter, &shape) {
            AveragePoolGradient::Spread => {
                let share = emitter.scale(&inputs[0], 1.0 / (shape.kernel[0] * shape.kernel[1]) as f32);
                let repeated = spread(emitter, &share, &shape);
                pad_to_image(emitter, &repeated, &shape)
            }
            AveragePoolGradient::Separable => separable(emitter, &inputs[0], &shape),
            AveragePoolGradient::Whole => whole(emitter, &inputs[0], &shape),
            AveragePoolGradient::Kernel => {
                emitter.kernel("AveragePoolGradient", &[&inputs[0]], 1, shape.to_sizes()).swap_remove(0)
            }
        }]
    }
}

/// The pool along one axis as a matrix `[outputs, inputs]`: a row holds 1 / count over its window.
fn matrix(shape: &PoolShape, axis: usize) -> Vec<Vec<f32>> {
    let row = |position: usize| {
        let (start, end) = shape.window(axis, position);
        let weight = 1.0 / (end - start) as f32;
        (0..shape.size[axis]).map(|index| if (start..end).contains(&index) { weight } else { 0.0 }).collect()
    };
    (0..shape.output[axis]).map(row).collect()
}

/// `R' dY C` with R the pool's matrix along the rows, C along the columns.
fn separable(emitter: &mut Emitter, upstream: &str, shape: &PoolShape) -> Value {
    let columns = matrix(shape, 1).concat();
    let columns = emitter.tensor(&[shape.output[1], shape.size[1]], columns);
    let wide = emitter.op("MatMul", &[upstream, &columns], Vec::new());
    let rows = matrix(shape, 0);
    let rows = (0..shape.size[0]).flat_map(|index| rows.iter().map(move |row| row[index])).collect();
    let rows = emitter.tensor(&[shape.size[0], shape.output[0]], rows);
    emitter.op("MatMul", &[&rows, &wide], Vec::new())
}

/// `[N C, H'W']` times the whole matrix `[H'W', HW]`.
fn whole(emitter: &mut Emitter, upstream: &str, shape: &PoolShape) -> Value {
    let (rows, columns) = (matrix(shape, 0), matrix(shape, 1));
    let mut product = Vec::with_capacity(shape.size.iter().chain(&shape.output).product());
    for row in &rows {
        for column in &columns {
            product.extend(row.iter().flat_map(|&left| column.iter().map(move |&right| left * right)));
        }
    }
    let [outputs, elements] = [shape.output, shape.size].map(|size| size[0] * size[1]);
    let matrix = emitter.tensor(&[outputs, elements], product);
    let flat = emitter.reshape(upstream, &[-1, outputs as i64]);
    let flat = emitter.op("MatMul", &[&flat, &matrix], Vec::new());
    emitter.reshape(&flat, &signed(&shape.input_fact().shape))
}
