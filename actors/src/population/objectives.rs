//! What networks are judged by, as numbers: losses for the makers, costs for the front and for early stopping.
//!
//! It must not know how any number was measured.

use super::champions::Fitness;
use crate::protocol::Individual;
use hatchery_config::vocabulary::Objective;

/// How much of the validation loss tells equal scores apart: scores of small validation parts are often equal.
const LOSS_WEIGHT: f64 = 1e-4;

/// Measured seconds, where they were measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Of the training.
    pub training: f64,
    /// Of one sample's inference.
    pub latency: Option<f64>,
}

/// How large a network is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
}

impl Size {
    /// Of an individual.
    pub const fn of(individual: &Individual) -> Self {
        Self { parameters: individual.parameters, multiply_adds: individual.multiply_adds }
    }
}

/// Losses in the order of the objectives; sizes and times by their order of magnitude. `None` where one that is asked
/// for was not measured.
pub fn losses(
    objectives: &[Objective],
    individual: &Individual,
    fitness: &Fitness,
    measured: Measured,
) -> Option<Vec<f64>> {
    let loss = |objective: &Objective| match objective {
        Objective::Error => {
            let loss = if fitness.loss.is_finite() { fitness.loss / (1.0 + fitness.loss.abs()) } else { 1.0 };
            Some(1.0 - fitness.score + LOSS_WEIGHT * loss)
        }
        other => cost(*other, Size::of(individual), measured).map(|cost| cost.max(1e-9).log10()),
    };
    objectives.iter().map(loss).collect()
}

/// What a network costs, in the objectives beside the error; where there are none, its parameters. `None` where one was
/// not measured.
pub fn costs(objectives: &[Objective], individual: &Individual, measured: Measured) -> Option<Vec<f64>> {
    costs_of(objectives, Size::of(individual), measured)
}

/// The same, where only its size is known.
pub fn costs_of(objectives: &[Objective], size: Size, measured: Measured) -> Option<Vec<f64>> {
    let others: Vec<Objective> =
        objectives.iter().copied().filter(|objective| *objective != Objective::Error).collect();
    let shown = if others.is_empty() { vec![Objective::Parameters] } else { others };
    shown.into_iter().map(|objective| cost(objective, size, measured)).collect()
}

/// What is known of those costs before a training.
pub fn costs_before(objectives: &[Objective], individual: &Individual) -> Vec<f64> {
    objectives
        .iter()
        .filter_map(|objective| match objective {
            Objective::Parameters => Some(individual.parameters as f64),
            // The best guess of a time before it is measured.
            Objective::MultiplyAdds | Objective::Latency | Objective::TrainingTime => {
                Some(individual.multiply_adds as f64)
            }
            Objective::Error => None,
        })
        .collect()
}

fn cost(objective: Objective, size: Size, measured: Measured) -> Option<f64> {
    match objective {
        Objective::Error => None,
        Objective::Parameters => Some(size.parameters as f64),
        Objective::MultiplyAdds => Some(size.multiply_adds as f64),
        Objective::Latency => measured.latency,
        Objective::TrainingTime => Some(measured.training),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const ALL: [Objective; 5] = [
        Objective::Error,
        Objective::Parameters,
        Objective::MultiplyAdds,
        Objective::Latency,
        Objective::TrainingTime,
    ];

    #[test]
    fn losses_are_in_the_order_of_the_objectives_and_the_loss_breaks_ties() {
        let individual = Individual { parameters: 1000, multiply_adds: 100, ..testing::individual(1, &[]) };
        let measured = Measured { training: 10.0, latency: Some(0.001) };
        let of = |loss| {
            let fitness = Fitness::new(Some(0.75), Some(loss)).unwrap();
            losses(&ALL, &individual, &fitness, measured).unwrap()
        };
        assert!((of(0.5)[0] - 0.25).abs() <= LOSS_WEIGHT);
        assert!(of(0.5)[0] < of(0.6)[0]);
        for (found, expected) in of(0.5)[1..].iter().zip([3.0, 2.0, -3.0, 1.0]) {
            assert!((found - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn what_was_not_measured_is_no_number() {
        let individual = testing::individual(1, &[]);
        let fitness = Fitness::new(Some(0.75), None).unwrap();
        assert_eq!(losses(&ALL, &individual, &fitness, Measured::default()), None);
        assert_eq!(costs(&ALL, &individual, Measured::default()), None);
        let alone = costs(&[Objective::Error], &individual, Measured::default()).unwrap();
        assert_eq!(alone, [individual.parameters as f64]);
    }
}
