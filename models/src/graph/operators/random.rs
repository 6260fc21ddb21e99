//! Random numbers drawn inside the graph, from a seed handed in and from integers fixed here: reproducible, without
//! state in the session, by operators that every provider has.
//!
//! Everything is arithmetic on integers small enough to be exact, also in TF32's 11 bits, so all providers agree.

use crate::graph::emitter::{Emitter, Value};

/// Numbers drawn lie in 0..DRAWS. A prime whose half fits TF32's 11 significant bits.
pub(super) const DRAWS: i64 = 2039;
/// Largest prime below 2^30: the square of a sum of two smaller numbers fits 64 bits.
const MODULUS: i64 = 1_073_741_789;

/// SplitMix64 (Steele et al., 2014): turns a counter into scattered bits.
pub(super) fn scatter_bits(counter: u64) -> u64 {
    let z = counter.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Integers of `shape`, uniform in 0..DRAWS, that depend on the seed (i64 scalar), the salt and the position.
///
/// Twice: add a number fixed for this salt and position, square, take the remainder by a large prime.
pub(super) fn draw(emitter: &mut Emitter, seed: &str, salt: u64, shape: &[usize]) -> Value {
    let modulus = emitter.integer_tensor(&[], &[MODULUS]);
    let mut mixed = emitter.op("Mod", &[seed, &modulus], Vec::new());
    for round in 0..2 {
        let offsets = offsets(salt, round, shape.iter().product());
        let offsets = emitter.integer_tensor(shape, &offsets);
        let sum = emitter.op("Add", &[&mixed, &offsets], Vec::new());
        let square = emitter.op("Mul", &[&sum, &sum], Vec::new());
        mixed = emitter.op("Mod", &[&square, &modulus], Vec::new());
    }
    let draws = emitter.integer_tensor(&[], &[DRAWS]);
    emitter.op("Mod", &[&mixed, &draws], Vec::new())
}

fn offsets(salt: u64, round: u64, count: usize) -> Vec<i64> {
    let stream = scatter_bits(salt.wrapping_mul(2).wrapping_add(round));
    (0..count as u64)
        .map(|index| (scatter_bits(stream.wrapping_add(index)) % MODULUS.unsigned_abs()) as i64)
        .collect()
}

/// Integers of `shape`, uniform in 0..bound.
pub(super) fn draw_below(
    emitter: &mut Emitter,
    seed: &str,
    salt: u64,
    shape: &[usize],
    bound: usize,
) -> Value {
    let draws = draw(emitter, seed, salt, shape);
    let bound = emitter.integer_tensor(&[], &[bound as i64]);
    let product = emitter.op("Mul", &[&draws, &bound], Vec::new());
    let divisor = emitter.integer_tensor(&[], &[DRAWS]);
    emitter.op("Div", &[&product, &divisor], Vec::new())
}
