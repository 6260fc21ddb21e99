//! Every metric by its name. Units are Prometheus's base units: seconds, bytes, ratios from 0 to 1. Label sets are
//! bounded: no label holds a network, an evaluation or a node's name.

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and begins anew with its process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often values lay below bounds.
    Histogram,
}

/// Which node processes have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Every one.
    Each,
    /// Workers, each for itself.
    Worker,
    /// The coordinator, for the whole cluster.
    Coordinator,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Who has it.
    pub node: Node,
    /// Its labels, and what they may hold.
    pub labels: &'static str,
    /// Whether it is counted where it happens; else it is read off a snapshot when somebody asks.
    pub is_counted: bool,
    /// What it means.
    pub help: &'static str,
}

pub(super) const TRAINING_STEPS: &str = "hatchery_training_steps_total";
pub(super) const TRAINING_IMAGES: &str = "hatchery_training_images_total";
pub(super) const TRAINING_STEP_SECONDS: &str = "hatchery_training_step_seconds";
pub(super) const TRAINING_EPOCHS: &str = "hatchery_training_epochs_total";
pub(super) const TRAINING_BUILD_SECONDS: &str = "hatchery_training_build_seconds";
pub(super) const TRAININGS: &str = "hatchery_trainings_total";
pub(super) const TRAINER_SLOTS: &str = "hatchery_trainer_slots";
pub(super) const RESULTS_UNACKNOWLEDGED: &str = "hatchery_results_unacknowledged";
pub(super) const WORKER_CONNECTED: &str = "hatchery_worker_connected";
pub(super) const LETTERS_SENT: &str = "hatchery_letters_sent_total";
pub(super) const LETTERS_RECEIVED: &str = "hatchery_letters_received_total";
pub(super) const JOURNAL_COMMITS: &str = "hatchery_journal_commits_total";
pub(super) const JOURNAL_ENTRIES: &str = "hatchery_journal_entries_total";
pub(super) const JOURNAL_COMMIT_SECONDS: &str = "hatchery_journal_commit_seconds";
pub(super) const HTTP_REQUESTS: &str = "hatchery_http_requests_total";
pub(super) const HTTP_REFUSED: &str = "hatchery_http_refused_total";

const fn counted(
    name: &'static str,
    kind: Kind,
    node: Node,
    labels: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, kind, node, labels, is_counted: true, help }
}

const fn read(
    name: &'static str,
    kind: Kind,
    node: Node,
    labels: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, kind, node, labels, is_counted: false, help }
}

use Kind::{Counter, Gauge, Histogram};
use Node::{Coordinator, Each, Worker};

/// All of them, in the order of the page that lists them.
pub const METRICS: &[Metric] = &[
    read(
        "hatchery_build_info",
        Gauge,
        Each,
        "version, role",
        "1; which program this is, and as what it runs",
    ),
    read("process_cpu_seconds_total", Counter, Each, "", "Processor time of the process, user and system"),
    read("process_resident_memory_bytes", Gauge, Each, "", "Resident memory of the process"),
    read("process_open_fds", Gauge, Each, "", "Open file descriptors of the process"),
    read("process_max_fds", Gauge, Each, "", "File descriptors that the process may have open"),
    read("process_start_time_seconds", Gauge, Each, "", "When the process began, in Unix time"),
    counted(
        LETTERS_SENT,
        Counter,
        Each,
        "letter, outcome",
        "Letters to other nodes, by what they say and whether they left",
    ),
    counted(LETTERS_RECEIVED, Counter, Each, "letter", "Letters from other nodes, by what they say"),
    counted(HTTP_REQUESTS, Counter, Each, "code", "HTTP requests answered, by class of the status code"),
    counted(
        HTTP_REFUSED,
        Counter,
        Each,
        "reason",
        "HTTP connections and requests turned away, by the limit that they met",
    ),
    read("hatchery_http_connections", Gauge, Each, "", "HTTP connections that are open"),
    counted(
        TRAINING_IMAGES,
        Counter,
        Worker,
        "",
        "Training samples that training steps of this worker have seen",
    ),
    counted(TRAINING_STEPS, Counter, Worker, "", "Training steps of this worker"),
    counted(
        TRAINING_STEP_SECONDS,
        Histogram,
        Worker,
        "",
        "Time of one training step: forward, backward and update",
    ),
    counted(TRAINING_EPOCHS, Counter, Worker, "", "Epochs that trainings of this worker have finished"),
    counted(
        TRAINING_BUILD_SECONDS,
        Histogram,
        Worker,
        "",
        "Time from a genome to its first finished training step",
    ),
    counted(TRAININGS, Counter, Worker, "outcome", "Attempts that have ended at this worker, by how"),
    counted(TRAINER_SLOTS, Gauge, Worker, "state", "Slots of this worker by what they do"),
    counted(
        RESULTS_UNACKNOWLEDGED,
        Gauge,
        Worker,
        "",
        "Results and checkpoints that the coordinator has not recorded yet",
    ),
    counted(WORKER_CONNECTED, Gauge, Worker, "", "1 while the coordinator answers, else 0"),
    read(
        "hatchery_gpu_utilisation_ratio",
        Gauge,
        Worker,
        "gpu",
        "Share of time in which the GPU was at work, of late",
    ),
    read(
        "hatchery_gpu_memory_used_bytes",
        Gauge,
        Worker,
        "gpu",
        "Memory of the GPU that is in use, by whomever",
    ),
    read("hatchery_gpu_memory_total_bytes", Gauge, Worker, "gpu", "Memory of the GPU"),
    read(
        "hatchery_evaluations_total",
        Counter,
        Coordinator,
        "outcome",
        "Evaluations of the search that have ended, by how; worker_lost counts lost attempts, which cost no budget",
    ),
    read("hatchery_evaluations_max", Gauge, Coordinator, "", "Budget of evaluations, where there is one"),
    read("hatchery_individuals_total", Counter, Coordinator, "maker", "Networks born, by who made them"),
    read(
        "hatchery_best_score",
        Gauge,
        Coordinator,
        "",
        "Best validation score so far: accuracy, or R squared",
    ),
    read("hatchery_best_parameters", Gauge, Coordinator, "", "Parameters of the network with the best score"),
    read(
        "hatchery_cluster_training_images_total",
        Counter,
        Coordinator,
        "",
        "Training samples of evaluations that have ended, all workers",
    ),
    read(
        "hatchery_cluster_training_seconds_total",
        Counter,
        Coordinator,
        "",
        "Training time of evaluations that have ended, all workers",
    ),
    read(
        "hatchery_utilisation_ratio",
        Gauge,
        Coordinator,
        "",
        "Share of the trainers' time spent training, since this coordinator began",
    ),
    read(
        "hatchery_queue_depth",
        Gauge,
        Coordinator,
        "queue",
        "What waits: evaluations to be handed out (ready), births ordered from makers (births), attempts of an earlier coordinator to be claimed (unclaimed)",
    ),
    read("hatchery_leases", Gauge, Coordinator, "kind", "Leases in force, by what they are for"),
    read("hatchery_trainers", Gauge, Coordinator, "state", "Trainers of the cluster by what they do"),
    read(
        "hatchery_workers",
        Gauge,
        Coordinator,
        "state",
        "Nodes by how they stand; one that was started again counts once",
    ),
    read(
        "hatchery_worker_restarts_total",
        Counter,
        Coordinator,
        "",
        "Worker processes that took the place of another of the same name, over the whole run",
    ),
    read(
        "hatchery_coordinator_restarts_total",
        Counter,
        Coordinator,
        "",
        "How often the run went on after its coordinator had ended otherwise than by its user's wish",
    ),
    read(
        "hatchery_attempts_lost_total",
        Counter,
        Coordinator,
        "",
        "Attempts lost with their workers, over the whole run",
    ),
    read(
        "hatchery_attempts_handed_back_total",
        Counter,
        Coordinator,
        "",
        "Attempts that workers gave back, over the whole run",
    ),
    read(
        "hatchery_attempts_adopted_total",
        Counter,
        Coordinator,
        "",
        "Attempts that went on at a worker that had been thought lost, over the whole run",
    ),
    read(
        "hatchery_heartbeat_age_seconds",
        Gauge,
        Coordinator,
        "",
        "Time since the worker that has been silent longest was heard of, of those that are here",
    ),
    read(
        "hatchery_run_elapsed_seconds",
        Gauge,
        Coordinator,
        "",
        "Time that the run has taken, interruptions left out",
    ),
    read(
        "hatchery_run_seconds_left",
        Gauge,
        Coordinator,
        "",
        "Time until the run's limit, where there is one",
    ),
    read(
        "hatchery_run_stage",
        Gauge,
        Coordinator,
        "stage",
        "1 for the stage that the run is at, 0 for the others",
    ),
    read(
        "hatchery_run_paused",
        Gauge,
        Coordinator,
        "",
        "1 while nothing is handed out: by request, or since the journal cannot be written",
    ),
    counted(
        JOURNAL_COMMIT_SECONDS,
        Histogram,
        Coordinator,
        "",
        "Time of one commit to the journal, until it is on the disk",
    ),
    counted(
        JOURNAL_COMMITS,
        Counter,
        Coordinator,
        "outcome",
        "Commits to the journal, by whether they came to be",
    ),
    counted(JOURNAL_ENTRIES, Counter, Coordinator, "", "Entries committed to the journal"),
    read(
        "hatchery_invariant_breaches_total",
        Counter,
        Coordinator,
        "",
        "Breaches of the search's invariants; more than 0 is a defect",
    ),
    read(
        "hatchery_journal_bytes",
        Gauge,
        Coordinator,
        "",
        "Size of the journal on the disk, its write-ahead log included",
    ),
];
