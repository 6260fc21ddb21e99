//! Which way a table's results are better: what a column's name says of it.
//!
//! It must not know what the columns hold.

use serde::Serialize;

/// Which way results are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smaller is better.
    Minimise,
    /// Greater is better.
    Maximise,
}

/// A direction that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no direction `{name}`; give minimise or maximise")]
pub struct UnknownDirection {
    name: String,
}

/// Parts of a name that say of themselves, wherever they stand, that smaller is better.
const MINIMISED_PARTS: [&str; 5] = ["mse", "error", "loss", "perplexity", "entropy"];

/// Words that do so; as parts of others they could be anything (`interrupted`, `costume`).
const MINIMISED_WORDS: [&str; 33] = [
    "bpb",
    "bpc",
    "bpd",
    "brier",
    "ce",
    "cer",
    "cost",
    "costs",
    "deviance",
    "duration",
    "err",
    "errs",
    "fid",
    "latency",
    "mad",
    "mae",
    "mape",
    "misclassification",
    "misclassified",
    "nll",
    "nlls",
    "nmae",
    "ppl",
    "regret",
    "rmsd",
    "rmsle",
    "runtime",
    "seconds",
    "smape",
    "time",
    "times",
    "wer",
    "xent",
];

impl Direction {
    /// What a column's name says: losses, errors, costs and times are minimised, everything else is maximised.
    pub fn of_column(name: &str) -> Self {
        let lower = name.to_lowercase();
        let is_part = MINIMISED_PARTS.iter().any(|part| lower.contains(part));
        // The likelihood is maximised, and its negative logarithm minimised.
        let is_negative_likelihood = lower.contains("neg") && lower.contains("likelihood");
        let is_word = words(name).iter().any(|word| MINIMISED_WORDS.contains(&word.as_str()));
        if is_part || is_negative_likelihood || is_word { Self::Minimise } else { Self::Maximise }
    }

    /// What a value is multiplied by to become a loss, and the other way round.
    pub(super) const fn sign(self) -> f64 {
        match self {
            Self::Minimise => 1.0,
            Self::Maximise => -1.0,
        }
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Minimise => "minimised",
            Self::Maximise => "maximised",
        })
    }
}

impl std::str::FromStr for Direction {
    type Err = UnknownDirection;

    fn from_str(name: &str) -> Result<Self, UnknownDirection> {
        match name {
            "minimise" | "minimize" => Ok(Self::Minimise),
            "maximise" | "maximize" => Ok(Self::Maximise),
            other => Err(UnknownDirection { name: other.into() }),
        }
    }
}

/// The words of a name in small letters: parted by what is no letter and by a capital behind a small letter. The
/// `valid` or `test` that a result's name begins with is left out, also where the next word follows at once.
fn words(name: &str) -> Vec<String> {
    let rest = ["validation", "valid", "testing", "test"].iter().find_map(|prefix| name.strip_prefix(prefix));
    let (mut words, mut word, mut was_small) = (Vec::new(), String::new(), false);
    for letter in rest.unwrap_or(name).chars() {
        if !letter.is_alphabetic() || (was_small && letter.is_uppercase()) {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    const MINIMISED: [&str; 25] = [
        "valid_mse",
        "valid_merror",
        "test_error_0",
        "validerror",
        "valid_loss",
        "validloss2",
        "valid_mae",
        "valid-mae",
        "valid.MAE",
        "test_nll",
        "valid_err",
        "valid_err3",
        "valid_top1err",
        "valid1err",
        "validErr",
        "validationerr",
        "testerr",
        "valid_rmse",
        "test_logloss",
        "valid_cross_entropy",
        "test perplexity",
        "valid_ppl",
        "valid_neg_log_likelihood",
        "valid_latency",
        "test_time",
    ];
    const MAXIMISED: [&str; 15] = [
        "valid",
        "test",
        "valid_0",
        "test_acc",
        "valid_accuracy",
        "valid_score",
        "valid_r2",
        "valid_f1",
        "test_auc",
        "valid_log_likelihood",
        "valid_interrupted",
        "valid_precision",
        "valid_iou",
        "valid_costume",
        "test_overtime_wins",
    ];

    #[test]
    fn losses_errors_costs_and_times_are_minimised_by_their_names() {
        for name in MINIMISED {
            assert_eq!(Direction::of_column(name), Direction::Minimise, "{name}");
        }
    }

    #[test]
    fn everything_else_is_maximised() {
        for name in MAXIMISED {
            assert_eq!(Direction::of_column(name), Direction::Maximise, "{name}");
        }
    }

    /// Else other programs' samplers would be measured by another objective on the same table.
    #[test]
    fn the_benchmark_of_other_samplers_has_the_same_rule() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/directions.py");
        let words = MINIMISED_WORDS.into_iter().chain(MINIMISED_PARTS);
        let of_words =
            words.flat_map(|word| [format!("valid_{word}"), format!("test{word}2"), format!("un{word}s")]);
        let names: Vec<String> =
            MINIMISED.into_iter().chain(MAXIMISED).map(str::to_owned).chain(of_words).collect();
        let asked = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut asked) = asked else { return skipped("python3 is wanted") };
        asked.stdin.take().unwrap().write_all((names.join("\n") + "\n").as_bytes()).unwrap();
        let answered = asked.wait_with_output().unwrap();
        assert!(answered.status.success(), "{answered:?}");
        let answers = String::from_utf8(answered.stdout).unwrap();
        assert_eq!(answers.lines().count(), names.len());
        for (name, answer) in names.iter().zip(answers.lines()) {
            assert_eq!(answer.parse(), Ok(Direction::of_column(name)), "{name}");
        }
    }

    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn skipped(reason: &str) {
        eprintln!("skipped: {reason}");
    }

    #[test]
    fn a_direction_is_read_in_either_spelling() {
        assert_eq!("minimise".parse(), Ok(Direction::Minimise));
        assert_eq!("maximize".parse(), Ok(Direction::Maximise));
        let error = "down".parse::<Direction>().unwrap_err().to_string();
        assert!(error.contains("`down`") && error.contains("minimise or maximise"), "{error}");
    }
}
