//! Arithmetic on tensors of one shape, element by element, in one pass over memory.

use super::{Kernel, Team, curves::exponential, division::ranges, team::chunks};
use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Elements that are computed together: a dozen buffers of them stay in the nearest cache.
const ELEMENTS_AT_ONCE: usize = 512;

/// A planned formula.
#[derive(Debug)]
pub struct Formula {
    shape: Vec<i64>,
    inputs: usize,
    outputs: Vec<usize>,
    steps: Vec<Step>,
    parts: Vec<Mutex<Vec<Vec<f32>>>>,
}

/// One operation: which one, on which places. Inputs come first, then the results of the steps.
#[derive(Clone, Copy, Debug)]
struct Step {
    code: i64,
    operands: [usize; 2],
}

impl Formula {
    /// Reads a formula as its lowering has written it down: rank, inputs, outputs; the shape; places of the outputs;
    /// code and two places for each step.
    pub fn new(sizes: &[i64]) -> Option<Self> {
        let (&[rank, inputs, outputs], rest) = sizes.split_first_chunk::<3>()?;
        let (shape, rest) = rest.split_at_checked(usize::try_from(rank).ok()?)?;
        let (places, steps) = rest.split_at_checked(usize::try_from(outputs).ok()?)?;
        let inputs = usize::try_from(inputs).ok()?;
        let (steps, []) = steps.as_chunks::<3>() else { return None };
        let step = |(number, &[code, one, other]): (usize, &[i64; 3])| {
            let operands = [one as usize, other as usize];
            operands.iter().all(|&place| place < inputs + number).then_some(Step { code, operands })
        };
        let steps = steps.iter().enumerate().map(step).collect::<Option<Vec<_>>>()?;
        let outputs: Vec<usize> = places.iter().map(|&place| place as usize).collect();
        let known = |place: &usize| (inputs..inputs + steps.len()).contains(place);
        outputs.iter().all(known).then_some(())?;
        Some(Self { shape: shape.to_vec(), inputs, outputs, steps, parts: Vec::new() })
    }

    /// Shape of each output.
    pub fn shapes(&self) -> Vec<Vec<i64>> {
        vec![self.shape.clone(); self.outputs.len()]
    }

    /// Computes some elements.
    fn part(
        &self,
        inputs: &[&[f32]],
        range: Range<usize>,
        outputs: &mut [&mut [f32]],
        results: &mut Vec<Vec<f32>>,
    ) {
        results.resize_with(self.inputs + self.steps.len(), || vec![0.0; ELEMENTS_AT_ONCE]);
        for (buffer, input) in results.iter_mut().zip(inputs) {
            if let [number] = **input {
                buffer.fill(number);
            }
        }
        for start in range.clone().step_by(ELEMENTS_AT_ONCE) {
            let end = (start + ELEMENTS_AT_ONCE).min(range.end);
            for (number, step) in self.steps.iter().enumerate() {
                let place = self.inputs + number;
                let mut to = std::mem::take(&mut results[place]);
                let [one, other] = step.operands.map(|operand| match inputs.get(operand) {
                    Some(input) if input.len() > 1 => &input[start..end],
                    _ => &results[operand][..end - start],
                });
                // SAFETY: kernels run only where the processor has AVX2.
                #[expect(unsafe_code, reason = "a function for a processor's feature")]
                unsafe {
                    compute(step.code, one, other, &mut to[..end - start]);
                }
                results[place] = to;
            }
            for (output, place) in outputs.iter_mut().zip(&self.outputs) {
                output[start - range.start..end - range.start]
                    .copy_from_slice(&results[*place][..end - start]);
            }
        }
    }
}

impl Kernel for Formula {
    /// Tensors of one shape and scalars; tensors of that shape.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let count = outputs.first().map_or(0, |output| output.len());
        if inputs.iter().any(|input| input.len() != 1 && input.len() != count) {
            return;
        }
        let shares = ranges(count, team.threads());
        self.parts.resize_with(shares.len(), Mutex::default);
        let own: Vec<Vec<_>> = outputs.iter_mut().map(|output| chunks(output, &shares, 1)).collect();
        let this = &*self;
        team.each(shares.len(), &|share| {
            let mut results = this.parts[share].lock().unwrap_or_else(PoisonError::into_inner);
            let mut locked: Vec<_> =
                own.iter().map(|parts| parts[share].lock().unwrap_or_else(PoisonError::into_inner)).collect();
            let mut outputs: Vec<&mut [f32]> = locked.iter_mut().map(|part| &mut ***part).collect();
            this.part(inputs, shares[share].clone(), &mut outputs, &mut results);
        });
    }
}

#[target_feature(enable = "avx2,fma")]
fn compute(code: i64, one: &[f32], other: &[f32], to: &mut [f32]) {
    match code {
        0 => map(one, other, to, |a, b| a + b),
        1 => map(one, other, to, |a, b| a - b),
        2 => map(one, other, to, |a, b| a * b),
        3 => map(one, other, to, |a, b| a / b),
        4 => map(one, other, to, |a, _| a.sqrt()),
        5 => map(one, other, to, |a, _| 1.0 / a),
        6 => map(one, other, to, |a, _| if a < 0.0 { 0.0 } else { a }),
        // What is no number stays none.
        7 => map(one, other, to, |a, b| if b > a || b.is_nan() { b } else { a }),
        8 => map(one, other, to, |a, b| if b < a || b.is_nan() { b } else { a }),
        9 => map(one, other, to, |a, _| if a == 0.0 || a.is_nan() { a } else { a.signum() }),
        _ => map(one, other, to, |a, _| exponential(a)),
    }
}

#[inline(always)]
fn map(one: &[f32], other: &[f32], to: &mut [f32], operation: impl Fn(f32, f32) -> f32) {
    for ((a, b), to) in one.iter().zip(other).zip(to) {
        *to = operation(*a, *b);
    }
}
