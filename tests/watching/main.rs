//! A run that is watched: by a person in a browser, and by Prometheus with the rules and the Grafana dashboard of
//! `config/deploy`. Real processes on both sides; what is not installed is said, and its test skipped.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop the test, and say why one is skipped"
)]

#[path = "../program/common.rs"]
#[expect(dead_code, reason = "what only the other tests use")]
mod common;
mod monitoring;
mod page;
mod scene;
