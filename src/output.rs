//! Everything that is printed goes through here.
//!
//! A reader that closes the pipe (`hatchery list RUN | head`) is no failure: what cannot be written is dropped.

use crate::{cli::exit::Exit, logging};
use std::{
    borrow::Cow,
    fmt::Display,
    io::{IsTerminal, Write},
};

/// Prints a line, or several, to standard output.
pub fn say(line: impl Display) {
    let line = line.to_string();
    let mut stdout = std::io::stdout().lock();
    _ = writeln!(stdout, "{}", tame(&line));
    _ = stdout.flush();
}

/// Prints a JSON value as one line: what would command a terminal is escaped as JSON does it, so that it is still there
/// for whoever reads the line.
pub fn say_json(value: &serde_json::Value) {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if c.is_control() || is_turning(c) {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    say(line);
}

/// Prints a line, or several, to standard error.
pub fn note(line: impl Display) {
    _ = writeln!(std::io::stderr().lock(), "{}", tame(&line.to_string()));
}

/// A text that no terminal takes for commands: control characters but line ends and tabs become visible. Texts come
/// from journals, workers and libraries; none of them draws, so nothing is lost.
fn tame(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_turning(c);
    if text.contains(is_harmful) {
        Cow::Owned(text.chars().map(|c| if is_harmful(c) { visible(c) } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A text as part of one line: as `say` does it, and line ends and tabs become visible, too.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() || is_turning(c);
    if text.contains(is_harmful) {
        Cow::Owned(text.chars().map(|c| if is_harmful(c) { visible(c) } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character turns round the direction in which the others are shown.
const fn is_turning(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The picture of a control character where there is one.
fn visible(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Prints what the process fails with to standard error: in words, or as a line of the JSON log that goes there.
pub fn complain(failure: &impl Display, exit: Exit) {
    match logging::as_line_on_stderr(failure, Some(exit)) {
        Some(line) => note(line),
        None => note(format_args!("{}{failure}", logging::FAILURE)),
    }
}

/// Prints the last words of a process to standard error, likewise.
pub fn part(words: &impl Display) {
    match logging::as_line_on_stderr(words, None) {
        Some(line) => note(line),
        None => note(words),
    }
}

/// Whether progress can be drawn over: standard error is a terminal.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage with two decimals.
pub fn percent(share: f64) -> String {
    // Nothing added to nothing is a zero below zero.
    format!("{:.2} %", 100.0 * share + 0.0)
}

/// A number of any size with six digits that count.
pub fn six_digits(value: f64) -> String {
    let magnitude = if value > 0.0 { value.log10().floor() } else { 0.0 };
    match magnitude as i32 {
        places @ -4..6 => format!("{value:.*}", (5 - places).unsigned_abs() as usize),
        _ => format!("{value:.5e}"),
    }
}

/// Seconds as `1h02m`, `2m03s`, `45s` or `1.5s`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

/// Lays rows out in columns, two spaces apart; columns of numbers are flush right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<Cow<'_, str>>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|name| name.chars().count())).max().unwrap_or(0)
    };
    let is_number = |column: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    };
    let layout: Vec<(usize, bool)> =
        (0..header.len()).map(|column| (width(column), is_number(column))).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&layout).map(|(cell, (width, right))| {
            if *right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(AsRef::as_ref).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(percent(0.98765), "98.77 %");
        assert_eq!(duration(1.54), "1.5s");
        assert_eq!(duration(59.6), "1m00s");
        assert_eq!(duration(3723.0), "1h02m");
        assert_eq!(duration(f64::NAN), "-");
    }

    #[test]
    fn six_digits_count_of_every_number() {
        let found = [0.0, 1_234.567, 123_456.7, 1e-3, 12_345_678.0, 1e-9].map(six_digits);
        assert_eq!(found, ["0.00000", "1234.57", "123457", "0.00100000", "1.23457e7", "1.00000e-9"]);
    }

    #[test]
    fn no_text_commands_a_terminal() {
        let text = "a\u{1b}]0;title\u{7}\u{9b}31m\rb\u{202e}\n\tc";
        assert_eq!(tame(text), "a␛]0;title␇\u{fffd}31m␍b\u{fffd}\n\tc");
        assert_eq!(plain("a\nb\tc"), "a␊b␉c");
        assert_eq!(tame("<script>"), "<script>");
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["a".to_owned(), "5".to_owned()], vec!["bcd".to_owned(), "10".to_owned()]];
        assert_eq!(table(&["name", "n"], &rows), "name   n\na      5\nbcd   10");
    }
}
