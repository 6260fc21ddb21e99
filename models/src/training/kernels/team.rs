//! The threads that a kernel may use, and what each of them gets of a batch.

use super::division::ranges;
use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Threads that share out the parts of one task.
pub trait Team {
    /// How many there are, at least 1.
    fn threads(&self) -> usize;

    /// Calls `task` with each number below `parts`, perhaps at the same time.
    fn each(&self, parts: usize, task: &(dyn Fn(usize) + Sync));
}

/// A tensor divided by ranges of things that take `each` elements.
pub(super) fn chunks<'a>(
    mut tensor: &'a mut [f32],
    ranges: &[Range<usize>],
    each: usize,
) -> Vec<Mutex<&'a mut [f32]>> {
    let own = ranges.iter().map(|range| {
        let (own, rest) = std::mem::take(&mut tensor).split_at_mut(range.len() * each);
        tensor = rest;
        Mutex::new(own)
    });
    own.collect()
}

/// Does something with each thread's part of a tensor of things that take `each` elements; it is told which things they are.
pub(super) fn each_part(
    tensor: &mut [f32],
    each: usize,
    team: &dyn Team,
    work: impl Fn(Range<usize>, &mut [f32]) + Sync,
) {
    let shares = ranges(tensor.len() / each.max(1), team.threads());
    let own = chunks(tensor, &shares, each);
    team.each(shares.len(), &|index| {
        let mut own = own[index].lock().unwrap_or_else(PoisonError::into_inner);
        work(shares[index].clone(), &mut own);
    });
}

/// A batch divided among threads: some scratch, what is read and what is written of each part.
#[derive(Debug)]
pub(super) struct Shares<'a, S> {
    parts: Vec<Mutex<Share<'a, S>>>,
}

#[derive(Debug)]
struct Share<'a, S> {
    scratch: &'a mut S,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl<'a, S: Default + Send> Shares<'a, S> {
    /// Divides `samples` samples, which lie in `from` and `to` one after another.
    pub fn new(
        samples: usize,
        team: &dyn Team,
        scratch: &'a mut Vec<S>,
        (from, mut to): (&'a [f32], &'a mut [f32]),
    ) -> Self {
        let ranges = ranges(samples, team.threads());
        scratch.resize_with(ranges.len(), S::default);
        let (read, written) = (from.len() / samples.max(1), to.len() / samples.max(1));
        let mut parts = Vec::with_capacity(ranges.len());
        for (range, scratch) in ranges.into_iter().zip(scratch) {
            let (own, rest) = std::mem::take(&mut to).split_at_mut(range.len() * written);
            to = rest;
            let from = &from[range.start * read..range.end * read];
            parts.push(Mutex::new(Share { scratch, from, to: own }));
        }
        Self { parts }
    }

    /// Does something with each part.
    pub fn each(&mut self, team: &dyn Team, work: impl Fn(&mut S, &[f32], &mut [f32]) + Sync) {
        let parts = &self.parts;
        team.each(parts.len(), &|part| {
            let mut share = parts[part].lock().unwrap_or_else(PoisonError::into_inner);
            let Share { scratch, from, to } = &mut *share;
            work(scratch, from, to);
        });
    }
}
