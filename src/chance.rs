//! Random numbers for what is not searched: names, ports, pauses. The standard library seeds its hashes from the system.
//!
//! Whatever an experiment draws comes from the named streams of its seed, never from here.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// Any number.
pub fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Between 0 and 1.
pub fn share() -> f64 {
    number() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_differ_and_shares_are_spread() {
        let numbers: BTreeSet<u64> = (0..1000).map(|_| number()).collect();
        assert_eq!(numbers.len(), 1000);
        let low = (0..1000).map(|_| share()).filter(|share| *share < 0.5).count();
        assert!((300..700).contains(&low), "{low} of 1000 are below a half");
    }
}
