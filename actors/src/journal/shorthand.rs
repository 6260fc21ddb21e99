//! Shorthand for the JSON of genomes and curves, which says the same few things over and over: each of them is one
//! control character.
//!
//! JSON holds no control characters of its own, so that a text is expanded by replacing each by what it stands for, in
//! any order: SQLite's `replace` does it in the views that people read (`tables`), and text without shorthand, as
//! journals before version 4 hold it, expands to itself. A change of what a character stands for would be a new version
//! of the tables. It must not know what a genome is: where its JSON is spelled otherwise, it is only longer.

use std::cmp::Reverse;
use std::sync::LazyLock;

/// Control characters are below this.
const SIGNS: usize = 32;

/// Bytes by which phrases are found; each has more.
const PREFIX_BYTES: usize = 4;

/// What control characters stand for; those that JSON may hold as white space are none.
pub struct Phrases {
    listed: &'static [(char, &'static str)],
    /// By character.
    by_sign: [Option<&'static str>; SIGNS],
    /// By their first bytes, in order; of those that begin alike, the longest first.
    by_prefix: Vec<([u8; PREFIX_BYTES], char, &'static str)>,
}

impl Phrases {
    fn new(listed: &'static [(char, &'static str)]) -> Self {
        let mut by_sign = [None; SIGNS];
        let mut by_prefix = Vec::new();
        for (sign, phrase) in listed {
            if let Some(place) = by_sign.get_mut(*sign as usize) {
                *place = Some(*phrase);
            }
            by_prefix.extend(phrase.as_bytes().first_chunk().map(|prefix| (*prefix, *sign, *phrase)));
        }
        by_prefix.sort_by_key(|(prefix, _, phrase)| (*prefix, Reverse(phrase.len())));
        Self { listed, by_sign, by_prefix }
    }

    /// The longest phrase that this text begins with.
    fn at_the_begin_of(&self, text: &str) -> Option<(char, &'static str)> {
        let prefix: &[u8; PREFIX_BYTES] = text.as_bytes().first_chunk()?;
        let from = self.by_prefix.partition_point(|(other, ..)| other < prefix);
        let alike = self.by_prefix.get(from..)?.iter().take_while(|(other, ..)| other == prefix);
        alike.map(|(_, sign, phrase)| (*sign, *phrase)).find(|(_, phrase)| text.starts_with(phrase))
    }
}

/// In genomes.
pub static OF_GENOMES: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(GENOMES));

const GENOMES: &[(char, &str)] = &[
    ('\u{1}', "{\"kind\":\"convolution\",\"filters\":"),
    ('\u{2}', ",\"kernel\":["),
    ('\u{3}', "],\"stride\":1,\"dilation\":1,\"groups\":{\"count\":1},\"padding\":\"same\",\"norm\":\""),
    ('\u{4}', "],\"stride\":"),
    ('\u{5}', ",\"dilation\":1,\"groups\":{\"count\":"),
    ('\u{6}', "},\"padding\":\""),
    ('\u{7}', "{\"kind\":\"max_pool\",\"kernel\":"),
    ('\u{8}', "{\"kind\":\"average_pool\",\"kernel\":"),
    ('\u{b}', "{\"kind\":\"global_average_pool\"}"),
    ('\u{c}', "{\"kind\":\"dense\",\"units\":"),
    ('\u{e}', "{\"kind\":\"residual\",\"filters\":"),
    ('\u{f}', "{\"kind\":\"inception\",\"branches\":["),
    ('\u{10}', ",\"stride\":"),
    ('\u{11}', ",\"padding\":\""),
    ('\u{12}', ",\"norm\":\""),
    ('\u{13}', "\",\"norm\":\""),
    ('\u{14}', "\",\"activation\":\""),
    ('\u{15}', "\"}],\"training\":{\"optimizer\":\""),
    ('\u{16}', "}],\"training\":{\"optimizer\":\""),
    ('\u{17}', "\",\"learning_rate\":"),
    ('\u{18}', ",\"schedule\":\""),
    ('\u{19}', "\",\"momentum\":"),
    ('\u{1a}', ",\"weight_decay\":"),
    ('\u{1b}', ",\"batch_size\":"),
    ('\u{1c}', ",\"label_smoothing\":"),
    ('\u{1d}', ",\"gradient_clip\":"),
    ('\u{1e}', ",\"initializer\":\""),
    ('\u{1f}', "\",\"shift\":"),
];

/// In curves.
pub static OF_CURVES: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(CURVES));

const CURVES: &[(char, &str)] = &[
    ('\u{1}', "{\"epoch\":"),
    ('\u{2}', ",\"training_loss\":"),
    ('\u{3}', ",\"validation_loss\":"),
    ('\u{4}', ",\"validation_score\":"),
    ('\u{5}', ",\"seconds\":"),
];

/// The text with its phrases replaced, the longest where several begin at one place.
pub fn shorten(text: &str, phrases: &Phrases) -> String {
    let mut short = String::with_capacity(text.len() / 2);
    let mut rest = text;
    while let Some(at) = rest.find(['{', ',', '"', '}', ']']) {
        let (before, from) = rest.split_at(at);
        short.push_str(before);
        // The mark alone is one byte.
        let (sign, length) =
            phrases.at_the_begin_of(from).map_or((None, 1), |(sign, phrase)| (Some(sign), phrase.len()));
        let (said, behind) = from.split_at(length);
        match sign {
            Some(sign) => short.push(sign),
            None => short.push_str(said),
        }
        rest = behind;
    }
    short.push_str(rest);
    short
}

/// The text in full.
pub fn expand(text: &str, phrases: &Phrases) -> String {
    let mut full = String::with_capacity(text.len() * 4);
    for sign in text.chars() {
        match phrases.by_sign.get(sign as usize).copied().flatten() {
            Some(phrase) => full.push_str(phrase),
            None => full.push(sign),
        }
    }
    full
}

/// Calls of `replace` within each other: the parsers of older SQLite tools have room for about twenty.
const NESTED_MAX: usize = 7;

/// SQL for a table with one more column, which is this one in full: what to select from, and the new column's name.
pub fn expanding(table: &str, column: &str, phrases: &Phrases) -> (String, String) {
    let (mut source, mut name) = (table.to_owned(), column.to_owned());
    for (number, some) in phrases.listed.chunks(NESTED_MAX).enumerate() {
        let full = some
            .iter()
            .fold(name, |sql, (sign, phrase)| format!("replace({sql}, char({}), '{phrase}')", *sign as u32));
        name = format!("{column}_{number}");
        source = format!("(SELECT *, {full} AS {name} FROM {source})");
    }
    (source, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_is_shortened_expands_to_itself() {
        let genome = testing::individual(1, &[]).genome.json().to_owned();
        let conv = r#"{"layers":[{"kind":"convolution","filters":32,"kernel":[3,3],"stride":1,"dilation":1,"groups":{"count":1},"padding":"same","norm":"batch","activation":"relu"},{"kind":"global_average_pool"}],"training":{"optimizer":"adam_w"}}"#;
        for text in [genome.as_str(), conv, "", "ünquoted \"text\" {", "[1,2]", "{\"kind\":\"dense\"", "null"]
        {
            let short = shorten(text, &OF_GENOMES);
            assert_eq!(expand(&short, &OF_GENOMES), text);
            assert_eq!(expand(text, &OF_GENOMES), text, "plain text stays as it is");
            assert!(short.len() <= text.len());
        }
        assert!([genome.as_str(), conv].iter().all(|text| shorten(text, &OF_GENOMES).len() * 2 < text.len()));
    }

    #[test]
    fn no_phrase_holds_a_sign_or_ends_a_string_of_sql() {
        for phrases in [GENOMES, CURVES] {
            let signs: Vec<char> = phrases.iter().map(|(sign, _)| *sign).collect();
            assert!(phrases.iter().all(|(_, phrase)| !phrase.contains(&signs[..]) && !phrase.contains('\'')));
            assert!(phrases.iter().all(|(_, phrase)| phrase.starts_with(['{', ',', '"', '}', ']'])));
            let different: std::collections::BTreeSet<char> = signs.iter().copied().collect();
            assert_eq!(different.len(), signs.len());
            assert!(signs.iter().all(|sign| *sign < ' ' && !"\t\n\r".contains(*sign)));
        }
    }
}
