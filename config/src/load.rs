//! From a name or a file, and `--set`, to an experiment; and back to a file.

use crate::{
    check,
    error::{ConfigError, Place},
    experiment::Experiment,
    presets, suggest,
    tree::Tree,
};
use std::path::Path;
use toml::{Table, Value};

/// Largest experiment file, in bytes; a real one has a few kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Experiment {
    /// Loads a preset by its name or an experiment from a file, lays `sets` (`section.key=value`) over it, and
    /// checks everything.
    ///
    /// # Errors
    /// `ConfigError`: names file, line, key, value and what would be right.
    pub fn load(name_or_path: &str, sets: &[String]) -> Result<Self, ConfigError> {
        let tree = match presets::find(name_or_path) {
            Some(preset) => Tree::parse(preset.text, &format!("preset {}", preset.name))?,
            None => read_tree(name_or_path)?,
        };
        Self::of_tree(tree, sets)
    }

    /// Reads an experiment from TOML text; `origin` names it in messages.
    ///
    /// # Errors
    /// As `load`.
    pub fn parse(text: &str, origin: &str, sets: &[String]) -> Result<Self, ConfigError> {
        Self::of_tree(Tree::parse(text, origin)?, sets)
    }

    fn of_tree(mut tree: Tree, sets: &[String]) -> Result<Self, ConfigError> {
        for set in sets {
            tree.set(set)?;
        }
        check::tree(&tree)?;
        let experiment = typed(&tree)?;
        check::together(&tree, &experiment)?;
        Ok(experiment)
    }

    /// Checks an experiment that a program built or changed.
    ///
    /// # Errors
    /// As `load`; the place is "the experiment".
    pub fn validate(&self) -> Result<(), ConfigError> {
        let tree = Tree::of_values(values_of(self)?, "the experiment");
        check::tree(&tree)?;
        check::together(&tree, self)
    }

    /// The experiment as a TOML file that `load` reads back to an equal one.
    ///
    /// # Errors
    /// Where a number does not fit TOML, such as a seed of 2^63 or more.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(&values_of(self)?).map_err(|error| untyped("the experiment", &error.to_string()))
    }
}

fn read_tree(name: &str) -> Result<Tree, ConfigError> {
    let path = Path::new(name);
    if !path.exists() {
        return Err(no_such_experiment(name));
    }
    let unreadable = |reason: String| ConfigError::Read { path: path.to_owned(), reason };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if metadata.is_dir() {
        return Err(unreadable("it is a directory; name the .toml file".to_owned()));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(unreadable(format!("it has {} bytes, more than {FILE_BYTES_MAX}", metadata.len())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    Tree::parse(&text, name)
}

fn no_such_experiment(name: &str) -> ConfigError {
    let names = presets::PRESETS.iter().map(|preset| preset.name);
    let suggestion = suggest::nearest(name, names.clone())
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default();
    let presets = names.collect::<Vec<_>>().join(", ");
    ConfigError::NoSuchExperiment { name: name.to_owned(), presets, suggestion }
}

fn typed(tree: &Tree) -> Result<Experiment, ConfigError> {
    let mut values = tree.values.clone();
    if let Some(Value::Table(data)) = values.get_mut("data")
        && let Some(Value::Integer(column)) = data.get("label")
    {
        let column = column.to_string();
        data.insert("label".to_owned(), Value::String(column));
    }
    values.try_into().map_err(|error: toml::de::Error| untyped(&tree.origin, error.message()))
}

fn values_of(experiment: &Experiment) -> Result<Table, ConfigError> {
    Table::try_from(experiment).map_err(|error| untyped("the experiment", &error.to_string()))
}

fn untyped(origin: &str, message: &str) -> ConfigError {
    ConfigError::Together { place: Place::Whole(origin.to_owned()), message: message.to_owned() }
}
