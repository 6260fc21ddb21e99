//! Replay: makes the recorded decisions of a run again, from what its journal holds, and says which are the same.
//!
//! The journal's events are walked in their order (`walk`). Whatever was decided is decided again by the brain's own
//! parts and by the makers, who hear everything in the same order:
//! - **made again, bit for bit**: number and maker of every order; every draw in vain; every birth, its genome made anew
//!   from the same results; seeds and lengths of search trainings; every early stop,
//!   its mark from the curves learned until then; every score, from its curve; whose weights are kept and dropped; the
//!   candidates for the crown, the winner and its test. Without a limit of time also when the search ends and what
//!   follows it.
//! - **checked for consistency only**, since the clock, the trainers or the machine decide: when a birth is ordered, who
//!   is handed out when, lost, called back or fitted to its time, and in a run with a limit of time when the search ends,
//!   how many of the best are candidates, how long they train. Of a training that was *not* stopped early nothing is
//!   said: when its reports came is not recorded. Whether a final training was long enough to be handed over depends on
//!   the sizes of the data's parts, which are not read.
//!
//! What a run that was cut off had open is forgotten, as the program forgets it: a later order of the same birth is made
//! anew, from what is known then. Every life begins where `Brain::restore` puts it, from the record as far as it
//! had come.
//!
//! Pure: a history goes in, a report comes out. It must not know files, nor networks beyond how they are bred.

mod so_far;
mod walk;

use crate::journal::History;
use crate::makers::Makers;
use crate::population::settings::Settings;
use crate::protocol::Images;
use crate::run::settings_of;
use hatchery_config::Experiment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Differences that are described; more are counted. One defect can make everything after it differ.
pub const DIFFERENCES_MAX: usize = 1000;

/// By which rules a run is replayed.
pub struct Rules<'a> {
    /// Who makes networks, by an experiment as recorded.
    pub makers: &'a dyn Fn(&Settings) -> Arc<dyn Makers>,
    /// What an experiment, as recorded, tells the brain; or what is wrong with it.
    pub settings: &'a dyn Fn(&str) -> Result<Settings, String>,
}

/// What `Rules::settings` says for a recorded experiment in the program as it is.
///
/// # Errors
/// What is wrong with the experiment.
pub fn settings(experiment: &str) -> Result<Settings, String> {
    let experiment =
        Experiment::parse(experiment, "the recorded experiment", &[]).map_err(|error| error.to_string())?;
    // How many trainers and samples there were decides only upon what depends on the clock.
    let images = Images { search: 1, crown: 1, last: 1, test: 1 };
    Ok(settings_of(&experiment, 1, images))
}

/// A kind of decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Number and maker of a birth.
    Order,
    /// A draw that brought nothing new.
    Discard,
    /// The genome that was bred: operation, hash, size.
    Birth,
    /// Number and owner of an evaluation.
    Evaluation,
    /// Seed of a training.
    Seed,
    /// Who is handed out, and how long it is to train.
    HandOut,
    /// An early stop.
    EarlyStop,
    /// What an ended evaluation is compared by.
    Score,
    /// Whose weights are kept and dropped.
    Weights,
    /// When the search ends, and what follows it.
    Stage,
    /// Candidates for the crown.
    Candidates,
    /// The winner.
    Winner,
    /// The winner's test.
    Test,
    /// Not a decision: that events and tables hold together.
    Record,
}

impl Decision {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Order,
        Self::Discard,
        Self::Birth,
        Self::Evaluation,
        Self::Seed,
        Self::HandOut,
        Self::EarlyStop,
        Self::Score,
        Self::Weights,
        Self::Stage,
        Self::Candidates,
        Self::Winner,
        Self::Test,
        Self::Record,
    ];

    /// Its name in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Discard => "discard",
            Self::Birth => "birth",
            Self::Evaluation => "evaluation",
            Self::Seed => "seed",
            Self::HandOut => "hand_out",
            Self::EarlyStop => "early_stop",
            Self::Score => "score",
            Self::Weights => "weights",
            Self::Stage => "stage",
            Self::Candidates => "candidates",
            Self::Winner => "winner",
            Self::Test => "test",
            Self::Record => "record",
        }
    }

    /// What it is about, for people.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Order => "number and maker of births ordered",
            Self::Discard => "draws in vain",
            Self::Birth => "networks bred: genome, operation, hash, size",
            Self::Evaluation => "numbers and owners of evaluations",
            Self::Seed => "seeds of trainings",
            Self::HandOut => "hand-outs and their length",
            Self::EarlyStop => "early stops: epoch, score, mark",
            Self::Score => "scores of ended evaluations",
            Self::Weights => "weights kept and dropped",
            Self::Stage => "ends of stages",
            Self::Candidates => "candidates for the crown",
            Self::Winner => "the winner",
            Self::Test => "the winner's test",
            Self::Record => "agreement of events and tables",
        }
    }
}

/// A decision found in the journal that is as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Number of the event.
    pub event: i64,
    /// What was decided.
    pub decision: Decision,
    /// Whether it was made again and came out the same; otherwise it depends on the clock, and was only checked for
    /// consistency.
    pub exact: bool,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Number of the event; `None` where tables do not hold what the events say.
    pub event: Option<i64>,
    /// What was decided.
    pub decision: Decision,
    /// About what, for people: `individual 7: its hash`.
    pub subject: String,
    /// What is recorded.
    pub recorded: String,
    /// What follows from everything before.
    pub replayed: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.event {
            Some(number) => write!(formatter, "event {number}: ")?,
            None => write!(formatter, "tables: ")?,
        }
        write!(formatter, "{}: recorded {}, replayed {}", self.subject, self.recorded, self.replayed)
    }
}

/// What a replay has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events walked.
    pub events: usize,
    /// Lives of the coordinator, one more than resumptions.
    pub lives: u32,
    /// The versions of the program that made the run, in order, each once.
    pub program_versions: Vec<String>,
    /// What is as it must be, in the order of events.
    pub confirmed: Vec<Confirmed>,
    /// What is not, in the order of events; of these at most `DIFFERENCES_MAX`.
    pub differences: Vec<Difference>,
    /// How many differences there are in all.
    pub differences_count: usize,
}

impl Report {
    /// Whether everything is as recorded.
    pub const fn is_identical(&self) -> bool {
        self.differences_count == 0
    }

    /// How many decisions of each kind were made again, and how many only checked for consistency.
    pub fn counts(&self) -> BTreeMap<Decision, (u32, u32)> {
        let mut counts: BTreeMap<Decision, (u32, u32)> = BTreeMap::new();
        for Confirmed { decision, exact, .. } in &self.confirmed {
            let (made_again, consistent) = counts.entry(*decision).or_default();
            *(if *exact { made_again } else { consistent }) += 1;
        }
        counts
    }
}

/// Why a run cannot be replayed at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The journal's first event is not its begin.
    #[error(
        "its events do not tell from the begin on what decisions depended on: it was made by an earlier version, and \
         cannot be replayed"
    )]
    Incomplete,
    /// A recorded experiment is none.
    #[error("event {event}: the experiment recorded there cannot be used: {message}")]
    Experiment {
        /// Number of the event.
        event: i64,
        /// Why not.
        message: String,
    },
}

/// Replays a run.
///
/// # Errors
/// Where it cannot be replayed at all. That it differs is none.
pub fn replay(history: &History, rules: &Rules<'_>) -> Result<Report, ReplayError> {
    walk::Walk::begin(history, rules)?.run()
}
