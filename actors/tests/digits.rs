//! A small search on the embedded digits, with real trainings: actors, journal and training together.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that is skipped says so, one that fails stops"
)]

use hatchery_actors::journal::{Journal, RunInfo, record};
use hatchery_actors::makers::{Makers, SearchingMakers};
use hatchery_actors::protocol::{BreedOrder, EvaluationId, IndividualId, Lease, LeaseKind, Maker};
use hatchery_actors::run::{JOURNAL_PATIENCE, SearchSetup, controls, run_search};
use hatchery_actors::trainer::{Parts, TrainingFactory, WorkFactory};
use hatchery_config::experiment::{Budget, Experiment};
use hatchery_models::data::{LoadOptions, Split, load};
use hatchery_models::training::outcome::Outcome;
use hatchery_models::training::runtime::{LibraryOptions, Runtime};
use hatchery_models::training::{Resident, Unobserved, evaluate};
use std::sync::Arc;

fn experiment() -> Experiment {
    let text = "name = \"digits\"\n[data]\nsource = \"digits\"\n[training]\nepochs = 3\n[final]\nepochs = 5\n\
                [limits]\nparameters = 50000\nmultiply_adds = 500000\nmemory_mib = 512\n";
    let mut experiment = Experiment::parse(text, "test", &[]).unwrap();
    experiment.budget = Budget { evaluations: Some(6), time: None };
    experiment
}

#[test]
fn a_final_training_is_planned_for_its_time() {
    let runtime = match Runtime::open(&LibraryOptions { library: None, offline: true }) {
        Ok(runtime) => runtime,
        Err(error) => return println!("skipped: {error}"),
    };
    let experiment = experiment();
    let data = &experiment.data;
    let options = LoadOptions { task: data.task, ..LoadOptions::default() };
    let dataset = Arc::new(load("digits", &options).unwrap());
    let split = Split::new(&dataset, data.test_fraction, data.valid_fraction, data.split_seed).unwrap();
    let factory = TrainingFactory {
        resident: Arc::new(Resident::new(&runtime, Arc::clone(&dataset)).unwrap()),
        runtime,
        trainers: 2,
        parts: Arc::new(Parts::of(&dataset, &split, data, experiment.seed)),
        training: experiment.training.clone(),
        memory_mib: experiment.limits.memory_mib,
        room: None,
    };
    let mut breeder = SearchingMakers::of(&experiment, dataset.problem).mind(Maker::Breeder);
    let order = BreedOrder { birth: IndividualId(1), draw: 0, maker: Maker::Breeder, expected: None };
    let newborn = breeder.make(&order).unwrap();
    let wanted = Lease {
        evaluation: EvaluationId(1),
        attempt: 1,
        individual: IndividualId(1),
        kind: LeaseKind::Final,
        genome: newborn.genome,
        seed: 1,
        epochs: 1_000_000,
        seconds_max: Some(5.0),
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: false,
        to_the_end: false,
    };
    let mut work = factory.make(0).unwrap();
    let planned = work.plan(wanted.clone(), &Unobserved);
    assert!((1..1_000_000).contains(&planned.epochs), "{}", planned.epochs);
    assert!(planned.seconds_max < wanted.seconds_max, "planning takes of the time");
    let endless = Lease { seconds_max: None, ..wanted.clone() };
    assert_eq!(work.plan(endless.clone(), &Unobserved), endless);
    let crown = Lease { kind: LeaseKind::Crown, ..wanted };
    assert_eq!(work.plan(crown.clone(), &Unobserved), crown, "others are planned by whoever hands them out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_on_digits_leaves_a_tested_winner() {
    let runtime = match Runtime::open(&LibraryOptions { library: None, offline: true }) {
        Ok(runtime) => runtime,
        Err(error) => return println!("skipped: {error}"),
    };
    let experiment = experiment();
    let options = LoadOptions { task: experiment.data.task, ..LoadOptions::default() };
    let dataset = Arc::new(load("digits", &options).unwrap());
    let data = &experiment.data;
    let split = Split::new(&dataset, data.test_fraction, data.valid_fraction, data.split_seed).unwrap();
    let parts = Arc::new(Parts::of(&dataset, &split, data, experiment.seed));
    let resident = Arc::new(Resident::new(&runtime, Arc::clone(&dataset)).unwrap());
    let info = RunInfo {
        experiment: experiment.to_toml().unwrap(),
        data_source: dataset.source.clone(),
        data_hash: dataset.content_hash.clone(),
        problem: dataset.problem,
        program_version: "0.1.0".to_owned(),
    };
    let work = Arc::new(TrainingFactory {
        runtime: runtime.clone(),
        trainers: 2,
        resident: Arc::clone(&resident),
        parts: Arc::clone(&parts),
        training: experiment.training.clone(),
        memory_mib: experiment.limits.memory_mib,
        room: None,
    });
    let setup = SearchSetup {
        data_hash: dataset.content_hash.clone(),
        program_version: "0.1.0".to_owned(),
        images: parts.images(),
        trainers: 2,
        makers: Arc::new(SearchingMakers::of(&experiment, dataset.problem)),
        seeds: Vec::new(),
        claims: false,
        started_again: false,
        journal_patience: JOURNAL_PATIENCE,
        experiment,
    };
    let parent = tempfile::TempDir::new().unwrap();
    let dir = parent.path().join("run");
    let (_stop, _progress, ends) = controls();
    let summary = run_search(Journal::create(&dir, &info).unwrap(), setup, work, ends).await.unwrap();

    assert_eq!(summary.evaluations, 6);
    let crashed: Vec<_> =
        summary.record.evaluations.iter().filter(|e| e.outcome == Some(Outcome::Crashed)).collect();
    assert!(crashed.is_empty(), "{crashed:?}");
    let last = summary.final_result.unwrap();
    let (evaluation, weights) = summary.weights.unwrap();
    assert!(last.retrained && evaluation == last.evaluation);
    assert!(last.test_score.unwrap() > 0.5, "the winner has learned something: {last:?}");
    // The weights that are handed over give the score that is recorded.
    let record = record::read(&dir).unwrap();
    let winner = record.individual(last.individual).unwrap();
    let again =
        evaluate(&runtime, &resident, &winner.genome, &parts.normalisation, &weights, &parts.test).unwrap();
    assert_eq!(again.score, last.test_score.unwrap());
    let trained = record.evaluations.iter().filter(|e| e.kind != LeaseKind::Test);
    assert!(
        trained.filter(|e| e.outcome == Some(Outcome::Completed)).all(|e| e.images > 0 && e.seconds > 0.0)
    );
}
