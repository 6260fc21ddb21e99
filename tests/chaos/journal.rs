//! What the journal of a run says, read by another process than the one that writes it.

use rusqlite::{Connection, OpenFlags, Params, types::FromSql};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// How long a reader waits for the writer.
const BUSY: Duration = Duration::from_secs(5);

/// The journal of a run.
pub struct Journal(Connection);

impl Journal {
    /// Of the run in this directory; `None` where there is none yet.
    pub fn open(root: &Path) -> Option<Self> {
        let path = root.join("journal.sqlite");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.busy_timeout(BUSY).unwrap();
        let tables = connection.query_row("SELECT count(*) FROM evaluations", [], |_| Ok(()));
        tables.ok().map(|()| Self(connection))
    }

    /// The first cell of each row.
    pub fn column<T: FromSql>(&self, query: &str, parameters: impl Params) -> Vec<T> {
        let mut statement = self.0.prepare(query).unwrap();
        let cells = statement.query_map(parameters, |row| row.get(0)).unwrap();
        cells.map(Result::unwrap).collect()
    }

    /// The one cell, if there is one.
    pub fn cell<T: FromSql>(&self, query: &str, parameters: impl Params) -> Option<T> {
        self.column(query, parameters).into_iter().next()
    }

    /// How many evaluations of the search have ended.
    pub fn finished(&self) -> i64 {
        let query = "SELECT count(*) FROM evaluations WHERE kind = 'search' AND state = 'finished'";
        self.cell(query, []).unwrap()
    }

    /// The results so far: evaluation to what its event says.
    pub fn results(&self) -> BTreeMap<i64, String> {
        let mut statement =
            self.0.prepare("SELECT evaluation, detail FROM events WHERE kind = 'finished'").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// How many events there are of each kind.
    pub fn events(&self) -> BTreeMap<String, i64> {
        let mut statement = self.0.prepare("SELECT kind, count(*) FROM events GROUP BY kind").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// How many events of a kind.
    pub fn count(&self, kind: &str) -> i64 {
        self.cell("SELECT count(*) FROM events WHERE kind = ?1", [kind]).unwrap()
    }

    /// Stops the test unless every result is there once and for all.
    pub fn assert_nothing_ran_twice(&self) {
        let twice: Vec<i64> = self.column(
            "SELECT evaluation FROM events WHERE kind = 'finished' GROUP BY evaluation HAVING count(*) > 1",
            [],
        );
        assert!(twice.is_empty(), "these have ended twice: {twice:?}");
        let again: Vec<i64> = self.column(
            "SELECT DISTINCT later.evaluation FROM events AS later JOIN events AS done
             ON done.evaluation = later.evaluation AND done.kind = 'finished'
             WHERE later.kind IN ('leased', 'retried', 'lost') AND later.number > done.number",
            [],
        );
        assert!(again.is_empty(), "these went on after their end: {again:?}");
    }

    /// Stops the test unless exactly so many evaluations of the search have ended, each individual's once.
    pub fn assert_whole(&self, evaluations: i64) {
        assert_eq!(self.finished(), evaluations, "{:?}", self.events());
        let cell = |query: &str| self.cell::<i64>(query, []).unwrap();
        assert_eq!(cell("SELECT count(*) FROM evaluations WHERE state != 'finished'"), 0);
        let search = "FROM evaluations WHERE kind = 'search'";
        assert_eq!(cell(&format!("SELECT count(*) {search}")), evaluations);
        assert_eq!(cell(&format!("SELECT count(DISTINCT individual) {search}")), evaluations);
        let told = "FROM events WHERE kind = 'finished' AND evaluation IN \
                    (SELECT id FROM evaluations WHERE kind = 'search')";
        assert_eq!(cell(&format!("SELECT count(*) {told}")), evaluations);
        assert_eq!(self.cell::<String>("SELECT stage FROM run", []).as_deref(), Some("done"));
        self.assert_nothing_ran_twice();
    }
}
