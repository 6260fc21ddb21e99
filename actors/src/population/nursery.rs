//! Births: which orders the makers have, and which genomes are known.
//!
//! It must not know trainers, leases or time, nor who is worth being ordered from.

use crate::protocol::{BreedOrder, Fingerprint, IndividualId, Maker};
use std::collections::{BTreeMap, HashSet};

/// After so many draws in vain for one birth, the space counts as exhausted.
pub const DRAWS_MAX: u32 = 120;

/// After so many draws in a row for one birth that found nothing viable, each a long search by itself, the space counts as
/// exhausted.
const BARREN_DRAWS_MAX: u32 = 3;

/// Births.
#[derive(Clone, Debug)]
pub struct Nursery {
    known: HashSet<Fingerprint>,
    orders: BTreeMap<IndividualId, BreedOrder>,
    barren: BTreeMap<IndividualId, u32>,
    next: u64,
    exhausted: Option<String>,
}

/// What became of a genome that a maker sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Birth {
    /// It is new: it may live, made to this order.
    New(BreedOrder),
    /// It, or none, came: draw again. First the order that was in vain.
    Again(BreedOrder, BreedOrder),
    /// Draws enough: nothing new can be found.
    GivenUp(BreedOrder),
    /// Nobody asked for it.
    Unasked,
}

impl Nursery {
    /// Nobody is born yet.
    pub fn new() -> Self {
        Self {
            known: HashSet::new(),
            orders: BTreeMap::new(),
            barren: BTreeMap::new(),
            next: 1,
            exhausted: None,
        }
    }

    /// An individual that nobody ordered: of an earlier life of this run, or the user's.
    pub fn remember(&mut self, id: IndividualId, hash: &str) {
        self.known.insert(Fingerprint::of(hash));
        self.next = self.next.max(id.0 + 1);
    }

    /// Whether this genome is known.
    pub fn knows(&self, hash: &str) -> bool {
        self.known.contains(&Fingerprint::of(hash))
    }

    /// Orders one more birth, of so many that are expected in all.
    pub fn order(&mut self, maker: Maker, expected: Option<u64>) -> BreedOrder {
        let birth = IndividualId(self.next);
        self.next += 1;
        let order = BreedOrder { birth, draw: 0, maker, expected };
        self.orders.insert(birth, order);
        order
    }

    /// A maker has drawn a genome with this hash.
    pub fn drawn(&mut self, birth: IndividualId, draw: u32, hash: &str) -> Birth {
        let Some(order) = self.asked(birth, draw) else { return Birth::Unasked };
        // What has been found once can be found again: only draws in a row speak of a barren space.
        self.barren.remove(&birth);
        if !self.known.insert(Fingerprint::of(hash)) {
            return self.again(order, "only networks that are known already");
        }
        self.orders.remove(&birth);
        Birth::New(order)
    }

    /// A maker could not draw a genome.
    pub fn barren(&mut self, birth: IndividualId, draw: u32, message: &str) -> Birth {
        let Some(order) = self.asked(birth, draw) else { return Birth::Unasked };
        if order.maker == Maker::Breeder {
            let barren = self.barren.entry(birth).or_default();
            *barren += 1;
            if *barren >= BARREN_DRAWS_MAX {
                return self.give_up(order, message.to_owned());
            }
        }
        self.again(order, message)
    }

    /// Orders under way.
    pub const fn orders(&self) -> &BTreeMap<IndividualId, BreedOrder> {
        &self.orders
    }

    /// The number of the next birth.
    pub const fn next(&self) -> IndividualId {
        IndividualId(self.next)
    }

    /// Calls all orders off: what comes now is unasked.
    pub fn close(&mut self) {
        self.orders.clear();
    }

    /// Why nothing new can be found, where that is so.
    pub fn exhausted(&self) -> Option<&str> {
        self.exhausted.as_deref()
    }

    fn asked(&self, birth: IndividualId, draw: u32) -> Option<BreedOrder> {
        self.orders.get(&birth).filter(|order| order.draw == draw).copied()
    }

    /// Draws again: whoever made the last, it is the Breeder's turn now, who has the whole space.
    fn again(&mut self, vain: BreedOrder, why: &str) -> Birth {
        let draw = vain.draw + 1;
        if draw >= DRAWS_MAX {
            return self.give_up(vain, format!("{DRAWS_MAX} draws in a row gave {why}"));
        }
        let order = BreedOrder { draw, maker: Maker::Breeder, ..vain };
        self.orders.insert(vain.birth, order);
        Birth::Again(vain, order)
    }

    fn give_up(&mut self, order: BreedOrder, why: String) -> Birth {
        self.orders.remove(&order.birth);
        self.exhausted = Some(why);
        Birth::GivenUp(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_genome_is_drawn_again_until_the_space_is_exhausted() {
        let mut nursery = Nursery::new();
        nursery.remember(IndividualId(9), "known");
        let mut order = nursery.order(Maker::Breeder, None);
        assert_eq!(order.birth, IndividualId(10));
        assert_eq!(nursery.drawn(order.birth, 7, "new"), Birth::Unasked);
        let mut draws = 1;
        while let Birth::Again(vain, next) = nursery.drawn(order.birth, order.draw, "known") {
            assert_eq!(vain, order);
            order = next;
            draws += 1;
        }
        assert_eq!(draws, DRAWS_MAX);
        assert!(nursery.exhausted().unwrap().contains("known already"));
        assert!(nursery.orders().is_empty());
        let next = nursery.order(Maker::Breeder, None);
        assert_eq!(nursery.drawn(next.birth, 0, "new"), Birth::New(next));
    }

    #[test]
    fn a_barren_space_is_given_up_soon_and_says_why() {
        let mut nursery = Nursery::new();
        let birth = nursery.order(Maker::Breeder, None).birth;
        assert!(matches!(nursery.barren(birth, 0, "nothing fits"), Birth::Again(..)));
        assert!(matches!(nursery.drawn(birth, 1, "fits"), Birth::New(_)));
        let birth = nursery.order(Maker::Breeder, None).birth;
        for draw in 0..2 {
            assert!(matches!(nursery.barren(birth, draw, "nothing fits"), Birth::Again(..)));
        }
        assert!(matches!(nursery.barren(birth, 2, "nothing fits"), Birth::GivenUp(_)));
        assert_eq!(nursery.exhausted(), Some("nothing fits"));
    }

    #[test]
    fn where_the_refiner_finds_nothing_the_breeder_does() {
        let mut nursery = Nursery::new();
        let order = nursery.order(Maker::Refiner, None);
        let Birth::Again(vain, next) = nursery.barren(order.birth, 0, "nothing to refine") else { panic!() };
        assert_eq!((vain, next.maker, next.draw), (order, Maker::Breeder, 1));
        assert!(matches!(nursery.barren(order.birth, 1, "nothing fits"), Birth::Again(..)));
    }
}
