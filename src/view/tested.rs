//! The winner's test beside what is reached without looking, and as an error in the target's own unit.
//!
//! It knows both only where the data were at hand (`Run::yardstick`).

use super::Run;
use crate::{output, yardstick::Yardstick};
use serde_json::{Map, Value, json};

impl Run {
    /// Root of the winner's mean squared error on the test part, in the target's own unit, and that of always saying the
    /// mean; `None` where there are several targets, or classes.
    pub fn test_rmse(&self) -> Option<(f64, f64)> {
        let score = self.best.as_ref()?.test_score?;
        let yardstick = self.yardstick.as_ref()?;
        match yardstick {
            Yardstick::Mean { rmse } => Some((yardstick.rmse(score)?, *rmse.first()?)),
            Yardstick::Majority { .. } => None,
        }
    }

    /// What the test score is to be held against, in words; nothing before the test.
    pub fn test_in_words(&self) -> Option<String> {
        let (yardstick, _) = self.yardstick.as_ref().zip(self.best.as_ref()?.test_score)?;
        if let Some((rmse, baseline)) = self.test_rmse() {
            let [rmse, baseline] = [rmse, baseline].map(output::six_digits);
            return Some(format!("RMSE {rmse}; always the mean: {baseline}"));
        }
        yardstick.in_words()
    }

    /// The same by name, for programs.
    pub fn test_json(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut say = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        match &self.yardstick {
            Some(Yardstick::Majority { share, .. }) => _ = say("baseline_accuracy", json!(share)),
            Some(Yardstick::Mean { .. }) => {
                let (rmse, baseline) = self.test_rmse().unzip();
                say("test_rmse", json!(rmse));
                say("baseline_rmse", json!(baseline));
            }
            None => {}
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;
    use hatchery_models::problem::{Problem, Task};

    #[test]
    fn accuracy_is_held_against_the_most_frequent_class() {
        let mut run = fixture::run();
        assert_eq!((run.test_in_words(), run.test_json().len()), (None, 0), "the data were not at hand");
        run.yardstick = Some(Yardstick::Majority { class: "3".to_owned(), share: 0.182 });
        assert_eq!(run.test_in_words().unwrap(), "always the most frequent class (3): 18.20 %");
        assert_eq!(run.test_json()["baseline_accuracy"], json!(0.182));
        run.best.as_mut().unwrap().test_score = None;
        assert_eq!(run.test_in_words(), None, "nothing was tested");
    }

    #[test]
    fn r_squared_is_told_as_an_error_too() {
        let mut run = fixture::run();
        run.problem = Problem { task: Task::Regression { targets: 1 }, ..run.problem };
        run.best.as_mut().unwrap().test_score = Some(0.75);
        run.yardstick = Some(Yardstick::Mean { rmse: vec![10.0] });
        assert_eq!(run.test_in_words().unwrap(), "RMSE 5.00000; always the mean: 10.0000");
        assert_eq!(run.test_json()["test_rmse"], json!(5.0));
        run.yardstick = Some(Yardstick::Mean { rmse: vec![10.0, 1.0] });
        assert_eq!((run.test_in_words(), &run.test_json()["test_rmse"]), (None, &Value::Null));
    }
}
