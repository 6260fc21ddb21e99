//! `report.html`: one file that says what a run did, readable without a network connection.
//!
//! It must not know the journal: it is handed a `view::Run`.

mod charts;
mod finalists;
mod lineage;
mod makers;
mod page;
mod table;

pub use page::page;
