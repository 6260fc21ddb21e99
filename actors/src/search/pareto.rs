//! Several losses at once: who dominates whom, fronts, crowding, and the volume that a front dominates.
//!
//! It must not know what the losses mean; all are minimised.

use std::cmp::Ordering;

/// Whether one is nowhere worse than the other, and somewhere better.
pub fn dominates(one: &[f64], other: &[f64]) -> bool {
    let nowhere_worse = one.iter().zip(other).all(|(one, other)| one <= other);
    nowhere_worse && one.iter().zip(other).any(|(one, other)| one < other)
}

/// The front of each: 0 for those that nobody dominates, 1 for those that only they do, and so on (Deb et al., 2002,
/// "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II").
pub fn fronts(losses: &[&[f64]]) -> Vec<usize> {
    let mut dominated: Vec<Vec<usize>> = vec![Vec::new(); losses.len()];
    let mut dominators = vec![0_usize; losses.len()];
    for one in 0..losses.len() {
        for other in 0..losses.len() {
            if dominates(losses[one], losses[other]) {
                dominated[one].push(other);
                dominators[other] += 1;
            }
        }
    }
    let mut fronts = vec![0; losses.len()];
    let mut current: Vec<usize> = (0..losses.len()).filter(|&at| dominators[at] == 0).collect();
    let mut front = 0;
    while !current.is_empty() {
        let mut next = Vec::new();
        for at in current {
            fronts[at] = front;
            for &other in &dominated[at] {
                dominators[other] -= 1;
                if dominators[other] == 0 {
                    next.push(other);
                }
            }
        }
        current = next;
        front += 1;
    }
    fronts
}

/// How alone each is within its front: infinite at the ends of an objective, else the sum of the gaps between its
/// neighbours.
pub fn crowding(losses: &[&[f64]], fronts: &[usize]) -> Vec<f64> {
    let mut distances = vec![0.0; losses.len()];
    let last = fronts.iter().copied().max().unwrap_or(0);
    for front in 0..=last {
        let mut members: Vec<usize> = (0..losses.len()).filter(|&at| fronts[at] == front).collect();
        let objectives = members.first().map_or(0, |&at| losses[at].len());
        for objective in 0..objectives {
            let loss = |at: usize| losses[at].get(objective).copied().unwrap_or(f64::INFINITY);
            members.sort_by(|&one, &other| loss(one).total_cmp(&loss(other)));
            spread(&members, loss, &mut distances);
        }
    }
    distances
}

fn spread(members: &[usize], loss: impl Fn(usize) -> f64, distances: &mut [f64]) {
    let (Some(&first), Some(&last)) = (members.first(), members.last()) else { return };
    let range = loss(last) - loss(first);
    distances[first] = f64::INFINITY;
    distances[last] = f64::INFINITY;
    if range > 0.0 {
        for window in members.windows(3) {
            distances[window[1]] += (loss(window[2]) - loss(window[0])) / range;
        }
    }
}

/// The volume between a front and a reference point that is worse than all of it: what lies beyond the reference
/// does not count. Slices along the last objective (exact; meant for few objectives).
pub fn hypervolume(losses: &[&[f64]], reference: &[f64]) -> f64 {
    let Some((&end, others)) = reference.split_last() else { return 0.0 };
    let mut inside: Vec<&[f64]> = losses
        .iter()
        .copied()
        .filter(|losses| losses.len() == reference.len() && losses.iter().zip(reference).all(|(l, r)| l < r))
        .collect();
    let last = |losses: &[f64]| losses.last().copied().unwrap_or(f64::INFINITY);
    inside.sort_by(|one, other| last(one).partial_cmp(&last(other)).unwrap_or(Ordering::Equal));
    if others.is_empty() {
        return inside.first().map_or(0.0, |best| end - last(best));
    }
    let mut volume = 0.0;
    for place in 0..inside.len() {
        let next = inside.get(place + 1).map_or(end, |next| last(next));
        let depth = next - last(inside[place]);
        if depth > 0.0 {
            let slice: Vec<&[f64]> = inside[..=place].iter().map(|losses| &losses[..others.len()]).collect();
            volume += depth * hypervolume(&slice, others);
        }
    }
    volume
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn cloud(seed: u64, count: usize, objectives: usize) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Few levels, so that equals occur.
        (0..count)
            .map(|_| (0..objectives).map(|_| f64::from(rng.random_range(0..8)) / 8.0).collect())
            .collect()
    }

    #[test]
    fn fronts_peel_off_one_after_the_other() {
        for seed in 0..50 {
            let cloud = cloud(seed, 30, 2 + (seed % 2) as usize);
            let losses: Vec<&[f64]> = cloud.iter().map(Vec::as_slice).collect();
            let fronts = fronts(&losses);
            for at in 0..losses.len() {
                let above = (0..losses.len()).filter(|&other| dominates(losses[other], losses[at]));
                let expected = above.map(|other| fronts[other] + 1).max().unwrap_or(0);
                assert_eq!(fronts[at], expected, "seed {seed}, point {at}");
            }
        }
    }

    #[test]
    fn the_ends_of_a_front_are_never_crowded() {
        let losses: [&[f64]; 4] = [&[0.0, 1.0], &[0.1, 0.8], &[0.5, 0.5], &[1.0, 0.0]];
        let distances = crowding(&losses, &fronts(&losses));
        assert!(distances[0].is_infinite() && distances[3].is_infinite());
        assert!((distances[1] - (0.5 + 0.5)).abs() < 1e-12 && distances[2] > distances[1]);
    }

    #[test]
    fn the_volume_is_what_counting_cells_says() {
        for seed in 0..30 {
            let objectives = 1 + (seed % 3) as usize;
            let cloud = cloud(seed, 6, objectives);
            let losses: Vec<&[f64]> = cloud.iter().map(Vec::as_slice).collect();
            let cells = 8_usize.pow(objectives as u32);
            let covered = (0..cells).filter(|cell| {
                let corner = (0..objectives).map(|axis| (cell / 8_usize.pow(axis as u32) % 8) as f64 / 8.0);
                let corner: Vec<f64> = corner.collect();
                losses.iter().any(|losses| losses.iter().zip(&corner).all(|(loss, corner)| loss <= corner))
            });
            let expected = covered.count() as f64 / cells as f64;
            let volume = hypervolume(&losses, &vec![1.0; objectives]);
            assert!((volume - expected).abs() < 1e-9, "seed {seed}: {volume} for {expected}");
        }
        assert_eq!(hypervolume(&[&[2.0, 0.0]], &[1.0, 1.0]), 0.0, "beyond the reference");
    }
}
