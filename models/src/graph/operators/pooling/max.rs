//! The maximum of each window.

use super::{
    PoolShape,
    spread::{crop_to_windows, pad_to_image, spread},
};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, Operator, Outlet,
    lowering::{Attribute, Emitter, Provider, Value},
    operators::{
        exactly, expect_shape,
        lowering_choice::{self, MaxPoolGradient},
        signed,
    },
};

/// Input `[N, C, H, W]`, output `[N, C, H', W']`. Padding never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Window height and width.
    pub kernel: [usize; 2],
    /// Steps of the window, down and across.
    pub stride: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
}

/// Gradient of a maximum pool. Inputs: its input x, its output y, the gradient of y. Output: the gradient of x.
#[derive(Clone, Copy, Debug)]
pub struct MaxPoolGradientOf(pub MaxPool);

impl MaxPool {
    fn shape(&self, inputs: &[&Fact]) -> Result<PoolShape, GraphError> {
        PoolShape::of("max pool", inputs, self.kernel, self.stride, self.pads)
    }
}

impl Operator for MaxPool {
    fn name(&self) -> &'static str {
        "max pool"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        Ok(vec![self.shape(inputs)?.output_fact()])
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
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
        vec![match emitter.provider {
            Provider::Cuda if shape.is_lopsided() => pad_first(emitter, &inputs[0], &shape),
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
            MaxPoolGradient::ShiftAndCompare => shift_and_compare(emitter, x, y, upstream, &shape),
            MaxPoolGradient::Scatter => scatter(emitter, x, upstream, &shape),
        }]
    }
}

fn spread_and_compare(emitter: &mut Emitter, x: &str, y: &str, upstream: &str, shape: &PoolShape) -> Value {
    let covered = crop_to_windows(emitter, x, shape);
    let maxima = spread(emitter, y, shape);
    let gradients = spread(emitter, upstream, shape);
    let gradient = where_equal(emitter, &covered, &maxima, &gradients);
    pad_to_image(emitter, &gradient, shape)
}

/// The gradient where the element is the maximum, else 0.
fn where_equal(emitter: &mut Emitter, elements: &str, maxima: &str, gradients: &str) -> Value {
    let won = emitter.op("Equal", &[elements, maxima], Vec::new());
    match emitter.provider {
        Provider::Cpu => {
            let mask = emitter.to_float(&won);
            emitter.op("Mul", &[gradients, &mask], Vec::new())
        }
        Provider::Cuda => {
            let zero = emitter.scalar(0.0);
            emitter.op("Where", &[&won, gradients, &zero], Vec::new())
        }
    }
}

/// An element at h of the padded image lies in the windows `h / stride - shift` for each shift with
/// `h % stride + shift * stride < kernel`.
fn shift_and_compare(emitter: &mut Emitter, x: &str, y: &str, upstream: &str, shape: &PoolShape) -> Value {
    let shifts = [0, 1].map(|axis| shape.kernel[axis].div_ceil(shape.stride[axis]));
    let mut sum: Option<Value> = None;
    for shift in (0..shifts[0]).flat_map(|down| (0..shifts[1]).map(move |across| [down, across])) {
        // An infinite maximum is nobody's.
        let maxima = windows_of_elements(emitter, y, f32::INFINITY, shape, shift);
        let gradients = windows_of_elements(emitter, upstream, 0.0, shape, shift);
        let gradients = within_reach(emitter, &gradients, shape, shift);
        let gradient = where_equal(emitter, x, &maxima, &gradients);
        sum = Some(match sum {
            None => gradient,
            Some(sum) => emitter.op("Add", &[&sum, &gradient], Vec::new()),
        });
    }
    sum.unwrap_or_default()
}

/// For each element of the image, the value of the window that begins `shift` windows before the one it is in.
fn windows_of_elements(
    emitter: &mut Emitter,
    value: &str,
    fill: f32,
    shape: &PoolShape,
    shift: [usize; 2],
) -> Value {
    let end = |axis: usize| shape.pads[axis] + shape.size[axis];
    let cells = [0, 1].map(|axis| end(axis).div_ceil(shape.stride[axis]));
    let after = [0, 1].map(|axis| cells[axis] as i64 - (shift[axis] + shape.output[axis]) as i64);
    let before = shift.map(|shift| shift as i64);
    let shifted = match (before, after) {
        ([0, 0], [0, 0]) => value.to_owned(),
        _ => {
            let fill = emitter.scalar(fill);
            let pads = emitter.integers(&[0, 0, before[0], before[1], 0, 0, after[0], after[1]]);
            emitter.op("Pad", &[value, &pads, &fill], Vec::new())
        }
    };
    let grid = PoolShape { kernel: shape.stride, output: cells, ..*shape };
    let repeated = match shape.stride {
        [1, 1] => shifted,
        _ => spread(emitter, &shifted, &grid),
    };
    let length = [0, 1].map(|axis| cells[axis] * shape.stride[axis]);
    if length == shape.size {
        return repeated;
    }
    let starts = [shape.pads[0], shape.pads[1]].map(|pad| pad as i64);
    emitter.slice(&repeated, &[2, 3], &starts, &[end(0) as i64, end(1) as i64], &[1, 1])
}

/// Zeros where the element lies behind the window's end.
fn within_reach(emitter: &mut Emitter, gradients: &str, shape: &PoolShape, shift: [usize; 2]) -> Value {
    let reaches = |axis: usize, index: usize| {
        let offset = (index + shape.pads[axis]) % shape.stride[axis];
        offset + shift[axis] * shape.stride[axis] < shape.kernel[axis]
    };
    let [height, width] = shape.size;
    let inside = |index: usize| reaches(0, index / width) && reaches(1, index % width);
    if (0..height * width).all(inside) {
        return gradients.to_owned();
    }
    let mask: Vec<f32> = (0..height * width).map(|index| if inside(index) { 1.0 } else { 0.0 }).collect();
    let key = format!("reach {shape:?} {shift:?}");
    let mask = emitter.keyed_tensor(key, &[height, width], || mask);
    emitter.op("Mul", &[gradients, &mask], Vec::new())
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
