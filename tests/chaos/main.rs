//! A run among failures: processes that are killed, stopped and told to end, networks that are cut, disks that are full.
//! Real processes, real signals, real journals.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop the test, and say what they do"
)]

mod blows;
mod closing;
#[path = "../program/common.rs"]
#[expect(dead_code, reason = "what only the other tests use")]
mod common;
mod crashing;
mod draining;
mod failure_times;
mod foreign_data;
mod journal;
mod late_comers;
mod partition;
mod scene;
mod storage;
