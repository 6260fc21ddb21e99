//! The experiment file: typed, validated, with presets.
//!
//! This crate knows neither networks nor actors: it holds words, bounds and numbers, and says clearly what is
//! wrong with them.

pub mod experiment;
pub mod space;
pub mod vocabulary;
