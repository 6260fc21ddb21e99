//! What crosses the boundary between node processes: every letter that a coordinator and a worker exchange.
//!
//! Letters are flat (no type contains itself), small (weights, checkpoints and data travel in pieces, on demand) and
//! may be lost, doubled or overtaken: each says enough to be understood alone, and hearing it twice does no harm.
//! Change anything here, and raise [`PROTOCOL_VERSION`]. How letters become bytes, `cluster::wire` says.

use super::{EvaluationId, IndividualId, LeaseKind, Ticket};
use hatchery_models::training::outcome::{EpochReport, Outcome};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// Version of the letters. Nodes of different versions refuse each other.
pub const PROTOCOL_VERSION: u16 = 5;

/// Bytes of one piece of a blob. Small enough that a heartbeat behind a piece waits for about a millisecond.
pub const PIECE_BYTES_MAX: usize = 256 << 10;

/// A node process: a name that stays the same when it is started again, and a number that does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeName {
    /// For example `worker-0@host`: what a user calls it.
    pub stable: String,
    /// Random, drawn when the process starts.
    pub incarnation: u64,
}

impl Display for NodeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{:016x}", self.stable, self.incarnation)
    }
}

/// Something too large for a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BlobName {
    /// Weights that this attempt has left, or is to test.
    Weights(Ticket),
    /// The state of a training that this attempt has left, or is to go on from.
    Checkpoint(Ticket),
    /// The parent's weights that this attempt is to begin with.
    Inherited(Ticket),
    /// The data set with this content hash.
    Data(String),
}

/// A blob and its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Which.
    pub name: BlobName,
    /// Its length.
    pub bytes: u64,
}

/// A part of a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Of which.
    pub blob: BlobName,
    /// Where it begins.
    pub offset: u64,
    /// Length of the whole blob.
    pub total: u64,
    /// At most [`PIECE_BYTES_MAX`]; empty only where the blob is.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A letter, either way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Letter {
    /// From a worker.
    ToCoordinator(ToCoordinator),
    /// From the coordinator.
    ToWorker(ToWorker),
}

impl Letter {
    /// What it says, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ToCoordinator(letter) => letter.word(),
            Self::ToWorker(letter) => letter.word(),
        }
    }
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToCoordinator {
    /// First of all, on every connection.
    Hello(Hello),
    /// What every slot is doing: every two seconds, and whenever a slot has become free otherwise than by a result.
    Status(Status),
    /// This attempt has been fitted to its time: it will have so many epochs.
    Planned(Ticket, u32),
    /// This attempt has finished an epoch.
    Progress(Ticket, EpochReport),
    /// This attempt has ended. Said again until it is acknowledged.
    Result(Box<Report>),
    /// This attempt was handed back unfinished. Said again until it is acknowledged.
    HandedBack(HandedBack),
    /// Send a piece of this blob, from this offset.
    Ask(BlobName, u64),
    /// A piece that was asked for.
    Piece(Piece),
    /// The blob is not here, and why.
    Missing(BlobName, String),
    /// This worker cannot work, and why: the data cannot be had, the library cannot be loaded.
    Unable(String),
    /// This worker is about to end, and holds nothing any more.
    Goodbye(String),
}

impl ToCoordinator {
    const fn word(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Status(_) => "status",
            Self::Planned(..) => "planned",
            Self::Progress(..) => "progress",
            Self::Result(_) => "result",
            Self::HandedBack(_) => "handed_back",
            Self::Ask(..) => "ask",
            Self::Piece(_) => "piece",
            Self::Missing(..) => "missing",
            Self::Unable(_) => "unable",
            Self::Goodbye(_) => "goodbye",
        }
    }
}

/// What the coordinator says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Answer to a hello: what this run is about.
    Welcome(Welcome),
    /// Answer to a hello: go away, and why. The worker ends with an error.
    Refused(String),
    /// Do this, in this slot.
    Assign(u32, Box<Order>),
    /// End this attempt early, and report.
    Advise(Ticket),
    /// This attempt is no longer wanted: drop it, whatever has become of it.
    Abandon(Ticket),
    /// What this attempt has left is recorded: forget it.
    Acknowledge(Ticket),
    /// Send a piece of this blob, from this offset.
    Ask(BlobName, u64),
    /// A piece that was asked for.
    Piece(Piece),
    /// The blob is not here, and why.
    Missing(BlobName, String),
    /// Take no more work, finish or hand back what is under way, then end.
    Drain,
    /// The run is over, and why: end.
    Finished(String),
}

impl ToWorker {
    const fn word(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Refused(_) => "refused",
            Self::Assign(..) => "assign",
            Self::Advise(_) => "advise",
            Self::Abandon(_) => "abandon",
            Self::Acknowledge(_) => "acknowledge",
            Self::Ask(..) => "ask",
            Self::Piece(_) => "piece",
            Self::Missing(..) => "missing",
            Self::Drain => "drain",
            Self::Finished(_) => "finished",
        }
    }
}

/// A worker introduces itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the program, for people.
    pub program_version: String,
    /// Host name.
    pub host: String,
    /// Process number on that host.
    pub pid: u32,
    /// What it trains on, one for each slot: `cpu`, `cuda:0`.
    pub devices: Vec<String>,
    /// Where its metrics are, `host:port`, as others reach it; `None` where it serves none.
    pub http: Option<String>,
    /// How the process of the same name before it ended, where its supervisor knows.
    pub predecessor: Option<Predecessor>,
}

/// How an earlier process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predecessor {
    /// Which incarnation.
    pub incarnation: u64,
    /// Whether it broke down by itself (a signal such as SIGSEGV, its watchdog, a failing exit code) or was ended from
    /// outside (SIGKILL, SIGTERM).
    pub crashed: bool,
    /// For people: signal or exit code, and the last lines that it wrote.
    pub how: String,
}

/// What a worker has in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Counted up by the worker: an older status than one that was heard is out of date.
    pub number: u64,
    /// One for each slot.
    pub slots: Vec<SlotStatus>,
    /// Results and checkpoints that are not acknowledged yet.
    pub held: Vec<Ticket>,
    /// Takes no more work.
    pub draining: bool,
    /// Memory of the process, in bytes.
    pub memory_bytes: u64,
}

/// What a slot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotStatus {
    /// Is not ready to work yet, or not again.
    Starting,
    /// Can take work. The last that it took is named, so that an order on its way can be told from one forgotten.
    Idle(Option<Ticket>),
    /// Takes nothing more for now: its device does not gain by it. The last that it took is named.
    Resting(Option<Ticket>),
    /// Is at it.
    Running(Ticket),
}

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// Identity of the run: a worker that has prepared for another one ends.
    pub run: String,
    /// The experiment, TOML.
    pub experiment: String,
    /// Content hash of the data set.
    pub data_hash: String,
    /// Threads of each slot on CPU.
    pub threads: u32,
    /// Trainers of the whole cluster that share this worker's host, as far as the coordinator knows.
    pub trainers: u32,
}

/// A lease on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Which hand-out of which evaluation.
    pub ticket: Ticket,
    /// Whose.
    pub individual: IndividualId,
    /// What for.
    pub kind: LeaseKind,
    /// What to train, JSON.
    pub genome: String,
    /// Seed of everything random in the training.
    pub seed: u64,
    /// Planned epochs.
    pub epochs: u32,
    /// Wall-clock limit in seconds.
    pub seconds_max: Option<f64>,
    /// The weights to test, to be asked for.
    pub weights: Option<BlobRef>,
    /// The state to go on from, to be asked for.
    pub checkpoint: Option<BlobRef>,
    /// What to begin with.
    pub inherit: Option<Bequest>,
    /// Whether to measure the latency of the finished network.
    pub measure_latency: bool,
    /// Whether the training goes on to its planned end however little is learned.
    pub to_the_end: bool,
}

/// A parent's weights, as an order names them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bequest {
    /// The evaluation that left them.
    pub evaluation: EvaluationId,
    /// Whose they are, JSON.
    pub genome: String,
    /// The numbers, to be asked for.
    pub weights: BlobRef,
}

/// What has come of an attempt, without the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which attempt.
    pub ticket: Ticket,
    /// In which slot.
    pub slot: u32,
    /// Whether that slot can take the next order.
    pub slot_is_free: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Explanation where it did not complete.
    pub message: String,
    /// One report per finished epoch.
    pub curve: Vec<EpochReport>,
    /// Training steps taken.
    pub steps: u64,
    /// Seconds from genome to the first finished step.
    pub build_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds that one sample takes through the finished network, where that was measured.
    pub latency_seconds: Option<f64>,
    /// The weights that it left, to be asked for until the attempt is acknowledged.
    pub weights: Option<BlobRef>,
}

/// An attempt that was given up by its worker for no fault of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandedBack {
    /// Which attempt.
    pub ticket: Ticket,
    /// In which slot.
    pub slot: u32,
    /// Why.
    pub reason: String,
    /// The state that it left, to be asked for until the attempt is acknowledged.
    pub checkpoint: Option<BlobRef>,
}
