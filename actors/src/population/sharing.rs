//! How births are shared between Breeder and Refiner: by what each has gained of late.
//!
//! What counts is the best that a maker brings, not its average (Fialho et al., 2008, "Extreme Value Based Adaptive
//! Operator Selection"): a network's credit is the share of recent networks that it beats, to a high power. A maker's
//! share of births is its share of the mean credits, and never nothing: who is not asked cannot show what it could do.
//! It must not know what a maker does.

use super::champions::Fitness;
use crate::protocol::{IndividualId, Maker};
use crate::streams::{Purpose, stream};
use hatchery_config::vocabulary::Refinement;
use rand::RngExt;
use std::collections::VecDeque;

/// Results before anything is refined where the Refiner is alone: the best of fewer are not worth it.
const RESULTS_MIN: usize = 8;

/// Results before births are shared. Until so many structures are known another one is worth more than better numbers of
/// the best: searches of digits that shared births from the 8th or the 64th result on found worse networks than the
/// Breeder alone, those from the 100th on as good ones.
const SHARED_RESULTS_MIN: usize = 100;

/// A maker's latest results that count.
const RECENT_MAX: usize = 16;

/// Results with which a new one is compared.
const COMPARED_MAX: usize = 128;

/// Power to which the share of the beaten is taken: about the best tenth counts.
const POWER: i32 = 8;

/// The Refiner's share of births, at least and at most, and before either has results.
const SHARE_MIN: f64 = 0.2;
const SHARE_MAX: f64 = 0.8;
const SHARE_FIRST: f64 = 0.5;

/// Who has gained how much.
#[derive(Clone, Debug)]
pub struct Sharing {
    how: Refinement,
    seed: u64,
    breeder: VecDeque<f64>,
    refiner: VecDeque<f64>,
    compared: VecDeque<Fitness>,
}

impl Sharing {
    /// Nobody has gained anything.
    pub fn new(how: Refinement, seed: u64) -> Self {
        let (breeder, refiner, compared) = Default::default();
        Self { how, seed, breeder, refiner, compared }
    }

    /// Takes in a result; `None` where it came to nothing.
    pub fn learn(&mut self, maker: Maker, fitness: Option<Fitness>) {
        let credit = fitness.map_or(0.0, |fitness| self.credit(&fitness));
        if let Some(fitness) = fitness {
            push(&mut self.compared, fitness, COMPARED_MAX);
        }
        match maker {
            Maker::Breeder => push(&mut self.breeder, credit, RECENT_MAX),
            Maker::Refiner => push(&mut self.refiner, credit, RECENT_MAX),
            Maker::User => {}
        }
    }

    /// Who makes this birth.
    pub fn choose(&self, birth: IndividualId) -> Maker {
        let drawn = stream(self.seed, Purpose::Sharing, birth.0, 0).random::<f64>();
        if drawn < self.refiner_share() { Maker::Refiner } else { Maker::Breeder }
    }

    /// The Refiner's share of births now.
    pub fn refiner_share(&self) -> f64 {
        let results_min = match self.how {
            Refinement::Off => return 0.0,
            Refinement::Only => RESULTS_MIN,
            Refinement::Shared => SHARED_RESULTS_MIN,
        };
        if self.compared.len() < results_min {
            return 0.0;
        }
        if self.how == Refinement::Only {
            return 1.0;
        }
        let (Some(breeder), Some(refiner)) = (mean(&self.breeder), mean(&self.refiner)) else {
            return SHARE_FIRST;
        };
        // As if each had one more result, of the credit of chance: few results move little.
        let chance = 1.0 / f64::from(POWER + 1);
        let weight = |mean: f64, count: usize| (mean * count as f64 + chance) / (count as f64 + 1.0);
        let (breeder, refiner) = (weight(breeder, self.breeder.len()), weight(refiner, self.refiner.len()));
        (refiner / (breeder + refiner)).clamp(SHARE_MIN, SHARE_MAX)
    }

    fn credit(&self, fitness: &Fitness) -> f64 {
        let beaten = self.compared.iter().filter(|other| fitness.compare(other).is_gt()).count();
        let all = self.compared.len().max(1);
        (beaten as f64 / all as f64).powi(POWER)
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}

fn mean(credits: &VecDeque<f64>) -> Option<f64> {
    (!credits.is_empty()).then(|| credits.iter().sum::<f64>() / credits.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitness(score: f64) -> Option<Fitness> {
        Fitness::new(Some(score), None)
    }

    fn after(breeder: impl Fn(u32) -> f64, refiner: impl Fn(u32) -> f64) -> Sharing {
        let mut sharing = Sharing::new(Refinement::Shared, 1);
        for number in 0..SHARED_RESULTS_MIN as u32 {
            sharing.learn(Maker::Breeder, fitness(breeder(number)));
            sharing.learn(Maker::Refiner, fitness(refiner(number)));
        }
        sharing
    }

    #[test]
    fn who_brings_the_best_of_late_gets_more_and_nobody_gets_nothing() {
        let gaining = |number: u32| 0.5 + 0.01 * f64::from(number);
        let resting = |_: u32| 0.5;
        assert_eq!(after(resting, gaining).refiner_share(), SHARE_MAX);
        assert_eq!(after(gaining, resting).refiner_share(), SHARE_MIN);
        let even = after(gaining, gaining).refiner_share();
        assert!((0.4..0.6).contains(&even), "{even}");
    }

    #[test]
    fn births_come_in_the_shares() {
        let sharing = after(|_| 0.5, |number| 0.5 + 0.01 * f64::from(number));
        let refined = (1..=2000).filter(|birth| sharing.choose(IndividualId(*birth)) == Maker::Refiner);
        let share = refined.count() as f64 / 2000.0;
        assert!((share - SHARE_MAX).abs() < 0.05, "{share}");
    }

    #[test]
    fn nothing_is_refined_before_there_are_results_and_failures_gain_nothing() {
        let mut sharing = Sharing::new(Refinement::Only, 1);
        for _ in 0..RESULTS_MIN - 1 {
            sharing.learn(Maker::Breeder, fitness(0.5));
            sharing.learn(Maker::Breeder, None);
        }
        assert_eq!(sharing.choose(IndividualId(1)), Maker::Breeder);
        sharing.learn(Maker::Breeder, fitness(0.5));
        assert_eq!(sharing.choose(IndividualId(1)), Maker::Refiner);
        let mut shared = Sharing::new(Refinement::Shared, 1);
        for _ in 0..SHARED_RESULTS_MIN - 1 {
            shared.learn(Maker::Breeder, fitness(0.5));
        }
        assert_eq!(shared.refiner_share(), 0.0);
        shared.learn(Maker::Breeder, fitness(0.5));
        assert_eq!(shared.refiner_share(), SHARE_FIRST);
        let mut off = Sharing::new(Refinement::Off, 1);
        for _ in 0..20 {
            off.learn(Maker::Breeder, fitness(0.5));
        }
        assert_eq!(off.choose(IndividualId(1)), Maker::Breeder);
    }
}
