//! Which columns a table has, what they are called, and which of them are labels: decided from its first
//! line.

use super::{first_line::FirstLine, lines::Record};
use crate::data::{
    DataError, LoadOptions,
    column::{is_name, unnamed},
    files::malformed,
    limits::{COLUMNS_MAX, NAMES_SHOWN_MAX},
    numeral::is_number,
};
use hatchery_config::{nearest, vocabulary::TaskKind};
use std::{collections::HashMap, path::Path};

/// The columns of a table.
pub(super) struct Columns {
    count: usize,
    /// Names, where the first line is a header.
    header: Option<Vec<String>>,
    /// Positions of the label columns, in the order in which they were asked for.
    labels: Vec<usize>,
    is_feature: Vec<bool>,
    /// Features that the user says are categories.
    categorical: Vec<usize>,
    first_line: u64,
    /// How the first line was taken.
    line: FirstLine,
}

impl Columns {
    /// Looks at the first line: finds the label columns, and whether the line is a header. `is_data`, where a line
    /// without numbers has turned out to be none. Where it has all the names of `known_labels`, it is a header, and
    /// these are the labels.
    pub(super) fn decide(
        path: &Path,
        first: &Record,
        options: &LoadOptions,
        known_labels: &[String],
        is_data: bool,
    ) -> Result<Self, DataError> {
        let count = first.len();
        if count as u64 > COLUMNS_MAX {
            return Err(DataError::TooLarge {
                place: path.display().to_string(),
                what: "columns",
                actual: count as u64,
                limit: COLUMNS_MAX,
                name: "COLUMNS_MAX",
                remedy: "leave some out",
            });
        }
        let names: Vec<String> =
            first.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        let known_labels = named_once(&names, known_labels);
        let wanted = if known_labels.is_some() { Vec::new() } else { wanted(options) };
        let [ignored, categorical] = [&options.ignore, &options.categorical]
            .map(|columns| columns.iter().map(|column| column.trim()).collect::<Vec<&str>>());
        let is_name = |column: &&str| match column.parse::<usize>() {
            Ok(index) => index >= count && names.iter().any(|name| name == column),
            Err(_) => true,
        };
        let is_named =
            known_labels.is_some() || wanted.iter().chain(&ignored).chain(&categorical).any(is_name);
        let find = |columns: &[&str]| {
            if is_named { by_name(path, &names, columns) } else { by_index(path, &names, columns) }
        };
        let (ignored, categorical) = (find(&ignored)?, find(&categorical)?);
        let mut labels = known_labels.map_or_else(|| find(&wanted), Ok)?;
        if labels.is_empty() {
            labels.extend((0..count).rev().find(|position| !ignored.contains(position)));
        }
        let line = match FirstLine::of(first, &labels, &ignored, options.task) {
            _ if is_named => FirstLine::Header,
            FirstLine::Texts | FirstLine::Labelled if is_data => FirstLine::Data,
            line => line,
        };
        let header = (!matches!(line, FirstLine::Data | FirstLine::Unclear)).then_some(names);
        let is_feature = (0..count).map(|position| !ignored.contains(&position)).collect();
        let columns = Self { count, header, labels, is_feature, categorical, first_line: first.line, line };
        columns.without_labels(path)?.with_categories(path)
    }

    /// Labels are no features; each is named once, and features are left.
    fn without_labels(mut self, path: &Path) -> Result<Self, DataError> {
        for &label in &self.labels {
            if !std::mem::replace(&mut self.is_feature[label], false) {
                let problem = format!("column {} is named twice", self.name(label));
                let remedy = "name each label column once in data.label, and none of them in data.ignore";
                return Err(malformed(path, "label", &problem, remedy));
            }
        }
        if self.is_feature.contains(&true) {
            return Ok(self);
        }
        let problem = format!("{} columns, none of them a feature", self.count);
        let remedy = "separate columns by commas, semicolons or tabs, features beside the label";
        Err(malformed(path, "line 1", &problem, remedy))
    }

    /// What the user says has categories are features.
    fn with_categories(self, path: &Path) -> Result<Self, DataError> {
        let Some(&column) = self.categorical.iter().find(|&&column| !self.is_feature[column]) else {
            return Ok(self);
        };
        let problem = format!("column {} is no feature", self.name(column));
        let remedy = "name feature columns in data.categorical, neither labels nor those in data.ignore";
        Err(malformed(path, "categorical", &problem, remedy))
    }

    /// No two columns, features or labels, have the same name: a model would know neither by it.
    pub(super) fn check_names(&self, path: &Path) -> Result<(), DataError> {
        let mut met = HashMap::new();
        for position in (0..self.count).filter(|place| self.is_feature[*place] || self.labels.contains(place))
        {
            let Some(name) = self.own_name(position) else { continue };
            if let Some(other) = met.insert(name, position) {
                let place = format!("line {}", self.first_line);
                let problem = format!("columns {other} and {position} have the same name, \"{name}\"");
                let remedy = format!(
                    "give each column a name of its own, or leave one out by its index, as in data.ignore = [\"{position}\"]"
                );
                return Err(malformed(path, &place, &problem, &remedy));
            }
        }
        Ok(())
    }

    /// Columns in all.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Positions of the columns to learn from: neither labels nor left out.
    pub(super) fn features(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|&position| self.is_feature[position])
    }

    /// Positions of the columns that are left out.
    pub(super) fn left_out(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|position| !self.is_feature[*position] && !self.labels.contains(position))
    }

    pub(super) const fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Whether the first line was taken for data and has, beside numbers, fields that should be some and are none.
    pub(super) fn may_have_header(&self) -> bool {
        self.line == FirstLine::Unclear
    }

    /// The fields of a first line that was taken for a header only because no feature's is a number.
    pub(super) fn doubtful_header(&self) -> Option<&[String]> {
        self.header.as_deref().filter(|_| self.line == FirstLine::Texts)
    }

    /// Whether there is a header with a name for some feature.
    pub(super) fn has_named_features(&self) -> bool {
        self.features().any(|position| self.own_name(position).is_some_and(is_name))
    }

    /// The fields of a first line that was taken for a header only because its label seems to be a name.
    pub(super) fn labelled_header(&self) -> Option<&[String]> {
        self.header.as_deref().filter(|_| self.line == FirstLine::Labelled)
    }

    /// One-based line of the first record.
    pub(super) const fn first_line(&self) -> u64 {
        self.first_line
    }

    pub(super) fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Whether the user says that a column has categories.
    pub(super) fn is_categorical(&self, position: usize) -> bool {
        self.categorical.contains(&position)
    }

    /// The column for error messages: zero-based index and, where there is one, its name.
    pub(super) fn name(&self, position: usize) -> String {
        match self.header.as_ref().and_then(|header| header.get(position)) {
            Some(name) => format!("{position} (\"{name}\")"),
            None => position.to_string(),
        }
    }

    /// The column as the data set has it: its name, or `column N` where it has none.
    pub(super) fn plain_name(&self, position: usize) -> String {
        self.own_name(position).map_or_else(|| unnamed(position), str::to_owned)
    }

    /// The column as settings name it: by its name, or by its index where it has none.
    pub(super) fn setting(&self, position: usize) -> String {
        self.own_name(position).map_or_else(|| position.to_string(), str::to_owned)
    }

    fn own_name(&self, position: usize) -> Option<&str> {
        let name = self.header.as_ref().and_then(|header| header.get(position));
        name.map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Names of the label columns; `column N` where there is no header.
    pub(super) fn label_names(&self) -> Vec<String> {
        self.labels.iter().map(|&label| self.plain_name(label)).collect()
    }

    /// Names of the label columns, where a header names them all.
    pub(super) fn label_names_of_header(&self) -> Vec<String> {
        let names = self.labels.iter().map(|&label| self.own_name(label).map(str::to_owned));
        names.collect::<Option<_>>().unwrap_or_default()
    }
}

/// The label columns as the user named them; nothing for the last column.
fn wanted(options: &LoadOptions) -> Vec<&str> {
    let Some(label) = options.label.as_deref() else { return Vec::new() };
    match options.task {
        TaskKind::Classification => vec![label.trim()],
        TaskKind::Regression => label.split(',').map(str::trim).collect(),
    }
}

/// Where such label columns stand, if each has a name that stands in the first line just once.
fn named_once(names: &[String], labels: &[String]) -> Option<Vec<usize>> {
    let place = |label: &String| {
        let mut places = (0..names.len()).filter(|&place| names[place] == *label);
        places.next().filter(|_| is_name(label) && places.next().is_none())
    };
    labels.iter().map(place).collect::<Option<Vec<usize>>>().filter(|places| !places.is_empty())
}

/// Names and indices may be mixed; a name needs a header, so there is one.
fn by_name(path: &Path, names: &[String], wanted: &[&str]) -> Result<Vec<usize>, DataError> {
    let find = |label: &&str| {
        let mut named = (0..names.len()).filter(|&position| names[position] == **label);
        match (named.next(), named.next()) {
            (Some(one), Some(other)) => Err(ambiguous(path, label, one, other)),
            (Some(one), None) => Ok(one),
            (None, _) => {
                let index = label.parse().ok().filter(|&index| index < names.len());
                index.ok_or_else(|| unknown(path, names, label))
            }
        }
    };
    wanted.iter().map(find).collect()
}

fn ambiguous(path: &Path, label: &str, one: usize, other: usize) -> DataError {
    let problem = format!("columns {one} and {other} have the same name, \"{label}\"");
    let remedy = "give each column a name of its own, or say which one is meant by its index";
    malformed(path, "line 1", &problem, remedy)
}

fn by_index(path: &Path, names: &[String], wanted: &[&str]) -> Result<Vec<usize>, DataError> {
    let find = |label: &&str| label.parse().ok().filter(|&index| index < names.len());
    wanted.iter().map(|label| find(label).ok_or_else(|| unknown(path, names, label))).collect()
}

fn unknown(path: &Path, names: &[String], label: &str) -> DataError {
    let last = names.len().saturating_sub(1);
    let numbers = names.iter().filter(|name| is_number(name.as_bytes())).count();
    // All fields but, perhaps, a text label are numbers: that line is no header.
    let is_headless = numbers + 1 >= names.len() && numbers > 0;
    let columns = if is_headless {
        format!("0 to {last} (the file has no header)")
    } else {
        let shown: Vec<&str> = names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
        let more = names.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more} (or 0 to {last})", shown.join(", "))
    };
    let names = names.iter().map(String::as_str).filter(|_| !is_headless);
    let nearest = nearest(label, names).map(str::to_owned);
    DataError::UnknownColumn { path: path.into(), label: label.into(), nearest, columns }
}
