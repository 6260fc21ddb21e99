//! Genomes as a search domain: how they are drawn, varied, told apart, and seen by a model.
//!
//! There are two: all networks of the space (the Breeder's), and the numbers of the best structures (the Refiner's).
//! It must not know how good any genome is, except which are worth refining, and that it is told.

use super::features::{self, Size};
use crate::protocol::{Fingerprint, IndividualId, Newborn};
use crate::search::domain::{Domain, Scale};
use hatchery_config::experiment::Limits;
use hatchery_config::space::Space;
use hatchery_models::genome::{Genome, Written, canonical_hash};
use hatchery_models::problem::Problem;
use hatchery_models::variation::{self, Barren, Habitat, Offspring};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Mutants that stand for a genome's neighbourhood: each costs a check of its own.
const NEIGHBOURS_MAX: usize = 12;

/// Numbers that a random refinement changes, at most.
const REFINED_MAX: usize = 4;

/// Refinements in a row that lead nowhere before there are no others: of several networks, some may have neighbours
/// where others have none.
const REFINEMENTS_IN_VAIN_MAX: u32 = 4_096;

/// Steps of a refinement, as a share of a number's range: random, small, and to a neighbour.
const REACH: f64 = 0.25;
const STEP: f64 = 0.12;
const NEAR: f64 = 0.06;

/// Where networks live.
#[derive(Clone, Debug)]
pub struct Home {
    /// Bounds on every gene.
    pub space: Space,
    /// What goes in and comes out.
    pub problem: Problem,
    /// What a network may cost.
    pub limits: Limits,
}

impl Home {
    const fn habitat(&self) -> Habitat<'_> {
        Habitat { space: &self.space, problem: &self.problem, limits: &self.limits }
    }

    /// An individual's genome with so many steps more of regularisation, where there is more.
    pub(super) fn regularised(
        &self,
        genome: &Genome,
        individual: IndividualId,
        steps: u32,
    ) -> Option<Arc<Candidate>> {
        Some(Candidate::of(variation::regularised(genome, &self.habitat(), steps)?, vec![individual]))
    }
}

/// One network that may be trained.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its description, in canonical form.
    pub genome: Arc<Written>,
    /// Structural hash, hexadecimal.
    pub hash: String,
    /// Who it comes from.
    pub parents: Vec<IndividualId>,
    /// How.
    pub operation: String,
    /// Its size.
    pub size: Size,
}

impl Candidate {
    fn of(offspring: Offspring, parents: Vec<IndividualId>) -> Arc<Self> {
        let Offspring { genome, operation, estimate } = offspring;
        let genome: Arc<Written> = genome.into();
        Arc::new(Self {
            hash: canonical_hash(&genome).to_string(),
            genome,
            parents,
            operation,
            size: Size { parameters: estimate.parameters, multiply_adds: estimate.multiply_adds },
        })
    }

    /// What is said of it to whoever has ordered it.
    pub(super) fn newborn(&self) -> Newborn {
        Newborn {
            summary: self.genome.to_string(),
            genome: Arc::clone(&self.genome),
            hash: self.hash.clone(),
            parents: self.parents.clone(),
            operation: self.operation.clone(),
            parameters: self.size.parameters,
            multiply_adds: self.size.multiply_adds,
        }
    }
}

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every network of the space.
    Structures,
    /// The numbers of the networks that are worth refining.
    Numbers,
}

/// Genomes as a domain.
pub struct Genomes {
    home: Arc<Home>,
    scope: Scope,
    scales: Vec<Scale>,
    individuals: HashMap<Fingerprint, IndividualId>,
    bases: Vec<Arc<Candidate>>,
    barren: RefCell<Option<String>>,
}

impl Genomes {
    /// All genomes of this home.
    pub fn new(home: Arc<Home>, scope: Scope) -> Self {
        Self {
            home,
            scope,
            scales: features::scales(),
            individuals: HashMap::new(),
            bases: Vec::new(),
            barren: RefCell::new(None),
        }
    }

    /// A genome that is an individual.
    pub fn individual(&mut self, id: IndividualId, hash: &str) {
        self.individuals.insert(Fingerprint::of(hash), id);
    }

    /// The networks whose numbers are refined, best first.
    pub fn refine(&mut self, bases: Vec<Arc<Candidate>>) {
        self.bases = bases;
    }

    /// The textbook design of this number, from 0, where there is one.
    pub fn textbook(&self, number: usize) -> Option<Arc<Candidate>> {
        let offspring = variation::textbook(&self.home.habitat(), number)?;
        Some(Candidate::of(offspring, Vec::new()))
    }

    /// Why the last draw in vain was, where it is known.
    pub fn why_barren(&self) -> Option<String> {
        self.barren.borrow().clone()
    }

    fn bred(
        &self,
        offspring: Result<Offspring, Barren>,
        parents: Vec<IndividualId>,
    ) -> Option<Arc<Candidate>> {
        match offspring {
            Ok(offspring) => Some(Candidate::of(offspring, parents)),
            Err(barren) => {
                *self.barren.borrow_mut() = Some(barren.to_string());
                None
            }
        }
    }

    /// Who a variation of this candidate comes from, and what had been done to it before.
    fn origin(&self, candidate: &Candidate) -> (Vec<IndividualId>, Option<String>) {
        self.individuals.get(&Fingerprint::of(&candidate.hash)).map_or_else(
            || (candidate.parents.clone(), Some(candidate.operation.clone())),
            |id| (vec![*id], None),
        )
    }

    fn refined(
        &self,
        base: &Candidate,
        changes: usize,
        reach: f64,
        rng: &mut ChaCha8Rng,
    ) -> Option<Arc<Candidate>> {
        let offspring = variation::refine(&base.genome, &self.home.habitat(), changes, reach, rng)?;
        Some(self.continued(base, offspring))
    }

    /// What a variation of a candidate has come to; where that is no individual, the words add up.
    fn continued(&self, from: &Candidate, offspring: Offspring) -> Arc<Candidate> {
        let (parents, before) = self.origin(from);
        let operation = match before {
            Some(before) => format!("{before}; {}", offspring.operation),
            None => offspring.operation,
        };
        Candidate::of(Offspring { operation, ..offspring }, parents)
    }

    fn random_base(&self, rng: &mut ChaCha8Rng) -> Option<Arc<Candidate>> {
        // The square of an even draw favours the best.
        let drawn = (rng.random::<f64>().powi(2) * self.bases.len() as f64) as usize;
        self.bases.get(drawn.min(self.bases.len().saturating_sub(1))).cloned()
    }
}

impl Domain for Genomes {
    type Point = Arc<Candidate>;
    type Key = Fingerprint;

    fn key(&self, point: &Self::Point) -> Fingerprint {
        Fingerprint::of(&point.hash)
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn features(&self, point: &Self::Point) -> Vec<f32> {
        features::features(&point.genome, point.size, &self.home.space, &self.home.limits)
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Option<Self::Point> {
        match self.scope {
            Scope::Structures => self.bred(variation::random(&self.home.habitat(), rng), Vec::new()),
            Scope::Numbers => {
                let base = self.random_base(rng)?;
                let changes = rng.random_range(1..=REFINED_MAX);
                self.refined(&base, changes, REACH, rng)
            }
        }
    }

    fn mutate(&self, point: &Self::Point, rng: &mut ChaCha8Rng) -> Option<Self::Point> {
        match self.scope {
            Scope::Structures => {
                let offspring = variation::mutate(&point.genome, &self.home.habitat(), rng).ok()?;
                Some(self.continued(point, offspring))
            }
            Scope::Numbers => self.refined(point, 1, STEP, rng),
        }
    }

    fn crossover(&self, one: &Self::Point, other: &Self::Point, rng: &mut ChaCha8Rng) -> Option<Self::Point> {
        let habitat = self.home.habitat();
        let offspring = match self.scope {
            Scope::Structures => variation::crossover(&one.genome, &other.genome, &habitat, rng).ok()?,
            Scope::Numbers => variation::blend(&one.genome, &other.genome, &habitat, rng)?,
        };
        let (mut parents, _) = self.origin(one);
        parents.extend(self.origin(other).0);
        let mut seen = Vec::new();
        parents.retain(|parent| {
            !seen.contains(parent) && {
                seen.push(*parent);
                true
            }
        });
        parents.truncate(2);
        Some(Candidate::of(offspring, parents))
    }

    fn neighbours(&self, point: &Self::Point, max: usize, rng: &mut ChaCha8Rng) -> Vec<Self::Point> {
        let all = 0..max.min(NEIGHBOURS_MAX);
        match self.scope {
            Scope::Structures => all.map_while(|_| self.mutate(point, rng)).collect(),
            Scope::Numbers => all.filter_map(|_| self.refined(point, 1, NEAR, rng)).collect(),
        }
    }

    fn size(&self) -> Option<u64> {
        None
    }

    /// A structure that is not found was looked for long: in all the space, also where one was to be varied.
    fn vain_draws_max(&self) -> u32 {
        match self.scope {
            Scope::Structures => 1,
            Scope::Numbers => REFINEMENTS_IN_VAIN_MAX,
        }
    }
}
