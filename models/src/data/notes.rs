//! What reading a table has shown beside its values: for whoever uses the same table again.
//!
//! It is neither hashed nor packed: it changes nothing of what is learnt.

/// What a table says beside its values; empty for all other sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableNotes {
    /// Names of the label columns; empty where the table has no header that names them.
    pub label_columns: Vec<String>,
    /// Whether it is a table that may have a header and has none.
    pub is_headless: bool,
    /// Columns that have categories for the sake of a few cells.
    pub nearly_numbers: Vec<NearlyNumbers>,
}

/// A column nearly all of whose values are numbers, some perhaps with a decimal comma. Since not all can be read as
/// such, it has categories, for which the user did not ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearlyNumbers {
    /// Its name; `column N` where it has none.
    pub column: String,
    /// Values that are not missing.
    pub values: u64,
    /// Those that are numbers, with a decimal comma or without.
    pub numbers: u64,
    /// Those that have a decimal comma.
    pub commas: u64,
    /// The first value with a decimal comma; where there is none, the first that is no number.
    pub example: String,
    /// Its one-based line.
    pub line: u64,
}
