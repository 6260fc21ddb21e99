//! What a batch of entries is written with: each statement is looked up once for all entries, not for each.
//!
//! It must not know what a statement says.

use rusqlite::{CachedStatement, Connection, Params};
use std::cell::RefCell;

/// A connection, and the statements that this batch has used.
pub struct Pen<'a> {
    connection: &'a Connection,
    /// With their texts, which are known by the place where they lie: ten or so are used.
    statements: RefCell<Vec<(&'static str, CachedStatement<'a>)>>,
}

impl<'a> Pen<'a> {
    /// For one batch.
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection, statements: RefCell::default() }
    }

    /// For what is not written but read.
    pub const fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Executes a statement; says how many rows it has changed.
    pub fn execute(&self, sql: &'static str, params: impl Params) -> rusqlite::Result<usize> {
        let mut statements = self.statements.borrow_mut();
        if let Some((_, known)) = statements.iter_mut().find(|(text, _)| std::ptr::eq(*text, sql)) {
            return known.execute(params);
        }
        let mut statement = self.connection.prepare_cached(sql)?;
        let changed = statement.execute(params);
        statements.push((sql, statement));
        changed
    }
}
