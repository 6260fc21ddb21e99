use super::*;
use crate::{
    data::{self, Dataset, LoadOptions, Normalisation, Samples, Split, TableNotes, Targets},
    expression,
    genome::{
        Activation, Convolution, Dense, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding,
        Pool, Schedule, TrainingGenes,
    },
    onnx::{EncodeOptions, encode},
    problem::{Problem, Task},
    training::{
        Unobserved, evaluate, evaluate_observed, latency_seconds,
        runtime::{HostTensor, LibraryOptions, run_once},
    },
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
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
        let dataset = data::load("digits", &LoadOptions::default()).unwrap();
        Self::of(dataset)
    }

    fn of(dataset: Dataset) -> Self {
        let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
        let split = Split::new(&dataset, 0.2, 0.2, 1).unwrap();
        let normalisation = Normalisation::of(&dataset, &split.train);
        let resident = Resident::new(&runtime, Arc::new(dataset)).unwrap();
        Self { runtime, resident, split, normalisation }
    }

    fn assignment<'a>(&'a self, genome: &'a Genome, epochs: u32) -> Assignment<'a> {
        Assignment {
            genome,
            epochs,
            seed: 7,
            train: &self.split.train,
            valid: &self.split.valid,
            normalisation: &self.normalisation,
            seconds_max: None,
            memory_bytes_max: u64::MAX,
            majority_patience: 2.0,
            patience: 0,
            resume: None,
            inherit: None,
        }
    }

    fn train(&self, assignment: &Assignment<'_>) -> Trained {
        train(&self.runtime, &self.resident, assignment, &mut Unobserved)
    }
}

fn convolution(filters: u32) -> LayerGene {
    LayerGene::Convolution(Convolution {
        filters,
        kernel: [3, 3],
        stride: 1,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm: Norm::Batch,
        activation: Activation::Relu,
    })
}

fn training_genes() -> TrainingGenes {
    TrainingGenes {
        optimizer: Optimizer::AdamW,
        learning_rate: 3e-3,
        schedule: Schedule::WarmupCosine,
        momentum: 0.9,
        weight_decay: 1e-3,
        batch_size: 32,
        label_smoothing: 0.05,
        gradient_clip: 1.0,
        initializer: Initializer::HeNormal,
        shift: 0,
        flip: false,
    }
}

fn small_network() -> Genome {
    let pool = LayerGene::MaxPool(Pool { kernel: 2, stride: 2, padding: Padding::Same });
    let dense = LayerGene::Dense(Dense { units: 32, norm: Norm::None, activation: Activation::Relu });
    let layers = vec![convolution(8), pool, convolution(16), LayerGene::Dropout { ratio: 0.1 }, dense];
    Genome { layers, training: training_genes() }
}

fn linear(change: impl FnOnce(&mut TrainingGenes)) -> Genome {
    let mut training = training_genes();
    change(&mut training);
    Genome { layers: vec![], training }
}

#[test]
fn digits_are_learned_and_the_best_epochs_weights_kept() {
    let digits = Digits::new();
    let genome = small_network();
    let trained = digits.train(&digits.assignment(&genome, 8));
    assert_eq!(trained.outcome, Outcome::Completed, "{}", trained.message);
    assert_eq!(trained.curve.len(), 8);
    let best = trained.curve.iter().map(|report| report.validation_score).fold(0.0, f64::max);
    assert!(best > 0.95, "{:?}", trained.curve);
    assert!(trained.curve[7].training_loss < trained.curve[0].training_loss);
    assert_eq!(trained.steps, 8 * (digits.split.train.len() as u64 / 32));

    let weights = trained.weights.unwrap();
    let Digits { runtime, resident, split, normalisation } = &digits;
    let scores = evaluate(runtime, resident, &genome, normalisation, &weights, &split.valid).unwrap();
    assert_eq!(scores.score, best);
    assert_eq!(scores.count, split.valid.len() as u64);
    let tested = evaluate(runtime, resident, &genome, normalisation, &weights, &split.test).unwrap();
    assert!(tested.score > 0.93, "{tested:?}");
    assert_eq!(tested.score, tested.correct as f64 / tested.count as f64);
}

#[test]
fn equal_seeds_give_equal_bits_and_other_seeds_others() {
    let digits = Digits::new();
    let genome = small_network();
    let assignment = digits.assignment(&genome, 2);
    let (first, second) = (digits.train(&assignment), digits.train(&assignment));
    let bits = |trained: &Trained| -> Vec<u32> {
        trained.weights.as_ref().unwrap().parameters.iter().map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&first), bits(&second));
    let losses = |trained: &Trained| -> Vec<(f64, f64)> {
        trained.curve.iter().map(|report| (report.training_loss, report.validation_loss)).collect()
    };
    assert_eq!(losses(&first), losses(&second));
    let other = digits.train(&Assignment { seed: 8, ..assignment });
    assert_ne!(bits(&first), bits(&other));
}

#[test]
fn trainers_side_by_side_do_what_each_does_alone() {
    let digits = Digits::new();
    let genome = small_network();
    let assignment = digits.assignment(&genome, 2);
    let other = Assignment { seed: 8, ..assignment };
    let alone = [digits.train(&assignment), digits.train(&other)];
    let together: Vec<Trained> = std::thread::scope(|scope| {
        let threads: Vec<_> = [&assignment, &other]
            .into_iter()
            .map(|assignment| {
                let digits = &digits;
                scope.spawn(move || digits.train(assignment))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (alone, together) in alone.iter().zip(&together) {
        assert_eq!(alone.weights, together.weights);
        assert_eq!(alone.curve.len(), together.curve.len());
    }
}

#[test]
fn a_huge_learning_rate_diverges() {
    let digits = Digits::new();
    for optimizer in [Optimizer::Sgd, Optimizer::Adam] {
        let mut genome = small_network();
        genome.training =
            TrainingGenes { optimizer, learning_rate: 1e6, gradient_clip: 0.0, ..genome.training };
        let trained = digits.train(&digits.assignment(&genome, 3));
        assert_eq!(trained.outcome, Outcome::Diverged, "{optimizer}: {}", trained.message);
        assert!(!trained.message.is_empty());
        assert!(trained.steps <= 40, "{optimizer}: {} steps", trained.steps);
    }
}

#[test]
fn a_network_that_does_not_learn_is_degenerate_and_found_before_its_end() {
    let digits = Digits::new();
    // Weights that are not drawn far from 0 and hardly move: the network keeps naming what it named at first.
    let mut genome = linear(|training| {
        training.learning_rate = 1e-12;
        training.schedule = Schedule::Constant;
    });
    genome.layers.push(LayerGene::GlobalAveragePool);
    let trained = digits.train(&digits.assignment(&genome, 20));
    assert_eq!(trained.outcome, Outcome::Degenerate, "{:?}", trained.curve);
    assert!(trained.curve.len() <= 2, "{:?}", trained.curve);
    assert!(trained.message.contains("class"), "{}", trained.message);
}

#[test]
fn the_time_limit_ends_a_training_within_a_step() {
    let digits = Digits::new();
    let genome = small_network();
    let assignment = Assignment { seconds_max: Some(0.3), ..digits.assignment(&genome, 1_000_000) };
    let trained = digits.train(&assignment);
    assert_eq!(trained.outcome, Outcome::TimedOut, "{}", trained.message);
    assert!(trained.message.contains("0.3 seconds"), "{}", trained.message);
    assert!(trained.curve.len() < 1_000_000);
}

/// Asks to stop at the `steps`th question, or after an epoch.
struct Impatient {
    steps: Cell<u32>,
    after_epoch: Option<u32>,
}

impl Observer for Impatient {
    fn epoch(&mut self, report: &EpochReport) -> Verdict {
        if self.after_epoch == Some(report.epoch) { Verdict::Stop } else { Verdict::Continue }
    }

    fn wish(&self) -> Wish {
        self.steps.set(self.steps.get().saturating_sub(1));
        if self.steps.get() == 0 { Wish::Stop } else { Wish::GoOn }
    }
}

#[test]
fn a_request_to_stop_is_heard_before_the_next_step() {
    let digits = Digits::new();
    let genome = small_network();
    let assignment = digits.assignment(&genome, 5);
    let mut observer = Impatient { steps: Cell::new(5), after_epoch: None };
    let trained = train(&digits.runtime, &digits.resident, &assignment, &mut observer);
    assert_eq!((trained.outcome, trained.steps), (Outcome::Stopped, 4));
    assert_eq!(trained.weights, None);

    let mut observer = Impatient { steps: Cell::new(u32::MAX), after_epoch: Some(2) };
    let trained = train(&digits.runtime, &digits.resident, &assignment, &mut observer);
    assert_eq!((trained.outcome, trained.curve.len()), (Outcome::Stopped, 2));
    assert!(trained.weights.is_some());
}

/// Counts the signs of life.
#[derive(Default)]
struct Listener(RefCell<BTreeMap<&'static str, u64>>);

impl Observer for Listener {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    fn wish(&self) -> Wish {
        Wish::GoOn
    }

    fn alive(&self, phase: Phase) {
        *self.0.borrow_mut().entry(phase.words()).or_default() += 1;
    }
}

#[test]
fn a_training_gives_signs_of_life_before_everything_that_may_take_a_while() {
    let digits = Digits::new();
    let genome = small_network();
    let mut listener = Listener::default();
    let trained = train(&digits.runtime, &digits.resident, &digits.assignment(&genome, 2), &mut listener);
    let counts = listener.0.into_inner();
    assert_eq!(counts[Phase::Stepping.words()], trained.steps);
    assert_eq!((counts[Phase::Expressing.words()], counts[Phase::Preparing.words()]), (2, 2), "two models");
    let batches = digits.split.valid.len().div_ceil(128) as u64;
    assert!(counts[Phase::Evaluating.words()] >= 2 * batches);
    assert!((1..=2).contains(&counts[Phase::Reading.words()]));

    let Digits { runtime, resident, split, normalisation } = &digits;
    let listener = Listener::default();
    let weights = trained.weights.unwrap();
    evaluate_observed(runtime, resident, &genome, normalisation, &weights, &split.valid, &listener).unwrap();
    assert_eq!(listener.0.into_inner()[Phase::Evaluating.words()], batches);
}

#[test]
fn nothing_is_allocated_beyond_the_memory_limit() {
    let digits = Digits::new();
    let genome = small_network();
    let assignment = Assignment { memory_bytes_max: 100_000, ..digits.assignment(&genome, 1) };
    let trained = digits.train(&assignment);
    assert_eq!((trained.outcome, trained.steps), (Outcome::OutOfMemory, 0));
    assert!(trained.message.contains("MiB"), "{}", trained.message);
}

#[test]
fn patience_ends_a_training_that_gets_no_better() {
    let digits = Digits::new();
    let genome = linear(|training| {
        training.learning_rate = 0.05;
        training.schedule = Schedule::Constant;
    });
    let assignment = Assignment { patience: 2, ..digits.assignment(&genome, 500) };
    let trained = digits.train(&assignment);
    assert_eq!(trained.outcome, Outcome::Stopped, "{}", trained.message);
    let scores: Vec<f64> = trained.curve.iter().map(|report| report.validation_score).collect();
    assert!(scores.len() < 500 && trained.message.contains("2 epochs"), "{}", trained.message);
}

#[test]
fn without_validation_samples_all_epochs_are_trained_and_the_last_weights_kept() {
    let digits = Digits::new();
    let genome = small_network();
    let Digits { runtime, resident, split, normalisation } = &digits;
    let both = [&split.train[..], &split.valid[..]].concat();
    let assignment = Assignment { train: &both, valid: &[], ..digits.assignment(&genome, 6) };
    let trained = digits.train(&assignment);
    assert_eq!((trained.outcome, trained.curve.len()), (Outcome::Completed, 6), "{}", trained.message);
    let weights = trained.weights.unwrap();
    let tested = evaluate(runtime, resident, &genome, normalisation, &weights, &split.test).unwrap();
    assert!(tested.score > 0.93, "{tested:?}");

    let cut = digits.train(&Assignment { seconds_max: Some(0.3), epochs: 1_000_000, ..assignment });
    assert_eq!(cut.outcome, Outcome::TimedOut);
    assert!(cut.weights.is_some(), "what was trained until then is kept");
}

#[test]
fn a_batch_larger_than_the_data_is_cut_and_no_data_is_a_crash() {
    let digits = Digits::new();
    let genome = linear(|training| training.batch_size = 64);
    let few = Assignment {
        train: &digits.split.train[..10],
        majority_patience: f64::INFINITY,
        ..digits.assignment(&genome, 2)
    };
    assert_eq!(digits.train(&few).steps, 2);
    let none = digits.train(&Assignment { train: &[], ..few });
    assert_eq!((none.outcome, none.steps), (Outcome::Crashed, 0));
}

#[test]
fn a_network_that_does_not_fit_the_data_is_a_crash_with_words() {
    let digits = Digits::new();
    let mut genome = small_network();
    genome.layers.push(convolution(4));
    let trained = digits.train(&digits.assignment(&genome, 1));
    assert_eq!(trained.outcome, Outcome::Crashed);
    assert!(!trained.message.is_empty());
}

#[test]
fn regression_is_scored_by_r_squared() {
    let mut dataset = data::load("digits", &LoadOptions::default()).unwrap();
    let Samples::U8(pixels) = &dataset.samples else { panic!("digits are bytes") };
    let brightness =
        |sample: &[u8]| [sample.iter().map(|&p| f32::from(p)).sum::<f32>(), f32::from(sample[27])];
    let values = pixels.chunks(64).flat_map(brightness).collect();
    dataset.targets = Targets::Values { values, names: vec!["sum".to_owned(), "middle".to_owned()] };
    dataset.problem.task = Task::Regression { targets: 2 };
    let digits = Digits::of(dataset);
    let genome = linear(|training| training.label_smoothing = 0.0);
    let trained = digits.train(&digits.assignment(&genome, 15));
    assert_eq!(trained.outcome, Outcome::Completed, "{}", trained.message);
    assert!(trained.curve[14].validation_score > 0.9, "{:?}", trained.curve);
    let best = trained.curve.iter().map(|report| report.validation_score).fold(f64::MIN, f64::max);
    let by_prediction = r_squared_of_predictions(&digits, &genome, &trained.weights.unwrap());
    assert!((best - by_prediction).abs() < 1e-4, "{best} by sums of batches, {by_prediction} by predictions");
}

/// The mean over targets of what each one's predictions of the validation samples score.
fn r_squared_of_predictions(digits: &Digits, genome: &Genome, weights: &Weights) -> f64 {
    let Digits { runtime, resident, split, normalisation } = digits;
    let dataset = resident.dataset();
    let product = expression::inference(genome, &dataset.problem, normalisation, weights).unwrap();
    let options = EncodeOptions { dynamic_batch: true, ..EncodeOptions::named("regression") };
    let model = encode(&product.graph, runtime.provider(), &options);
    let (Samples::U8(pixels), Targets::Values { values, names }) = (&dataset.samples, &dataset.targets)
    else {
        panic!("bytes and values")
    };
    let raw = pixels.iter().map(|&pixel| f32::from(pixel)).collect();
    let input = HostTensor::F32(dataset.shape(dataset.count), raw);
    let outputs = run_once(runtime, &model, &[("input", input)]).unwrap();
    let predictions = outputs[0].1.floats().unwrap();
    let of_target = |target: usize| {
        let places: Vec<usize> =
            split.valid.iter().map(|&sample| sample as usize * names.len() + target).collect();
        let mean = places.iter().map(|&at| f64::from(values[at])).sum::<f64>() / places.len() as f64;
        let squares = |of: &dyn Fn(usize) -> f64| places.iter().map(|&at| of(at).powi(2)).sum::<f64>();
        1.0 - squares(&|at| f64::from(values[at] - predictions[at]))
            / squares(&|at| f64::from(values[at]) - mean)
    };
    (0..names.len()).map(of_target).sum::<f64>() / names.len() as f64
}

/// Two views of noise, each with a bright or a dark upper half: the class says whether the two are alike.
fn two_views(count: usize) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let bright = [rng.random::<bool>(), rng.random::<bool>()];
        for is_bright in bright {
            let level = if is_bright { 1.0 } else { -1.0 };
            values.extend((0..16).map(|at| rng.random_range(-0.5..0.5) + if at < 8 { level } else { 0.0 }));
        }
        labels.push(i64::from(bright[0] != bright[1]));
    }
    let names = ["alike", "unlike"].map(str::to_owned).to_vec();
    Dataset {
        source: "two views".to_owned(),
        problem: Problem {
            channels: 2,
            height: 4,
            width: 4,
            multi_view: true,
            task: Task::Classification { classes: 2 },
        },
        columns: Vec::new(),
        samples: Samples::F32(values),
        targets: Targets::Classes { labels, names },
        count,
        official_test: 0,
        notes: TableNotes::default(),
        content_hash: String::new(),
    }
}

#[test]
fn views_are_merged_and_what_only_both_tell_is_learned() {
    let views = Digits::of(two_views(600));
    let dense = LayerGene::Dense(Dense { units: 16, norm: Norm::None, activation: Activation::Relu });
    let genome = Genome { layers: vec![convolution(4), LayerGene::Merge, dense], training: training_genes() };
    let trained = views.train(&views.assignment(&genome, 15));
    assert_eq!(trained.outcome, Outcome::Completed, "{}", trained.message);
    let weights = trained.weights.unwrap();
    let Digits { runtime, resident, split, normalisation } = &views;
    let scores = evaluate(runtime, resident, &genome, normalisation, &weights, &split.test).unwrap();
    assert!(scores.score > 0.9, "{scores:?}: by one view alone it is a half");

    let dataset = resident.dataset();
    let product = expression::inference(&genome, &dataset.problem, normalisation, &weights).unwrap();
    let options = EncodeOptions { dynamic_batch: true, ..EncodeOptions::named("two views") };
    let model = encode(&product.graph, runtime.provider(), &options);
    let (Samples::F32(values), Targets::Classes { labels, .. }) = (&dataset.samples, &dataset.targets) else {
        panic!("two views are floats and classes")
    };
    let input = HostTensor::F32(dataset.shape(dataset.count), values.clone());
    let outputs = run_once(runtime, &model, &[("input", input)]).unwrap();
    let (_, logits) = outputs.iter().find(|(name, _)| name == "logits").unwrap();
    let logits = logits.floats().unwrap();
    let is_right = |&&sample: &&u32| {
        let of = &logits[2 * sample as usize..][..2];
        i64::from(of[1] > of[0]) == labels[sample as usize]
    };
    assert_eq!(split.test.iter().filter(is_right).count() as u64, scores.correct);
}

#[test]
fn exhausted_memory_and_other_failures_are_outcomes_of_their_own() {
    let message = || "words".to_owned();
    let exhausted = End::from(RuntimeError::OutOfMemory { doing: "running", message: message() });
    let failed = End::from(RuntimeError::Failed { doing: "running", message: message() });
    assert_eq!((exhausted.outcome, failed.outcome), (Outcome::OutOfMemory, Outcome::Crashed));
    assert!(exhausted.message.contains("words") && failed.message.contains("words"));
}

#[test]
fn a_child_begins_where_its_parent_has_ended() {
    let digits = Digits::new();
    let parent = small_network();
    let trained = digits.train(&digits.assignment(&parent, 6));
    let weights = trained.weights.unwrap();
    let best = trained.curve.iter().map(|report| report.validation_score).fold(0.0, f64::max);
    // It learns next to nothing by itself.
    let mut child = parent.clone();
    child.training.learning_rate = 1e-7;
    let own = Assignment { majority_patience: f64::INFINITY, ..digits.assignment(&child, 1) };
    let inherit = Some(expression::Bequest { genome: &parent, weights: &weights });
    let scores = |trained: &Trained| -> Vec<f64> {
        trained.curve.iter().map(|report| report.validation_score).collect()
    };
    let by_itself = digits.train(&own);
    assert!(scores(&by_itself).iter().all(|&score| score < 0.5), "{:?}", by_itself.curve);
    let heir = digits.train(&Assignment { inherit, ..own });
    assert_eq!(heir.outcome, Outcome::Completed, "{}", heir.message);
    assert!((scores(&heir)[0] - best).abs() < 0.02, "{:?} {best}", heir.curve);
    // Weights that are not the parent's are left alone.
    let wrong = Weights { parameters: vec![1.0], statistics: Vec::new() };
    let inherit = Some(expression::Bequest { genome: &parent, weights: &wrong });
    let alone = digits.train(&Assignment { inherit, ..own });
    assert_eq!((alone.outcome, scores(&alone)), (by_itself.outcome, scores(&by_itself)));
    assert_eq!(alone.message, by_itself.message);
}

#[test]
fn the_latency_of_one_sample_is_measured_and_other_weights_are_refused() {
    let digits = Digits::new();
    let genome = small_network();
    let weights = digits.train(&digits.assignment(&genome, 1)).weights.unwrap();
    let measured = |weights: &Weights| {
        let Digits { runtime, resident, normalisation, .. } = &digits;
        latency_seconds(runtime, resident.dataset(), &genome, normalisation, weights, &Unobserved)
    };
    let seconds = measured(&weights).unwrap();
    assert!(seconds > 0.0 && seconds.is_finite(), "{seconds}");
    let error = measured(&Weights::default()).unwrap_err().to_string();
    assert!(error.contains("0 parameters"), "{error}");
}
