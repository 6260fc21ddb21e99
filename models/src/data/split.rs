//! Stratified, seeded splits and subsets: lists of indices, never copies of samples.

use super::{DataError, Dataset, Split, Targets};
use rand::seq::SliceRandom;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// Streams of the experiment's seed: one per purpose, so that a draw added to one moves nothing in another.
const SPLIT_STREAM: u64 = u64::from_le_bytes(*b"split\0\0\0");
const SUBSET_STREAM: u64 = u64::from_le_bytes(*b"subset\0\0");

/// Samples of a class that the test part leaves, where there are so many: one to train on, one to validate with.
const KEPT_OF_TEST: usize = 2;
/// Samples of a class that the validation part leaves to train on.
const KEPT_OF_VALIDATION: usize = 1;

impl Split {
    /// Divides a data set into training, validation and test part.
    ///
    /// The official test part, where there is one, is the test part and `test_fraction` is not used;
    /// otherwise that share is set aside. `valid_fraction` is the share of the remaining samples. Each class
    /// is divided alike, to within one sample; the test part leaves two samples of it, as far as it has so many, and
    /// the validation part one. Regression samples are shuffled. `test_fraction` 0 leaves the test part empty.
    ///
    /// # Errors
    /// A fraction out of range, or a part that should not be empty and would be.
    pub fn new(
        dataset: &Dataset,
        test_fraction: f64,
        valid_fraction: f64,
        seed: u64,
    ) -> Result<Self, DataError> {
        check_fractions(test_fraction, valid_fraction)?;
        let own = dataset.count.saturating_sub(dataset.official_test) as u32;
        let mut rng = stream(seed, SPLIT_STREAM);
        let mut groups = groups(dataset, &(0..own).collect::<Vec<_>>());
        groups.iter_mut().for_each(|group| group.shuffle(&mut rng));
        let test = if dataset.official_test > 0 {
            (own..dataset.count as u32).collect()
        } else {
            take_share(&mut groups, test_fraction, KEPT_OF_TEST)
        };
        let valid = take_share(&mut groups, valid_fraction, KEPT_OF_VALIDATION);
        let split = Self { train: ascending(groups.concat()), valid, test };
        let wants_test = dataset.official_test > 0 || test_fraction > 0.0;
        check_parts(dataset, &split, wants_test)?;
        Ok(split)
    }

    /// Whether networks can be compared by the validation part.
    ///
    /// # Errors
    /// Where all of its samples are of one class, or have one value: they tell no network from another.
    pub fn check_validation(&self, dataset: &Dataset) -> Result<(), DataError> {
        let (what, varies) = match &dataset.targets {
            Targets::Classes { labels, .. } => ("class", self.validation_varies(|index| labels[index])),
            Targets::Values { values, names } => {
                ("target", self.validation_varies(|index| &values[index * names.len()..][..names.len()]))
            }
        };
        if varies {
            return Ok(());
        }
        Err(DataError::UniformPart { origin: dataset.source.clone(), what, count: self.valid.len() })
    }

    fn validation_varies<T: PartialEq>(&self, of: impl Fn(usize) -> T) -> bool {
        self.valid.windows(2).any(|pair| of(pair[0] as usize) != of(pair[1] as usize))
    }
}

/// At most `max` of the samples at `indices`, each class in proportion to within one sample (rare classes
/// first), ascending. The same seed gives the same subset.
pub fn subset(dataset: &Dataset, indices: &[u32], max: usize, seed: u64) -> Vec<u32> {
    if indices.len() <= max {
        return ascending(indices.to_vec());
    }
    let mut rng = stream(seed, SUBSET_STREAM);
    let mut groups = groups(dataset, indices);
    groups.iter_mut().for_each(|group| group.shuffle(&mut rng));
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    take(&mut groups, &apportion(&sizes, max, 0))
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

fn check_fractions(test: f64, valid: f64) -> Result<(), DataError> {
    if !(0.0..1.0).contains(&test) {
        let (name, range) = ("data.test_fraction", "from 0 to below 1");
        return Err(DataError::FractionOutOfRange { name, value: test, range });
    }
    if !(valid > 0.0 && valid < 1.0) {
        let (name, range) = ("data.valid_fraction", "above 0 and below 1");
        return Err(DataError::FractionOutOfRange { name, value: valid, range });
    }
    Ok(())
}

fn check_parts(dataset: &Dataset, split: &Split, wants_test: bool) -> Result<(), DataError> {
    let parts = [
        ("training", &split.train, "lower data.test_fraction or data.valid_fraction, or add samples"),
        ("validation", &split.valid, "raise data.valid_fraction, or add samples"),
        ("test", &split.test, "raise data.test_fraction, or add samples"),
    ];
    let empty = parts.iter().find(|(part, indices, _)| indices.is_empty() && (*part != "test" || wants_test));
    let Some(&(part, _, remedy)) = empty else { return Ok(()) };
    Err(DataError::EmptyPart { origin: dataset.source.clone(), part, count: dataset.count, remedy })
}

/// The indices of each class; all in one group for regression.
fn groups(dataset: &Dataset, indices: &[u32]) -> Vec<Vec<u32>> {
    let Targets::Classes { labels, names } = &dataset.targets else { return vec![indices.to_vec()] };
    let mut groups = vec![Vec::new(); names.len()];
    for &index in indices {
        groups[labels[index as usize] as usize].push(index);
    }
    groups
}

/// Takes a share of all samples out of the groups and leaves at least `keep` in each, as far as it has so many.
fn take_share(groups: &mut [Vec<u32>], fraction: f64, keep: usize) -> Vec<u32> {
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    let total: usize = sizes.iter().sum();
    let wanted = (total as f64 * fraction).round() as usize;
    take(groups, &apportion(&sizes, wanted, keep))
}

fn take(groups: &mut [Vec<u32>], numbers: &[usize]) -> Vec<u32> {
    let taken = groups.iter_mut().zip(numbers).flat_map(|(group, &number)| {
        let rest = group.len().saturating_sub(number);
        group.split_off(rest)
    });
    ascending(taken.collect())
}

/// How many to take of each group so that they add up to `wanted`, by largest remainders: each gets its exact
/// share rounded down or up. Groups that would get none come first; `keep` stay behind in each, even if the
/// sum then falls short.
fn apportion(sizes: &[usize], wanted: usize, keep: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum::<usize>().max(1);
    // Sizes are below 2^32 each: products need 128 bits only to be beyond doubt.
    let product = |size: usize| size as u128 * wanted as u128;
    let share = |&size: &usize| ((product(size) / total as u128) as usize).min(size.saturating_sub(keep));
    let mut shares: Vec<usize> = sizes.iter().map(share).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&group| {
        let remainder = product(sizes[group]) % total as u128;
        (shares[group] > 0, std::cmp::Reverse(remainder), group)
    });
    let mut left = wanted.saturating_sub(shares.iter().sum());
    for group in order {
        let whole = product(sizes[group]) % total as u128 == 0;
        if left > 0 && !whole && shares[group] + keep < sizes[group] {
            shares[group] += 1;
            left -= 1;
        }
    }
    shares
}

fn ascending(mut indices: Vec<u32>) -> Vec<u32> {
    indices.sort_unstable();
    indices
}
