//! Which samples a step sees: shuffled batches for training, filled-up batches for evaluation.
//!
//! All draws come from streams of the training's seed: equal seeds see equal batches.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Stream of the order of samples.
const ORDER_STREAM: u64 = 1;
/// Stream of the seeds that steps draw dropout and augmentation from.
const STEP_STREAM: u64 = 2;

/// Draws a new order of the training samples for each epoch.
#[derive(Clone, Debug)]
pub struct Sampler {
    order: ChaCha8Rng,
    steps: ChaCha8Rng,
    indices: Vec<i64>,
    batch: usize,
}

impl Sampler {
    /// A sampler of batches of `batch` of `indices`; a batch larger than all samples is cut to them.
    pub fn new(indices: &[u32], batch: usize, seed: u64) -> Self {
        let stream = |number| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(number);
            generator
        };
        Self {
            order: stream(ORDER_STREAM),
            steps: stream(STEP_STREAM),
            indices: indices.iter().map(|&index| i64::from(index)).collect(),
            batch: clamp_batch(batch, indices.len()),
        }
    }

    /// Samples of a step.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Steps of an epoch: whole batches only, the rest of the order is left out.
    pub fn steps_per_epoch(&self) -> usize {
        self.indices.len() / self.batch
    }

    /// Goes on as if so many epochs had been drawn and so many steps been taken. To be called on a new sampler.
    pub fn skip(&mut self, epochs: u32, steps: u64) {
        for _ in 0..epochs {
            self.shuffle();
        }
        // A step draws one word.
        self.steps.set_word_pos(u128::from(steps));
    }

    /// Draws the next epoch's order.
    pub fn shuffle(&mut self) {
        self.indices.shuffle(&mut self.order);
    }

    /// The samples of a step of the current epoch, counted from 0, and the seed of its random draws,
    /// below 2^31. To be called once per step, in order.
    pub fn step(&mut self, step: usize) -> (&[i64], i64) {
        let seed = i64::from(self.steps.next_u32() >> 1);
        (&self.indices[step * self.batch..(step + 1) * self.batch], seed)
    }
}

/// A batch no larger than all samples, and at least 1.
pub fn clamp_batch(batch: usize, samples: usize) -> usize {
    batch.min(samples).max(1)
}

/// A batch of evaluation: as many samples as the graph takes, those that fill it up weighing 0.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedBatch {
    /// Samples.
    pub index: Vec<i64>,
    /// 1 for samples that count, 0 for those that fill up.
    pub weight: Vec<f32>,
}

/// All of `indices` once, in batches of `batch`.
pub fn weighted_batches(indices: &[u32], batch: usize) -> impl Iterator<Item = WeightedBatch> {
    indices.chunks(batch.max(1)).map(move |chunk| {
        let mut index: Vec<i64> = chunk.iter().map(|&index| i64::from(index)).collect();
        let mut weight = vec![1.0; chunk.len()];
        index.resize(batch, index[0]);
        weight.resize(batch, 0.0);
        WeightedBatch { index, weight }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(sampler: &mut Sampler) -> Vec<i64> {
        sampler.shuffle();
        (0..sampler.steps_per_epoch()).flat_map(|step| sampler.step(step).0.to_vec()).collect()
    }

    #[test]
    fn an_epoch_sees_each_sample_once_in_a_new_order_and_drops_the_incomplete_batch() {
        let indices: Vec<u32> = (100..111).collect();
        let mut sampler = Sampler::new(&indices, 5, 7);
        let (first, second) = (epoch(&mut sampler), epoch(&mut sampler));
        assert_eq!(first.len(), 10);
        assert_ne!(first, second);
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 10);
        assert!(distinct.iter().all(|index| (100..111).contains(index)));
    }

    #[test]
    fn equal_seeds_see_equal_batches_and_other_seeds_others() {
        let indices: Vec<u32> = (0..64).collect();
        let drawn = |seed| {
            let mut sampler = Sampler::new(&indices, 8, seed);
            (epoch(&mut sampler), sampler.step(0).1)
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1).0, drawn(2).0);
        assert_ne!(drawn(1).1, drawn(2).1);
    }

    #[test]
    fn what_is_skipped_is_as_good_as_drawn() {
        let indices: Vec<u32> = (0..64).collect();
        let new = || Sampler::new(&indices, 8, 5);
        let mut whole = new();
        let epochs: Vec<Vec<(Vec<i64>, i64)>> = (0..3)
            .map(|_| {
                whole.shuffle();
                let mut step = |step| {
                    let (index, seed) = whole.step(step);
                    (index.to_vec(), seed)
                };
                (0..8).map(&mut step).collect()
            })
            .collect();
        for (epoch, step) in [(0, 0), (0, 5), (1, 0), (2, 7)] {
            let mut resumed = new();
            resumed.skip(epoch, u64::from(epoch) * 8 + step as u64);
            resumed.shuffle();
            let (index, seed) = resumed.step(step);
            assert_eq!((index.to_vec(), seed), epochs[epoch as usize][step], "epoch {epoch} step {step}");
        }
    }

    #[test]
    fn fewer_samples_than_a_batch_are_one_batch() {
        let mut sampler = Sampler::new(&[4, 9], 32, 1);
        assert_eq!((sampler.step(0).0.len(), sampler.steps_per_epoch()), (2, 1));
        let mut seen = epoch(&mut sampler);
        seen.sort_unstable();
        assert_eq!(seen, [4, 9]);
    }

    #[test]
    fn evaluation_counts_every_sample_once() {
        let batches: Vec<WeightedBatch> = weighted_batches(&[1, 2, 3, 4, 5], 2).collect();
        assert_eq!(batches.len(), 3);
        assert_eq!(batches[2], WeightedBatch { index: vec![5, 5], weight: vec![1.0, 0.0] });
        let counted: f32 = batches.iter().flat_map(|batch| &batch.weight).sum();
        assert_eq!(counted, 5.0);
        assert_eq!(weighted_batches(&[], 2).count(), 0);
    }
}
