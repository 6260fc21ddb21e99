//! A table from text: which columns are parameters, which are results, and what is wrong with it.

use super::{Direction, Parameter, Repeats, Results, Table};
use crate::search::domain::Scale;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// Nothing in it.
    #[error("it has no rows: a header line and at least one row are expected")]
    Empty,
    /// Not text.
    #[error("line {line} is not UTF-8 text")]
    NotText {
        /// One-based.
        line: usize,
    },
    /// A quote that does not end.
    #[error("line {line}: a quote is opened and not closed on the same line; close it")]
    Quote {
        /// One-based.
        line: usize,
    },
    /// A row of another length.
    #[error("line {line} has {found} fields, the header has {expected}")]
    Ragged {
        /// One-based.
        line: usize,
        /// Fields in it.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A column without a name, or two of the same name.
    #[error("column {column} of the header has {problem}; give every column a name of its own")]
    Header {
        /// One-based.
        column: usize,
        /// What is wrong with its name.
        problem: String,
    },
    /// No result column at all.
    #[error("no result columns: name them valid* or test*; found are {found}")]
    NoResults {
        /// The columns.
        found: String,
    },
    /// No parameter column at all.
    #[error("no parameter columns: all of them are named valid* or test*")]
    NoParameters,
    /// No result column of this prefix.
    #[error("no result column begins with `{prefix}`; the result columns are {found}")]
    NoSuchResults {
        /// What was asked for.
        prefix: String,
        /// What there is.
        found: String,
    },
    /// Losses and scores under one prefix.
    #[error(
        "`{minimised}` is minimised and `{maximised}` is maximised by its name: choose a longer prefix than `{prefix}`, \
         or give them a --direction"
    )]
    Mixed {
        /// What was asked for.
        prefix: String,
        /// One column.
        minimised: String,
        /// Another.
        maximised: String,
    },
    /// A result that is no number.
    #[error(
        "line {line}, column {column}: `{text}` is not a finite number; fill in the value, or remove the row"
    )]
    NotANumber {
        /// One-based.
        line: usize,
        /// Its name.
        column: String,
        /// What is there.
        text: String,
    },
    /// A result that nothing can be computed with.
    #[error(
        "line {line}, column {column}: `{text}` is beyond {RESULT_MAX:e}; correct it, or divide the column by something"
    )]
    OutOfRange {
        /// One-based.
        line: usize,
        /// Its name.
        column: String,
        /// What is there.
        text: String,
    },
    /// Too much of something.
    #[error("it has {found} {what}, more than {max}")]
    TooMany {
        /// Of what.
        what: String,
        /// How many.
        found: usize,
        /// How many there may be.
        max: usize,
    },
}

/// Most rows of a table: larger ones are no replay in seconds any more.
const ROWS_MAX: usize = 4_000_000;

/// Most different values of a parameter: their places are kept in 16 bits.
const VALUES_MAX: usize = 60_000;

/// Largest result: squares and sums of results stay finite.
const RESULT_MAX: f64 = 1e150;

/// Whether a column holds results.
fn is_result(name: &str) -> bool {
    name.starts_with("valid") || name.starts_with("test")
}

struct Lines<'a> {
    header: Vec<String>,
    rows: Vec<(usize, Vec<std::borrow::Cow<'a, str>>)>,
}

impl Table {
    /// Reads a table from its text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &[u8]) -> Result<Self, TableError> {
        let lines = split(text)?;
        check_header(&lines.header)?;
        let (results, parameters): (Vec<usize>, Vec<usize>) =
            (0..lines.header.len()).partition(|&column| is_result(&lines.header[column]));
        if results.is_empty() {
            return Err(TableError::NoResults { found: lines.header.join(", ") });
        }
        if parameters.is_empty() {
            return Err(TableError::NoParameters);
        }
        if lines.rows.is_empty() {
            return Err(TableError::Empty);
        }
        if lines.rows.len() > ROWS_MAX {
            return Err(TableError::TooMany { what: "rows".into(), found: lines.rows.len(), max: ROWS_MAX });
        }
        let columns = results.iter().map(|&column| numbers(&lines, column)).collect::<Result<_, _>>()?;
        let parameters: Vec<(Parameter, Vec<u16>)> =
            parameters.iter().map(|&column| parameter(&lines, column)).collect::<Result<_, _>>()?;
        Ok(assemble(&lines, parameters, columns))
    }
}

fn assemble(
    lines: &Lines<'_>,
    parameters: Vec<(Parameter, Vec<u16>)>,
    columns: Vec<(String, Vec<f64>)>,
) -> Table {
    let mut codes = Vec::with_capacity(lines.rows.len() * parameters.len());
    let mut index = HashMap::with_capacity(lines.rows.len());
    let mut repeats = None;
    for row in 0..lines.rows.len() {
        let key: Box<[u16]> = parameters.iter().map(|(_, codes)| codes[row]).collect();
        codes.extend_from_slice(&key);
        // Rows with the same parameters are points of their own; variation leads to the first, nearness to all.
        let first = *index.entry(key).or_insert(row as u32) as usize;
        if columns.iter().any(|(_, values)| values[first] != values[row]) {
            let lines = [lines.rows[first].0, lines.rows[row].0];
            repeats.get_or_insert(Repeats { lines, rows: 0 }).rows += 1;
        }
    }
    let parameters: Vec<Parameter> = parameters.into_iter().map(|(parameter, _)| parameter).collect();
    let kinds: Vec<Scale> = parameters.iter().map(|parameter| parameter.scale).collect();
    let words = shared_words(&parameters);
    let counted = std::iter::repeat_n(Scale::Ordered, words.len());
    Table {
        scales: kinds.iter().copied().chain(counted).collect(),
        words,
        kinds,
        parameters,
        codes,
        index,
        rows: lines.rows.len() as u32,
        repeats,
        nearest: (0..lines.rows.len()).map(|_| OnceLock::new()).collect(),
        columns,
    }
}

/// Words that several parameters have in common, with those parameters.
fn shared_words(parameters: &[Parameter]) -> Vec<(Vec<usize>, u16)> {
    let mut vocabularies: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
    for (at, parameter) in parameters.iter().enumerate() {
        if matches!(parameter.scale, Scale::Words(_)) {
            vocabularies.entry(&parameter.values).or_default().push(at);
        }
    }
    let shared = vocabularies.into_iter().filter(|(_, users)| users.len() > 1);
    shared.flat_map(|(words, users)| (0..words.len()).map(move |word| (users.clone(), word as u16))).collect()
}

/// The result columns that begin with `prefix`, as losses; their names say the direction, where nobody else does.
pub(super) fn results(
    columns: &[(String, Vec<f64>)],
    rows: u32,
    prefix: &str,
    direction: Option<Direction>,
) -> Result<Results, TableError> {
    let chosen: Vec<&(String, Vec<f64>)> =
        columns.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
    let direction = match direction {
        Some(direction) if !chosen.is_empty() => direction,
        _ => common_direction(columns, &chosen, prefix)?,
    };
    let losses = (0..rows as usize)
        .flat_map(|row| chosen.iter().map(move |(_, values)| values[row] * direction.sign()));
    Ok(Results { columns: chosen.len(), losses: losses.collect(), direction })
}

/// The direction that the names of all chosen columns say.
fn common_direction(
    columns: &[(String, Vec<f64>)],
    chosen: &[&(String, Vec<f64>)],
    prefix: &str,
) -> Result<Direction, TableError> {
    let first = |direction| chosen.iter().find(|(name, _)| Direction::of_column(name) == direction);
    match (first(Direction::Minimise), first(Direction::Maximise)) {
        (None, None) => {
            let found: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            Err(TableError::NoSuchResults { prefix: prefix.into(), found: found.join(", ") })
        }
        (Some(minimised), Some(maximised)) => Err(TableError::Mixed {
            prefix: prefix.into(),
            minimised: minimised.0.clone(),
            maximised: maximised.0.clone(),
        }),
        (Some(_), None) => Ok(Direction::Minimise),
        (None, Some(_)) => Ok(Direction::Maximise),
    }
}

fn split(text: &[u8]) -> Result<Lines<'_>, TableError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut header: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let number = at + 1;
        let line = str::from_utf8(line).map_err(|_| TableError::NotText { line: number })?;
        if line.trim().is_empty() {
            continue;
        }
        let fields = fields(line.trim_end_matches('\r')).ok_or(TableError::Quote { line: number })?;
        match &header {
            None => header = Some(fields.into_iter().map(Into::into).collect()),
            Some(header) if header.len() != fields.len() => {
                return Err(TableError::Ragged { line: number, found: fields.len(), expected: header.len() });
            }
            Some(_) => rows.push((number, fields)),
        }
    }
    header.map(|header| Lines { header, rows }).ok_or(TableError::Empty)
}

/// The fields of one line, quotes as in RFC 4180; `None` where a quote is left open.
fn fields(line: &str) -> Option<Vec<std::borrow::Cow<'_, str>>> {
    if !line.contains('"') {
        return Some(line.split(',').map(|field| field.trim().into()).collect());
    }
    let (mut found, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut field).trim().to_owned().into()),
            other => field.push(other),
        }
    }
    found.push(field.trim().to_owned().into());
    (!quoted).then_some(found)
}

fn check_header(header: &[String]) -> Result<(), TableError> {
    let mut seen = BTreeSet::new();
    for (at, name) in header.iter().enumerate() {
        let problem = if name.is_empty() {
            "no name".to_owned()
        } else if !seen.insert(name) {
            format!("the name `{name}` again")
        } else {
            continue;
        };
        return Err(TableError::Header { column: at + 1, problem });
    }
    Ok(())
}

fn numbers(lines: &Lines<'_>, column: usize) -> Result<(String, Vec<f64>), TableError> {
    let name = &lines.header[column];
    let values = lines.rows.iter().map(|(line, fields)| {
        let text = &fields[column];
        let place = || (*line, name.clone(), text.to_string());
        match text.parse::<f64>() {
            Ok(value) if value.abs() <= RESULT_MAX => Ok(value),
            Ok(value) if value.is_finite() => {
                let (line, column, text) = place();
                Err(TableError::OutOfRange { line, column, text })
            }
            _ => {
                let (line, column, text) = place();
                Err(TableError::NotANumber { line, column, text })
            }
        }
    });
    Ok((name.clone(), values.collect::<Result<_, _>>()?))
}

/// A column of parameters: numbers where all are; else words, and an empty cell is a word like others.
fn parameter(lines: &Lines<'_>, column: usize) -> Result<(Parameter, Vec<u16>), TableError> {
    let name = &lines.header[column];
    let texts = || lines.rows.iter().map(|(_, fields)| fields[column].as_ref());
    let numbers: Option<Vec<f64>> =
        texts().map(|text| text.parse::<f64>().ok().filter(|value| value.is_finite())).collect();
    let (scale, values, codes) = match numbers {
        Some(numbers) => {
            // -0 and 0 are one value.
            let numbers: Vec<f64> = numbers.into_iter().map(|number| number + 0.0).collect();
            let mut values = numbers.clone();
            values.sort_by(f64::total_cmp);
            values.dedup();
            let code = |number: &f64| values.partition_point(|value| value < number);
            let codes: Vec<usize> = numbers.iter().map(code).collect();
            (Scale::Ordered, values.iter().map(ToString::to_string).collect::<Vec<_>>(), codes)
        }
        None => {
            let values: Vec<&str> = texts().collect::<BTreeSet<_>>().into_iter().collect();
            let code = |text: &str| values.partition_point(|value| *value < text);
            let codes = texts().map(code).collect();
            (
                Scale::Words(values.len().min(VALUES_MAX) as u16),
                values.iter().map(ToString::to_string).collect(),
                codes,
            )
        }
    };
    if values.len() > VALUES_MAX {
        let what = format!("different values in column {name}");
        return Err(TableError::TooMany { what, found: values.len(), max: VALUES_MAX });
    }
    let codes = codes.into_iter().map(|code| code as u16).collect();
    Ok((Parameter { name: name.clone(), scale, values }, codes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Table::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_table_is_read_whatever_its_line_ends_and_quotes() {
        let text = "\u{feff}\"a, b\",n,valid_x,test_error\r\n\"u \"\"v\"\"\",10,1,0.5\r\n\r\nw,9,2,0.25\r\n";
        let table = Table::parse(text.as_bytes()).unwrap();
        assert_eq!(table.rows(), 2);
        let [words, numbers] = table.parameters() else { panic!("{:?}", table.parameters()) };
        assert_eq!((words.name.as_str(), words.scale), ("a, b", Scale::Words(2)));
        assert_eq!(words.values, ["u \"v\"", "w"]);
        assert_eq!((numbers.scale, numbers.values.clone()), (Scale::Ordered, vec!["9".into(), "10".into()]));
        assert_eq!(table.results("valid").unwrap().mean_loss(1), -2.0);
        assert_eq!(table.results("test").unwrap().mean_loss(1), 0.25);
    }

    #[test]
    fn results_are_averaged_and_drawn_by_prefix() {
        let table = Table::parse(b"p,valid_mse_0,valid_mse_1,test\n1,2,4,9\n").unwrap();
        let results = table.results("valid_mse").unwrap();
        assert_eq!((results.columns(), results.loss(0, 1), results.mean_loss(0)), (2, 4.0, 3.0));
        assert_eq!(results.value(results.mean_loss(0)), 3.0);
        let score = table.results("test").unwrap();
        assert_eq!((score.mean_loss(0), score.value(score.mean_loss(0))), (-9.0, 9.0));
        assert!(
            table.results("valid_acc").unwrap_err().to_string().contains("valid_mse_0, valid_mse_1, test")
        );
        let mixed = Table::parse(b"p,valid_error,valid_acc\n1,2,4\n").unwrap();
        assert!(mixed.results("valid").unwrap_err().to_string().contains("choose a longer prefix"));
    }

    #[test]
    fn bad_tables_are_refused_with_place_and_remedy() {
        for (text, expected) in [
            ("", "no rows"),
            ("a,valid\n", "no rows"),
            ("a,b\n1,2\n", "no result columns"),
            ("valid\n1\n", "no parameter columns"),
            ("a,valid\n1,2\n3\n", "line 3 has 1 fields, the header has 2"),
            ("a,valid\n1,x\n", "line 2, column valid: `x` is not a finite number"),
            ("a,valid\n1,nan\n", "not a finite number"),
            ("a,valid\n1,\n", "`` is not a finite number; fill in the value, or remove the row"),
            ("a,valid\n1,1e308\n", "line 2, column valid: `1e308` is beyond 1e150"),
            ("a,a,valid\n1,2,3\n", "column 2 of the header has the name `a` again"),
            ("a,,valid\n1,2,3\n", "column 2 of the header has no name"),
            ("a,valid\n\"1,2\n", "line 2: a quote is opened"),
        ] {
            let error = error(text);
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert_eq!(Table::parse(b"a,valid\n\xff,1\n").unwrap_err(), TableError::NotText { line: 2 });
    }

    #[test]
    fn rows_of_the_same_parameters_are_points_of_their_own_and_an_empty_cell_is_a_word() {
        let table = Table::parse(b"a,b,valid\n1,x,2\n\n1.0,x,3\n,x,4\n").unwrap();
        assert_eq!(table.rows(), 3);
        let [a, b] = table.parameters() else { panic!("{:?}", table.parameters()) };
        assert_eq!((a.scale, a.values.clone()), (Scale::Words(3), vec!["".into(), "1".into(), "1.0".into()]));
        assert_eq!(b.scale, Scale::Words(1));
        let numbers = Table::parse(b"a,valid\n1,2\n1.0,3\n2,4\n").unwrap();
        use crate::search::domain::Domain;
        assert_eq!((numbers.rows(), numbers.parameters()[0].values.len()), (3, 2));
        assert_eq!(numbers.features(&0), numbers.features(&1));
        assert_eq!(numbers.results("valid").unwrap().mean_loss(1), -3.0);
    }

    #[test]
    fn names_of_losses_are_minimised_unless_a_direction_is_said() {
        let table = Table::parse(b"p,valid_loss,test_acc,test_err\n1,2,4,3\n").unwrap();
        let loss = table.results("valid").unwrap();
        assert_eq!((loss.direction(), loss.mean_loss(0)), (Direction::Minimise, 2.0));
        let turned = table.results_toward("valid", Direction::Maximise).unwrap();
        assert_eq!((turned.mean_loss(0), turned.value(turned.mean_loss(0))), (-2.0, 2.0));
        assert!(matches!(table.results("test"), Err(TableError::Mixed { .. })));
        assert_eq!(table.results_toward("test", Direction::Minimise).unwrap().mean_loss(0), 3.5);
        let none = table.results_toward("loss", Direction::Minimise);
        assert!(matches!(none, Err(TableError::NoSuchResults { .. })));
    }

    #[test]
    fn rows_of_the_same_parameters_and_other_results_are_told_of_by_line() {
        let table = Table::parse(b"a,valid\n1,2\n\n2,5\n1.0,3\n1,2\n1,4\n").unwrap();
        assert_eq!(table.repeats(), Some(Repeats { lines: [2, 5], rows: 2 }));
        assert_eq!(Table::parse(b"a,valid\n1,2\n1,2\n2,3\n").unwrap().repeats(), None);
    }

    #[test]
    fn words_that_parameters_share_are_counted() {
        let table = Table::parse(b"a,b,c,valid\nx,y,k,1\ny,x,l,2\nx,x,k,3\n").unwrap();
        use crate::search::domain::Domain;
        assert_eq!(table.scales().len(), 5, "three parameters, two shared words");
        assert_eq!(table.features(&2)[3..], [1.0, 0.0]);
        assert_eq!(table.features(&0)[3..], [0.5, 0.5]);
    }
}
