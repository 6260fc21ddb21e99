//! A benchmark table as a domain: every row is a point, and its result columns say how good it is.
//!
//! A table need not be a full grid: what variation leads to is looked up, and where no such row exists, one of the
//! nearest rows takes its place.

mod direction;
mod parse;

pub use direction::{Direction, UnknownDirection};
pub use parse::TableError;

use super::domain::{Domain, Scale};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Draws of a variation before the nearest rows are asked.
const DRAWS_MAX: u32 = 12;

/// How many of the nearest rows of a row are kept.
const NEAREST_MAX: usize = 24;

/// One parameter: its values in order, and on which scale they lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its column's name.
    pub name: String,
    /// Number or word.
    pub scale: Scale,
    /// Its values: numbers ascending, words in the order of the alphabet.
    pub values: Vec<String>,
}

/// The result columns whose names begin in the same way, as losses.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    columns: usize,
    losses: Vec<f64>,
    direction: Direction,
}

impl Results {
    /// How many columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The loss of a row in one column.
    pub fn loss(&self, row: u32, column: usize) -> f64 {
        self.losses[row as usize * self.columns + column]
    }

    /// The mean loss of a row.
    pub fn mean_loss(&self, row: u32) -> f64 {
        let start = row as usize * self.columns;
        self.losses[start..start + self.columns].iter().sum::<f64>() / self.columns as f64
    }

    /// A loss as the table's own value.
    pub fn value(&self, loss: f64) -> f64 {
        loss * self.direction.sign()
    }

    /// Which way the table's own values are better.
    pub const fn direction(&self) -> Direction {
        self.direction
    }
}

/// Rows of the same parameters and different results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Lines of the first two of them, from 1.
    pub lines: [usize; 2],
    /// How many rows there are in all whose results differ from those of an earlier row of the same parameters.
    pub rows: usize,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    parameters: Vec<Parameter>,
    kinds: Vec<Scale>,
    /// Row by row, the place of each parameter's value among its values.
    codes: Vec<u16>,
    index: HashMap<Box<[u16]>, u32>,
    rows: u32,
    repeats: Option<Repeats>,
    /// The nearest rows of a row, found when first asked for.
    nearest: Vec<OnceLock<Box<[u32]>>>,
    columns: Vec<(String, Vec<f64>)>,
    /// Words that several parameters share, with those parameters: how often a row uses each is a feature.
    words: Vec<(Vec<usize>, u16)>,
    /// Scales of parameters and words.
    scales: Vec<Scale>,
}

impl Table {
    /// The parameters.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// How many rows.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether rows have the same parameters and different results. They may, where trainings were repeated.
    pub const fn repeats(&self) -> Option<Repeats> {
        self.repeats
    }

    /// The result columns that begin with `prefix`, better in the direction that their names say.
    ///
    /// # Errors
    /// Where there is none, or where some are minimised and others maximised.
    pub fn results(&self, prefix: &str) -> Result<Results, TableError> {
        parse::results(&self.columns, self.rows, prefix, None)
    }

    /// The same, better in this direction whatever their names say.
    ///
    /// # Errors
    /// Where there is none.
    pub fn results_toward(&self, prefix: &str, direction: Direction) -> Result<Results, TableError> {
        parse::results(&self.columns, self.rows, prefix, Some(direction))
    }

    fn row_codes(&self, row: u32) -> &[u16] {
        let width = self.parameters.len();
        &self.codes[row as usize * width..(row as usize + 1) * width]
    }

    /// Another code for one parameter: near for numbers, at times far; any for words.
    fn step(&self, parameter: usize, code: u16, rng: &mut ChaCha8Rng) -> u16 {
        let count = self.parameters[parameter].values.len() as u16;
        if self.kinds[parameter] == Scale::Ordered && rng.random_range(0..3) > 0 {
            let reach = (count / 8).max(1);
            let distance = rng.random_range(1..=reach);
            let up = rng.random_range(0..2) == 0;
            let moved =
                if up { code.saturating_add(distance).min(count - 1) } else { code.saturating_sub(distance) };
            if moved != code {
                return moved;
            }
        }
        let other = rng.random_range(0..count - 1);
        if other >= code { other + 1 } else { other }
    }

    fn changeable(&self, rng: &mut ChaCha8Rng) -> Option<usize> {
        let many = |parameter: &Parameter| parameter.values.len() > 1;
        let count = self.parameters.iter().filter(|parameter| many(parameter)).count();
        let chosen = (count > 0).then(|| rng.random_range(0..count))?;
        self.parameters
            .iter()
            .enumerate()
            .filter(|(_, parameter)| many(parameter))
            .nth(chosen)
            .map(|(at, _)| at)
    }

    /// The rows nearest to a row, itself excluded.
    fn nearest(&self, row: u32) -> &[u32] {
        self.nearest[row as usize].get_or_init(|| {
            let here: Vec<f32> = self
                .row_codes(row)
                .iter()
                .enumerate()
                .map(|(parameter, &code)| self.position(parameter, code))
                .collect();
            let mut distances: Vec<(f32, u32)> = (0..self.rows)
                .filter(|&other| other != row)
                .map(|other| (self.distance(&here, other), other))
                .collect();
            let kept = NEAREST_MAX.min(distances.len());
            if kept > 0 && kept < distances.len() {
                distances.select_nth_unstable_by(kept, |one, other| {
                    one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
                });
            }
            distances.truncate(kept);
            distances.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            distances.into_iter().map(|(_, other)| other).collect()
        })
    }

    fn distance(&self, here: &[f32], other: u32) -> f32 {
        let there = self.row_codes(other);
        let mut sum = 0.0;
        for (parameter, (&one, &code)) in here.iter().zip(there).enumerate() {
            let two = self.position(parameter, code);
            sum += match self.kinds[parameter] {
                Scale::Ordered => (one - two).abs(),
                Scale::Words(_) => f32::from(u8::from(one != two)),
            };
        }
        sum
    }

    fn position(&self, parameter: usize, code: u16) -> f32 {
        match self.kinds[parameter] {
            Scale::Words(_) => f32::from(code),
            Scale::Ordered => {
                let last = self.parameters[parameter].values.len() - 1;
                if last == 0 { 0.0 } else { f32::from(code) / last as f32 }
            }
        }
    }

    fn near(&self, row: u32, rng: &mut ChaCha8Rng) -> Option<u32> {
        let nearest = self.nearest(row);
        (!nearest.is_empty()).then(|| nearest[rng.random_range(0..nearest.len())])
    }
}

impl Domain for Table {
    type Point = u32;
    type Key = u32;

    fn key(&self, point: &u32) -> u32 {
        *point
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn features(&self, point: &u32) -> Vec<f32> {
        let codes = self.row_codes(*point);
        let own = codes.iter().enumerate().map(|(parameter, &code)| self.position(parameter, code));
        let counts = self.words.iter().map(|(parameters, word)| {
            let used = parameters.iter().filter(|&&parameter| codes[parameter] == *word).count();
            used as f32 / parameters.len() as f32
        });
        own.chain(counts).collect()
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Option<u32> {
        Some(rng.random_range(0..self.rows))
    }

    fn mutate(&self, point: &u32, rng: &mut ChaCha8Rng) -> Option<u32> {
        for _ in 0..DRAWS_MAX {
            let mut codes: Box<[u16]> = self.row_codes(*point).into();
            let parameter = self.changeable(rng)?;
            codes[parameter] = self.step(parameter, codes[parameter], rng);
            if let Some(&row) = self.index.get(&codes) {
                return Some(row);
            }
        }
        self.near(*point, rng)
    }

    fn crossover(&self, one: &u32, other: &u32, rng: &mut ChaCha8Rng) -> Option<u32> {
        for _ in 0..DRAWS_MAX {
            let pairs = self.row_codes(*one).iter().zip(self.row_codes(*other));
            let codes: Box<[u16]> =
                pairs.map(|(&one, &other)| if rng.random_range(0..2) == 0 { one } else { other }).collect();
            if let Some(&row) = self.index.get(&codes) {
                return Some(row);
            }
        }
        self.near(*one, rng)
    }

    fn neighbours(&self, point: &u32, max: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let here = self.row_codes(*point);
        let mut found = Vec::new();
        for (parameter, &code) in here.iter().enumerate() {
            let count = self.parameters[parameter].values.len() as u16;
            for other in (0..count).filter(|&other| other != code) {
                if self.kinds[parameter] == Scale::Ordered && other.abs_diff(code) > (count / 8).max(1) {
                    continue;
                }
                let mut codes: Box<[u16]> = here.into();
                codes[parameter] = other;
                found.extend(self.index.get(&codes).copied());
            }
        }
        if found.len() < self.parameters.len() {
            found.extend(self.nearest(*point));
            found.sort_unstable();
            found.dedup();
        }
        found.shuffle(rng);
        found.truncate(max);
        found
    }

    fn size(&self) -> Option<u64> {
        Some(u64::from(self.rows))
    }
}
