//! Drawing new points: streams of chance, and points that nobody has asked for yet.

use super::domain::Domain;
use super::strategy::TrialId;
use crate::streams::{Purpose, stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Draws in vain of one kind before another kind is tried.
const DRAWS_MAX: u32 = 64;

/// Draws in vain of random points before a space counts as exhausted.
const RANDOM_DRAWS_MAX: u32 = 4_096;

/// Streams of chance, all from one seed. What is drawn depends on the number of the evaluation that is asked for and on
/// how many times that number was asked for before, on nothing else: whoever knows the same goes on in the same way.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    number: u64,
    times: u32,
}

impl Chance {
    /// From this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, number: 0, times: 0 }
    }

    /// The stream for a question, where what it is answered with will have this number.
    pub fn asked(&mut self, number: usize) -> ChaCha8Rng {
        let number = number as u64 + 1;
        self.times = if self.number == number { self.times.wrapping_add(1) } else { 0 };
        self.number = number;
        stream(self.seed, Purpose::Selection, number, self.times.wrapping_mul(2))
    }

    /// The stream for what the end of an evaluation leads to.
    pub fn told(&self, trial: TrialId) -> ChaCha8Rng {
        stream(self.seed, Purpose::Selection, trial.0.wrapping_add(1), 1)
    }
}

/// Who remembers which points have been asked for.
pub trait Memory<D: Domain> {
    /// Whether this point has been asked for.
    fn knows(&self, key: &D::Key) -> bool;

    /// How many different points have been asked for.
    fn points(&self) -> usize;
}

/// How long a domain is drawn from that gives nothing.
pub struct Patience {
    vain: u32,
    vain_max: u32,
}

impl Patience {
    /// As much as this domain deserves.
    pub fn with(domain: &impl Domain) -> Self {
        Self { vain: 0, vain_max: domain.vain_draws_max().max(1) }
    }

    /// Takes note of a draw, and hands it on.
    pub fn note<P>(&mut self, drawn: Option<P>) -> Option<P> {
        self.vain = if drawn.is_some() { 0 } else { self.vain.saturating_add(1) };
        drawn
    }

    /// Whether so many draws in a row were in vain that there is nothing to be found.
    pub const fn is_over(&self) -> bool {
        self.vain >= self.vain_max
    }
}

/// A random point that is new; `None` where the space seems exhausted.
pub fn fresh_random<D: Domain>(
    domain: &D,
    memory: &impl Memory<D>,
    rng: &mut ChaCha8Rng,
) -> Option<D::Point> {
    if domain.size().is_some_and(|size| memory.points() as u64 >= size) {
        return None;
    }
    let mut patience = Patience::with(domain);
    let mut last = None;
    for _ in 0..RANDOM_DRAWS_MAX {
        match patience.note(domain.random(rng)) {
            Some(point) if !memory.knows(&domain.key(&point)) => return Some(point),
            Some(point) => last = Some(point),
            None if patience.is_over() => break,
            None => {}
        }
    }
    wander(domain, memory, last?, rng)
}

/// Leaves known ground step by step, where random points are known nearly all.
fn wander<D: Domain>(
    domain: &D,
    memory: &impl Memory<D>,
    from: D::Point,
    rng: &mut ChaCha8Rng,
) -> Option<D::Point> {
    let mut here = from;
    for _ in 0..RANDOM_DRAWS_MAX {
        here = domain.mutate(&here, rng)?;
        if !memory.knows(&domain.key(&here)) {
            return Some(here);
        }
    }
    None
}

/// A new point by some variation, tried several times; random where it yields nothing new.
pub fn fresh<D: Domain>(
    domain: &D,
    memory: &impl Memory<D>,
    rng: &mut ChaCha8Rng,
    mut vary: impl FnMut(&mut ChaCha8Rng) -> Option<D::Point>,
) -> Option<D::Point> {
    let mut patience = Patience::with(domain);
    for _ in 0..DRAWS_MAX {
        if let Some(point) = patience.note(vary(rng))
            && !memory.knows(&domain.key(&point))
        {
            return Some(point);
        }
        if patience.is_over() {
            break;
        }
    }
    fresh_random(domain, memory, rng)
}

/// `count` different places below `len`, in random order; all where there are fewer.
pub fn places(len: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let count = count.min(len);
    if count * 4 > len {
        let mut all: Vec<usize> = (0..len).collect();
        for place in 0..count {
            let drawn = rng.random_range(place..len);
            all.swap(place, drawn);
        }
        all.truncate(count);
        return all;
    }
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let place = rng.random_range(0..len);
        if !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    chosen
}
