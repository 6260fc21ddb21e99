//! Local response normalisation across channels (Krizhevsky et al., 2012), as ONNX defines it.

use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
    operators::{all_f32, exactly, expect_shape, lowering_choice, misfit, signed},
};

/// The exponent of Krizhevsky et al.
const USUAL_EXPONENT: f32 = 0.75;

/// Input x `[N, C, H, W]`, output `x / (bias + alpha / size * Σ x²)^beta`, the sum running over `size` channels around
/// each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNorm {
    /// Channels in the sum, an odd number.
    pub size: usize,
    /// Weight of the sum.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Added to the sum.
    pub bias: f32,
}

/// Gradient of `LocalResponseNorm`. Inputs: its input x, its output y, the gradient of y. Output: the gradient of x.
#[derive(Clone, Copy, Debug)]
pub struct LocalResponseNormGradient(pub LocalResponseNorm);

impl Operator for LocalResponseNorm {
    fn name(&self) -> &'static str {
        "local response norm"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        match x.shape.len() == 4 && self.size % 2 == 1 {
            true => Ok(vec![x.clone()]),
            false => Err(misfit(
                self.name(),
                format!("expects [N, C, H, W] and an odd size, got {:?} and {}", x.shape, self.size),
            )),
        }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let inputs = [application.inputs[0], application.outputs[0], upstream];
        Ok(vec![Some(graph.add(LocalResponseNormGradient(*self), &inputs)?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true]))
    }

    /// ONNX Runtime's own operator takes each power by itself, which was three quarters of a training on a processor.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if self.has_kernel(emitter) {
            return emitter.kernel("LocalResponseNorm", &[&inputs[0]], 1, self.kernel_sizes(&facts[0].shape));
        }
        let attributes = vec![
            ("size", Attribute::Int(self.size as i64)),
            ("alpha", Attribute::Float(self.alpha)),
            ("beta", Attribute::Float(self.beta)),
            ("bias", Attribute::Float(self.bias)),
        ];
        vec![emitter.op("LRN", &[&inputs[0]], attributes)]
    }
}

impl LocalResponseNorm {
    /// Whether there is a kernel for it: for the usual exponent.
    fn has_kernel(&self, emitter: &Emitter) -> bool {
        lowering_choice::kernels(emitter) && self.beta == USUAL_EXPONENT
    }

    /// All sizes of a kernel, and the bits of its numbers.
    fn kernel_sizes(&self, shape: &[usize]) -> Vec<i64> {
        let numbers = [self.alpha, self.bias].map(|number| i64::from(number.to_bits()));
        signed(shape).into_iter().chain([self.size as i64]).chain(numbers).collect()
    }

    /// The sums with their weight, and the bias.
    fn sums(&self, emitter: &mut Emitter, x: &str, channels: usize) -> Value {
        let squares = emitter.op("Mul", &[x, x], Vec::new());
        let band = self.band(emitter, channels, self.alpha / self.size as f32);
        let bias = emitter.repeated(self.bias, channels);
        emitter.op("Conv", &[&squares, &band, &bias], Vec::new())
    }

    /// `sums^-beta`; the usual exponent by roots.
    fn power(&self, emitter: &mut Emitter, sums: &str) -> Value {
        if self.beta == USUAL_EXPONENT {
            let root = emitter.op("Sqrt", &[sums], Vec::new());
            let fourth_root = emitter.op("Sqrt", &[&root], Vec::new());
            let product = emitter.op("Mul", &[&root, &fourth_root], Vec::new());
            return emitter.op("Reciprocal", &[&product], Vec::new());
        }
        let logarithm = emitter.op("Log", &[sums], Vec::new());
        let exponent = emitter.scale(&logarithm, -self.beta);
        emitter.op("Exp", &[&exponent], Vec::new())
    }

    /// `[C, C, 1, 1]`: `weight` where the column's channel is in the sum of the row's.
    fn band(&self, emitter: &mut Emitter, channels: usize, weight: f32) -> Value {
        let reach = self.size / 2;
        let element = |index: usize| {
            let (row, column) = (index / channels, index % channels);
            if row.abs_diff(column) <= reach { weight } else { 0.0 }
        };
        let key = format!("band of {} in {channels}, {weight}", self.size);
        emitter.keyed_tensor(key, &[channels, channels, 1, 1], || {
            (0..channels * channels).map(element).collect()
        })
    }
}

impl Operator for LocalResponseNormGradient {
    fn name(&self) -> &'static str {
        "local response norm gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, y, upstream] = exactly(self.name(), inputs)?;
        let facts = self.0.facts(&[x])?;
        expect_shape(self.name(), "output", y, &x.shape)?;
        expect_shape(self.name(), "gradient", upstream, &x.shape)?;
        Ok(facts)
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[true; 3]))
    }

    /// With s the sum plus bias: `dx = dy s^-beta - 2 alpha beta / size * x Σ (dy y / s)`, the sum running over the
    /// channels in whose sums this one is. Sums over channels are products with a band matrix.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [x, y, upstream] = [&inputs[0], &inputs[1], &inputs[2]].map(String::as_str);
        let norm = &self.0;
        if norm.has_kernel(emitter) {
            let sizes = norm.kernel_sizes(&facts[0].shape);
            return emitter.kernel("LocalResponseNormGradient", &[x, upstream], 1, sizes);
        }
        let channels = facts[0].shape[1];
        let sums = norm.sums(emitter, x, channels);
        let power = norm.power(emitter, &sums);
        let direct = emitter.op("Mul", &[upstream, &power], Vec::new());
        let product = emitter.op("Mul", &[upstream, y], Vec::new());
        let ratio = emitter.op("Div", &[&product, &sums], Vec::new());
        let band = norm.band(emitter, channels, 2.0 * norm.beta * norm.alpha / norm.size as f32);
        let ratios = emitter.op("Conv", &[&ratio, &band], Vec::new());
        let through_sums = emitter.op("Mul", &[x, &ratios], Vec::new());
        vec![emitter.op("Sub", &[&direct, &through_sums], Vec::new())]
    }
}
