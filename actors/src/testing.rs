//! Small made-up individuals and runs for tests.

use crate::journal::RunInfo;
use crate::makers::{Makers, Making};
use crate::protocol::letters::{Hello, Report, Welcome};
use crate::protocol::{
    BreedOrder, EvaluationId, Individual, IndividualId, Lease, LeaseKind, Maker, Newborn, News, Ticket,
    Verdict, WorkerFacts,
};
use crate::streams::{Purpose, stream};
use hatchery_models::genome::{
    Activation, Dense, Genome, Initializer, LayerGene, Norm, Optimizer, Schedule, TrainingGenes,
};
use hatchery_models::problem::{Problem, Task};
use hatchery_models::training::outcome::{EpochReport, Outcome};
use rand::RngExt;

/// An experiment as journals hold one.
pub const EXPERIMENT: &str = "name = \"test\"\n[data]\nsource = \"digits\"\n";

/// A genome told from others by `number`.
pub fn genome(number: u64) -> Genome {
    let units = u32::try_from(number).unwrap_or(u32::MAX);
    Genome {
        layers: vec![LayerGene::Dense(Dense { units, norm: Norm::None, activation: Activation::Relu })],
        training: TrainingGenes {
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            momentum: 0.9,
            weight_decay: 0.0,
            batch_size: 32,
            label_smoothing: 0.0,
            gradient_clip: 0.0,
            initializer: Initializer::HeNormal,
            shift: 0,
            flip: false,
        },
    }
}

/// The number that `genome` put into it.
pub fn number(genome: &Genome) -> u64 {
    match genome.layers.first() {
        Some(LayerGene::Dense(dense)) => u64::from(dense.units),
        _ => 0,
    }
}

/// An individual whose hash is its number.
pub fn individual(id: u64, parents: &[u64]) -> Individual {
    Individual {
        id: IndividualId(id),
        genome: genome(id).into(),
        summary: format!("dense {id} relu || adam 1e-3 cosine batch 32"),
        hash: format!("{id:016x}"),
        parents: parents.iter().copied().map(IndividualId).collect(),
        operation: "random".to_owned(),
        maker: Maker::Breeder,
        parameters: 100 + id,
        multiply_adds: 1000 + id,
    }
}

/// A worker on a node of this name.
pub fn worker_facts(node: &str) -> WorkerFacts {
    WorkerFacts {
        node: node.to_owned(),
        host: "host".to_owned(),
        pid: 1,
        devices: vec!["cpu".to_owned()],
        program_version: "0.1.0".to_owned(),
    }
}

/// How a worker of so many slots on one GPU introduces itself.
pub fn hello(slots: usize) -> Hello {
    Hello {
        program_version: "1".to_owned(),
        host: "host".to_owned(),
        pid: 1,
        devices: vec!["cuda:0".to_owned(); slots],
        http: None,
        predecessor: None,
    }
}

/// What a worker is answered.
pub fn welcome() -> Welcome {
    Welcome {
        run: "run".to_owned(),
        experiment: EXPERIMENT.to_owned(),
        data_hash: "0123".to_owned(),
        threads: 1,
        trainers: 1,
    }
}

/// The first attempt at an evaluation of three epochs.
pub fn lease(evaluation: u64) -> Lease {
    Lease {
        evaluation: EvaluationId(evaluation),
        attempt: 1,
        individual: IndividualId(evaluation),
        kind: LeaseKind::Search,
        genome: genome(evaluation).into(),
        seed: 1,
        epochs: 3,
        seconds_max: None,
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: false,
        to_the_end: false,
    }
}

/// What is said of an evaluation's first attempt that has completed after so many seconds.
pub fn report(evaluation: u64, seconds: f64) -> Report {
    Report {
        ticket: Ticket { evaluation: EvaluationId(evaluation), attempt: 1 },
        slot: 0,
        slot_is_free: true,
        outcome: Outcome::Completed,
        message: String::new(),
        curve: Vec::new(),
        steps: 1,
        build_seconds: 0.0,
        seconds,
        latency_seconds: None,
        weights: None,
    }
}

/// An epoch that has learned a little.
pub fn epoch_report(epoch: u32) -> EpochReport {
    let (training_loss, validation_loss, validation_score) = (1.0, 1.0, 0.5);
    EpochReport { epoch, training_loss, validation_loss, validation_score, seconds: 1.0 }
}

/// A run on nothing.
pub fn run_info() -> RunInfo {
    RunInfo {
        experiment: EXPERIMENT.to_owned(),
        data_source: "digits".to_owned(),
        data_hash: "0123".to_owned(),
        problem: Problem {
            channels: 1,
            height: 8,
            width: 8,
            multi_view: false,
            task: Task::Classification { classes: 10 },
        },
        program_version: "0.1.0".to_owned(),
    }
}

/// Makers of numbers: what they draw depends on every order and every piece of news that they got, in that order.
#[derive(Clone, Copy, Debug)]
pub struct Drawing {
    pub seed: u64,
    /// Numbers from 1 to this.
    pub genomes: u64,
    /// How often there is none.
    pub barren: f64,
}

struct DrawingMind {
    drawing: Drawing,
    /// All that was ever heard, in one number.
    heard: u64,
    best: Option<(f64, IndividualId)>,
    numbers: std::collections::HashMap<IndividualId, u64>,
}

impl Makers for Drawing {
    fn mind(&self, maker: Maker) -> Box<dyn Making> {
        let (best, numbers) = (None, std::collections::HashMap::new());
        Box::new(DrawingMind { drawing: *self, heard: maker as u64, best, numbers })
    }

    /// Some have a regularised form, some two.
    fn regularised(&self, individual: &Individual, steps: u32) -> Option<Newborn> {
        let number = number(&individual.genome);
        let mut regularised = Genome::clone(&individual.genome);
        regularised.training.shift += steps;
        (u64::from(steps) <= number % 3).then(|| Newborn {
            genome: regularised.into(),
            summary: format!("{} shift {steps}", individual.summary),
            hash: format!("{:x}", number | u64::from(steps) << 40),
            parents: vec![individual.id],
            operation: "regularise".to_owned(),
            parameters: individual.parameters,
            multiply_adds: individual.multiply_adds,
        })
    }
}

impl DrawingMind {
    fn note(&mut self, number: u64) {
        self.heard = (self.heard ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
    }
}

impl Making for DrawingMind {
    fn make(&mut self, order: &BreedOrder) -> Result<Newborn, String> {
        self.note(order.birth.0 << 8 | u64::from(order.draw));
        let Drawing { seed, genomes, barren } = self.drawing;
        let mut rng = stream(seed ^ self.heard, Purpose::Variation, order.birth.0, order.draw);
        if rng.random_bool(barren) {
            return Err("no viable genome".to_owned());
        }
        let parent = self.best.filter(|_| rng.random_bool(0.7)).map(|(_, id)| id);
        let number = match parent.and_then(|id| self.numbers.get(&id)) {
            Some(best) => rng.random_range(best / 2..=best + best / 2 + 5) % genomes + 1,
            None => rng.random_range(1..=genomes),
        };
        Ok(Newborn {
            genome: genome(number).into(),
            summary: format!("dense {number}"),
            hash: format!("{number:x}"),
            parents: parent.into_iter().collect(),
            operation: "test".to_owned(),
            // Small networks are not the better ones: there is a front of score against size.
            parameters: number % 100,
            multiply_adds: number,
        })
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Born(individual) => {
                self.note(individual.id.0);
                self.numbers.insert(individual.id, number(&individual.genome));
            }
            News::Vain(order) => self.note(order.birth.0),
            News::UnderWay(id, losses) => self.note(id.0 ^ losses[0].to_bits()),
            News::Ended(id, Verdict::Failed) => self.note(id.0),
            News::Ended(id, Verdict::Judged(losses)) => {
                self.note(id.0 ^ losses[0].to_bits());
                if self.numbers.contains_key(id) && self.best.is_none_or(|(loss, _)| losses[0] < loss) {
                    self.best = Some((losses[0], *id));
                }
            }
        }
    }
}

/// Breeder and Refiner.
pub struct Minds {
    breeder: Box<dyn Making>,
    refiner: Box<dyn Making>,
}

impl Minds {
    /// Fresh minds that know this.
    pub fn new(makers: &dyn Makers, news: &[News]) -> Self {
        let mut minds = Self { breeder: makers.mind(Maker::Breeder), refiner: makers.mind(Maker::Refiner) };
        news.iter().for_each(|news| minds.hear(news));
        minds
    }

    pub fn make(&mut self, order: &BreedOrder) -> Result<Newborn, String> {
        if order.maker == Maker::Refiner { self.refiner.make(order) } else { self.breeder.make(order) }
    }

    pub fn hear(&mut self, news: &News) {
        self.breeder.hear(news);
        self.refiner.hear(news);
    }
}
