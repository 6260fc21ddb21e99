//! An experiment as written: a tree of TOML values, with the place that each one comes from.
//!
//! Here files are parsed and `--set` is laid over them. What the values mean is not known yet (see `check`).

use crate::{
    error::{ConfigError, Place},
    schema::{self, Key, Rule},
    suggest,
};
use std::collections::BTreeMap;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

/// Values and where they were written.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The values.
    pub values: Table,
    /// The file, or `preset NAME`.
    pub origin: String,
    places: BTreeMap<String, Place>,
}

impl Tree {
    /// Parses a file's text; `origin` names it in messages.
    ///
    /// # Errors
    /// `ConfigError::Syntax` with the line.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            place: place_of(text, origin, error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', ", "),
        };
        let mut places = BTreeMap::new();
        let spanned = DeTable::parse(text).map_err(syntax)?;
        note_places(spanned.get_ref(), "", &mut places, &|offset| place_of(text, origin, offset));
        let values = text.parse().map_err(syntax)?;
        Ok(Self { values, origin: origin.to_owned(), places })
    }

    /// A tree that no file holds.
    pub fn of_values(values: Table, origin: &str) -> Self {
        Self { values, origin: origin.to_owned(), places: BTreeMap::new() }
    }

    /// Where the value at `path` was written.
    pub fn place(&self, path: &str) -> Place {
        self.places.get(path).cloned().unwrap_or_else(|| Place::Whole(self.origin.clone()))
    }

    /// The value at `section.key` or `key`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        match path.split_once('.') {
            Some((section, key)) => self.values.get(section)?.as_table()?.get(key),
            None => self.values.get(path),
        }
    }

    /// Lays `section.key=value` over the tree; `none` takes an optional value away.
    ///
    /// # Errors
    /// Where there is no `=`, or no such key.
    pub fn set(&mut self, text: &str) -> Result<(), ConfigError> {
        let (path, written) =
            text.split_once('=').ok_or_else(|| ConfigError::Set { text: text.to_owned() })?;
        let (path, written) = (path.trim(), written.trim());
        let key = schema::find(path).ok_or_else(|| unknown(path, Place::Option(text.to_owned())))?;
        self.places.insert(path.to_owned(), Place::Option(text.to_owned()));
        let value = (!(key.optional && written == "none")).then(|| read_value(key, written));
        self.put(path, value);
        Ok(())
    }

    fn put(&mut self, path: &str, value: Option<Value>) {
        let (table, key) = match path.split_once('.') {
            None => (&mut self.values, path),
            Some((section, key)) => {
                let entry = self.values.entry(section).or_insert_with(|| Value::Table(Table::new()));
                match entry.as_table_mut() {
                    Some(table) => (table, key),
                    // A section that is no table is refused by `check`, which names its place.
                    None => return,
                }
            }
        };
        match value {
            Some(value) => table.insert(key.to_owned(), value),
            None => table.remove(key),
        };
    }
}

/// The error for a key that does not exist.
pub fn unknown(path: &str, place: Place) -> ConfigError {
    let suggestion = match suggest::nearest_key(path) {
        Some(key) => format!("; did you mean `{key}`?"),
        None => format!("; {}", what_there_is(path)),
    };
    ConfigError::UnknownKey { place, key: path.to_owned(), suggestion }
}

fn what_there_is(path: &str) -> String {
    let section =
        path.split_once('.').map(|(section, _)| section).filter(|section| schema::is_section(section));
    match section {
        Some(section) => {
            let keys: Vec<_> = schema::KEYS
                .iter()
                .filter_map(|key| key.path.strip_prefix(section)?.strip_prefix('.'))
                .collect();
            format!("[{section}] has the keys {}", keys.join(", "))
        }
        None => format!("there are name, seed and the sections {}", schema::sections().join(", ")),
    }
}

/// Reads what `--set` gives, in the light of what the key may hold: shells make quotes a nuisance.
fn read_value(key: &Key, written: &str) -> Value {
    if key.rule.is_text() {
        let bare = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(written);
        return Value::String(bare.to_owned());
    }
    if matches!(key.rule, Rule::Patterns | Rule::Texts)
        && written.starts_with('[')
        && let array @ Value::Array(_) = read_scalar(written)
    {
        // Quoted as in a file: a message may hold commas.
        return array;
    }
    if key.rule.is_list() {
        let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(written);
        let items = bare.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Value::Array(items.map(|item| read_item(&key.rule, item)).collect());
    }
    read_scalar(written)
}

fn read_item(rule: &Rule, written: &str) -> Value {
    match rule {
        Rule::WordList(_) | Rule::Patterns | Rule::Texts => {
            Value::String(written.trim_matches('"').to_owned())
        }
        _ => read_scalar(written),
    }
}

fn read_scalar(written: &str) -> Value {
    match format!("value = {written}").parse::<Table>() {
        Ok(mut table) => table.remove("value").unwrap_or_else(|| Value::String(written.to_owned())),
        Err(_) => Value::String(written.to_owned()),
    }
}

fn note_places(
    table: &DeTable<'_>,
    prefix: &str,
    places: &mut BTreeMap<String, Place>,
    place_at: &dyn Fn(usize) -> Place,
) {
    for (key, value) in table {
        let path =
            if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        places.insert(path.clone(), place_at(key.span().start));
        if let DeValue::Table(inner) = value.get_ref() {
            note_places(inner, &path, places, place_at);
        }
    }
}

fn place_of(text: &str, origin: &str, offset: usize) -> Place {
    let before = text.as_bytes().iter().take(offset);
    let line = 1 + before.filter(|byte| **byte == b'\n').count();
    Place::Line { file: origin.to_owned(), line }
}
