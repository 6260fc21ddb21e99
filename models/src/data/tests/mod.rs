//! Tests of the data room: formats there and back, bad input by its message, splits, statistics, damaged files.

mod bad_input;
mod fixtures;
mod formats;
mod fuzz;
mod packed;
mod real;
mod splits;
mod statistics;
mod tables;
