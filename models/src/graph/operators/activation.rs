//! Element-wise non-linearities and their gradients.

use super::{all_f32, exactly, expect_shape, lowering_choice, same_as_input, signed};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    choices::{KernelActivation, ReluGradient},
    emitter::{Attribute, Emitter, Value},
};
use hatchery_config::vocabulary::Activation;
use std::f32::consts::{FRAC_1_SQRT_2, PI};

/// Slope of the leaky ReLU for negative numbers.
pub const LEAKY_SLOPE: f32 = 0.01;

/// A non-linearity; input and output have one shape.
#[derive(Clone, Copy, Debug)]
pub struct Activate(pub Activation);

/// Gradient of a non-linearity. Inputs: its input x, its output y, the gradient of y. Output: the gradient of x.
#[derive(Clone, Copy, Debug)]
pub struct ActivationGradient(pub Activation);

impl Operator for Activate {
    fn name(&self) -> &'static str {
        self.0.word()
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        same_as_input(self.name(), inputs)
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        if self.0 == Activation::None {
            return Ok(vec![Some(upstream)]);
        }
        let inputs = [application.inputs[0], application.outputs[0], upstream];
        Ok(vec![Some(graph.add(ActivationGradient(self.0), &inputs)?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let x = inputs[0].as_str();
        if let Some(activation) = lowering_choice::kernel_activation(emitter, x, self.0) {
            return emitter.kernel("Activation", &[x], 1, kernel_sizes(activation, &facts[0].shape));
        }
        vec![match self.0 {
            Activation::None => x.to_owned(),
            Activation::Relu => emitter.op("Relu", &[x], Vec::new()),
            Activation::LeakyRelu => {
                emitter.op("LeakyRelu", &[x], vec![("alpha", Attribute::Float(LEAKY_SLOPE))])
            }
            Activation::Elu if lowering_choice::kernels(emitter) => elu(emitter, x),
            Activation::Elu => emitter.op("Elu", &[x], Vec::new()),
            Activation::Gelu => {
                let doubled = doubled_normal_distribution(emitter, x);
                let product = emitter.op("Mul", &[x, &doubled], Vec::new());
                emitter.scale(&product, 0.5)
            }
            Activation::Silu => {
                let gate = emitter.op("Sigmoid", &[x], Vec::new());
                emitter.op("Mul", &[x, &gate], Vec::new())
            }
            Activation::Sigmoid => emitter.op("Sigmoid", &[x], Vec::new()),
            Activation::Tanh => emitter.op("Tanh", &[x], Vec::new()),
        }]
    }
}

impl Operator for ActivationGradient {
    fn name(&self) -> &'static str {
        "activation gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, y, upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        expect_shape(self.name(), "output", y, &x.shape)?;
        expect_shape(self.name(), "gradient", upstream, &x.shape)?;
        Ok(vec![x.clone()])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true; 3]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [x, y, upstream] = [&inputs[0], &inputs[1], &inputs[2]].map(String::as_str);
        if let Some(activation) = lowering_choice::kernel_activation(emitter, x, self.0) {
            let sizes = kernel_sizes(activation, &facts[0].shape);
            return emitter.kernel("ActivationGradient", &[x, upstream], 1, sizes);
        }
        let slope = match self.0 {
            Activation::None => return vec![upstream.to_owned()],
            Activation::Relu => return vec![relu_gradient(emitter, y, upstream, &facts[0].shape)],
            Activation::LeakyRelu => leaky_relu_slope(emitter, y),
            Activation::Elu => elu_slope(emitter, y),
            Activation::Gelu => gelu_slope(emitter, x),
            Activation::Silu => silu_slope(emitter, x, y),
            Activation::Sigmoid => sigmoid_slope(emitter, y),
            Activation::Tanh => tanh_slope(emitter, y),
        };
        vec![emitter.op("Mul", &[upstream, &slope], Vec::new())]
    }
}

/// A kernel's activation, and the shape of what it is applied to.
fn kernel_sizes(activation: KernelActivation, shape: &[usize]) -> Vec<i64> {
    [activation.code()].into_iter().chain(signed(shape)).collect()
}

/// dy where y > 0.
fn relu_gradient(emitter: &mut Emitter, y: &str, upstream: &str, shape: &[usize]) -> Value {
    let zero = emitter.scalar(0.0);
    match lowering_choice::relu_gradient(emitter) {
        ReluGradient::Sign => {
            let sign = emitter.op("Sign", &[y], Vec::new());
            emitter.op("Mul", &[upstream, &sign], Vec::new())
        }
        ReluGradient::Cast => {
            let positive = emitter.op("Greater", &[y, &zero], Vec::new());
            let mask = emitter.to_float(&positive);
            emitter.op("Mul", &[upstream, &mask], Vec::new())
        }
        ReluGradient::Where => {
            let positive = emitter.op("Greater", &[y, &zero], Vec::new());
            emitter.op("Where", &[&positive, upstream, &zero], Vec::new())
        }
        ReluGradient::Kernel => {
            emitter.kernel("RectifierGradient", &[y, upstream], 1, signed(shape)).swap_remove(0)
        }
    }
}

/// 1 or the small slope.
fn leaky_relu_slope(emitter: &mut Emitter, y: &str) -> Value {
    let sign = emitter.op("Sign", &[y], Vec::new());
    let slope = emitter.scalar(LEAKY_SLOPE);
    emitter.op("Max", &[&sign, &slope], Vec::new())
}

/// exp(x) - 1 below zero, x above, as arithmetic that becomes a formula.
fn elu(emitter: &mut Emitter, x: &str) -> Value {
    let (zero, one) = (emitter.scalar(0.0), emitter.scalar(1.0));
    let negative = emitter.op("Min", &[x, &zero], Vec::new());
    let exponential = emitter.op("Exp", &[&negative], Vec::new());
    let below = emitter.op("Sub", &[&exponential, &one], Vec::new());
    let above = emitter.op("Max", &[x, &zero], Vec::new());
    emitter.op("Add", &[&below, &above], Vec::new())
}

/// exp(x) = y + 1 below zero, 1 above.
fn elu_slope(emitter: &mut Emitter, y: &str) -> Value {
    let (zero, one) = (emitter.scalar(0.0), emitter.scalar(1.0));
    let negative = emitter.op("Min", &[y, &zero], Vec::new());
    emitter.op("Add", &[&negative, &one], Vec::new())
}

/// Twice the standard normal distribution function, 1 + erf(x / √2).
fn doubled_normal_distribution(emitter: &mut Emitter, x: &str) -> Value {
    let scaled = emitter.scale(x, FRAC_1_SQRT_2);
    let error_function = emitter.op("Erf", &[&scaled], Vec::new());
    let one = emitter.scalar(1.0);
    emitter.op("Add", &[&error_function, &one], Vec::new())
}

/// Φ(x) + x φ(x), the distribution function and the density of the standard normal distribution.
fn gelu_slope(emitter: &mut Emitter, x: &str) -> Value {
    let doubled = doubled_normal_distribution(emitter, x);
    let distribution = emitter.scale(&doubled, 0.5);
    let square = emitter.op("Mul", &[x, x], Vec::new());
    let exponent = emitter.scale(&square, -0.5);
    let exponential = emitter.op("Exp", &[&exponent], Vec::new());
    let product = emitter.op("Mul", &[x, &exponential], Vec::new());
    let density_part = emitter.scale(&product, 1.0 / (2.0 * PI).sqrt());
    emitter.op("Add", &[&distribution, &density_part], Vec::new())
}

/// s + y (1 - s) with s the sigmoid of x.
fn silu_slope(emitter: &mut Emitter, x: &str, y: &str) -> Value {
    let gate = emitter.op("Sigmoid", &[x], Vec::new());
    let one = emitter.scalar(1.0);
    let rest = emitter.op("Sub", &[&one, &gate], Vec::new());
    let product = emitter.op("Mul", &[y, &rest], Vec::new());
    emitter.op("Add", &[&gate, &product], Vec::new())
}

/// y (1 - y).
fn sigmoid_slope(emitter: &mut Emitter, y: &str) -> Value {
    let one = emitter.scalar(1.0);
    let rest = emitter.op("Sub", &[&one, y], Vec::new());
    emitter.op("Mul", &[y, &rest], Vec::new())
}

/// 1 - y².
fn tanh_slope(emitter: &mut Emitter, y: &str) -> Value {
    let square = emitter.op("Mul", &[y, y], Vec::new());
    let one = emitter.scalar(1.0);
    emitter.op("Sub", &[&one, &square], Vec::new())
}
