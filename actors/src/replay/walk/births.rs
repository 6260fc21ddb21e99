//! Births on the walk: orders, draws in vain, and genomes bred again.

use super::super::Decision;
use super::{Walk, numbers};
use crate::breeder::breed;
use crate::journal::Stage;
use crate::journal::happened::{Born, Discarded, Ordered};
use crate::population::Birth;
use crate::protocol::{BreedOrder, Individual, IndividualId, LeaseKind, Newborn};
use std::collections::VecDeque;
use std::fmt::Debug;

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
        let recorded = (birth.0, ordered.draw, ordered.recipe.as_str(), numbers(&ordered.parents));
        let replayed = (order.birth.0, order.draw, order.recipe.word(), numbers(&order.recipe.parents()));
        let subject = || format!("order of individual {birth}: number, draw, recipe, parents");
        self.expect(Decision::Order, true, subject, recorded, replayed);
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
                self.witness.order();
            }
        }
        Some(self.witness.order())
    }

    /// The open order of a birth, and the genome bred to it again.
    fn rebred(&self, birth: IndividualId) -> Option<(BreedOrder, Result<Newborn, String>)> {
        let order = self.witness.open_order(birth)?.clone();
        let newborn = breed(self.rules.variation, self.witness.settings().seed, &order);
        Some((order, newborn))
    }

    pub(super) fn discarded(&mut self, birth: IndividualId, discarded: &Discarded) {
        let subject = || format!("draw {} of individual {birth}", discarded.draw);
        let Some((order, newborn)) = self.rebred(birth).filter(|(order, _)| order.draw == discarded.draw)
        else {
            return self.differ(Decision::Discard, subject(), "in vain".to_owned(), "not ordered".to_owned());
        };
        let recorded = discarded.hash.as_deref().ok_or(discarded.reason.as_str());
        let replayed = newborn.as_ref().map(|newborn| newborn.hash.as_str()).map_err(String::as_str);
        let same = self.expect(Decision::Discard, false, subject, recorded, replayed);
        let birth = match &newborn {
            Ok(newborn) => self.witness.drawn(birth, order.draw, &newborn.hash),
            Err(message) => self.witness.barren(birth, order.draw, message),
        };
        match birth {
            Birth::Again(order) => self.due.draw = Some(order),
            Birth::GivenUp => {}
            Birth::New(_) | Birth::Unasked => {
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
        match self.rebred(id) {
            None => {
                let subject = format!("individual {id}");
                self.differ(Decision::Birth, subject, "born".to_owned(), "not ordered".to_owned());
            }
            Some((_, Err(message))) => {
                self.differ(Decision::Birth, format!("individual {id}"), row.hash.clone(), message);
            }
            Some((order, Ok(newborn))) => {
                self.compare(&row, born, &order, &newborn);
                if !matches!(self.witness.drawn(id, order.draw, &newborn.hash), Birth::New(_)) {
                    let subject = format!("individual {id}");
                    let replayed = "known already".to_owned();
                    self.differ(Decision::Birth, subject, "new".to_owned(), replayed);
                }
            }
        }
        if self.report.differences_count == differences {
            self.confirm(Decision::Birth, true);
        }
        self.so_far.born(&row);
        self.due.queue = VecDeque::from([(id, LeaseKind::Search)]);
        self.due.queue_min = 1;
    }

    fn compare(&mut self, row: &Individual, born: &Born, order: &BreedOrder, newborn: &Newborn) {
        let (id, parents) = (row.id, numbers(&order.recipe.parents()));
        let of = |what: &'static str| move || format!("individual {id}: {what}");
        let mut same = |what, recorded: &dyn Debug, replayed: &dyn Debug| {
            let (recorded, replayed) = (format!("{recorded:?}"), format!("{replayed:?}"));
            if recorded != replayed {
                self.differ(Decision::Birth, of(what)(), recorded, replayed);
            }
        };
        same("parents", &numbers(&row.parents), &parents);
        same("parents in the event", &numbers(&born.parents), &parents);
        same("hash", &row.hash, &newborn.hash);
        same("genome", &row.genome, &newborn.genome);
        same("summary", &row.summary, &newborn.summary);
        same("operation", &row.operation, &newborn.operation);
        same("operation in the event", &born.operation, &newborn.operation);
        same("parameters", &row.parameters, &newborn.parameters);
        same("multiply-adds", &row.multiply_adds, &newborn.multiply_adds);
    }
}
