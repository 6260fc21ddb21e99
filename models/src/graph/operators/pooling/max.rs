//! The maximum of each window.

use super::spread::{crop_to_windows, pad_to_image, spread};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    choices::{self, MaxPoolGradient},
    emitter::{Attribute, Emitter, Provider, Value},
    operators::{
        exactly, expect_shape, lowering_choice, signed,
        window::{PoolShape, Window},
    },
};

/// Input `[N, C, H, W]`, output `[N, C, H', W']`. Padding never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool(pub Window);

/// Gradient of a maximum pool. Inputs: its input x, its output y, the gradient of y. Output: the gradient of x.
#[derive(Clone, Copy, Debug)]
pub struct MaxPoolGradientOf(pub MaxPool);

impl MaxPool {
    fn shape(&self, inputs: &[&Fact]) -> Result<PoolShape, GraphError> {
        PoolShape::of("max pool", inputs, self.0)
    }
}

impl Operator for MaxPool {
    fn name(&self) -> &'static str {
        "max pool"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        Ok(vec![self.shape(inputs)?.output_fact()])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let inputs = [application.inputs[0], application.outputs[0], upstream];
        Ok(vec![Some(graph.add(MaxPoolGradientOf(*self), &inputs)?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        // cuDNN knows one pad per axis, not one per side.
        vec![match (lowering_choice::max_pool(emitter), emitter.provider) {
            (choices::MaxPool::Kernel, _) => {
                emitter.kernel("MaxPool", &[&inputs[0]], 1, shape.to_sizes()).swap_remove(0)
            }
            (_, Provider::Cuda) if shape.is_lopsided() => pad_first(emitter, &inputs[0], &shape),
            _ => with_places(emitter, &inputs[0], &shape).swap_remove(0),
        }]
    }
}

/// The maxima of the image with values around it that never win.
fn pad_first(emitter: &mut Emitter, x: &str, shape: &PoolShape) -> Value {
    let [top, left, bottom, right] = shape.pads.map(|pad| pad as i64);
    let pads = emitter.integers(&[0, 0, top, left, 0, 0, bottom, right]);
    let lowest = emitter.scalar(f32::MIN);
    let padded = emitter.op("Pad", &[x, &pads, &lowest], Vec::new());
    emitter.op("MaxPool", &[&padded], shape.attributes([0; 4]))
}

/// The maxima, and where in the whole input each was found (row-major). Nobody pays for places that are not read.
fn with_places(emitter: &mut Emitter, x: &str, shape: &PoolShape) -> Vec<Value> {
    emitter.op_many("MaxPool", &[x], 2, shape.attributes(shape.pads))
}

impl Operator for MaxPoolGradientOf {
    fn name(&self) -> &'static str {
        "max pool gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, y, upstream] = exactly(self.name(), inputs)?;
        let shape = self.0.shape(&[x])?;
        expect_shape(self.name(), "output", y, &shape.output_fact().shape)?;
        expect_shape(self.name(), "gradient", upstream, &y.shape)?;
        Ok(vec![shape.input_fact()])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true; 3]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.0.shape(&facts[..1]) else { return Vec::new() };
        let [x, y, upstream] = [&inputs[0], &inputs[1], &inputs[2]].map(String::as_str);
        vec![match lowering_choice::max_pool_gradient(emitter, &shape) {
            MaxPoolGradient::SpreadAndCompare => spread_and_compare(emitter, x, y, upstream, &shape),
            MaxPoolGradient::Scatter => scatter(emitter, x, upstream, &shape),
            MaxPoolGradient::Kernel => {
                emitter.kernel("MaxPoolGradient", &[x, y, upstream], 1, shape.to_sizes()).swap_remove(0)
            }
        }]
    }
}

/// Where several elements of a window are its maximum, each gets an equal share.
fn spread_and_compare(emitter: &mut Emitter, x: &str, y: &str, upstream: &str, shape: &PoolShape) -> Value {
    let covered = crop_to_windows(emitter, x, shape);
    let maxima = spread(emitter, y, shape);
    let won = emitter.op("Equal", &[&covered, &maxima], Vec::new());
    let won = emitter.to_float(&won);
    let share_of_winners = emitter.op("AveragePool", &[&won], shape.attributes([0; 4]));
    let winners = emitter.scale(&share_of_winners, (shape.kernel[0] * shape.kernel[1]) as f32);
    let shares = emitter.op("Div", &[upstream, &winners], Vec::new());
    let shares = spread(emitter, &shares, shape);
    let gradient = emitter.op("Mul", &[&shares, &won], Vec::new());
    pad_to_image(emitter, &gradient, shape)
}

fn scatter(emitter: &mut Emitter, x: &str, upstream: &str, shape: &PoolShape) -> Value {
    let places = with_places(emitter, x, shape).swap_remove(1);
    let places = emitter.reshape(&places, &[-1]);
    let upstream = emitter.reshape(upstream, &[-1]);
    let image = shape.input_fact();
    let zero = emitter.scalar(0.0);
    let volume = emitter.integers(&[image.volume() as i64]);
    let zeros = emitter.op("Expand", &[&zero, &volume], Vec::new());
    let add = Attribute::Text("add".to_owned());
    let scattered = emitter.op("ScatterElements", &[&zeros, &places, &upstream], vec![("reduction", add)]);
    emitter.reshape(&scattered, &signed(&image.shape))
}
