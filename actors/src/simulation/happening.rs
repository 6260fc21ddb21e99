//! What can happen in a world, as plain values: what the calendar holds, and what a test may break on purpose.
//!
//! It must not know the world that it happens in.

use super::invariants::ProcessId;
use crate::population::effect::Effect;
use crate::protocol::Event;
use crate::protocol::letters::Letter;
use hatchery_models::training::outcome::Outcome;

/// What happens next.
pub enum Happening {
    /// A process dials.
    Dial(ProcessId),
    /// A line is ready at this side.
    Rise(u64, Side),
    /// A line ends at this side, and why.
    Fall(u64, Side, String),
    /// A letter reaches this side of a line.
    Arrive(u64, Side, Letter),
    /// A process's clock.
    Process(ProcessId),
    /// A process's preparation.
    Prepared(ProcessId, Ready),
    /// A trainer of a process, in a slot, at a training.
    Trainer(ProcessId, u32, u64, Report),
    /// A stopped process goes on.
    Wake(ProcessId),
    /// A supervisor starts a process.
    Start(usize),
    /// The coordinator's process starts.
    StartCoordinator,
    /// The stopped coordinator goes on, in this life.
    WakeCoordinator(u32),
    /// A word to an actor of the coordinator's, in this life.
    Coordinator(u32, Word),
    /// Something goes wrong.
    Trouble,
}

/// A side of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Worker,
    Coordinator,
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::Worker => Self::Coordinator,
            Self::Coordinator => Self::Worker,
        }
    }
}

/// What comes from a trainer.
#[derive(Clone, Copy, Debug)]
pub enum Report {
    Planned(u32),
    Epoch,
    Done(Outcome),
}

/// What comes from a process's preparation.
#[derive(Clone, Copy, Debug)]
pub enum Ready {
    Want,
    Outfitted,
    Slot(u32),
}

/// A word to one of the coordinator's actors.
pub enum Word {
    /// To the Population.
    Event(Event),
    PopulationTick,
    Flush,
    /// By itself, while the journal cannot be written.
    Retry,
    /// To the Hub.
    Effect(Effect),
    HubTick,
}

/// A deliberate mistake of the world's, to show that the invariants see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The coordinator acknowledges results as they come in.
    AcknowledgeBeforeCommit,
    /// Results are recorded twice.
    RecordTwice,
    /// An agent forgets what it has kept.
    ForgetKept,
    /// A worker begins an order twice.
    BeginTwice,
    /// An agent forgets nothing.
    KeepEverything,
    /// The Population does not hear of workers that are about to end.
    OrderTheDraining,
    /// A slot counts as free while it is at work.
    FreeTooEarly,
    /// A state is damaged on its way.
    DamageState,
    /// The Breeder never answers.
    BreedNothing,
    /// The journal leaves results out.
    RecordNothing,
}
