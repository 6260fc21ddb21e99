//! Leases that are handed back and handed out again, on the embedded digits, with real trainings.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that is skipped says so, one that fails stops"
)]

use hatchery_actors::protocol::{EvaluationId, IndividualId, Inherited, Lease, LeaseKind};
use hatchery_actors::trainer::{Parts, TrainingFactory, Work, WorkFactory};
use hatchery_config::experiment::Experiment;
use hatchery_models::data::{LoadOptions, Split, load};
use hatchery_models::genome::{
    Activation, Dense, Genome, Initializer, LayerGene, Norm, Optimizer, Schedule, TrainingGenes,
};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained};
use hatchery_models::training::runtime::{LibraryOptions, Runtime};
use hatchery_models::training::{Excess, Observer, Resident, Unobserved, Verdict, Wish};
use std::cell::Cell;
use std::sync::Arc;

/// Wishes something at its so many-th question, and nothing before.
struct Wishful {
    questions: Cell<u32>,
    wish: Wish,
}

impl Observer for Wishful {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    fn wish(&self) -> Wish {
        self.questions.set(self.questions.get().saturating_sub(1));
        if self.questions.get() == 0 { self.wish } else { Wish::GoOn }
    }
}

fn genome() -> Genome {
    let dense = LayerGene::Dense(Dense { units: 12, norm: Norm::Batch, activation: Activation::Relu });
    let training = TrainingGenes {
        optimizer: Optimizer::Adam,
        learning_rate: 3e-3,
        schedule: Schedule::Cosine,
        momentum: 0.9,
        weight_decay: 0.0,
        batch_size: 32,
        label_smoothing: 0.0,
        gradient_clip: 0.0,
        initializer: Initializer::HeNormal,
        shift: 0,
        flip: false,
    };
    Genome { layers: vec![LayerGene::Dropout { ratio: 0.1 }, dense], training }
}

fn lease(kind: LeaseKind) -> Lease {
    Lease {
        evaluation: EvaluationId(1),
        attempt: 1,
        individual: IndividualId(1),
        kind,
        genome: genome().into(),
        seed: 5,
        epochs: 4,
        seconds_max: None,
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: false,
        to_the_end: false,
    }
}

/// The work of a trainer on digits; `None` where there is no library.
fn work() -> Option<Box<dyn Work>> {
    let runtime = match Runtime::open(&LibraryOptions { library: None, offline: true }) {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let experiment =
        Experiment::parse("name = \"digits\"\n[data]\nsource = \"digits\"\n", "test", &[]).unwrap();
    let dataset = Arc::new(load("digits", &LoadOptions::default()).unwrap());
    let split = Split::new(&dataset, 0.2, 0.2, 1).unwrap();
    let factory = TrainingFactory {
        resident: Arc::new(Resident::new(&runtime, Arc::clone(&dataset)).unwrap()),
        runtime,
        trainers: 1,
        parts: Arc::new(Parts::of(&dataset, &split, &experiment.data, 1)),
        training: experiment.training.clone(),
        memory_mib: 512,
        room: None,
    };
    Some(factory.make(0).unwrap())
}

fn do_it(work: &mut dyn Work, lease: Lease, wish: Wish, questions: u32) -> Trained {
    let mut observer = Wishful { questions: Cell::new(questions), wish };
    let lease = work.plan(lease, &Unobserved);
    work.evaluate(&lease, &mut observer)
}

#[test]
fn what_is_handed_back_ends_elsewhere_as_it_would_have_here() {
    let Some(mut work) = work() else { return };
    for kind in [LeaseKind::Search, LeaseKind::Crown, LeaseKind::Final] {
        let whole = do_it(&mut *work, lease(kind), Wish::GoOn, 1);
        assert_eq!(whole.outcome, Outcome::Completed, "{}", whole.message);
        let first = do_it(&mut *work, lease(kind), Wish::HandBack, 60);
        assert_eq!((first.outcome, first.weights), (Outcome::WorkerLost, None));
        let bytes: Arc<[u8]> = first.checkpoint.unwrap().into();
        // Less time is left, and whoever hands it out again would give it fewer epochs.
        let again = Lease { epochs: 2, attempt: 2, checkpoint: Some(bytes), ..lease(kind) };
        let planned = work.plan(again.clone(), &Unobserved);
        assert_eq!(planned.epochs, 4, "{kind:?}: as it was begun");
        let resumed = do_it(&mut *work, again, Wish::GoOn, 1);
        assert_eq!((resumed.outcome, resumed.steps), (whole.outcome, whole.steps), "{}", resumed.message);
        assert_eq!(resumed.weights, whole.weights);
        assert_eq!(resumed.curve.len(), 4);
    }
}

#[test]
fn a_child_that_is_handed_back_goes_on_with_what_it_has_made_of_its_inheritance() {
    let Some(mut work) = work() else { return };
    let own = do_it(&mut *work, lease(LeaseKind::Search), Wish::GoOn, 1);
    let weights = Arc::new(own.weights.clone().unwrap());
    let inherit = Inherited { evaluation: EvaluationId(9), genome: genome().into(), weights };
    let heir = Lease { seed: 6, inherit: Some(inherit), ..lease(LeaseKind::Search) };
    let whole = do_it(&mut *work, heir.clone(), Wish::GoOn, 1);
    assert!(
        whole.curve[0].validation_score > own.curve[0].validation_score,
        "{:?} {:?}",
        whole.curve,
        own.curve
    );
    let first = do_it(&mut *work, heir.clone(), Wish::HandBack, 60);
    // The parent's weights may be gone by then.
    let again = Lease { attempt: 2, checkpoint: first.checkpoint.map(Into::into), inherit: None, ..heir };
    assert_eq!(do_it(&mut *work, again, Wish::GoOn, 1).weights, whole.weights);
}

#[test]
fn latency_is_measured_of_what_a_search_leaves_where_it_is_asked_for() {
    let Some(mut work) = work() else { return };
    let asked = |kind| Lease { measure_latency: true, ..lease(kind) };
    let trained = do_it(&mut *work, asked(LeaseKind::Search), Wish::GoOn, 1);
    assert!(trained.latency_seconds.is_some_and(|seconds| seconds > 0.0), "{:?}", trained.latency_seconds);
    assert_eq!(do_it(&mut *work, lease(LeaseKind::Search), Wish::GoOn, 1).latency_seconds, None);
    for (kind, wish) in [(LeaseKind::Crown, Wish::GoOn), (LeaseKind::Search, Wish::HandBack)] {
        assert_eq!(do_it(&mut *work, asked(kind), wish, 20).latency_seconds, None, "{kind:?}");
    }
}

#[test]
fn a_checkpoint_that_is_of_no_use_is_left_out() {
    let Some(mut work) = work() else { return };
    let whole = do_it(&mut *work, lease(LeaseKind::Search), Wish::GoOn, 1);
    let first = do_it(&mut *work, lease(LeaseKind::Search), Wish::HandBack, 20);
    let bytes = first.checkpoint.unwrap();
    let of_another = Lease { seed: 6, ..lease(LeaseKind::Search) };
    for (lease, bytes) in [(lease(LeaseKind::Search), &bytes[..100]), (of_another.clone(), &bytes[..])] {
        let with = Lease { checkpoint: Some(bytes.into()), ..lease.clone() };
        assert_eq!(work.plan(with, &Unobserved), lease);
    }
    // Unplanned, it is as good.
    let damaged = Lease { checkpoint: Some(bytes[..100].into()), ..lease(LeaseKind::Search) };
    assert_eq!(work.evaluate(&damaged, &mut Unobserved).weights, whole.weights);
}

#[test]
fn a_test_that_is_interrupted_is_none_and_one_that_takes_too_much_memory_says_how_much() {
    let Some(mut work) = work() else { return };
    let trained = do_it(&mut *work, lease(LeaseKind::Search), Wish::GoOn, 1);
    let test = Lease { weights: trained.weights.map(Arc::new), epochs: 0, ..lease(LeaseKind::Test) };
    assert_eq!(do_it(&mut *work, test.clone(), Wish::GoOn, 1).outcome, Outcome::Completed);
    for wish in [Wish::Stop, Wish::HandBack] {
        let ended = do_it(&mut *work, test.clone(), wish, 2);
        assert_eq!((ended.outcome, ended.curve.len()), (Outcome::WorkerLost, 0), "{wish:?}");
    }
    let host = |mib: u64| Excess::Host { before_bytes: mib << 20 };
    for (excess, said) in [
        (Excess::Growth, "4096 MiB are allowed"),
        (host(100), "limits.host_memory_mib = 4096"),
        (host(5000), "5000 MiB since before this training began (its data and libraries included)"),
    ] {
        let too_much = Wish::Yield { used_bytes: 5 << 30, allowed_bytes: 4 << 30, excess };
        for lease in [test.clone(), lease(LeaseKind::Search)] {
            let ended = do_it(&mut *work, lease, too_much, 2);
            assert_eq!(ended.outcome, Outcome::OutOfMemory);
            let says = |words: &str| ended.message.contains(words);
            assert!(says("5120 MiB") && says(said), "{}", ended.message);
        }
    }
}
