//! Weights that children begin with, in bytes: those of a parent lie here once, however many of its children are under
//! way.
//!
//! It must not know who fetches them.

use crate::protocol::{EvaluationId, Inherited};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// The bytes of parents' weights that somebody is offered, by the evaluations that left them. What nobody is offered
/// any more is let go by `tidy`.
#[derive(Clone, Debug, Default)]
pub struct Bequests(BTreeMap<EvaluationId, Weak<[u8]>>);

impl Bequests {
    /// None.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The bytes of a parent's weights.
    pub fn bytes(&mut self, inherited: &Inherited) -> Arc<[u8]> {
        if let Some(bytes) = self.0.get(&inherited.evaluation).and_then(Weak::upgrade) {
            return bytes;
        }
        let bytes: Arc<[u8]> = inherited.weights.to_bytes().into();
        self.0.insert(inherited.evaluation, Arc::downgrade(&bytes));
        bytes
    }

    /// Lets go what nobody is offered any more: until then, its memory is held. The parents of those under way are few,
    /// they are looked through.
    pub fn tidy(&mut self) {
        self.0.retain(|_, bytes| bytes.strong_count() > 0);
    }

    /// How many parents' weights lie here.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
