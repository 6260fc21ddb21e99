//! The walk through a journal's events: each is held against what the witness would have decided at that moment.
//!
//! Births and the finale have files of their own.
//!
//! After a difference the walk goes on from what is recorded wherever it can, so that one difference is told once and
//! what follows from the record is judged by the record.

mod births;
mod finale;
mod told;

use super::so_far::SoFar;
use super::{Confirmed, DIFFERENCES_MAX, Decision, Difference, ReplayError, Report, Rules};
use crate::journal::happened::{Advised, Ended, Leased, Life, Planned};
use crate::journal::{EvaluationRecord, EvaluationState, EventRecord, Happened, History, Stage};
use crate::population::witness::{Witness, score_after, score_of};
use crate::protocol::{BreedOrder, EvaluationId, IndividualId, LeaseKind, Newborn};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

/// What must come next, since it is decided and committed together with what has come.
#[derive(Default)]
struct Due {
    /// Another draw for a birth.
    draw: Option<BreedOrder>,
    /// Evaluations to be queued.
    queue: VecDeque<(IndividualId, LeaseKind)>,
    /// How many of those must be; of the rest, time decides.
    queue_min: usize,
    /// Networks to be born for the comparison at full length; with a limit of time, that decides how many.
    regularised: VecDeque<Newborn>,
    /// Weights to be dropped.
    drops: BTreeSet<EvaluationId>,
}

/// An early stop that is still to be held against the curve of the training that it ended.
struct Stop {
    event: i64,
    attempt: u32,
    epoch: u32,
    score: Option<f64>,
}

/// The walk.
pub struct Walk<'a> {
    history: &'a History,
    rules: &'a Rules<'a>,
    witness: Witness,
    so_far: SoFar<'a>,
    due: Due,
    stops: BTreeMap<EvaluationId, Stop>,
    tidings: BTreeMap<EvaluationId, told::Tidings>,
    report: Report,
    /// Number of the event at hand; `None` once the events are over.
    at: Option<i64>,
}

impl<'a> Walk<'a> {
    /// Before the first event.
    pub fn begin(history: &'a History, rules: &'a Rules<'a>) -> Result<Self, ReplayError> {
        let first = history.events.first().ok_or(ReplayError::Incomplete)?;
        let Ok(Happened::Begun(life)) = first.happened() else { return Err(ReplayError::Incomplete) };
        let settings = (rules.settings)(&life.experiment)
            .map_err(|message| ReplayError::Experiment { event: first.number, message })?;
        Ok(Self {
            history,
            rules,
            witness: Witness::new(settings.clone(), &(rules.makers)(&settings)),
            so_far: SoFar::begin(history),
            due: Due::default(),
            stops: BTreeMap::new(),
            tidings: BTreeMap::new(),
            report: Report::default(),
            at: Some(first.number),
        })
    }

    /// To the end.
    pub fn run(mut self) -> Result<Report, ReplayError> {
        let mut before = None;
        for event in &self.history.events {
            self.at = Some(event.number);
            if let Some(before) = before {
                self.expect(
                    Decision::Record,
                    false,
                    || "number of the event".to_owned(),
                    event.number,
                    before + 1,
                );
            }
            before = Some(event.number);
            self.report.events += 1;
            self.event(event)?;
        }
        self.settle(&Happened::Other);
        self.at = None;
        self.close();
        Ok(self.report)
    }

    fn event(&mut self, event: &EventRecord) -> Result<(), ReplayError> {
        let happened = match event.happened() {
            Ok(Happened::Other) => return Ok(()),
            Ok(happened) => happened,
            Err(message) => {
                self.differ(Decision::Record, event.kind.clone(), "what cannot be read".to_owned(), message);
                return Ok(());
            }
        };
        self.settle(&happened);
        match happened {
            Happened::Begun(life) => self.live(&life),
            Happened::Resumed(life) => self.resumed(&life, event)?,
            Happened::Ordered(birth, ordered) => self.ordered(birth, &ordered),
            Happened::Discarded(birth, discarded) => self.discarded(birth, &discarded),
            Happened::Born(individual, born) => self.born(individual, &born),
            Happened::Queued(evaluation, individual, kind) => self.queued(evaluation, individual, kind),
            Happened::Leased(evaluation, leased) => self.leased(evaluation, &leased),
            Happened::Planned(evaluation, planned) => self.planned(evaluation, &planned),
            Happened::Advised(evaluation, advised) => self.advised(evaluation, &advised),
            Happened::Told(evaluation, told) => self.told(evaluation, told),
            Happened::Lost(evaluation, attempt) => self.back_to_queue(evaluation, attempt, 1),
            Happened::Released(evaluation, attempt) | Happened::Retried(evaluation, attempt) => {
                self.back_to_queue(evaluation, attempt, 0);
            }
            Happened::Claimed(evaluation, _) => self.so_far.claimed(evaluation),
            Happened::Finished(evaluation, ended) => self.finished(evaluation, &ended),
            Happened::WeightsKept(evaluation) => self.kept(evaluation),
            Happened::WeightsDropped(evaluation) => self.dropped(evaluation),
            Happened::Staged(stage) => self.staged(stage),
            Happened::Crowned(individual, evaluation, retrained) => {
                self.crowned(individual, evaluation, retrained);
            }
            Happened::Tested(tested) => self.tested(&tested),
            Happened::Budgeted(budget) => self.witness.budgeted(budget.evaluations, budget.seconds),
            Happened::Ended(_) | Happened::Other => {}
        }
        Ok(())
    }

    // What every check comes to.

    fn confirm(&mut self, decision: Decision, exact: bool) {
        if let Some(event) = self.at {
            self.report.confirmed.push(Confirmed { event, decision, exact });
        }
    }

    fn differ(&mut self, decision: Decision, subject: String, recorded: String, replayed: String) {
        self.report.differences_count += 1;
        if self.report.differences.len() < DIFFERENCES_MAX {
            self.report.differences.push(Difference {
                event: self.at,
                decision,
                subject,
                recorded,
                replayed,
            });
        }
    }

    /// Notes a difference where there is one. Says whether there is none; with `noted`, that is noted too.
    fn expect<T: PartialEq + Debug>(
        &mut self,
        decision: Decision,
        noted: bool,
        subject: impl FnOnce() -> String,
        recorded: T,
        replayed: T,
    ) -> bool {
        let same = recorded == replayed;
        if !same {
            self.differ(decision, subject(), format!("{recorded:?}"), format!("{replayed:?}"));
        } else if noted {
            self.confirm(decision, true);
        }
        same
    }

    /// What was due and does not come.
    fn settle(&mut self, next: &Happened) {
        if !matches!(next, Happened::Ordered(_, ordered) if ordered.draw > 0)
            && let Some(order) = self.due.draw.take()
        {
            let (subject, replayed) = (format!("individual {}", order.birth), format!("draw {}", order.draw));
            self.differ(Decision::Order, subject, "no further draw".to_owned(), replayed);
        }
        if !matches!(next, Happened::Queued(..)) {
            let due = std::mem::take(&mut self.due.queue);
            for (individual, kind) in due.into_iter().take(self.due.queue_min) {
                let (subject, replayed) = (format!("individual {individual}"), format!("a {}", kind.word()));
                self.differ(Decision::Evaluation, subject, "no evaluation".to_owned(), replayed);
            }
        }
        if !matches!(next, Happened::Queued(..) | Happened::Born(..)) {
            let missing = std::mem::take(&mut self.due.regularised);
            let needed = if self.witness.is_timed() { 0 } else { missing.len() };
            for newborn in missing.into_iter().take(needed) {
                let recorded = "not born".to_owned();
                self.differ(Decision::Candidates, "a candidate".to_owned(), recorded, newborn.summary);
            }
        }
        if !matches!(next, Happened::WeightsKept(_) | Happened::WeightsDropped(_)) {
            for evaluation in std::mem::take(&mut self.due.drops) {
                let subject = format!("weights of evaluation {evaluation}");
                self.differ(Decision::Weights, subject, "kept".to_owned(), "dropped".to_owned());
            }
        }
    }

    /// All events are told: do the tables hold the same?
    fn close(&mut self) {
        for (subject, recorded, replayed) in self.so_far.disagreements() {
            self.differ(Decision::Record, subject, recorded, replayed);
        }
        let rows = self.history.record.evaluations.iter().filter(|row| row.has_weights).map(|row| row.id);
        let (recorded, replayed) = (rows.collect(), self.witness.kept());
        self.expect(Decision::Weights, false, || "evaluations with weights".to_owned(), recorded, replayed);
    }

    // Lives.

    fn live(&mut self, life: &Life) {
        self.report.lives += 1;
        if !self.report.program_versions.contains(&life.program_version) {
            self.report.program_versions.push(life.program_version.clone());
        }
    }

    /// What was open is forgotten; the rest is what the brain restores from the record.
    fn resumed(&mut self, life: &Life, event: &EventRecord) -> Result<(), ReplayError> {
        self.live(life);
        let settings = (self.rules.settings)(&life.experiment)
            .map_err(|message| ReplayError::Experiment { event: event.number, message })?;
        self.so_far.record.elapsed_seconds = event.elapsed_seconds;
        let makers = (self.rules.makers)(&settings);
        self.witness = Witness::restored(settings, &makers, &self.so_far.record, &self.witness.kept());
        Ok(())
    }

    // Evaluations.

    fn queued(&mut self, evaluation: EvaluationId, individual: IndividualId, kind: LeaseKind) {
        let recorded = (evaluation.0, individual.0, kind.word());
        let due = self.due.queue.pop_front().or_else(|| self.test_again(kind));
        self.due.queue_min = self.due.queue_min.saturating_sub(1);
        let next = self.so_far.next_evaluation();
        let decision = if kind == LeaseKind::Crown { Decision::Candidates } else { Decision::Evaluation };
        match due {
            Some((owner, due)) => {
                let replayed = (next.0, owner.0, due.word());
                let subject = || format!("evaluation {evaluation}: number, individual, kind");
                self.expect(decision, true, subject, recorded, replayed);
            }
            None => {
                let subject = format!("evaluation {evaluation}");
                self.differ(decision, subject, format!("{recorded:?}"), "no reason for one".to_owned());
            }
        }
        if let Some(owner) = self.so_far.row_of(individual).cloned() {
            self.so_far.queued(evaluation, &owner, kind);
        }
    }

    /// A later life queues the test anew, where the earlier one had none waiting.
    fn test_again(&self, kind: LeaseKind) -> Option<(IndividualId, LeaseKind)> {
        let record = &self.so_far.record;
        let winner = record.final_result.as_ref()?;
        let is_open =
            |one: &EvaluationRecord| one.kind == LeaseKind::Test && one.state != EvaluationState::Finished;
        let again = kind == LeaseKind::Test && record.stage == Stage::Test && winner.tested_ms.is_none();
        (again && !record.evaluations.iter().any(is_open)).then_some((winner.individual, LeaseKind::Test))
    }

    /// The evaluation, if it is one that has not ended.
    fn open(&mut self, id: EvaluationId, what: &str) -> Option<EvaluationRecord> {
        let found = self.so_far.evaluation(id).map(|evaluation| evaluation.clone());
        let open = found.filter(|evaluation| evaluation.state != EvaluationState::Finished);
        if open.is_none() {
            let subject = format!("evaluation {id}");
            self.differ(Decision::HandOut, subject, what.to_owned(), "unknown, or ended".to_owned());
        }
        open
    }

    fn leased(&mut self, id: EvaluationId, leased: &Leased) {
        let Some(open) = self.open(id, "handed out") else { return };
        if leased.attempt > open.attempt {
            self.confirm(Decision::HandOut, false);
        } else {
            let replayed = format!("after attempt {}", open.attempt);
            let recorded = format!("attempt {}", leased.attempt);
            self.differ(Decision::HandOut, format!("evaluation {id}"), recorded, replayed);
        }
        let seed = self.witness.seed(open.kind, open.individual.id);
        let subject = || format!("evaluation {id}: seed of its training");
        self.expect(Decision::Seed, true, subject, leased.seed, seed);
        if open.kind == LeaseKind::Search {
            let epochs = self.witness.settings().epochs;
            let subject = || format!("evaluation {id}: planned epochs");
            self.expect(Decision::HandOut, false, subject, leased.epochs, epochs);
        }
        let inherits = self.witness.bequeather(open.kind, &open.individual);
        let subject = || format!("evaluation {id}: whose weights it inherits");
        self.expect(Decision::HandOut, false, subject, leased.inherits, inherits);
        self.so_far.leased(id, leased);
    }

    fn planned(&mut self, id: EvaluationId, planned: &Planned) {
        let Some(open) = self.open(id, "planned") else { return };
        let subject = || format!("evaluation {id}: attempt");
        if self.expect(Decision::HandOut, false, subject, planned.attempt, open.attempt) {
            self.confirm(Decision::HandOut, false);
        }
        if let Some(evaluation) = self.so_far.evaluation(id) {
            evaluation.epochs = planned.epochs;
        }
    }

    fn back_to_queue(&mut self, id: EvaluationId, attempt: u32, losses: u32) {
        let Some(open) = self.open(id, "handed back") else { return };
        let subject = || format!("evaluation {id}: attempt");
        if self.expect(Decision::HandOut, false, subject, attempt, open.attempt) {
            self.confirm(Decision::HandOut, false);
        }
        self.stops.remove(&id);
        self.so_far.back_to_queue(id, losses);
    }

    fn advised(&mut self, id: EvaluationId, advised: &Advised) {
        let Some(open) = self.open(id, "stopped early") else { return };
        let best = advised.score.unwrap_or(f64::NEG_INFINITY);
        let mark = self
            .witness
            .mark(&open.individual, advised.epoch, best)
            .filter(|_| open.kind == LeaseKind::Search);
        let subject = || format!("evaluation {id}: mark at epoch {}", advised.epoch);
        match mark {
            Some(mark) => {
                let recorded = advised.mark.unwrap_or(f64::INFINITY);
                self.expect(Decision::EarlyStop, true, subject, recorded, mark);
            }
            None => {
                let recorded = format!("{:?}", advised.mark);
                self.differ(Decision::EarlyStop, subject(), recorded, "no reason to stop".to_owned());
            }
        }
        let event = self.at.unwrap_or_default();
        let stop = Stop { event, attempt: open.attempt, epoch: advised.epoch, score: advised.score };
        self.stops.insert(id, stop);
    }

    fn finished(&mut self, id: EvaluationId, ended: &Ended) {
        let Some(open) = self.open(id, "ended") else { return };
        let subject = || format!("evaluation {id}: attempt");
        self.expect(Decision::Score, false, subject, ended.attempt, open.attempt);
        let Some(row) = self.so_far.finished(id, ended) else {
            let subject = format!("evaluation {id}");
            return self.differ(Decision::Score, subject, "no row".to_owned(), "an end".to_owned());
        };
        self.score(&row, ended);
        self.stopped_as_told(&row);
        self.told_as_it_was(&row);
        let displaced = self.witness.learn(&row);
        self.due.drops.extend(displaced);
    }

    fn score(&mut self, row: &EvaluationRecord, ended: &Ended) {
        let id = row.id;
        let best = score_of(row);
        let subject = || format!("evaluation {id}: outcome and score in the event");
        let recorded = (Some(ended.outcome), ended.score);
        let same = self.expect(Decision::Score, false, subject, recorded, (row.outcome, row.score));
        let subject = || format!("evaluation {id}: score");
        let same =
            self.expect(Decision::Score, false, subject, row.score, best.map(|(score, _)| score)) && same;
        // Infinite losses and those that are no number are recorded alike: among equals, their order is not known.
        let ordered = row.curve.iter().all(|report| report.validation_loss.is_finite());
        let loss = best.map(|(_, loss)| loss).filter(|_| ordered);
        let subject = || format!("evaluation {id}: loss");
        let same = (!ordered || self.expect(Decision::Score, false, subject, row.loss, loss)) && same;
        if same {
            self.confirm(Decision::Score, true);
        }
    }

    /// The score at which a training was stopped is that of its curve.
    fn stopped_as_told(&mut self, row: &EvaluationRecord) {
        let Some(stop) = self.stops.remove(&row.id) else { return };
        if stop.attempt != row.attempt || row.curve.len() < stop.epoch as usize {
            return;
        }
        let now = self.at.replace(stop.event);
        let subject = || format!("evaluation {}: best score of {} epochs", row.id, stop.epoch);
        self.expect(Decision::EarlyStop, false, subject, stop.score, score_after(row, stop.epoch));
        self.at = now;
    }

    fn kept(&mut self, id: EvaluationId) {
        let worth = self.witness.is_worth_keeping(id);
        let subject = || format!("weights of evaluation {id}: worth keeping");
        self.expect(Decision::Weights, true, subject, true, worth);
        self.witness.keep(id);
    }

    fn dropped(&mut self, id: EvaluationId) {
        let due = self.due.drops.remove(&id);
        let subject = || format!("weights of evaluation {id}: to be dropped");
        self.expect(Decision::Weights, true, subject, true, due);
        self.witness.drop_weights(id);
    }
}

fn numbers(ids: &[IndividualId]) -> Vec<u64> {
    ids.iter().map(|id| id.0).collect()
}
