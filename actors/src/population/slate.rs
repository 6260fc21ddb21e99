//! Who is compared at full length: the best of the search, the user's best network before them, and besides them the
//! best in a more strongly regularised form. Nothing here changes anything.

use super::champions::Champion;
use super::ledger::Closed;
use super::needs::{Length, REGULARISED_EPOCHS_MIN};
use super::state::Brain;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker, Newborn};
use hatchery_config::experiment::FinalTraining;
use hatchery_config::vocabulary::Refinement;
use std::collections::BTreeSet;

/// Networks of the search that are compared, at most; the user's best network comes to them.
const KNOWN_MAX: usize = 4;

/// How many are compared as they are, and how many regularised: the first for which there is time. Rather few for long,
/// of whom one is regularised, than more for half as long.
const MIXES: [(usize, usize); 5] = [(KNOWN_MAX, 2), (3, 2), (2, 2), (2, 1), (1, 1)];

/// Who is compared at full length.
#[derive(Clone, Debug, Default)]
pub struct Slate {
    /// Networks of the search: the user's best, then the best.
    pub known: Vec<Champion>,
    /// The best, more strongly regularised: these are not born yet.
    pub regularised: Vec<Newborn>,
}

impl Slate {
    /// How many are compared.
    pub(super) const fn len(&self) -> usize {
        self.known.len() + self.regularised.len()
    }

    /// Those that are individuals already.
    pub(super) fn known_ids(&self) -> Vec<IndividualId> {
        self.known.iter().map(|champion| champion.individual).collect()
    }

    /// What becomes of them, for the user.
    pub(super) fn words(&self) -> String {
        let known = self.known.len();
        let best = if known == 1 { "the best is".to_owned() } else { format!("the best {known} are") };
        match self.regularised.len() {
            0 => format!("{best} trained at full length"),
            regularised => {
                format!("{best} trained at full length, and {regularised} more strongly regularised")
            }
        }
    }
}

impl Brain {
    /// Those that the comparison at full length has time for, with a final training behind it or without. Nobody where
    /// there is no such comparison.
    pub(super) fn slate(&self, now: f64) -> Slate {
        match self.settings.final_training.enabled {
            true => self.slate_within(self.timing.final_seconds(now)),
            false => Slate::default(),
        }
    }

    /// As many as there is time for with a final training behind them, the longer the better; where there is none for
    /// that, as many as there is time for without.
    pub(super) fn slate_within(&self, seconds: Option<f64>) -> Slate {
        let regularised = self.regularised();
        let mixed: Vec<Slate> =
            MIXES.iter().filter_map(|(known, forms)| self.mixed(*known, *forms, &regularised)).collect();
        let plain: Vec<Slate> = (2..=KNOWN_MAX).rev().filter_map(|count| self.plain(count)).collect();
        // Beyond full length, those are worth it that overfit least.
        let longer = if mixed.is_empty() { &plain } else { &mixed };
        let both = || mixed.iter().chain(&plain);
        let fit = |length: Length| {
            move |slate: &&Slate| seconds.is_none_or(|seconds| self.needs_of(slate).fit(seconds, length))
        };
        let found =
            longer.iter().find(fit(Length::Longest)).or_else(|| longer.iter().find(fit(Length::Half)));
        let found =
            found.or_else(|| both().find(fit(Length::Short))).or_else(|| both().find(fit(Length::CrownOnly)));
        found.cloned().unwrap_or_default()
    }

    /// So many of the best of the search, where there are so many.
    fn plain(&self, count: usize) -> Option<Slate> {
        let enough = self.champions.ranked().len() >= count;
        enough.then(|| Slate { known: self.best_and_seed(count), regularised: Vec::new() })
    }

    /// So many of the best of the search, and so many regularised as far as there are such.
    fn mixed(&self, known: usize, count: usize, regularised: &[Newborn]) -> Option<Slate> {
        let regularised = regularised.get(..regularised.len().min(count)).filter(|some| !some.is_empty())?;
        Some(Slate { regularised: regularised.to_vec(), ..self.plain(known)? })
    }

    /// All that may be compared, whatever time there is.
    pub(super) fn whole_slate(&self) -> Slate {
        Slate { known: self.best_and_seed(KNOWN_MAX), regularised: self.regularised() }
    }

    /// The best so many of the search, the best of the user's networks before them, wherever it is.
    pub(super) fn best_and_seed(&self, count: usize) -> Vec<Champion> {
        let seed = self.best_seed();
        let others = self.champions.ranked().iter().take(count);
        let others = others.filter(|one| seed.as_ref().is_none_or(|seed| seed.individual != one.individual));
        let others: Vec<Champion> = others.cloned().collect();
        seed.into_iter().chain(others).collect()
    }

    /// The user's best network by the search.
    fn best_seed(&self) -> Option<Champion> {
        let seeds =
            self.closed.kept().iter().filter(|(_, closed)| {
                closed.kind == LeaseKind::Search && closed.individual.maker == Maker::User
            });
        let champion = |(evaluation, closed): (&EvaluationId, &Closed)| {
            let (evaluation, individual) = (*evaluation, closed.individual.id);
            Some(Champion { evaluation, individual, fitness: closed.fitness? })
        };
        seeds.filter_map(champion).max_by(|one, other| {
            one.fitness.compare(&other.fitness).then(other.individual.cmp(&one.individual))
        })
    }

    /// The best, more strongly regularised, as far as the Refiner is asked at all and full length is long enough: short
    /// looks do not show what that is worth.
    fn regularised(&self) -> Vec<Newborn> {
        let FinalTraining { regularised, epochs, .. } = self.settings.final_training;
        if self.settings.search.refiner == Refinement::Off || epochs < REGULARISED_EPOCHS_MIN {
            return Vec::new();
        }
        let wanted = usize::try_from(regularised).unwrap_or(usize::MAX);
        let best = self.champions.ranked().iter().take(KNOWN_MAX);
        let mut hashes = BTreeSet::new();
        best.filter_map(|champion| self.regularised_form(&self.closed.get(champion.evaluation)?.individual))
            .filter(|newborn| hashes.insert(newborn.hash.clone()))
            .take(wanted)
            .collect()
    }

    /// The least regularised form of a network that nobody has trained yet.
    fn regularised_form(&self, individual: &Individual) -> Option<Newborn> {
        let makers = self.settings.regulariser.as_ref()?;
        let mut forms = (1..).map_while(|steps| makers.regularised(individual, steps));
        forms.find(|newborn| !self.nursery.knows(&newborn.hash))
    }
}
