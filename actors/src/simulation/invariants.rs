//! What always holds of a cluster, by number, and the ledger that it is checked on: what the journal says, what each
//! worker has begun, finished and been told.
//!
//! The ledger sees what the world does, never what a brain believes.

use crate::journal::{Entry, Stage};
use crate::protocol::{EvaluationId, Inherited, LeaseKind, Ticket};
use hatchery_models::training::outcome::{Outcome, Weights};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// A process of a worker, counted from 1 over the world.
pub type ProcessId = u32;

/// An invariant: its id and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cluster {
    /// C1
    RecordedFirst,
    /// C2
    FinishedOnce,
    /// C3
    NothingLost,
    /// C4
    BegunOnce,
    /// C5
    Bounded,
    /// C6
    DrainingInPeace,
    /// C7
    SlotIsFree,
    /// C8
    BlobsArriveWhole,
    /// C9
    ItEnds,
    /// C10
    BudgetIsUsed,
}

impl Cluster {
    pub const fn id(self) -> &'static str {
        match self {
            Self::RecordedFirst => "C1",
            Self::FinishedOnce => "C2",
            Self::NothingLost => "C3",
            Self::BegunOnce => "C4",
            Self::Bounded => "C5",
            Self::DrainingInPeace => "C6",
            Self::SlotIsFree => "C7",
            Self::BlobsArriveWhole => "C8",
            Self::ItEnds => "C9",
            Self::BudgetIsUsed => "C10",
        }
    }

    pub const fn statement(self) -> &'static str {
        match self {
            Self::RecordedFirst => {
                "what an attempt has left is acknowledged only when the journal knows what became of the attempt"
            }
            Self::FinishedOnce => "an evaluation is recorded as finished at most once",
            Self::NothingLost => {
                "what a living worker has finished is kept there until it is recorded, or until another attempt has \
                 taken its place"
            }
            Self::BegunOnce => "an attempt is begun at most once in the whole cluster",
            Self::Bounded => "what is kept at either end grows with the slots, not with time",
            Self::DrainingInPeace => "a worker that says that it is about to end is given nothing more",
            Self::SlotIsFree => {
                "an order finds its slot free, unless its worker is about to end, or stops what was abandoned, or the order was \
                 itself abandoned on its way"
            }
            Self::BlobsArriveWhole => {
                "weights, checkpoints and data arrive as they were sent, with whom they belong to"
            }
            Self::ItEnds => "the world ends within a bounded time and a bounded number of events",
            Self::BudgetIsUsed => {
                "at the end the budget is used up exactly, nothing is under way, and the winner was tested once"
            }
        }
    }
}

/// What was seen broken, of a search or of the cluster.
#[derive(Clone, Debug)]
pub struct Breach {
    pub id: &'static str,
    pub text: String,
}

impl Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

/// What the journal says of an evaluation.
#[derive(Clone, Copy, Debug)]
struct Row {
    kind: LeaseKind,
    attempt: u32,
    running: bool,
    finished: Option<u32>,
    /// The attempt whose failure is recorded, and that another is to follow.
    retried: Option<u32>,
}

/// What a world has seen.
#[derive(Default)]
pub struct Ledger {
    rows: BTreeMap<EvaluationId, Row>,
    past_search: bool,
    begun: BTreeSet<Ticket>,
    /// Whose weights attempts are to begin with.
    heirs: BTreeMap<Ticket, EvaluationId>,
    abandoned: BTreeSet<Ticket>,
    surplus: BTreeSet<Ticket>,
    /// Results of living workers.
    results: BTreeMap<Ticket, (ProcessId, Outcome)>,
    /// Weights that attempts have left, by their length.
    weights: BTreeMap<Ticket, usize>,
    /// What each process must still have.
    owed: BTreeMap<ProcessId, BTreeSet<Ticket>>,
    /// The states that attempts have left, newest last.
    checkpoints: BTreeMap<EvaluationId, Vec<(Ticket, Vec<u8>)>>,
    dropped: BTreeMap<ProcessId, BTreeSet<Ticket>>,
    pub breaches: Vec<Breach>,
    pub claims: u64,
    pub retries: u64,
    pub losses: u64,
    pub evidence: u64,
    pub superseded: u64,
}

impl Ledger {
    pub fn breach(&mut self, invariant: Cluster, detail: &str) {
        let (id, statement) = (invariant.id(), invariant.statement());
        let text = format!("invariant {id} broken ({statement}): {detail}");
        self.breaches.push(Breach { id, text });
    }

    /// These entries are in the journal now.
    pub fn commit(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.enter(entry);
        }
    }

    fn enter(&mut self, entry: &Entry) {
        match entry {
            Entry::Queued { evaluation, kind, .. } => {
                let row = Row { kind: *kind, attempt: 0, running: false, finished: None, retried: None };
                if self.rows.insert(*evaluation, row).is_some() {
                    self.breach(Cluster::BudgetIsUsed, &format!("evaluation {evaluation} is queued twice"));
                }
            }
            Entry::Leased { evaluation, attempt, inherits, .. } => {
                let ticket = Ticket { evaluation: *evaluation, attempt: *attempt };
                self.heirs.extend(inherits.map(|of| (ticket, of)));
                if let Some(row) = self.rows.get_mut(evaluation) {
                    (row.attempt, row.running) = (*attempt, true);
                }
            }
            Entry::Claimed { evaluation, .. } => {
                self.claims += 1;
                if let Some(row) = self.rows.get_mut(evaluation) {
                    row.running = true;
                }
            }
            Entry::Lost { evaluation, .. } | Entry::Released { evaluation, .. } => {
                self.losses += u64::from(matches!(entry, Entry::Lost { .. }));
                if let Some(row) = self.rows.get_mut(evaluation) {
                    row.running = false;
                }
            }
            Entry::Retried { evaluation, attempt, .. } => {
                self.retries += 1;
                if let Some(row) = self.rows.get_mut(evaluation) {
                    (row.running, row.retried) = (false, Some(*attempt));
                }
            }
            Entry::Finished(finished) => self.finish(finished.evaluation, finished.attempt),
            Entry::WeightsKept { evaluation, weights } => self.keep(*evaluation, weights),
            Entry::Staged { stage, .. } => self.past_search |= *stage != Stage::Search,
            Entry::Evidence { .. } => self.evidence += 1,
            _ => {}
        }
    }

    fn finish(&mut self, evaluation: EvaluationId, attempt: u32) {
        let Some(row) = self.rows.get_mut(&evaluation) else { return };
        row.running = false;
        if row.finished.replace(attempt).is_some() {
            self.breach(Cluster::FinishedOnce, &format!("evaluation {evaluation}"));
        }
    }

    fn keep(&mut self, evaluation: EvaluationId, weights: &Weights) {
        let attempt = self.rows.get(&evaluation).and_then(|row| row.finished).unwrap_or_default();
        let ticket = Ticket { evaluation, attempt };
        let left = self.weights.get(&ticket).map(|length| made_up_weights(ticket, *length));
        if left.as_ref() != Some(weights) {
            self.breach(Cluster::BlobsArriveWhole, &format!("weights kept as those of {ticket}"));
        }
    }

    /// An attempt is begun by a trainer.
    pub fn begin(&mut self, ticket: Ticket) {
        if !self.begun.insert(ticket) {
            self.breach(Cluster::BegunOnce, &ticket.to_string());
        }
    }

    /// A training goes on from this state.
    pub fn go_on_from(&mut self, ticket: Ticket, state: &[u8]) {
        let left = self.checkpoints.get(&ticket.evaluation);
        let whole = left.is_some_and(|left| left.iter().any(|(of, bytes)| *of < ticket && bytes == state));
        if !whole {
            self.breach(
                Cluster::BlobsArriveWhole,
                &format!("{ticket} goes on from a state that nobody left"),
            );
        }
    }

    /// A training begins with these weights, or with its own.
    pub fn inherits(&mut self, ticket: Ticket, inherited: Option<&Inherited>) {
        let recorded = self.heirs.get(&ticket).copied();
        if recorded != inherited.map(|inherited| inherited.evaluation) {
            self.breach(Cluster::BlobsArriveWhole, &format!("{ticket} is to inherit of {recorded:?}"));
        }
        let Some(inherited) = inherited else { return };
        let Inherited { evaluation, weights, .. } = inherited;
        let attempt = weights.parameters.get(1).map_or(0, |attempt| *attempt as u32);
        let left = Ticket { evaluation: *evaluation, attempt };
        let length = weights.parameters.len().saturating_sub(2);
        if attempt == 0 || **weights != made_up_weights(left, length) {
            self.breach(Cluster::BlobsArriveWhole, &format!("what {ticket} inherits of {evaluation}"));
        }
    }

    /// An attempt has left something with this process, that must not forget it.
    pub fn leave(&mut self, process: ProcessId, ticket: Ticket, outcome: Outcome, weights: Option<usize>) {
        if self.dropped.get(&process).is_some_and(|dropped| dropped.contains(&ticket)) {
            return;
        }
        self.owed.entry(process).or_default().insert(ticket);
        if let Some(length) = weights {
            self.weights.insert(ticket, length);
        }
        if outcome != Outcome::WorkerLost {
            self.results.insert(ticket, (process, outcome));
        }
    }

    pub fn leave_state(&mut self, ticket: Ticket, state: &[u8]) {
        self.checkpoints.entry(ticket.evaluation).or_default().push((ticket, state.to_vec()));
    }

    /// The coordinator's word that this process need not keep this attempt has come there.
    pub fn relieve(&mut self, process: ProcessId, ticket: Ticket) {
        if let Some(owed) = self.owed.get_mut(&process) {
            owed.remove(&ticket);
        }
        self.dropped.entry(process).or_default().insert(ticket);
    }

    /// This process has ended, and all that it had is gone.
    pub fn forget(&mut self, process: ProcessId) {
        self.owed.remove(&process);
        self.dropped.remove(&process);
        self.results.retain(|_, (of, _)| *of != process);
    }

    /// What this process has is at least what it owes.
    pub fn check_kept(&mut self, process: ProcessId, held: &BTreeSet<Ticket>, slots: usize) {
        let missing = self.owed.get(&process).and_then(|owed| owed.difference(held).next().copied());
        if let Some(ticket) = missing {
            self.breach(Cluster::NothingLost, &format!("process {process} has forgotten {ticket}"));
        }
        if held.len() > HELD_PER_SLOT_MAX * slots {
            self.breach(Cluster::Bounded, &format!("process {process} keeps {} attempts", held.len()));
        }
    }

    /// The coordinator says that it does not want this attempt any more.
    pub fn abandon(&mut self, ticket: Ticket) {
        self.abandoned.insert(ticket);
    }

    /// There is no room for this attempt: others, bred in place of it, use up the budget.
    pub fn has_no_room(&mut self, ticket: Ticket) {
        self.surplus.insert(ticket);
    }

    pub fn is_abandoned(&self, ticket: Ticket) -> bool {
        self.abandoned.contains(&ticket)
    }

    /// The coordinator says that what this attempt has left is recorded.
    pub fn check_acknowledged(&mut self, ticket: Ticket) {
        let Some(row) = self.rows.get(&ticket.evaluation) else {
            return self.breach(Cluster::RecordedFirst, &format!("{ticket} is unknown"));
        };
        if row.running && row.attempt == ticket.attempt {
            return self.breach(Cluster::RecordedFirst, &format!("{ticket} is still running in the journal"));
        }
        self.check_dropped(ticket, "acknowledged");
    }

    /// A result that its worker may drop is recorded, or superseded, or too late: for a search that is over, or
    /// whose budget was full of others when it came.
    pub fn check_dropped(&mut self, ticket: Ticket, how: &str) {
        let Some(row) = self.rows.get(&ticket.evaluation).copied() else { return };
        let Some((_, outcome)) = self.results.get(&ticket) else { return };
        let late = (self.past_search || self.surplus.contains(&ticket)) && row.kind == LeaseKind::Search;
        let settled = row.finished.is_some() || row.retried == Some(ticket.attempt);
        if !settled && row.attempt == ticket.attempt && !late {
            let detail = format!("the result of {ticket} ({}) is {how} and not recorded", outcome.word());
            return self.breach(Cluster::NothingLost, &detail);
        }
        self.superseded += u64::from(row.finished != Some(ticket.attempt));
    }
}

/// A worker that keeps four results for each slot gets no more; some orders may be under way until that is known.
pub const HELD_PER_SLOT_MAX: usize = 8;

/// Weights that tell whose they are.
pub fn made_up_weights(ticket: Ticket, length: usize) -> Weights {
    let own = [ticket.evaluation.0 as f32, ticket.attempt as f32];
    let rest = (0..length).map(|index| (index % 1021) as f32);
    Weights { parameters: own.into_iter().chain(rest).collect(), statistics: vec![0.5] }
}

/// A state that tells whose it is: the evaluation, the attempt and the epochs done.
pub fn made_up_state(ticket: Ticket, epochs: u32, length: usize) -> Vec<u8> {
    let mut state = ticket.evaluation.0.to_le_bytes().to_vec();
    state.extend(ticket.attempt.to_le_bytes());
    state.extend(epochs.to_le_bytes());
    state.extend((0..length).map(|index| (index % 253) as u8));
    state
}

/// The epochs that a state says are done.
pub fn epochs_of(state: &[u8]) -> u32 {
    state.get(12..16).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}
