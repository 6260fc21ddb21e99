//! A run as three tables: its individuals, their evaluations, the learning curves.
//!
//! It must not know how tables are written.

use super::Records;
use hatchery_actors::{
    journal::{EvaluationRecord, EvaluationState},
    protocol::{Individual, IndividualId},
};

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name, which names files.
    pub name: &'static str,
    /// Its columns, all of one length.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub cells: Cells,
}

/// The cells of a column; `None` where there is nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Numbers.
    Real(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
}

impl Table {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| match &column.cells {
            Cells::Whole(cells) => cells.len(),
            Cells::Real(cells) => cells.len(),
            Cells::Text(cells) => cells.len(),
        })
    }
}

/// All three.
pub fn all(records: &Records) -> [Table; 3] {
    [individuals(records), evaluations(records), curves(records)]
}

/// Columns, each by how its cell comes from a row.
struct Columns<'a, T> {
    rows: &'a [T],
    columns: Vec<Column>,
}

impl<'a, T> Columns<'a, T> {
    const fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    fn whole(mut self, name: &'static str, cell: impl Fn(&T) -> Option<i64>) -> Self {
        let cells = Cells::Whole(self.rows.iter().map(cell).collect());
        self.columns.push(Column { name, cells });
        self
    }

    fn real(mut self, name: &'static str, cell: impl Fn(&T) -> Option<f64>) -> Self {
        let cells = Cells::Real(self.rows.iter().map(cell).collect());
        self.columns.push(Column { name, cells });
        self
    }

    fn text(mut self, name: &'static str, cell: impl Fn(&T) -> Option<String>) -> Self {
        let cells = Cells::Text(self.rows.iter().map(cell).collect());
        self.columns.push(Column { name, cells });
        self
    }

    fn named(self, name: &'static str) -> Table {
        Table { name, columns: self.columns }
    }
}

fn individuals(records: &Records) -> Table {
    Columns::of(&records.record.individuals)
        .whole("id", |one| whole(one.id.0))
        .text("summary", |one| Some(one.summary.clone()))
        .text("maker", |one| Some(one.maker.word().to_owned()))
        .text("operation", |one| Some(one.operation.clone()))
        .text("parents", |one| Some(parents(one)))
        .whole("born_ms", |one| records.born_ms.get(&one.id.0).copied())
        .whole("parameters", |one| whole(one.parameters))
        .whole("multiply_adds", |one| whole(one.multiply_adds))
        .whole("layers", |one| i64::try_from(one.genome.layers.len()).ok())
        .text("hash", |one| Some(one.hash.clone()))
        .text("genome", |one| Some(one.genome.json().to_owned()))
        .named("individuals")
}

/// The evaluations, each with what a plot needs of its individual.
pub fn evaluations(records: &Records) -> Table {
    Columns::of(&records.record.evaluations)
        .whole("id", |one| whole(one.id.0))
        .whole("individual", |one| whole(one.individual.id.0))
        .text("kind", |one| Some(one.kind.word().to_owned()))
        .text("state", |one| Some(state(one).to_owned()))
        .text("outcome", |one| one.outcome.map(|outcome| outcome.word().to_owned()))
        .real("score", |one| one.score)
        .real("loss", |one| one.loss)
        .whole("epochs", |one| i64::try_from(one.curve.len()).ok())
        .whole("epochs_planned", |one| Some(i64::from(one.epochs)))
        .real("seconds", |one| ended(one, one.seconds))
        .real("build_seconds", |one| ended(one, one.build_seconds))
        .real("latency_s", |one| one.latency_seconds)
        .whole("inherits", |one| one.inherits.and_then(|parent| whole(parent.0)))
        .whole("steps", |one| whole(one.steps))
        .whole("samples", |one| whole(one.images))
        .whole("attempt", |one| Some(i64::from(one.attempt)))
        .whole("losses", |one| Some(i64::from(one.losses)))
        .text("trainer", |one| one.trainer.clone())
        .whole("queued_ms", |one| Some(one.queued_ms))
        .whole("started_ms", |one| one.started_ms)
        .whole("finished_ms", |one| one.finished_ms)
        .real("finished_s", |one| records.ended_s.get(&one.id.0).copied())
        .whole("parameters", |one| whole(one.individual.parameters))
        .whole("multiply_adds", |one| whole(one.individual.multiply_adds))
        .text("parents", |one| Some(parents(&one.individual)))
        .text("maker", |one| Some(one.individual.maker.word().to_owned()))
        .text("operation", |one| Some(one.individual.operation.clone()))
        .text("summary", |one| Some(one.individual.summary.clone()))
        .text("message", |one| Some(one.message.clone()).filter(|message| !message.is_empty()))
        .named("evaluations")
}

fn curves(records: &Records) -> Table {
    let rows: Vec<_> = records
        .record
        .evaluations
        .iter()
        .flat_map(|one| one.curve.iter().map(move |report| (one, report)))
        .collect();
    Columns::of(&rows)
        .whole("evaluation", |(one, _)| whole(one.id.0))
        .whole("individual", |(one, _)| whole(one.individual.id.0))
        .text("kind", |(one, _)| Some(one.kind.word().to_owned()))
        .whole("epoch", |(_, report)| Some(i64::from(report.epoch)))
        .real("training_loss", |(_, report)| Some(report.training_loss))
        .real("validation_loss", |(_, report)| Some(report.validation_loss))
        .real("validation_score", |(_, report)| Some(report.validation_score))
        .real("seconds", |(_, report)| Some(report.seconds))
        .named("curves")
}

fn whole(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

/// Nothing is known before the end.
fn ended(evaluation: &EvaluationRecord, value: f64) -> Option<f64> {
    (evaluation.state == EvaluationState::Finished).then_some(value)
}

/// The word of an evaluation's state.
pub const fn state(evaluation: &EvaluationRecord) -> &'static str {
    match evaluation.state {
        EvaluationState::Queued => "queued",
        EvaluationState::Running => "running",
        EvaluationState::Finished => "finished",
    }
}

/// Numbers of the parents, spaces between.
fn parents(individual: &Individual) -> String {
    let number = |parent: &IndividualId| parent.0.to_string();
    individual.parents.iter().map(number).collect::<Vec<_>>().join(" ")
}
