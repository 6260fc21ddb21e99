//! What reading a table has shown beside its values: for whoever uses the same table again.
//!
//! It is neither hashed nor packed: it changes nothing of what is learnt.

/// What a table says beside its values; empty for all other sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableNotes {
    /// Names of the label columns; empty where the table has no header that names them.
    pub label_columns: Vec<String>,
}
