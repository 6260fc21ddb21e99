//! Births: who is to be the next individual's parent, which orders the Breeder has, and which genomes are known.
//!
//! It must not know trainers, leases or time.

use super::archive::Archive;
use crate::protocol::{BreedOrder, IndividualId, Recipe};
use crate::streams::{Purpose, stream};
use hatchery_config::experiment::Search;
use rand::RngExt;
use std::collections::{BTreeMap, HashSet};

/// After so many draws in vain for one birth, parents are not asked any more: random genomes spread wider.
const DRAWS_WITH_PARENTS_MAX: u32 = 20;

/// After so many draws in vain for one birth, the space counts as exhausted.
pub const DRAWS_MAX: u32 = 120;

/// After so many draws in a row for one birth that found nothing viable, each a long search by itself, the space counts as
/// exhausted.
const BARREN_DRAWS_MAX: u32 = 3;

/// Births.
#[derive(Clone, Debug)]
pub struct Nursery {
    seed: u64,
    search: Search,
    known: HashSet<String>,
    orders: BTreeMap<IndividualId, BreedOrder>,
    barren: BTreeMap<IndividualId, u32>,
    next: u64,
    exhausted: Option<String>,
}

/// What became of a genome that the Breeder sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Birth {
    /// It is new: it may live, made by this recipe.
    New(Recipe),
    /// It, or none, came: draw again.
    Again(BreedOrder),
    /// Draws enough: nothing new can be found.
    GivenUp,
    /// Nobody asked for it.
    Unasked,
}

impl Nursery {
    /// Nobody is born yet.
    pub fn new(seed: u64, search: Search) -> Self {
        Self {
            seed,
            search,
            known: HashSet::new(),
            orders: BTreeMap::new(),
            barren: BTreeMap::new(),
            next: 1,
            exhausted: None,
        }
    }

    /// An individual of an earlier life of this run.
    pub fn remember(&mut self, id: IndividualId, hash: &str) {
        self.known.insert(hash.to_owned());
        self.next = self.next.max(id.0 + 1);
    }

    /// Orders one more birth.
    pub fn order(&mut self, archive: &Archive) -> BreedOrder {
        let birth = IndividualId(self.next);
        self.next += 1;
        let order = BreedOrder { birth, draw: 0, recipe: self.recipe(birth, 0, archive) };
        self.orders.insert(birth, order.clone());
        order
    }

    /// The Breeder has drawn a genome with this hash.
    pub fn drawn(&mut self, birth: IndividualId, draw: u32, hash: &str, archive: &Archive) -> Birth {
        if self.orders.get(&birth).is_none_or(|order| order.draw != draw) {
            return Birth::Unasked;
        }
        // What has been found once can be found again: only draws in a row speak of a barren space.
        self.barren.remove(&birth);
        if self.known.contains(hash) {
            return self.again(birth, draw, "only networks that are known already", archive);
        }
        self.known.insert(hash.to_owned());
        self.orders.remove(&birth).map_or(Birth::Unasked, |order| Birth::New(order.recipe))
    }

    /// The Breeder could not draw a genome.
    pub fn barren(&mut self, birth: IndividualId, draw: u32, message: &str, archive: &Archive) -> Birth {
        if self.orders.get(&birth).is_none_or(|order| order.draw != draw) {
            return Birth::Unasked;
        }
        let barren = self.barren.entry(birth).or_default();
        *barren += 1;
        if *barren >= BARREN_DRAWS_MAX {
            return self.give_up(birth, message.to_owned());
        }
        self.again(birth, draw, message, archive)
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

    fn again(&mut self, birth: IndividualId, draw: u32, why: &str, archive: &Archive) -> Birth {
        let draw = draw + 1;
        if draw >= DRAWS_MAX {
            return self.give_up(birth, format!("{DRAWS_MAX} draws in a row gave {why}"));
        }
        let order = BreedOrder { birth, draw, recipe: self.recipe(birth, draw, archive) };
        self.orders.insert(birth, order.clone());
        Birth::Again(order)
    }

    fn give_up(&mut self, birth: IndividualId, why: String) -> Birth {
        self.orders.remove(&birth);
        self.exhausted = Some(why);
        Birth::GivenUp
    }

    /// How this birth is to come about. It depends on the seed, the birth and the archive, on nothing else.
    fn recipe(&self, birth: IndividualId, draw: u32, archive: &Archive) -> Recipe {
        let mut rng = stream(self.seed, Purpose::Selection, birth.0, draw);
        let initial = birth.0 <= u64::from(self.search.initial);
        let immigrant = rng.random_bool(self.search.immigrants.clamp(0.0, 1.0));
        if initial || immigrant || draw >= DRAWS_WITH_PARENTS_MAX {
            return Recipe::Random;
        }
        let tournament = self.search.tournament;
        let Some(parent) = archive.tournament(tournament, None, &mut rng) else { return Recipe::Random };
        let cross = archive.len() >= 2 && rng.random_bool(self.search.crossover.clamp(0.0, 1.0));
        let other =
            if cross { archive.tournament(tournament, Some(parent.individual.id), &mut rng) } else { None };
        match other {
            None => Recipe::Mutate(parent.individual.clone()),
            Some(other) if other.fitness.compare(&parent.fitness).is_gt() => {
                Recipe::Cross(other.individual.clone(), parent.individual.clone())
            }
            Some(other) => Recipe::Cross(parent.individual.clone(), other.individual.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::{Fitness, Member};
    use super::*;
    use crate::testing;
    use std::sync::Arc;

    fn archive(ids: std::ops::RangeInclusive<u64>) -> Archive {
        let mut archive = Archive::new(100);
        for id in ids {
            archive.insert(Member {
                individual: Arc::new(testing::individual(id, &[])),
                fitness: Fitness::new(Some(id as f64), None).unwrap(),
            });
        }
        archive
    }

    fn search() -> Search {
        Search { initial: 5, population: 10, tournament: 3, crossover: 0.3, immigrants: 0.1 }
    }

    #[test]
    fn the_first_are_random_and_the_rest_come_in_the_shares_asked_for() {
        let mut nursery = Nursery::new(1, search());
        let archive = archive(1..=10);
        let recipes: Vec<Recipe> = (0..4005).map(|_| nursery.order(&archive).recipe).collect();
        assert!(recipes[..5].iter().all(|recipe| *recipe == Recipe::Random));
        let share =
            |wanted: fn(&Recipe) -> bool| recipes[5..].iter().filter(|r| wanted(r)).count() as f64 / 4000.0;
        assert!((share(|r| matches!(r, Recipe::Random)) - 0.1).abs() < 0.02);
        assert!((share(|r| matches!(r, Recipe::Cross(..))) - 0.27).abs() < 0.03);
        for recipe in &recipes {
            if let Recipe::Cross(better, other) = recipe {
                assert!(better.id > other.id, "the better one first, and never with oneself");
            }
        }
    }

    #[test]
    fn a_recipe_depends_on_seed_birth_and_archive_only() {
        let (mut one, mut other) = (Nursery::new(1, search()), Nursery::new(1, search()));
        for _ in 0..50 {
            one.order(&archive(1..=3));
        }
        other.remember(IndividualId(50), "elsewhere");
        assert_eq!(one.order(&archive(1..=8)), other.order(&archive(1..=8)));
    }

    #[test]
    fn a_known_genome_is_drawn_again_until_the_space_is_exhausted() {
        let mut nursery = Nursery::new(1, search());
        let archive = archive(1..=3);
        nursery.remember(IndividualId(9), "known");
        let mut order = nursery.order(&archive);
        assert_eq!(order.birth, IndividualId(10));
        assert_eq!(nursery.drawn(order.birth, 7, "new", &archive), Birth::Unasked);
        let mut draws = 1;
        while let Birth::Again(next) = nursery.drawn(order.birth, order.draw, "known", &archive) {
            order = next;
            draws += 1;
        }
        assert_eq!(draws, DRAWS_MAX);
        assert!(nursery.exhausted().unwrap().contains("known already"));
        assert!(nursery.orders().is_empty());
        let next = nursery.order(&archive);
        assert!(matches!(nursery.drawn(next.birth, 0, "new", &archive), Birth::New(_)));
    }

    #[test]
    fn a_barren_space_is_given_up_soon_and_says_why() {
        let mut nursery = Nursery::new(1, search());
        let archive = archive(1..=3);
        let birth = nursery.order(&archive).birth;
        assert!(matches!(nursery.barren(birth, 0, "nothing fits", &archive), Birth::Again(_)));
        assert!(matches!(nursery.drawn(birth, 1, "fits", &archive), Birth::New(_)));
        let birth = nursery.order(&archive).birth;
        for draw in 0..2 {
            assert!(matches!(nursery.barren(birth, draw, "nothing fits", &archive), Birth::Again(_)));
        }
        assert_eq!(nursery.barren(birth, 2, "nothing fits", &archive), Birth::GivenUp);
        assert_eq!(nursery.exhausted(), Some("nothing fits"));
    }
}
