//! The table of all keys: what each one may hold.
//!
//! Checks, suggestions and `--set` read this one table; a test holds it together with the types in `experiment`.

use crate::experiment::Budget;
use crate::vocabulary::{
    Activation, EarlyStopping, Initializer, LayerKind, Norm, Objective, Optimizer, Padding, Refinement,
    Schedule, SearchStrategy, TaskKind,
};

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Any text that is not empty.
    Text,
    /// A short name that is also the name of a directory.
    Name,
    /// Text, or a whole number that stands for itself as text (a column's index).
    Label,
    /// `auto`, `cpu` or `cuda:N`.
    Device,
    /// `true` or `false`.
    Flag,
    /// A length of time.
    Time,
    /// A whole number from, to.
    Whole(i64, i64),
    /// A number from, to, both included.
    Number(f64, f64),
    /// A number between, both ends excluded.
    Between(f64, f64),
    /// `[min, max]` of whole numbers within bounds.
    WholeRange(i64, i64),
    /// `[min, max]` of numbers within bounds.
    NumberRange(f64, f64),
    /// A list of whole numbers within bounds, at least one.
    WholeList(i64, i64),
    /// One word of a set.
    Word(fn() -> Vec<&'static str>),
    /// Words of a set, at least one.
    WordList(fn() -> Vec<&'static str>),
    /// A list of patterns of messages; may be empty.
    Patterns,
    /// A list of texts, none of them empty; may be empty itself.
    Texts,
}

/// One key of the experiment file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its whole path, `section.key`.
    pub path: &'static str,
    /// What it may hold.
    pub rule: Rule,
    /// Whether it can be left out and then means "nothing said" (`--set key=none` takes it away).
    pub optional: bool,
}

const fn key(path: &'static str, rule: Rule) -> Key {
    Key { path, rule, optional: false }
}

const fn optional(path: &'static str, rule: Rule) -> Key {
    Key { path, rule, optional: true }
}

/// Most items that a list may hold: far more than there are words or sensible batch sizes.
pub const LIST_ITEMS_MAX: usize = 256;

/// Longest pattern of a message.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Attempts at one evaluation, at most: more would not be patience but a loop.
const ATTEMPTS_MAX: i64 = 1000;

const COUNT_MAX: i64 = 1_000_000_000;

macro_rules! words_of {
    ($kind:ident) => {
        || $kind::ALL.iter().map(|word| word.word()).collect()
    };
}

/// Every key, section by section.
pub const KEYS: &[Key] = &[
    key("name", Rule::Name),
    key("seed", Rule::Whole(0, i64::MAX)),
    key("data.source", Rule::Text),
    key("data.task", Rule::Word(words_of!(TaskKind))),
    optional("data.label", Rule::Label),
    key("data.ignore", Rule::Texts),
    key("data.categorical", Rule::Texts),
    key("data.test_fraction", Rule::Between(0.0, 1.0)),
    key("data.valid_fraction", Rule::Between(0.0, 1.0)),
    key("data.split_seed", Rule::Whole(0, i64::MAX)),
    optional("data.search_samples", Rule::Whole(1, COUNT_MAX)),
    optional("data.search_valid_samples", Rule::Whole(1, COUNT_MAX)),
    key("data.multi_view", Rule::Flag),
    optional("budget.evaluations", Rule::Whole(1, Budget::EVALUATIONS_MAX as i64)),
    optional("budget.time", Rule::Time),
    key("search.strategy", Rule::Word(words_of!(SearchStrategy))),
    key("search.refiner", Rule::Word(words_of!(Refinement))),
    key("search.objectives", Rule::WordList(words_of!(Objective))),
    key("search.stopping", Rule::Word(words_of!(EarlyStopping))),
    key("search.seeds", Rule::Texts),
    key("search.textbook", Rule::Whole(0, 1_000)),
    key("search.population", Rule::Whole(1, 1_000_000)),
    key("search.tournament", Rule::Whole(1, 1_000_000)),
    key("search.crossover", Rule::Number(0.0, 1.0)),
    key("search.reproducible", Rule::Flag),
    key("search.lag", Rule::Whole(1, 100_000)),
    key("training.epochs", Rule::Whole(1, 1_000_000)),
    optional("training.seconds", Rule::Number(0.01, 1e8)),
    key("training.majority_patience", Rule::Number(0.01, 1e6)),
    key("training.patience", Rule::Whole(0, 1_000_000)),
    key("training.inherit", Rule::Flag),
    key("limits.parameters", Rule::Whole(1, 100_000_000_000)),
    key("limits.multiply_adds", Rule::Whole(1, 100_000_000_000_000)),
    key("limits.memory_mib", Rule::Whole(1, 10_000_000)),
    optional("limits.host_memory_mib", Rule::Whole(1, 10_000_000)),
    optional("limits.gpu_memory_mib", Rule::Whole(1, 10_000_000)),
    key("limits.hang_seconds", Rule::Number(1.0, 1e6)),
    key("retry.crashed", Rule::Whole(1, ATTEMPTS_MAX)),
    key("retry.lost", Rule::Whole(1, ATTEMPTS_MAX)),
    key("retry.out_of_memory", Rule::Whole(0, ATTEMPTS_MAX)),
    key("retry.timed_out", Rule::Whole(0, ATTEMPTS_MAX)),
    key("retry.failed", Rule::Whole(0, ATTEMPTS_MAX)),
    key("retry.exclude_node", Rule::Patterns),
    key("retry.never", Rule::Patterns),
    key("final.enabled", Rule::Flag),
    key("final.epochs", Rule::Whole(1, 1_000_000)),
    optional("final.epochs_max", Rule::Whole(1, 1_000_000)),
    key("final.time_share", Rule::Number(0.0, 0.95)),
    key("final.regularised", Rule::Whole(0, 2)),
    optional("runtime.library", Rule::Text),
    optional("runtime.device", Rule::Device),
    optional("runtime.workers", Rule::Whole(1, 1024)),
    optional("runtime.packing", Rule::Whole(1, 1024)),
    optional("runtime.threads", Rule::Whole(1, 1024)),
    key("runtime.cuda_graphs", Rule::Flag),
    key("space.layers", Rule::WordList(words_of!(LayerKind))),
    key("space.depth", Rule::WholeRange(1, 64)),
    key("space.filters", Rule::WholeRange(1, 4096)),
    key("space.kernel", Rule::WholeRange(1, 31)),
    key("space.stride", Rule::WholeRange(1, 8)),
    key("space.dilation", Rule::WholeRange(1, 8)),
    key("space.groups", Rule::WholeList(1, 1024)),
    key("space.depthwise", Rule::Flag),
    key("space.padding", Rule::WordList(words_of!(Padding))),
    key("space.pool_kernel", Rule::WholeRange(1, 16)),
    key("space.pool_stride", Rule::WholeRange(1, 16)),
    key("space.units", Rule::WholeRange(1, 65_536)),
    key("space.dropout", Rule::NumberRange(0.0, 0.95)),
    key("space.activations", Rule::WordList(words_of!(Activation))),
    key("space.norms", Rule::WordList(words_of!(Norm))),
    key("space.optimizers", Rule::WordList(words_of!(Optimizer))),
    key("space.learning_rate", Rule::NumberRange(1e-8, 10.0)),
    key("space.schedules", Rule::WordList(words_of!(Schedule))),
    key("space.momentum", Rule::NumberRange(0.0, 0.9999)),
    key("space.weight_decay", Rule::NumberRange(0.0, 1.0)),
    key("space.batch_size", Rule::WholeList(1, 65_536)),
    key("space.label_smoothing", Rule::NumberRange(0.0, 0.9)),
    key("space.gradient_clip", Rule::NumberRange(0.0, 1e6)),
    key("space.initializers", Rule::WordList(words_of!(Initializer))),
    key("space.shift", Rule::WholeRange(0, 32)),
    key("space.flip", Rule::Flag),
];

/// The key of this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether `path` is a section (a table that holds keys).
pub fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == path))
}

/// The sections, in order.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().filter_map(|key| Some(key.path.split_once('.')?.0)).collect();
    sections.dedup();
    sections
}

impl Rule {
    /// What is allowed, in words: fits after "it must be".
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Name => "a short name of letters, digits, `-`, `_` and `.` (at most 64)".to_owned(),
            Self::Label => {
                "a column's name or zero-based index, or of several regression targets one text with commas, \
                            as in \"t1,t2\""
                    .to_owned()
            }
            Self::Device => "`auto`, `cpu` or `cuda:N`".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Time => "a length of time like 90s, 10m or 1h30m".to_owned(),
            Self::Whole(min, i64::MAX) => format!("a whole number of at least {min}"),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::Between(min, max) => format!("a number between {min} and {max}, both excluded"),
            Self::WholeRange(min, max) => {
                format!("[min, max]: two whole numbers from {min} to {max}, the smaller first")
            }
            Self::NumberRange(min, max) => {
                format!("[min, max]: two numbers from {min} to {max}, the smaller first")
            }
            Self::WholeList(min, max) => format!("a list of at least one whole number from {min} to {max}"),
            Self::Word(words) => format!("one of {}", quoted(&words())),
            Self::WordList(words) => format!("a list of at least one of {}", quoted(&words())),
            Self::Patterns => format!(
                "a list of texts to be found in messages, each of at most {PATTERN_BYTES_MAX} bytes, in which `*` \
                 stands for anything, but not alone"
            ),
            Self::Texts => "a list of texts".to_owned(),
        }
    }

    /// Whether a list is expected.
    pub fn is_list(&self) -> bool {
        matches!(
            self,
            Self::WholeRange(..)
                | Self::NumberRange(..)
                | Self::WholeList(..)
                | Self::WordList(_)
                | Self::Patterns
                | Self::Texts
        )
    }

    /// Whether text is expected, so that `--set` takes what is written as it stands.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Name | Self::Label | Self::Device | Self::Time | Self::Word(_))
    }
}

/// `"a", "b"`.
pub fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
