//! Node processes seen from outside: metrics, API and events of real processes; who may look and change; what those can
//! do who mean harm.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop the test, and say what they do"
)]

mod access;
#[path = "../program/common.rs"]
#[expect(dead_code, reason = "what only the other tests use")]
mod common;
mod control;
mod hostile;
mod looks;
mod metrics;
mod nodes;
#[path = "../records/pseudo.rs"]
#[expect(dead_code, reason = "what only the other tests use")]
mod pseudo;
mod scene;
