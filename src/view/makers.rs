//! Who made the networks of a run, and what came of it.

use super::Run;
use hatchery_actors::protocol::Maker;

/// What one maker has contributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Who.
    pub maker: Maker,
    /// Evaluations that have ended of networks of this maker.
    pub networks: usize,
    /// Best score among them.
    pub best: Option<f64>,
    /// How often one of them was better than all that had ended before.
    pub improvements: usize,
}

impl Run {
    /// The shares of all makers that have made anything, the user's networks first.
    pub fn shares(&self) -> Vec<Share> {
        let none = |maker| Share { maker, networks: 0, best: None, improvements: 0 };
        let mut shares = [Maker::User, Maker::Breeder, Maker::Refiner].map(none);
        let mut best = f64::NEG_INFINITY;
        for row in &self.rows {
            let Some(share) = shares.iter_mut().find(|share| share.maker == row.maker) else { continue };
            share.networks += 1;
            let Some(score) = row.score else { continue };
            share.best = Some(share.best.map_or(score, |best| best.max(score)));
            share.improvements += usize::from(score > best);
            best = best.max(score);
        }
        shares.into_iter().filter(|share| share.networks > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn every_network_is_counted_for_its_maker() {
        let run = fixture::run();
        let [breeder, refiner] = run.shares()[..] else { panic!("{:?}", run.shares()) };
        assert_eq!((breeder.maker, breeder.networks, breeder.improvements), (Maker::Breeder, 3, 1));
        assert_eq!((refiner.maker, refiner.networks, refiner.improvements), (Maker::Refiner, 2, 2));
        assert_eq!((breeder.best, refiner.best), (Some(0.9), Some(0.9)));
    }
}
