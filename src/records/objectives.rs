//! What a run's networks are judged by, as other programs are told it: a name, a direction, and each evaluation's value.
//!
//! The score stands in the place of the error, as everywhere else.

use super::Records;
use hatchery_actors::journal::EvaluationRecord;
use hatchery_config::vocabulary::Objective;

/// What an objective is called: as the column of the tables that has its values.
pub const fn name(objective: Objective, score_name: &'static str) -> &'static str {
    match objective {
        Objective::Error => score_name,
        Objective::Parameters => "parameters",
        Objective::MultiplyAdds => "multiply_adds",
        Objective::Latency => "latency_s",
        Objective::TrainingTime => "seconds",
    }
}

/// Whether more of it is better.
pub const fn is_maximized(objective: Objective) -> bool {
    matches!(objective, Objective::Error)
}

/// The values of an evaluation, one for each objective; `None` where any is not known, or not finite.
pub fn values(records: &Records, one: &EvaluationRecord) -> Option<Vec<f64>> {
    let value = |objective: &Objective| {
        let value = match objective {
            Objective::Error => one.score,
            Objective::Parameters => Some(one.individual.parameters as f64),
            Objective::MultiplyAdds => Some(one.individual.multiply_adds as f64),
            Objective::Latency => one.latency_seconds,
            Objective::TrainingTime => Some(one.seconds),
        };
        value.filter(|value| value.is_finite())
    };
    records.objectives.iter().map(value).collect()
}

impl Records {
    /// Names of the objectives, in their order.
    pub fn objective_names(&self) -> Vec<&'static str> {
        self.objectives.iter().map(|objective| name(*objective, self.score_name())).collect()
    }
}
