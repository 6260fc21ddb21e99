//! Why a search ends without a result: what its actors and whoever called it both speak of.
//!
//! It knows the journal's errors, and no actor.

use crate::journal::JournalError;

/// Why a search did not come to its end. What was recorded before is safe.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The journal cannot be opened, read or closed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal could not be written for too long.
    #[error(
        "the search has ended because its journal could not be written for {seconds} s; nothing recorded is lost: \
         mend it, then go on with --resume"
    )]
    Unrecorded {
        /// For how long.
        seconds: u64,
        /// Why not.
        source: JournalError,
    },
    /// The run began with other data.
    #[error(
        "the data are not those that the run began with: content hash {found}, recorded {recorded}; name the same data"
    )]
    OtherData {
        /// Of the data now.
        found: String,
        /// As recorded.
        recorded: String,
    },
    /// The search came to nothing.
    #[error("the search has failed: {0}")]
    Failed(String),
    /// Workers could not join.
    #[error("{0}")]
    NoCluster(String),
    /// A defect of the program.
    #[error(
        "the search has broken down ({0}); nothing recorded is lost: go on with --resume, and please report this"
    )]
    BrokenDown(String),
}
