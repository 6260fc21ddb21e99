//! What a node process shows of itself over HTTP: its metrics, whether it is well; and of a coordinator, the run.
//!
//! It runs on threads of its own, looks at snapshots (`watch`) and at the journal through a connection for reading, and
//! asks the search for nothing but what a user tells it to do. So whoever watches, however many and however slow,
//! neither blocks nor fails a training or the search. Nothing below knows it.
//!
//! - `listen`: the address, and who may be there; `access`: who may ask for what;
//! - `server`: connections and their limits; `timed`: sockets that do not wait for ever;
//! - `metrics`: Prometheus's page; `api`: the run as JSON; `events`: the same as it happens;
//! - `watched`: a run and what is known of it; `archive` and `ledger`: what its journal tells, kept up to date; `kept`:
//!   what is made once for all who ask; `answer`: answers and errors.

mod access;
mod answer;
mod api;
mod archive;
mod dashboard;
mod events;
mod kept;
mod ledger;
mod listen;
mod metrics;
mod openapi;
mod server;
mod site;
mod timed;
mod watched;

pub use access::Access;
pub use archive::Archive;
pub use events::farewell;
pub use listen::{Listener, OFF, invitation, listen};
pub use server::Server;
pub use site::{coordinator, worker};
pub use watched::{RunFacts, Watched};
