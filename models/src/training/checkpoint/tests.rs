use super::*;
use crate::training::assignment::Assignment;
use crate::{
    data::{self, Dataset, LoadOptions, Normalisation, Split},
    genome::{
        Activation, Convolution, Dense, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding,
        Schedule, TrainingGenes,
    },
    training::{
        Observer, Resident, Unobserved, Verdict, Wish,
        outcome::{Outcome, Trained},
        runtime::{LibraryOptions, Runtime},
        train,
    },
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

struct Digits {
    runtime: Runtime,
    resident: Resident,
    split: Split,
    normalisation: Normalisation,
}

impl Digits {
    fn new() -> Self {
        let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
        let dataset: Dataset = data::load("digits", &LoadOptions::default()).unwrap();
        let split = Split::new(&dataset, 0.2, 0.2, 1).unwrap();
        let normalisation = Normalisation::of(&dataset, &split.train);
        let resident = Resident::new(&runtime, Arc::new(dataset)).unwrap();
        Self { runtime, resident, split, normalisation }
    }

    fn assignment<'a>(&'a self, genome: &'a Genome, resume: Option<&'a Checkpoint>) -> Assignment<'a> {
        Assignment {
            genome,
            epochs: 4,
            seed: 11,
            train: &self.split.train,
            valid: &self.split.valid,
            normalisation: &self.normalisation,
            seconds_max: None,
            memory_bytes_max: u64::MAX,
            majority_patience: f64::INFINITY,
            patience: 0,
            resume,
            inherit: None,
        }
    }

    fn train(&self, assignment: &Assignment<'_>) -> Trained {
        train(&self.runtime, &self.resident, assignment, &mut Unobserved)
    }

    /// Trains until the `questions`th question, and hands back then.
    fn interrupted(&self, assignment: &Assignment<'_>, questions: u32) -> Trained {
        let mut observer = Interrupter { questions: Cell::new(questions), resumed: RefCell::default() };
        let trained = train(&self.runtime, &self.resident, assignment, &mut observer);
        let before = assignment.resume.map_or(&[][..], Checkpoint::curve);
        assert_eq!(observer.resumed.borrow().as_slice(), before);
        trained
    }
}

struct Interrupter {
    questions: Cell<u32>,
    resumed: RefCell<Vec<EpochReport>>,
}

impl Observer for Interrupter {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    fn wish(&self) -> Wish {
        self.questions.set(self.questions.get().saturating_sub(1));
        if self.questions.get() == 0 { Wish::HandBack } else { Wish::GoOn }
    }

    fn resumed(&mut self, curve: &[EpochReport]) {
        self.resumed.replace(curve.to_vec());
    }
}

/// Convolution with batch normalisation, dropout, and augmentation by shifting and flipping.
fn network(optimizer: Optimizer, schedule: Schedule) -> Genome {
    let convolution = LayerGene::Convolution(Convolution {
        filters: 6,
        kernel: [3, 3],
        stride: 2,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm: Norm::Batch,
        activation: Activation::Relu,
    });
    let dense = LayerGene::Dense(Dense { units: 16, norm: Norm::None, activation: Activation::Relu });
    let training = TrainingGenes {
        optimizer,
        learning_rate: if optimizer == Optimizer::Sgd { 0.05 } else { 3e-3 },
        schedule,
        momentum: 0.9,
        weight_decay: 1e-3,
        batch_size: 16,
        label_smoothing: 0.05,
        gradient_clip: 1.0,
        initializer: Initializer::HeNormal,
        shift: 1,
        flip: true,
    };
    Genome { layers: vec![convolution, LayerGene::Dropout { ratio: 0.2 }, dense], training }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// All figures of a curve but the seconds.
fn figures(curve: &[EpochReport]) -> Vec<(u32, [u64; 3])> {
    curve
        .iter()
        .map(|report| {
            let figures = [report.training_loss, report.validation_loss, report.validation_score];
            (report.epoch, figures.map(f64::to_bits))
        })
        .collect()
}

#[track_caller]
fn assert_same(one: &Trained, other: &Trained) {
    assert_eq!((one.outcome, one.steps), (other.outcome, other.steps), "{}", other.message);
    assert_eq!(figures(&one.curve), figures(&other.curve));
    let (one, other) = (one.weights.as_ref().unwrap(), other.weights.as_ref().unwrap());
    assert_eq!(bits(&one.parameters), bits(&other.parameters));
    assert_eq!(bits(&one.statistics), bits(&other.statistics));
}

/// Through bytes.
fn shipped(trained: &Trained) -> Checkpoint {
    assert_eq!((trained.outcome, trained.message.as_str()), (Outcome::WorkerLost, "handed back"));
    assert_eq!(trained.weights, None);
    let back = Checkpoint::from_bytes(trained.checkpoint.as_ref().unwrap()).unwrap();
    assert_eq!(back.steps(), trained.steps);
    assert!((back.seconds() - trained.seconds).abs() < 1.0);
    back
}

/// Steps of an epoch.
const STEPS: u64 = 71;

/// An epoch asks before each of its steps, before both batches of the looks after steps 20 and 40 (in the first two
/// epochs), and before the 3 batches of its validation. These interrupt within an epoch, before and amid a look, after
/// it, before and amid the validation, between two epochs, within the second, and at the very last batch.
const QUESTIONS: [u32; 10] = [2, 12, 21, 22, 23, 76, 77, 79, 120, 304];

#[test]
fn a_training_that_is_interrupted_ends_as_if_it_had_not_been() {
    let digits = Digits::new();
    for (optimizer, schedule) in
        [(Optimizer::Sgd, Schedule::WarmupCosine), (Optimizer::Adam, Schedule::Cosine)]
    {
        let genome = network(optimizer, schedule);
        let whole = digits.train(&digits.assignment(&genome, None));
        assert_eq!((whole.outcome, whole.curve.len()), (Outcome::Completed, 4), "{}", whole.message);
        assert_eq!(whole.checkpoint, None);
        let mut positions = Vec::new();
        for questions in QUESTIONS {
            let first = digits.interrupted(&digits.assignment(&genome, None), questions);
            let checkpoint = shipped(&first);
            positions.push((checkpoint.record.epoch, checkpoint.record.step, checkpoint.record.look_due));
            let resumed = digits.train(&digits.assignment(&genome, Some(&checkpoint)));
            assert_same(&whole, &resumed);
        }
        assert!(positions.iter().any(|position| position.2), "one amid a look: {positions:?}");
        assert!(
            positions.iter().any(|&(epoch, step, _)| epoch > 1 && step == 0),
            "one between: {positions:?}"
        );
        assert!(positions.contains(&(4, STEPS, false)), "one at the very end: {positions:?}");
    }
}

#[test]
fn a_training_can_be_interrupted_again_and_again() {
    let digits = Digits::new();
    let genome = network(Optimizer::AdamW, Schedule::Step);
    let whole = digits.train(&digits.assignment(&genome, None));
    let mut checkpoint: Option<Checkpoint> = None;
    let mut attempts = 0;
    let resumed = loop {
        let trained = digits.interrupted(&digits.assignment(&genome, checkpoint.as_ref()), 14);
        attempts += 1;
        if trained.checkpoint.is_none() {
            break trained;
        }
        let next = shipped(&trained);
        let before = checkpoint.as_ref().map_or(0, Checkpoint::steps);
        assert!(next.steps() > before, "it gets on");
        checkpoint = Some(next);
        assert!(attempts < 100);
    };
    assert!(attempts > 8, "{attempts}");
    assert_same(&whole, &resumed);
    assert!(resumed.curve.is_sorted_by(|one, other| one.seconds < other.seconds), "{:?}", resumed.curve);
    assert!(resumed.seconds >= resumed.curve[3].seconds && resumed.build_seconds < resumed.seconds);
}

#[test]
fn what_the_watch_remembers_is_not_forgotten() {
    let digits = Digits::new();
    let mut genome = network(Optimizer::Sgd, Schedule::Constant);
    genome.training.learning_rate = 0.1;
    let first = Assignment { epochs: 200, patience: 3, ..digits.assignment(&genome, None) };
    let whole = digits.train(&first);
    assert_eq!(whole.outcome, Outcome::Stopped, "{}", whole.message);
    let epochs = whole.curve.len();
    assert!((5..200).contains(&epochs), "{epochs}");
    // Handed back in the last epoch, when its patience is nearly spent.
    let questions = 78 * 2 + 74 * (epochs as u32 - 3) + 10;
    let checkpoint = shipped(&digits.interrupted(&first, questions));
    assert_eq!((checkpoint.curve().len(), checkpoint.memory().epochs_without_better), (epochs - 1, 2));
    assert_same(&whole, &digits.train(&Assignment { resume: Some(&checkpoint), ..first }));
}

#[test]
fn without_validation_the_last_weights_are_those_of_an_uninterrupted_training() {
    let digits = Digits::new();
    let genome = network(Optimizer::Adam, Schedule::Constant);
    let whole = digits.train(&Assignment { valid: &[], ..digits.assignment(&genome, None) });
    let first = Assignment { valid: &[], ..digits.assignment(&genome, None) };
    let checkpoint = shipped(&digits.interrupted(&first, 50));
    assert_same(&whole, &digits.train(&Assignment { resume: Some(&checkpoint), ..first }));
}

#[test]
fn before_its_first_step_there_is_nothing_to_keep() {
    let digits = Digits::new();
    let genome = network(Optimizer::Sgd, Schedule::Constant);
    let trained = digits.interrupted(&digits.assignment(&genome, None), 1);
    assert_eq!((trained.outcome, trained.steps, trained.checkpoint), (Outcome::WorkerLost, 0, None));
}

#[test]
fn a_checkpoint_of_another_training_is_refused_and_the_training_begins_anew() {
    let digits = Digits::new();
    let genome = network(Optimizer::Adam, Schedule::Cosine);
    let assignment = digits.assignment(&genome, None);
    let checkpoint = shipped(&digits.interrupted(&assignment, 12));
    checkpoint.check(&assignment.identity()).unwrap();
    let other = network(Optimizer::Sgd, Schedule::Cosine);
    let fewer = &digits.split.train[1..];
    for (changed, what) in [
        (Assignment { genome: &other, ..assignment }, "network"),
        (Assignment { seed: 12, ..assignment }, "seed"),
        (Assignment { train: fewer, ..assignment }, "selection of samples"),
        (Assignment { epochs: 5, ..assignment }, "number of epochs"),
    ] {
        let error = checkpoint.check(&changed.identity()).unwrap_err();
        assert!(error.to_string().contains(&format!("another {what}")), "{error}");
        let anew = digits.train(&changed);
        assert_same(&anew, &digits.train(&Assignment { resume: Some(&checkpoint), ..changed }));
    }
}

#[test]
fn lengths_and_figures_that_cannot_be_are_refused() {
    let digits = Digits::new();
    let genome = network(Optimizer::Adam, Schedule::Cosine);
    let assignment = digits.assignment(&genome, None);
    let checkpoint = shipped(&digits.interrupted(&assignment, 100));
    assert!(checkpoint.record.weights.is_some());
    let initial = checkpoint.state.clone();
    assert_eq!(checkpoint.state_like(&initial, STEPS).unwrap(), initial);

    let changed = |change: fn(&mut Checkpoint)| {
        let mut changed = checkpoint.clone();
        change(&mut changed);
        assert_eq!(changed.check(&assignment.identity()), Ok(()));
        // It begins anew, and does not break down.
        let resumed = Assignment { resume: Some(&changed), epochs: 4, ..assignment };
        assert_eq!(digits.interrupted_from(&resumed).steps, 3);
        changed.state_like(&initial, STEPS).unwrap_err().to_string()
    };
    assert!(changed(|it| it.state[0].values.push(0.0)).contains("of parameters"));
    assert!(changed(|it| it.state.truncate(2)).contains("state vectors"));
    assert!(changed(|it| it.state[2].name = "moment_9".to_owned()).contains("0 of moment_1"));
    assert!(changed(|it| it.record.weights = Some(Weights::default())).contains("best epoch's parameters"));
    assert!(changed(|it| it.record.steps += 1).contains("contradicts itself"));
    assert!(changed(|it| it.record.epoch = 0).contains("contradicts itself"));
    assert!(changed(|it| it.record.step = STEPS + 1).contains("contradicts itself"));
    assert!(changed(|it| it.record.curve.clear()).contains("contradicts itself"));
}

impl Digits {
    /// Three steps of a training whose checkpoint is refused.
    fn interrupted_from(&self, assignment: &Assignment<'_>) -> Trained {
        let mut observer = Interrupter { questions: Cell::new(4), resumed: RefCell::default() };
        let trained = train(&self.runtime, &self.resident, assignment, &mut observer);
        assert!(observer.resumed.borrow().is_empty());
        trained
    }
}

#[test]
fn bytes_of_any_other_kind_are_refused() {
    let digits = Digits::new();
    let genome = network(Optimizer::Sgd, Schedule::Constant);
    let trained = digits.interrupted(&digits.assignment(&genome, None), 5);
    let bytes = trained.checkpoint.unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    for place in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        assert!(Checkpoint::from_bytes(&damaged).is_err(), "byte {place}");
        assert!(Checkpoint::from_bytes(&bytes[..place]).is_err(), "cut at {place}");
    }
    let weights = Weights { parameters: vec![1.0], statistics: vec![] };
    let error = Checkpoint::from_bytes(&weights.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("no checkpoint"), "{error}");
}
