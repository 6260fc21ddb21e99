//! Which viable networks are not worth training: known ways to diverge, or to sit at the majority class.
//!
//! Every rule has a name and a reason, and looks at genes and shapes only. The thresholds are deliberately
//! generous: a rule is to keep out what practitioners know to fail, not what merely is not best.

mod evidence;
mod positions;
#[cfg(test)]
mod tests;
mod training;
mod values;

pub(super) use evidence::{is_normalised, weighted_depth};
pub(super) use training::{effective_rate, family, sound_rates};

use crate::{expression::Blueprint, genome::Genome};
use evidence::{Evidence, Rule};

/// A network that would waste its training.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {reason}")]
pub struct Implausible {
    /// The rule's name.
    pub rule: &'static str,
    /// What fails, and why.
    pub reason: &'static str,
}

/// All rules, cheapest first.
const RULES: [&[Rule]; 3] = [training::RULES, values::RULES, positions::RULES];

/// Whether a network is expected to learn at all. The blueprint must be the genome's.
///
/// # Errors
/// The first rule that is broken.
pub fn plausible(genome: &Genome, blueprint: &Blueprint) -> Result<(), Implausible> {
    let evidence = Evidence::new(genome, blueprint);
    match RULES.into_iter().flatten().find(|rule| (rule.broken)(&evidence)) {
        Some(rule) => Err(Implausible { rule: rule.name, reason: rule.reason }),
        None => Ok(()),
    }
}
