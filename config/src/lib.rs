//! The experiment file: typed, validated, with presets.
//!
//! This crate knows neither networks nor actors: it holds words, bounds and numbers, and says clearly what is
//! wrong with them.
//!
//! A file goes through three steps: `tree` parses it and lays `--set` over it, `check` holds every value against
//! the table of keys in `schema`, and `load` turns the tree into an [`experiment::Experiment`].

pub mod duration;
pub mod error;
pub mod experiment;
pub mod presets;
pub mod schema;
pub mod space;
pub mod vocabulary;

mod check;
mod load;
mod suggest;
mod tree;

pub use error::ConfigError;
pub use experiment::Experiment;
pub use suggest::nearest;
