//! Births on the walk: orders, draws in vain, and genomes bred again.

use super::super::Decision;
use super::{Walk, numbers};
use crate::journal::Stage;
use crate::journal::happened::{Born, Discarded, Ordered};
use crate::population::Taken;
use crate::protocol::{BreedOrder, Individual, IndividualId, LeaseKind, Maker, Newborn};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

/// Missing orders that are made up for, at most: after more, the numbers themselves are wrong.
const ORDERS_MISSING_MAX: u64 = 10_000;

impl Walk<'_> {
    pub(super) fn ordered(&mut self, birth: IndividualId, ordered: &Ordered) {
        let order = if ordered.draw == 0 { self.first_draw(birth) } else { self.due.draw.take() };
        let Some(order) = order else {
            let subject = format!("individual {birth}");
            return self.differ(
                Decision::Order,
                subject,
                format!("draw {}", ordered.draw),
                "no order".to_owned(),
            );
        };
        let recorded = (birth.0, ordered.draw, ordered.maker);
        let replayed = (order.birth.0, order.draw, order.maker);
        let subject = || format!("order of individual {birth}: number, draw, maker");
        self.expect(Decision::Order, true, subject, recorded, replayed);
        // How many births were expected depends on the clock: it is taken from the record.
        self.witness.make(&BreedOrder { expected: ordered.expected, ..order });
    }

    /// The order of a birth that is new. Orders in between, of which nothing is recorded, are made up for.
    fn first_draw(&mut self, birth: IndividualId) -> Option<BreedOrder> {
        if self.so_far.record.stage != Stage::Search || self.witness.is_exhausted() {
            return None;
        }
        let next = self.witness.next_birth();
        let missing = birth.0.checked_sub(next.0)?;
        if (1..=ORDERS_MISSING_MAX).contains(&missing) {
            let replayed = format!("orders of individuals from {next} on before it");
            self.differ(Decision::Order, format!("order of individual {birth}"), "none".to_owned(), replayed);
            for _ in 0..missing {
                let order = self.witness.order();
                self.witness.make(&order);
            }
        }
        Some(self.witness.order())
    }

    pub(super) fn discarded(&mut self, birth: IndividualId, discarded: &Discarded) {
        let subject = || format!("draw {} of individual {birth}", discarded.draw);
        let Some((_, made)) = self.witness.made(birth).filter(|(order, _)| order.draw == discarded.draw)
        else {
            return self.differ(Decision::Discard, subject(), "in vain".to_owned(), "not ordered".to_owned());
        };
        let made = made.as_ref().map(|newborn| newborn.hash.clone()).map_err(String::clone);
        let recorded = discarded.hash.clone().ok_or_else(|| discarded.reason.clone());
        let same = self.expect(Decision::Discard, false, subject, recorded, made);
        match self.witness.take(birth) {
            Taken::Again(order) => self.due.draw = Some(order),
            Taken::GivenUp => {}
            Taken::Born | Taken::Nothing => {
                let (recorded, replayed) = ("in vain".to_owned(), "a new network".to_owned());
                return self.differ(Decision::Discard, subject(), recorded, replayed);
            }
        }
        if same {
            self.confirm(Decision::Discard, true);
        }
    }

    pub(super) fn born(&mut self, id: IndividualId, born: &Born) {
        let Some(row) = self.so_far.row_of(id).cloned() else {
            let subject = format!("individual {id}");
            return self.differ(Decision::Birth, subject, "no row".to_owned(), "a birth".to_owned());
        };
        let differences = self.report.differences_count;
        let kind = match self.so_far.record.stage {
            Stage::Crown => LeaseKind::Crown,
            _ => LeaseKind::Search,
        };
        if row.maker == Maker::User {
            // Where it comes from is not recorded: its file.
            self.witness.bear(&row);
        } else if kind == LeaseKind::Crown {
            self.regularised_again(&row, born);
        } else {
            self.made_again(&row, born);
        }
        if self.report.differences_count == differences {
            self.confirm(Decision::Birth, row.maker != Maker::User);
        }
        self.so_far.born(&row);
        self.due.queue = VecDeque::from([(id, kind)]);
        self.due.queue_min = 1;
    }

    /// A birth to an order: its network is the one that was made again.
    fn made_again(&mut self, row: &Individual, born: &Born) {
        let subject = || format!("individual {}", row.id);
        let Some((order, made)) = self.witness.made(row.id) else {
            return self.differ(Decision::Birth, subject(), "born".to_owned(), "not ordered".to_owned());
        };
        match made.clone() {
            Err(message) => return self.differ(Decision::Birth, subject(), row.hash.clone(), message),
            Ok(newborn) => self.compare(row, born, order.maker, &newborn),
        }
        if self.witness.take(row.id) != Taken::Born {
            self.differ(Decision::Birth, subject(), "new".to_owned(), "known already".to_owned());
        }
    }

    /// A birth for the comparison at full length: that network comes of a candidate.
    fn regularised_again(&mut self, row: &Arc<Individual>, born: &Born) {
        match self.due.regularised.pop_front() {
            Some(newborn) => self.compare(row, born, Maker::Refiner, &newborn),
            None => {
                let subject = format!("individual {}", row.id);
                self.differ(Decision::Birth, subject, "born".to_owned(), "no reason for one".to_owned());
            }
        }
        self.witness.bear(row);
    }

    fn compare(&mut self, row: &Individual, born: &Born, maker: Maker, newborn: &Newborn) {
        let (id, parents) = (row.id, numbers(&newborn.parents));
        let of = |what: &'static str| move || format!("individual {id}: {what}");
        let mut same = |what, recorded: &dyn Debug, replayed: &dyn Debug| {
            let (recorded, replayed) = (format!("{recorded:?}"), format!("{replayed:?}"));
            if recorded != replayed {
                self.differ(Decision::Birth, of(what)(), recorded, replayed);
            }
        };
        same("parents", &numbers(&row.parents), &parents);
        same("parents in the event", &numbers(&born.parents), &parents);
        same("maker", &row.maker, &maker);
        same("hash", &row.hash, &newborn.hash);
        same("genome", &row.genome, &newborn.genome);
        same("summary", &row.summary, &newborn.summary);
        same("operation", &row.operation, &newborn.operation);
        same("operation in the event", &born.operation, &newborn.operation);
        same("parameters", &row.parameters, &newborn.parameters);
        same("multiply-adds", &row.multiply_adds, &newborn.multiply_adds);
    }
}
