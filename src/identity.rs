//! Who this process is among others.

use hatchery_actors::protocol::letters::NodeName;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// This machine's name.
pub fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// A number that no other process has drawn, as far as anybody will live to see: the standard library seeds its hashes
/// from the system.
pub fn incarnation() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// This process under a name that its successors will have as well.
pub fn node(stable: &str, incarnation: u64) -> NodeName {
    NodeName { stable: stable.to_owned(), incarnation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnations_differ_and_a_machine_has_a_name() {
        assert_ne!(incarnation(), incarnation());
        assert!(!host().is_empty());
    }
}
