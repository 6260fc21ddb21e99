//! What the Population and the makers of networks, Breeder and Refiner, say to each other.

use super::{Individual, IndividualId};
use hatchery_models::genome::Written;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who made a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    /// The user, by hand.
    User,
    /// The Breeder: new structures.
    Breeder,
    /// The Refiner: other numbers for the best structures.
    Refiner,
}

impl Maker {
    /// Everyone who makes networks.
    pub const ALL: [Self; 3] = [Self::User, Self::Breeder, Self::Refiner];

    /// Its name in the journal and in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Breeder => "breeder",
            Self::Refiner => "refiner",
        }
    }
}

/// What the Population asks of a maker: one genome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreedOrder {
    /// The number that the individual is to have.
    pub birth: IndividualId,
    /// How many draws for this birth were in vain: duplicates of what another maker made meanwhile.
    pub draw: u32,
    /// Who is to make it.
    pub maker: Maker,
    /// How many births the search is expected to come to where its time is limited, by its pace so far.
    pub expected: Option<u64>,
}

/// A genome fresh from its maker, not yet an individual: it may turn out to be a duplicate.
#[derive(Clone, Debug, PartialEq)]
pub struct Newborn {
    /// Its description, in canonical form.
    pub genome: Arc<Written>,
    /// The genome in one line.
    pub summary: String,
    /// Structural hash, hexadecimal.
    pub hash: String,
    /// None, one or two individuals that it comes from.
    pub parents: Vec<IndividualId>,
    /// How it was made.
    pub operation: String,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
}

/// How good a network has turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Its losses, smaller is better, in the order of the search's objectives.
    Judged(Vec<f64>),
    /// It has come to nothing.
    Failed,
}

/// What all makers are told, in the order in which it happens.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A network is to be evaluated.
    Born(Arc<Individual>),
    /// What was made to this order is not wanted: somebody else had made the same.
    Vain(BreedOrder),
    /// A network's evaluation is half way through; by these losses it would be judged now.
    UnderWay(IndividualId, Vec<f64>),
    /// A network's evaluation has ended.
    Ended(IndividualId, Verdict),
}
