//! Who waits to be let in. A plain struct: it decides who has to go when there is no room, and knows no sockets.
//!
//! A flood of connections must not keep honest nodes out. So a newcomer is always admitted, and where there is no room
//! the oldest of those goes that have the most from one address: honest nodes need a few milliseconds to be through,
//! and are few.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Who waits, by where they are from; `T` is what is needed to send them away.
#[derive(Debug)]
pub(super) struct Porch<T> {
    room: usize,
    count: usize,
    next: u64,
    waiting: HashMap<IpAddr, BTreeMap<u64, T>>,
}

/// One who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    number: u64,
    origin: IpAddr,
}

impl<T> Porch<T> {
    /// Room for so many.
    pub(super) fn new(room: usize) -> Self {
        Self { room: room.max(1), count: 0, next: 0, waiting: HashMap::new() }
    }

    /// Admits one. `make` is given the place; what it makes stays until the place is left. Returns who has to go.
    pub(super) fn admit(&mut self, address: IpAddr, make: impl FnOnce(Place) -> T) -> Option<T> {
        let leaving = if self.count >= self.room { self.evict() } else { None };
        let place = Place { number: self.next, origin: origin(address) };
        self.next += 1;
        self.count += 1;
        self.waiting.entry(place.origin).or_default().insert(place.number, make(place));
        leaving
    }

    /// Has the one go who costs the others least.
    pub(super) fn evict(&mut self) -> Option<T> {
        let (number, origin) = self
            .waiting
            .iter()
            .filter_map(|(origin, them)| {
                them.keys().next().map(|oldest| (them.len(), u64::MAX - oldest, *origin))
            })
            .max()
            .map(|(_, age, origin)| (u64::MAX - age, origin))?;
        self.leave(Place { number, origin })
    }

    /// One is through, has given up, or was sent away.
    pub(super) fn leave(&mut self, place: Place) -> Option<T> {
        let them = self.waiting.get_mut(&place.origin)?;
        let left = them.remove(&place.number)?;
        if them.is_empty() {
            self.waiting.remove(&place.origin);
        }
        self.count -= 1;
        Some(left)
    }
}

/// What counts as one origin: an address, or what one customer of a provider has of the sixth version.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn the_oldest_of_the_greatest_crowd_goes() {
        let mut porch = Porch::new(4);
        assert_eq!(porch.admit(address(1), |_| "honest"), None);
        assert_eq!(porch.admit(address(2), |_| "first"), None);
        assert_eq!(porch.admit(address(2), |_| "second"), None);
        assert_eq!(porch.admit(address(3), |_| "other"), None);
        assert_eq!(porch.admit(address(2), |_| "third"), Some("first"));
        assert_eq!(porch.admit(address(4), |_| "fourth"), Some("second"));
        // One each: the oldest of all.
        assert_eq!(porch.admit(address(5), |_| "fifth"), Some("honest"));
    }

    #[test]
    fn a_network_of_the_sixth_version_is_one_origin() {
        let mut porch = Porch::new(3);
        assert_eq!(porch.admit("::ffff:10.0.0.1".parse().unwrap(), |_| "honest"), None);
        assert_eq!(porch.admit("2001:db8::1".parse().unwrap(), |_| "flood 1"), None);
        assert_eq!(porch.admit("2001:db8::ffff:2".parse().unwrap(), |_| "flood 2"), None);
        assert_eq!(porch.admit("2001:db8::3".parse().unwrap(), |_| "flood 3"), Some("flood 1"));
    }

    #[test]
    fn room_is_never_exceeded_and_always_given_back() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut porch = Porch::new(16);
        let mut places = Vec::new();
        for _ in 0..5000 {
            if rng.random_range(0..3) > 0 {
                porch.admit(address(rng.random_range(0..9)), |place| places.push(place));
            } else if !places.is_empty() {
                porch.leave(places.swap_remove(rng.random_range(0..places.len())));
            }
            let held: usize = porch.waiting.values().map(BTreeMap::len).sum();
            assert!(held == porch.count && held <= 16);
        }
        while porch.evict().is_some() {}
        assert!(porch.count == 0 && porch.waiting.is_empty());
    }
}
