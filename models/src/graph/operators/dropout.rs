//! Random zeroing while training (Srivastava et al., 2014). The mask is drawn in the graph.

use super::{
    all_f32, exactly, misfit,
    random::{self, DRAWS, scatter_bits},
    signed,
};
use crate::graph::{
    Application, ElementType, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// Inputs: x `[N, ..]`, seed i64 scalar. Output like x: each value is zeroed with probability `ratio`, else divided by
/// `1 - ratio`. The mask depends on seed, salt and position alone. For training graphs: it fixes the number of samples.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Share of values zeroed, in 0..1.
    pub ratio: f32,
    /// Tells apart the dropouts of one network.
    pub salt: u64,
}

/// Terms in the sum that decides about an element.
const TERMS: usize = 4;

impl Operator for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, seed] = exactly(self.name(), inputs)?;
        all_f32(self.name(), &[x])?;
        if *seed != Fact::i64(&[]) || x.shape.is_empty() {
            return Err(misfit(self.name(), format!("expects [N, ..] and an I64 scalar, got {inputs:?}")));
        }
        if !(0.0..1.0).contains(&self.ratio) {
            return Err(misfit(self.name(), format!("ratio {} must be at least 0 and below 1", self.ratio)));
        }
        Ok(vec![x.clone()])
    }

    /// The same mask on the gradient.
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None, None]) };
        debug_assert_eq!(graph.fact(upstream).element, ElementType::F32);
        Ok(vec![Some(graph.add(*self, &[upstream, application.inputs[1]])?), None])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if self.ratio == 0.0 {
            return vec![inputs[0].clone()];
        }
        let mask = self.mask(emitter, &inputs[1], &facts[0].shape);
        vec![emitter.op("Mul", &[&inputs[0], &mask], Vec::new())]
    }
}

impl Dropout {
    /// 0 or `1 / (1 - ratio)` for each element.
    ///
    /// Element (n, f) hashes to `h = Σ r[n, k] c[k, f] mod p`: r is drawn for each step and sample, c is fixed. Any
    /// two elements of a sample are then independent over the draws, and the work is a thin matrix product and a few
    /// passes in 32-bit floats. r and c lie in -p/2..p/2, so the sum is exact.
    fn mask(&self, emitter: &mut Emitter, seed: &str, shape: &[usize]) -> Value {
        let width: usize = shape[1..].iter().product();
        let rows = random::draw(emitter, seed, self.salt, &[shape[0], TERMS]);
        let half = emitter.integer_tensor(&[], &[DRAWS / 2]);
        let rows = emitter.op("Sub", &[&rows, &half], Vec::new());
        let rows = emitter.to_float(&rows);
        let columns = self.columns(emitter, width);
        let centre = emitter.tensor(&[1], vec![0.5 / DRAWS as f32]);
        let alpha = vec![("alpha", Attribute::Float(1.0 / DRAWS as f32))];
        let turns = emitter.op("Gemm", &[&rows, &columns, &centre], alpha);
        let whole = emitter.op("Floor", &[&turns], Vec::new());
        let uniform = emitter.op("Sub", &[&turns, &whole], Vec::new());
        let [ratio, keep, zero] =
            [self.ratio, 1.0 / (1.0 - self.ratio), 0.0].map(|value| emitter.scalar(value));
        let kept = emitter.op("Greater", &[&uniform, &ratio], Vec::new());
        let mask = emitter.op("Where", &[&kept, &keep, &zero], Vec::new());
        if shape.len() == 2 { mask } else { emitter.reshape(&mask, &signed(shape)) }
    }

    fn columns(&self, emitter: &mut Emitter, width: usize) -> Value {
        let key = format!("dropout columns {} {width}", self.salt);
        let stream = scatter_bits(!self.salt);
        let element = |index: u64| {
            let draw = scatter_bits(stream.wrapping_add(index)) % DRAWS.unsigned_abs();
            draw as f32 - (DRAWS / 2) as f32
        };
        emitter.keyed_tensor(key, &[TERMS, width], || (0..(TERMS * width) as u64).map(element).collect())
    }
}
