//! Checks a tree of values against the table of keys, then what must hold between values.
//!
//! After it, turning the tree into an `Experiment` cannot fail for a reason that a user could understand better.

use crate::{
    duration::Duration,
    error::{ConfigError, Place},
    experiment::{Experiment, Search},
    schema::{self, Key, LIST_ITEMS_MAX, PATTERN_BYTES_MAX, Rule},
    suggest,
    tree::{self, Tree},
    vocabulary::Objective,
};
use toml::Value;

/// Longest name of an experiment: it becomes part of file names.
const NAME_BYTES_MAX: usize = 64;

/// Checks every key, type and bound.
///
/// # Errors
/// The first thing that is wrong, in the order of the file's sections.
pub fn tree(tree: &Tree) -> Result<(), ConfigError> {
    for (name, value) in &tree.values {
        match value {
            Value::Table(table) if schema::is_section(name) => {
                for (key, value) in table {
                    check_key(tree, &format!("{name}.{key}"), value)?;
                }
            }
            _ if schema::is_section(name) => {
                return Err(wrong(tree, name, value, "a section: [".to_owned() + name + "]"));
            }
            _ => check_key(tree, name, value)?,
        }
    }
    for required in ["name", "data.source"] {
        if tree.get(required).is_none() {
            return Err(missing(tree, required));
        }
    }
    Ok(())
}

fn missing(tree: &Tree, key: &'static str) -> ConfigError {
    let expected = match key {
        "data.source" => "say where the data is, for example --set data.source=idx:DIR \
             (digits, idx:DIR, npz:FILE, csv:FILE, images:DIR or cifar:DIR)"
            .to_owned(),
        _ => schema::find(key).map(|key| key.rule.expected()).unwrap_or_default(),
    };
    ConfigError::Missing { place: Place::Whole(tree.origin.clone()), key, expected }
}

fn check_key(tree: &Tree, path: &str, value: &Value) -> Result<(), ConfigError> {
    let Some(key) = schema::find(path) else {
        return Err(tree::unknown(path, tree.place(path)));
    };
    if fits(&key.rule, value) {
        return Ok(());
    }
    Err(wrong(tree, path, value, expected(key, value)))
}

fn wrong(tree: &Tree, path: &str, value: &Value, expected: String) -> ConfigError {
    ConfigError::Value { place: tree.place(path), key: path.to_owned(), value: value.to_string(), expected }
}

/// What is allowed, with the nearest word where a word is misspelt.
fn expected(key: &Key, value: &Value) -> String {
    let expected = key.rule.expected();
    let (Rule::Word(words) | Rule::WordList(words)) = key.rule else {
        return expected;
    };
    let words = words();
    let written = match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).find(|item| !words.contains(item)),
        other => other.as_str(),
    };
    match written.and_then(|written| suggest::nearest(written, words.iter().copied())) {
        Some(word) => format!("{expected}; did you mean \"{word}\"?"),
        None => expected,
    }
}

fn fits(rule: &Rule, value: &Value) -> bool {
    match *rule {
        Rule::Text => value.as_str().is_some_and(|text| !text.trim().is_empty()),
        Rule::Name => value.as_str().is_some_and(is_name),
        Rule::Label => {
            whole_within(value, 0, i64::from(u32::MAX)) || value.as_str().is_some_and(|text| !text.is_empty())
        }
        Rule::Device => value.as_str().is_some_and(is_device),
        Rule::Flag => value.is_bool(),
        Rule::Time => is_time(value),
        Rule::Whole(min, max) => whole_within(value, min, max),
        Rule::Number(min, max) => number(value).is_some_and(|number| min <= number && number <= max),
        Rule::Between(min, max) => number(value).is_some_and(|number| min < number && number < max),
        Rule::WholeRange(min, max) => is_range(value, |item| whole_within(item, min, max)),
        Rule::NumberRange(min, max) => {
            is_range(value, |item| number(item).is_some_and(|number| min <= number && number <= max))
        }
        Rule::WholeList(min, max) => is_list(value, |item| whole_within(item, min, max)),
        Rule::Word(words) => value.as_str().is_some_and(|word| words().contains(&word)),
        Rule::WordList(words) => {
            is_list(value, |item| item.as_str().is_some_and(|word| words().contains(&word)))
        }
        Rule::Patterns => value.as_array().is_some_and(|items| {
            items.len() <= LIST_ITEMS_MAX && items.iter().all(|item| item.as_str().is_some_and(is_pattern))
        }),
        Rule::Texts => value.as_array().is_some_and(|items| {
            let sound = |item: &Value| item.as_str().is_some_and(|text| !text.trim().is_empty());
            items.len() <= LIST_ITEMS_MAX && items.iter().all(sound)
        }),
    }
}

fn is_pattern(text: &str) -> bool {
    text.len() <= PATTERN_BYTES_MAX && text.chars().any(|c| c != '*' && !c.is_whitespace())
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.chars().all(allowed) && !text.starts_with('.')
}

fn is_device(text: &str) -> bool {
    matches!(text, "auto" | "cpu")
        || text.strip_prefix("cuda:").is_some_and(|index| index.parse::<u16>().is_ok())
}

fn is_time(value: &Value) -> bool {
    let duration = match value {
        Value::String(text) => text.parse::<Duration>().ok(),
        other => number(other).and_then(|seconds| Duration::from_seconds(seconds).ok()),
    };
    duration.is_some_and(|duration| duration.seconds() > 0.0)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn whole_within(value: &Value, min: i64, max: i64) -> bool {
    value.as_integer().is_some_and(|whole| min <= whole && whole <= max)
}

fn is_list(value: &Value, item_fits: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| {
        !items.is_empty() && items.len() <= LIST_ITEMS_MAX && items.iter().all(item_fits)
    })
}

fn is_range(value: &Value, item_fits: impl Fn(&Value) -> bool) -> bool {
    let Some([min, max]) = value.as_array().map(Vec::as_slice) else {
        return false;
    };
    item_fits(min) && item_fits(max) && number(min) <= number(max)
}

/// Checks what must hold between values that are right one by one.
///
/// # Errors
/// `ConfigError::Together`.
pub fn together(tree: &Tree, experiment: &Experiment) -> Result<(), ConfigError> {
    let clash = |key: &str, message: String| Err(ConfigError::Together { place: tree.place(key), message });
    let search = &experiment.search;
    if experiment.budget.evaluations.is_none() && experiment.budget.time.is_none() {
        return clash(
            "budget",
            "the search would never end: give `budget.evaluations`, `budget.time` or both".to_owned(),
        );
    }
    if search.tournament > search.population {
        let (tournament, population) = (search.tournament, search.population);
        return clash(
            "search.tournament",
            format!("`search.tournament` = {tournament} is more than `search.population` = {population}"),
        );
    }
    if let Some((key, message)) = unsuitable(search, experiment) {
        return clash(key, message);
    }
    if experiment.space.pool_kernel.max < 2 && experiment.space.pool_stride.max < 2 {
        let pools = ["max_pool", "average_pool"];
        if experiment.space.layers.iter().any(|layer| pools.contains(&layer.word())) {
            return clash(
                "space.pool_kernel",
                "pools of kernel 1 and stride 1 do nothing: raise `space.pool_kernel`, or leave the pools out of \
                 `space.layers`"
                    .to_owned(),
            );
        }
    }
    match experiment.runtime.packing {
        Some(packing @ 2..) if experiment.runtime.cuda_graphs => clash(
            "runtime.packing",
            format!(
                "`runtime.packing` = {packing} and `runtime.cuda_graphs` do not go together: while one trainer records, \
                 no other of its process may use the GPU; leave `packing` out, and let `runtime.workers` processes share \
                 the GPUs"
            ),
        ),
        _ => Ok(()),
    }
}

/// What of a search does not go together, and at which key.
fn unsuitable(search: &Search, experiment: &Experiment) -> Option<(&'static str, String)> {
    let budget = &experiment.budget;
    let objectives = &search.objectives;
    if objectives.first() != Some(&Objective::Error) {
        let message =
            "the first of `search.objectives` must be \"error\": it is what networks are trained for";
        return Some(("search.objectives", message.to_owned()));
    }
    let twice = objectives.iter().enumerate().find(|(place, one)| objectives[..*place].contains(one));
    if let Some((_, twice)) = twice {
        return Some(("search.objectives", format!("`search.objectives` names \"{twice}\" twice")));
    }
    if let Some(evaluations) = budget.evaluations.filter(|most| search.seeds.len() > *most as usize) {
        let message = format!(
            "`search.seeds` names {} networks, more than `budget.evaluations` = {evaluations}",
            search.seeds.len()
        );
        return Some(("search.seeds", message));
    }
    if search.reproducible && (budget.time.is_some() || budget.evaluations.is_none()) {
        let message = "`search.reproducible` needs a budget that is counted: give `budget.evaluations` and no \
                       `budget.time`, since how much fits into a time differs from run to run";
        return Some(("search.reproducible", message.to_owned()));
    }
    if search.reproducible && experiment.training.inherit {
        let message = "`search.reproducible` cannot be kept with `training.inherit`: whose weights are kept when a \
                       network is handed out depends on who has ended by then";
        return Some(("search.reproducible", message.to_owned()));
    }
    let clocked = objectives.iter().find(|one| matches!(one, Objective::Latency | Objective::TrainingTime));
    if let (true, Some(clocked)) = (search.reproducible, clocked) {
        let message = format!(
            "`search.reproducible` cannot be kept where \"{clocked}\" is among `search.objectives`: measured times \
             differ from run to run"
        );
        return Some(("search.reproducible", message));
    }
    None
}
