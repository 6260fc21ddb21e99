//! A maker that searches: a strategy asked for the next network and told how each has turned out.
//!
//! Pure: the same orders and news, in the same order, give the same networks. It must not know time, trainers, or
//! what happens to the networks that it makes.

use super::Making;
use super::features::Size;
use super::genomes::{Candidate, Genomes, Home, Scope};
use crate::protocol::{BreedOrder, Individual, IndividualId, Maker, Newborn, News, Verdict};
use crate::search::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use hatchery_models::genome::LayerKind;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Networks whose numbers are refined at a time, and of these at most so many of one structure.
const BASES_MAX: usize = 4;
const BASES_OF_ONE_STRUCTURE_MAX: usize = 2;

/// The best networks are looked for among so many.
const RANKED_MAX: usize = 64;

/// Candidates that a strategy may look at for one network: each takes a tenth of a millisecond to draw and to check.
/// Fewer cost good networks (120: half a point to a point of accuracy on digits), twice as many bring no more.
const POOL: u32 = 480;

/// Of a counted budget, at most one birth in so many is a textbook design.
const TEXTBOOK_EVERY: u32 = 8;

/// How much a maker is to make.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Evaluations of the whole run, where they are counted.
    pub evaluations: Option<u32>,
    /// Textbook designs that come before the strategy's first question.
    pub textbook: u32,
}

/// A searching maker.
pub struct Searcher {
    maker: Maker,
    domain: Genomes,
    strategy: Box<dyn Strategy<Genomes> + Send>,
    task: Task,
    /// How many networks of the user's are born.
    users: u64,
    /// Births for which a textbook design was made: where that was in vain, it is the strategy's turn.
    opened: BTreeSet<IndividualId>,
    /// The strategy's number of every network that is being evaluated.
    trials: HashMap<IndividualId, TrialId>,
    /// What was made and is not born yet.
    made: BTreeMap<IndividualId, (TrialId, Arc<Candidate>)>,
    /// The best networks, best first.
    ranked: Vec<(f64, IndividualId, Arc<Candidate>)>,
    alive: HashMap<IndividualId, Arc<Candidate>>,
}

impl Searcher {
    /// A maker that has made nothing yet.
    pub fn new(
        maker: Maker,
        home: Arc<Home>,
        strategy: Box<dyn Strategy<Genomes> + Send>,
        task: Task,
    ) -> Self {
        let scope = if maker == Maker::Refiner { Scope::Numbers } else { Scope::Structures };
        Self {
            maker,
            domain: Genomes::new(home, scope),
            strategy,
            task,
            users: 0,
            opened: BTreeSet::new(),
            trials: HashMap::new(),
            made: BTreeMap::new(),
            ranked: Vec::new(),
            alive: HashMap::new(),
        }
    }

    fn context(&self, order: &BreedOrder) -> Context {
        let born = order.birth.0.saturating_sub(1);
        let evaluations = self.task.evaluations.map(u64::from).or(order.expected);
        Context {
            evaluations,
            evaluations_left: evaluations.map(|all| all.saturating_sub(born).max(1)),
            // Nobody waits for results here: who stands idle has no use for a better network later.
            workers: 1,
            pool: POOL,
        }
    }

    /// The first births, behind those of the user's networks, are textbook designs: better ones are looked for from
    /// where the user would begin.
    fn textbook(&mut self, order: &BreedOrder) -> Option<Arc<Candidate>> {
        let number = order.birth.0.checked_sub(1 + self.users)?;
        let counted = self.task.evaluations.map_or(u32::MAX, |evaluations| evaluations / TEXTBOOK_EVERY);
        let wanted = u64::from(self.task.textbook.min(counted));
        let due = self.maker == Maker::Breeder && number < wanted && self.opened.insert(order.birth);
        self.domain.textbook(usize::try_from(number).ok().filter(|_| due)?)
    }

    fn born(&mut self, individual: &Arc<Individual>) {
        self.users += u64::from(individual.maker == Maker::User);
        self.domain.individual(individual.id, &individual.hash);
        let (trial, candidate) = self.made.remove(&individual.id).unwrap_or_else(|| {
            let candidate = Arc::new(candidate(individual));
            (self.strategy.adopt(&self.domain, Arc::clone(&candidate)), candidate)
        });
        self.trials.insert(individual.id, trial);
        self.alive.insert(individual.id, candidate);
    }

    fn ended(&mut self, id: IndividualId, verdict: &Verdict) {
        let Some(trial) = self.trials.remove(&id) else { return };
        let candidate = self.alive.remove(&id);
        let outcome = match verdict {
            Verdict::Judged(losses) => Outcome::Done(losses.clone()),
            Verdict::Failed => Outcome::Failed,
        };
        self.strategy.tell(&self.domain, trial, &outcome);
        if let (Verdict::Judged(losses), Some(candidate)) = (verdict, candidate)
            && let Some(&loss) = losses.first()
        {
            let place = self.ranked.partition_point(|(other, ..)| *other <= loss);
            self.ranked.insert(place, (loss, id, candidate));
            self.ranked.truncate(RANKED_MAX);
        }
    }

    /// A strategy may take it for a parent already. It is not refined before its end: numbers are adjusted to results.
    fn under_way(&mut self, id: IndividualId, losses: &[f64]) {
        if let Some(&trial) = self.trials.get(&id) {
            self.strategy.tell(&self.domain, trial, &Outcome::Partial(losses.to_vec()));
        }
    }

    /// The best networks, of several structures where there are.
    fn bases(&self) -> Vec<Arc<Candidate>> {
        let mut bases: Vec<Arc<Candidate>> = Vec::new();
        for (_, _, candidate) in &self.ranked {
            let alike = bases.iter().filter(|base| structure(base) == structure(candidate)).count();
            if alike < BASES_OF_ONE_STRUCTURE_MAX {
                bases.push(Arc::clone(candidate));
            }
            if bases.len() == BASES_MAX {
                break;
            }
        }
        bases
    }
}

impl Making for Searcher {
    fn make(&mut self, order: &BreedOrder) -> Result<Newborn, String> {
        if self.maker == Maker::Refiner {
            let bases = self.bases();
            if bases.is_empty() {
                return Err("no network has a result yet that could be refined".to_owned());
            }
            self.domain.refine(bases);
        }
        // Of these the strategy hears when they are born.
        if let Some(candidate) = self.textbook(order) {
            return Ok(candidate.newborn());
        }
        let context = self.context(order);
        match self.strategy.ask(&self.domain, &context) {
            Ask::Evaluate(trial, point) => {
                let newborn = point.newborn();
                self.made.insert(order.birth, (trial, point));
                Ok(newborn)
            }
            Ask::Wait | Ask::Exhausted => {
                let nothing = || "only networks that are known already were found".to_owned();
                Err(self.domain.why_barren().unwrap_or_else(nothing))
            }
        }
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Born(individual) => self.born(individual),
            News::Vain(order) if order.maker == self.maker => {
                if let Some((trial, _)) = self.made.remove(&order.birth) {
                    self.strategy.tell(&self.domain, trial, &Outcome::Failed);
                }
            }
            News::Vain(_) => {}
            News::UnderWay(id, losses) => self.under_way(*id, losses),
            News::Ended(id, verdict) => self.ended(*id, verdict),
        }
    }
}

fn structure(candidate: &Candidate) -> Vec<LayerKind> {
    candidate.genome.layers.iter().map(|layer| layer.kind()).collect()
}

fn candidate(individual: &Individual) -> Candidate {
    Candidate {
        genome: individual.genome.clone(),
        hash: individual.hash.clone(),
        parents: individual.parents.clone(),
        operation: individual.operation.clone(),
        size: Size { parameters: individual.parameters, multiply_adds: individual.multiply_adds },
    }
}
