//! One seed, many streams: every purpose and every individual draws from a ChaCha stream of its own, so that a draw
//! added in one place moves nothing in another.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream is drawn for. The numbers are part of what a seed means: never reuse or renumber one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A maker's questions to its strategy.
    Selection = 1,
    /// Draws of genomes.
    Variation = 2,
    /// The seed of a search training.
    SearchTraining = 3,
    /// The seed of a crown training.
    CrownTraining = 4,
    /// The seed of the final training.
    FinalTraining = 5,
    /// Who makes a birth.
    Sharing = 6,
}

/// Draws per individual that have a stream of their own.
const DRAWS_MAX: u64 = 1 << 12;

/// Purposes that have streams of their own.
const PURPOSES_MAX: u64 = 1 << 8;

/// The stream for one purpose, individual and draw.
pub fn stream(seed: u64, purpose: Purpose, individual: u64, draw: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draw = u64::from(draw) % DRAWS_MAX;
    rng.set_stream((individual.wrapping_mul(DRAWS_MAX) | draw).wrapping_mul(PURPOSES_MAX) | purpose as u64);
    rng
}

/// A seed for one purpose and individual. It stays below 2^53, so that it survives JSON and other languages.
pub fn seed_for(seed: u64, purpose: Purpose, individual: u64) -> u64 {
    stream(seed, purpose, individual, 0).next_u64() >> 11
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_stream_repeats_itself_and_no_two_are_alike() {
        let mut seen = BTreeSet::new();
        for seed in [0, 1, u64::MAX] {
            for purpose in [Purpose::Selection, Purpose::Variation, Purpose::FinalTraining] {
                for individual in [1, 2, 1 << 20] {
                    for draw in [0, 1, 99] {
                        let first = stream(seed, purpose, individual, draw).next_u64();
                        assert_eq!(first, stream(seed, purpose, individual, draw).next_u64());
                        assert!(
                            seen.insert(first),
                            "{seed} {purpose:?} {individual} {draw} repeats another stream"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn seeds_survive_floating_point() {
        for individual in 0..1000 {
            let seed = seed_for(7, Purpose::SearchTraining, individual);
            assert_eq!(seed, seed as f64 as u64);
        }
    }
}
