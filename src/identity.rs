//! Who this process is among others.

use hatchery_actors::protocol::letters::NodeName;

/// This machine's name.
pub fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// This process under a name that its successors will have as well.
pub fn node(stable: &str, incarnation: u64) -> NodeName {
    NodeName { stable: stable.to_owned(), incarnation }
}
