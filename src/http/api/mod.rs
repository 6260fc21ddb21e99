//! The run as JSON: one file for each thing that can be asked, upon what is `watched`.
//!
//! Types here are the contract; the OpenAPI document is made from them.

pub mod control;
pub mod front;
pub mod individual;
pub mod individuals;
pub mod model;
pub mod nodes;
pub mod points;
pub mod run;
pub mod targets;
