//! What a run has come to, in the words of lists and reports.
//!
//! Read from the journal by [`read`]; everything that is printed about a run is printed from here.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    incidents::Incidents,
    output,
    yardstick::Yardstick,
};
use hatchery_actors::{
    journal::{EvaluationRecord, JournalError, RunRecord, record},
    population::{
        front::{Front, Place},
        objectives::{Measured, costs},
    },
    protocol::{EvaluationId, IndividualId, LeaseKind, Maker},
};
use hatchery_config::{Experiment, vocabulary::Objective};
use hatchery_models::{
    genome::Genome,
    problem::{Problem, Task},
    training::outcome::{EpochReport, Outcome},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

#[cfg(test)]
pub mod fixture;
mod makers;
mod seeds;
mod tested;

pub use makers::Share;
pub use seeds::StartingPoint;

/// Events that are read at once.
const EVENTS_PAGE: u32 = 10_000;

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The experiment's name.
    pub name: String,
    /// The run directory, as the user knows it.
    pub directory: String,
    /// The data's source.
    pub source: String,
    /// The experiment's seed.
    pub seed: u64,
    /// What is predicted from what.
    pub problem: Problem,
    /// Where it stands: `search`, `final`, ..., `done`.
    pub stage: String,
    /// Seconds that it has run, interruptions not counted.
    pub elapsed_s: f64,
    /// Seconds of all trainings so far, summed.
    pub training_s: f64,
    /// Trainers side by side.
    pub workers: u32,
    /// The search's evaluations that have ended, in the order in which they ended.
    pub rows: Vec<Row>,
    /// Networks that were born for the comparison at full length, by that: the search has not evaluated them.
    pub finalists: Vec<Row>,
    /// Evaluations that have begun and not ended.
    pub running: usize,
    /// The best network, or so far the best.
    pub best: Option<Best>,
    /// What networks are judged by.
    pub objectives: Vec<Objective>,
    /// What the trainings at full length came to, by individual.
    pub full_length: BTreeMap<u64, FullLength>,
    /// Networks that the user had designed, and what became of them.
    pub starting_points: Vec<StartingPoint>,
    /// What is reached on the test part without looking; `None` where the data were not at hand.
    pub yardstick: Option<Yardstick>,
    /// What went wrong with processes, and was made good.
    pub incidents: Incidents,
}

/// Reads the run in a directory, live or not.
///
/// # Errors
/// Where there is none, or its journal or experiment cannot be read.
pub fn read(directory: &Path) -> Result<Run, Failure> {
    let record = record::read(directory).or_exit(Exit::RunDirectory)?;
    let past = past(directory).or_exit(Exit::RunDirectory)?;
    of(&record, directory, past)
}

/// What only the events tell.
#[derive(Default)]
struct Past {
    /// When each evaluation ended, in seconds since the run began, interruptions left out.
    ended: HashMap<u64, f64>,
    incidents: Incidents,
}

fn past(directory: &Path) -> Result<Past, JournalError> {
    let mut past = Past::default();
    let mut after = 0;
    loop {
        let page = record::events(directory, after, EVENTS_PAGE)?;
        let Some(last) = page.last() else { return Ok(past) };
        after = last.number;
        for event in &page {
            past.incidents.note(event);
            if event.kind == "finished" {
                past.ended.extend(event.evaluation.map(|evaluation| (evaluation.0, event.elapsed_seconds)));
            }
        }
    }
}

fn of(record: &RunRecord, directory: &Path, past: Past) -> Result<Run, Failure> {
    let Past { ended, incidents } = past;
    let origin = format!("the experiment recorded in {}", directory.display());
    let experiment = Experiment::parse(&record.info.experiment, &origin, &[]).or_exit(Exit::RunDirectory)?;
    let search = || record.evaluations.iter().filter(|evaluation| evaluation.kind == LeaseKind::Search);
    let objectives = experiment.search.objectives;
    let mut rows: Vec<Row> = search().filter_map(|evaluation| row(evaluation, &ended, &objectives)).collect();
    rows.sort_by(|a, b| a.finished_s.total_cmp(&b.finished_s).then(a.id.cmp(&b.id)));
    let searched: BTreeSet<u64> = search().map(|evaluation| evaluation.individual.id.0).collect();
    let crowns = record.evaluations.iter().filter(|evaluation| evaluation.kind == LeaseKind::Crown);
    let finalists: Vec<Row> = crowns
        .filter(|evaluation| !searched.contains(&evaluation.individual.id.0))
        .filter_map(|evaluation| row(evaluation, &ended, &objectives))
        .collect();
    Ok(Run {
        name: experiment.name,
        directory: directory.display().to_string(),
        source: record.info.data_source.clone(),
        seed: experiment.seed,
        problem: record.info.problem,
        stage: record.stage.word().to_owned(),
        elapsed_s: record.elapsed_seconds,
        training_s: record.evaluations.iter().map(|evaluation| evaluation.seconds).sum(),
        workers: trainers_seen(record),
        running: record.evaluations.iter().filter(|e| e.state == record::EvaluationState::Running).count(),
        best: best(record),
        full_length: full_length(record),
        starting_points: seeds::of(record),
        yardstick: None,
        objectives,
        finalists,
        rows,
        incidents,
    })
}

/// As many trainers as were at work.
pub fn trainers_seen(record: &RunRecord) -> u32 {
    let work = record.evaluations.iter().filter_map(|evaluation| {
        let trainer = evaluation.trainer.as_deref()?.split('#').next()?;
        Some((trainer, evaluation.seconds))
    });
    u32::try_from(trainers_at_work(work)).unwrap_or(u32::MAX)
}

/// How many of these trainers there were, by what each has done for how many seconds. Of those that share a device, some
/// are only tried: such a one does little beside its node's busiest.
fn trainers_at_work<'a>(work: impl Iterator<Item = (&'a str, f64)>) -> usize {
    const TRIED_SHARE: f64 = 0.25;
    let mut nodes: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (trainer, seconds) in work {
        let node = trainer.rsplit_once('/').map_or(trainer, |(node, _)| node);
        *nodes.entry(node).or_default().entry(trainer).or_default() += seconds;
    }
    let at_work = |trainers: &BTreeMap<&str, f64>| {
        let busiest = trainers.values().copied().fold(0.0, f64::max);
        trainers.values().filter(|seconds| **seconds >= TRIED_SHARE * busiest).count()
    };
    nodes.values().map(at_work).sum()
}

/// Trainings at full length that have ended with a score; of an individual the latest.
fn full_length(record: &RunRecord) -> BTreeMap<u64, FullLength> {
    let crowns = record.evaluations.iter().filter(|one| one.kind == LeaseKind::Crown && one.has_fitness());
    let ended = crowns.filter_map(|one| {
        Some((one.individual.id.0, FullLength { score: one.score?, epochs: one.curve.len() }))
    });
    ended.collect()
}

/// The row of an evaluation, of whatever kind, of which no more is known than its record; `None` where it has not
/// ended.
pub fn row_of(evaluation: &EvaluationRecord, objectives: &[Objective]) -> Option<Row> {
    row(evaluation, &HashMap::new(), objectives)
}

fn row(evaluation: &EvaluationRecord, ended: &HashMap<u64, f64>, objectives: &[Objective]) -> Option<Row> {
    let individual = &evaluation.individual;
    let measured = Measured { training: evaluation.seconds, latency: evaluation.latency_seconds };
    Some(Row {
        id: individual.id.0,
        kind: evaluation.kind,
        maker: individual.maker,
        costs: costs(objectives, individual, measured),
        outcome: evaluation.outcome?,
        score: evaluation.score.filter(|_| evaluation.has_fitness()),
        parameters: individual.parameters,
        multiply_adds: individual.multiply_adds,
        finished_s: ended.get(&evaluation.id.0).copied().unwrap_or(0.0),
        seconds: evaluation.seconds,
        latency_s: evaluation.latency_seconds,
        inherits: evaluation.inherits.map(|of| of.0),
        epochs: evaluation.curve.len(),
        operation: individual.operation.clone(),
        parents: individual.parents.iter().map(|parent| parent.0).collect(),
        summary: individual.summary.clone(),
        genome: Genome::clone(&individual.genome),
        curve: evaluation.curve.clone(),
        message: evaluation.message.clone(),
    })
}

/// The crowned network; before there is one, the best of the search.
fn best(record: &RunRecord) -> Option<Best> {
    let scored = |id: u64, kind: LeaseKind| {
        let mut own = record.evaluations.iter().filter(|evaluation| evaluation.individual.id.0 == id);
        own.rfind(|evaluation| evaluation.kind == kind && evaluation.has_fitness())
    };
    let score = |id, kind| scored(id, kind).and_then(|evaluation| evaluation.score);
    let valid_curve = |id| {
        let valid = scored(id, LeaseKind::Crown).or_else(|| scored(id, LeaseKind::Search));
        valid.map(|evaluation| evaluation.curve.clone()).unwrap_or_default()
    };
    let curve = |id: u64| {
        let mut own = record.evaluations.iter().filter(|evaluation| evaluation.individual.id.0 == id);
        own.rfind(|evaluation| evaluation.kind == LeaseKind::Final)
            .map(|e| e.curve.clone())
            .unwrap_or_default()
    };
    match &record.final_result {
        Some(result) => Some(Best {
            id: result.individual.0,
            search_score: score(result.individual.0, LeaseKind::Search),
            full_length_score: score(result.individual.0, LeaseKind::Crown),
            valid_curve: valid_curve(result.individual.0),
            test_score: result.test_score,
            final_curve: curve(result.individual.0),
        }),
        None => record.ranking().first().map(|evaluation| Best {
            id: evaluation.individual.id.0,
            search_score: evaluation.score,
            full_length_score: None,
            valid_curve: evaluation.curve.clone(),
            test_score: None,
            final_curve: Vec::new(),
        }),
    }
}

/// What a training at full length came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullLength {
    /// Its best validation score.
    pub score: f64,
    /// Epochs finished.
    pub epochs: usize,
}

/// One ended evaluation; in a [`Run`], of the search, but of its finalists.
#[derive(Clone, Debug)]
pub struct Row {
    /// The individual.
    pub id: u64,
    /// What it was trained for.
    pub kind: LeaseKind,
    /// Who made it.
    pub maker: Maker,
    /// What it costs in the objectives beside the error; parameters where there are none. `None` where one was not
    /// measured.
    pub costs: Option<Vec<f64>>,
    /// How it ended.
    pub outcome: Outcome,
    /// Best validation score: accuracy, or R squared.
    pub score: Option<f64>,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// When it ended, in seconds from the run's begin.
    pub finished_s: f64,
    /// How long it trained.
    pub seconds: f64,
    /// Seconds that it takes for one sample, where that was measured.
    pub latency_s: Option<f64>,
    /// The evaluation whose weights it began with.
    pub inherits: Option<u64>,
    /// Epochs finished.
    pub epochs: usize,
    /// How it was made.
    pub operation: String,
    /// From whom.
    pub parents: Vec<u64>,
    /// The genome in one line.
    pub summary: String,
    /// The genome.
    pub genome: Genome,
    /// Its learning curve.
    pub curve: Vec<EpochReport>,
    /// Why it did not complete.
    pub message: String,
}

/// The network that is handed over.
#[derive(Clone, Debug)]
pub struct Best {
    /// The individual.
    pub id: u64,
    /// Validation score in the search.
    pub search_score: Option<f64>,
    /// Validation score in the comparison at the final training's length, where there was one.
    pub full_length_score: Option<f64>,
    /// Learning curve of the training that [`Self::valid_score`] is of.
    pub valid_curve: Vec<EpochReport>,
    /// Score on the test part; `None` before the one test.
    pub test_score: Option<f64>,
    /// Learning curve of the final training.
    pub final_curve: Vec<EpochReport>,
}

impl Best {
    /// The validation score that says most: at full length, else in the search.
    pub fn valid_score(&self) -> Option<f64> {
        self.full_length_score.or(self.search_score)
    }

    /// Which of the two [`Self::valid_score`] is.
    pub const fn valid_score_origin(&self) -> &'static str {
        if self.full_length_score.is_some() { "at full length" } else { "in the search" }
    }
}

impl Row {
    /// The score of an evaluation of the search; networks that were born for the comparison at full length have none.
    pub fn search_score(&self) -> Option<f64> {
        self.score.filter(|_| self.kind == LeaseKind::Search)
    }
}

impl Run {
    /// The row of an individual, of the search's evaluation where there is one.
    pub fn row(&self, id: u64) -> Option<&Row> {
        self.rows.iter().chain(&self.finalists).find(|row| row.id == id)
    }

    /// Rows with a score, best first; ties go to the smaller network.
    pub fn ranked(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| {
            let scores =
                b.score.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.score.unwrap_or(f64::NEG_INFINITY));
            scores.then(a.parameters.cmp(&b.parameters)).then(a.id.cmp(&b.id))
        });
        rows
    }

    /// The front of score against costs: everyone whom none reaches that costs no more, worst score first.
    pub fn front(&self) -> Vec<&Row> {
        let mut front = Front::default();
        for row in &self.rows {
            if let (Some(score), Some(costs)) = (row.score, row.costs.clone()) {
                let (evaluation, individual) = (EvaluationId(row.id), IndividualId(row.id));
                front.insert(Place { evaluation, individual, costs, score }, usize::MAX);
            }
        }
        front.places().iter().filter_map(|place| self.row(place.individual.0)).collect()
    }

    /// How many evaluations ended in which way; every outcome that occurred.
    pub fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for row in &self.rows {
            *outcomes.entry(row.outcome.word()).or_insert(0) += 1;
        }
        outcomes
    }

    /// Evaluations that were trained to their planned end.
    pub fn completed(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == Outcome::Completed).count()
    }

    /// Ended evaluations for each hour that the run has run.
    pub fn networks_per_hour(&self) -> f64 {
        // Until the last evaluation of the search: the final training is no search.
        let seconds = self.rows.iter().map(|row| row.finished_s).fold(0.0, f64::max);
        if seconds > 0.0 { self.rows.len() as f64 * 3600.0 / seconds } else { 0.0 }
    }

    /// Share of the trainers' time that went into training.
    pub fn utilisation(&self) -> f64 {
        let available = self.elapsed_s * f64::from(self.workers.max(1));
        if available > 0.0 { (self.training_s / available).min(1.0) } else { 0.0 }
    }

    /// The individual and all its ancestors, eldest first, each once.
    pub fn lineage(&self, id: u64) -> Vec<&Row> {
        let mut found: BTreeMap<u64, &Row> = BTreeMap::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if let Some(row) = self.row(id).filter(|row| !found.contains_key(&row.id)) {
                found.insert(id, row);
                open.extend(&row.parents);
            }
        }
        // Ids count up with birth, so parents come before their children.
        found.into_values().collect()
    }

    /// Whether scores are accuracies (and not R squared).
    pub fn is_classification(&self) -> bool {
        matches!(self.problem.task, Task::Classification { .. })
    }

    /// What a score is called.
    pub fn score_name(&self) -> &'static str {
        if self.is_classification() { "accuracy" } else { "R squared" }
    }

    /// A score as people read it.
    pub fn write_score(&self, score: Option<f64>) -> String {
        match score {
            Some(score) if self.is_classification() => output::percent(score),
            Some(score) => format!("{score:.4}"),
            None => "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::run;

    fn ids(rows: &[&super::Row]) -> Vec<u64> {
        rows.iter().map(|row| row.id).collect()
    }

    #[test]
    fn ranks_fronts_and_lineages() {
        let run = run();
        assert_eq!(ids(&run.ranked()), [4, 5, 2, 1, 3], "equal scores: the smaller network first");
        assert_eq!(ids(&run.front()), [1, 4], "200 parameters beat 300");
        assert_eq!(ids(&run.lineage(4)), [1, 2, 4]);
        assert_eq!(ids(&run.lineage(5)), [1, 2, 4, 5]);
        assert_eq!(run.outcomes(), [("completed", 4), ("diverged", 1)].into());
    }

    #[test]
    fn trainers_that_were_only_tried_are_not_counted() {
        let work = [("a/0", 60.0), ("a/1", 70.0), ("a/2", 9.0), ("a/0", 10.0), ("b/0", 1.0), ("c/0", 0.0)];
        assert_eq!(super::trainers_at_work(work.into_iter()), 4);
    }

    #[test]
    fn rates_and_shares() {
        let run = run();
        assert_eq!(run.networks_per_hour(), 3600.0, "five in five seconds");
        assert_eq!(run.utilisation(), 0.75, "15 of 20 trainer seconds");
    }
}
