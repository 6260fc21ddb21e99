//! The whole program, as a user meets it: real processes, real files, real kills.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop the test, and say why a test is skipped"
)]

mod bad_input;
mod certificates;
mod common;
mod processes;
mod replays;
mod run;
mod searching;
mod tables;
