//! Orders to the Breeder and draws in vain, recorded in the order in which they happen: whoever follows the journal
//! meets every choice of parents at the moment at which it was made.

use super::effect::Effect;
use super::nursery::Birth;
use super::state::Brain;
use crate::journal::entry::Entry;
use crate::protocol::{BreedOrder, IndividualId};

impl Brain {
    /// Asks the Breeder for a genome.
    pub(super) fn order(&mut self, order: BreedOrder) {
        self.record(Entry::Ordered(order.clone()));
        self.out.push(Effect::Breed(order));
    }

    /// A draw has brought nothing new: it is drawn again, or given up. What nobody asked for did not happen.
    pub(super) fn in_vain(
        &mut self,
        birth: IndividualId,
        draw: u32,
        hash: Option<String>,
        reason: &str,
        what: Birth,
    ) {
        if what == Birth::Unasked {
            return;
        }
        self.record(Entry::Discarded { birth, draw, hash, reason: reason.to_owned() });
        if let Birth::Again(order) = what {
            self.order(order);
        }
    }
}
