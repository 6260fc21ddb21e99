//! NSGA-II in a steady state (Deb et al., 2002): several losses at once, survival by front and crowding.

use super::domain::Domain;
use super::draw::{Chance, fresh, fresh_random};
use super::history::History;
use super::pareto::{crowding, fronts};
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Size of the population; as many random points come first.
const POPULATION: usize = 40;

/// Share of offspring that have two parents.
const CROSSOVER: f64 = 0.5;

/// A member, with its place among all.
#[derive(Clone, Copy, Debug)]
struct Member {
    trial: TrialId,
    front: usize,
    room: f64,
}

/// NSGA-II.
pub struct Nsga2<D: Domain> {
    history: History<D>,
    members: Vec<Member>,
    chance: Chance,
}

impl<D: Domain> Nsga2<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self { history: History::default(), members: Vec::new(), chance: Chance::new(seed) }
    }

    /// Those whom no other member dominates, by birth.
    pub fn front(&self) -> Vec<TrialId> {
        let mut front: Vec<TrialId> =
            self.members.iter().filter(|member| member.front == 0).map(|member| member.trial).collect();
        front.sort_unstable();
        front
    }

    /// The better of two drawn at random: the one on the earlier front, else the one with more room.
    fn parent(&self, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let one = self.members.get(rng.random_range(0..self.members.len()))?;
        let other = self.members.get(rng.random_range(0..self.members.len()))?;
        let better = one.front.cmp(&other.front).then(other.room.total_cmp(&one.room)).is_le();
        let parent = if better { one } else { other };
        self.history.get(parent.trial).map(|trial| trial.point.clone())
    }

    fn offspring(&self, domain: &D, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let parent = self.parent(rng)?;
        if rng.random::<f64>() < CROSSOVER {
            let child = domain.crossover(&parent, &self.parent(rng)?, rng)?;
            return if rng.random_range(0..2) == 0 { Some(child) } else { domain.mutate(&child, rng) };
        }
        domain.mutate(&parent, rng)
    }

    /// Places all members anew; beyond the population's size, the worst leaves.
    fn select(&mut self) {
        let losses: Vec<&[f64]> = self
            .members
            .iter()
            .map(|member| self.history.get(member.trial).and_then(|trial| trial.losses()).unwrap_or(&[]))
            .collect();
        let fronts = fronts(&losses);
        let rooms = crowding(&losses, &fronts);
        for (member, (front, room)) in self.members.iter_mut().zip(fronts.into_iter().zip(rooms)) {
            (member.front, member.room) = (front, room);
        }
        self.members.sort_by(|one, other| {
            one.front
                .cmp(&other.front)
                .then(other.room.total_cmp(&one.room))
                .then(one.trial.cmp(&other.trial))
        });
        self.members.truncate(POPULATION);
    }
}

impl<D: Domain> Strategy<D> for Nsga2<D> {
    fn ask(&mut self, domain: &D, _: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.history.started());
        let first = self.history.started() < POPULATION || self.members.is_empty();
        let point = if first {
            fresh_random(domain, &self.history, &mut rng)
        } else {
            fresh(domain, &self.history, &mut rng, |rng| self.offspring(domain, rng))
        };
        point.map_or(Ask::Exhausted, |point| self.history.start(domain, point))
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.history.enter(domain, point)
    }

    fn tell(&mut self, _: &D, trial: TrialId, outcome: &Outcome) {
        let done = matches!(outcome, Outcome::Done(_));
        if self.history.tell(trial, outcome)
            && done
            && self.history.get(trial).is_some_and(|trial| trial.final_loss().is_some())
        {
            self.members.push(Member { trial, front: 0, room: 0.0 });
            self.select();
        }
    }

    /// Of the front, the one with the least primary loss.
    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.history.best().map(|(trial, _)| trial)
    }
}
