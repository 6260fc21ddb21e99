//! Texts of one column as categories: numbered as they come and then anew in their order, or by categories that are
//! known before.
//!
//! It must not know where the texts stand in a file.

use crate::data::{
    Column, ColumnKind, UnknownCategories,
    assemble::in_order,
    limits::{CATEGORIES_FEW_MAX, CATEGORIES_MAX, CATEGORY_BYTES_MAX},
};
use std::collections::BTreeMap;

/// The categories of one column so far.
pub(super) struct Categories {
    codes: BTreeMap<String, i64>,
    /// Values that are not missing.
    values: u64,
    source: Source,
}

/// Where categories come from.
enum Source {
    /// The texts themselves; once they are too many, no more are kept.
    Texts {
        /// Whether the user says that these are categories.
        asked_for: bool,
        excess: Option<NoCategories>,
    },
    /// A model that knows them, with what it does not know.
    Known(UnknownCategories, Vec<String>),
}

/// Why texts are no categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoCategories {
    /// More of them than `CATEGORIES_MAX`.
    TooMany,
    /// One is longer than `CATEGORY_BYTES_MAX`.
    TooLong,
    /// Nearly as many as there are values.
    Names { different: usize, values: u64 },
}

impl Categories {
    /// Those that the texts will show; `asked_for`, where the user says that these are categories.
    pub(super) const fn of_texts(asked_for: bool) -> Self {
        Self { codes: BTreeMap::new(), values: 0, source: Source::Texts { asked_for, excess: None } }
    }

    /// Those that a model knows in its column `name`.
    pub(super) fn known(name: &str, categories: &[String]) -> Self {
        let codes = categories.iter().cloned().zip(0..).collect();
        let source = Source::Known(UnknownCategories::none(name), categories.to_vec());
        Self { codes, values: 0, source }
    }

    /// The number of a text, for now; NaN for a text that is no category.
    pub(super) fn number(&mut self, text: &str) -> f32 {
        self.values += 1;
        if let Some(&code) = self.codes.get(text) {
            return code as f32;
        }
        match &mut self.source {
            Source::Known(unknown, _) => {
                unknown.note(text);
                f32::NAN
            }
            Source::Texts { excess, .. } => {
                if text.len() > CATEGORY_BYTES_MAX {
                    excess.get_or_insert(NoCategories::TooLong);
                } else if self.codes.len() >= CATEGORIES_MAX {
                    excess.get_or_insert(NoCategories::TooMany);
                }
                if excess.is_some() {
                    return f32::NAN;
                }
                let code = self.codes.len() as i64;
                self.codes.insert(text.to_owned(), code);
                code as f32
            }
        }
    }

    /// Values so far that are not missing.
    pub(super) const fn values(&self) -> u64 {
        self.values
    }

    pub(super) fn has(&self, text: &str) -> bool {
        self.codes.contains_key(text)
    }

    /// Whether texts that were read are no categories.
    pub(super) fn check(&self) -> Result<(), NoCategories> {
        let Source::Texts { asked_for, excess } = self.source else { return Ok(()) };
        let (different, values) = (self.codes.len(), self.values);
        let are_names = different > CATEGORIES_FEW_MAX && 2 * different as u64 > values;
        match excess {
            Some(excess) => Err(excess),
            None if are_names && !asked_for => Err(NoCategories::Names { different, values }),
            None => Ok(()),
        }
    }

    /// The column, the final code of each number that was given, and what was unknown.
    pub(super) fn finish(self, name: String) -> (Column, Vec<f32>, Option<UnknownCategories>) {
        let (categories, codes, unknown) = match self.source {
            Source::Known(unknown, categories) => {
                let codes = (0..categories.len()).map(|code| code as f32).collect();
                (categories, codes, Some(unknown).filter(|unknown| unknown.values > 0))
            }
            Source::Texts { .. } => {
                let (categories, codes) = in_order(self.codes);
                (categories, codes.into_iter().map(|code| code as f32).collect(), None)
            }
        };
        (Column { name, kind: ColumnKind::Categorical { categories } }, codes, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(texts: impl Iterator<Item = String>, asked_for: bool) -> Result<(), NoCategories> {
        let mut categories = Categories::of_texts(asked_for);
        for text in texts {
            categories.number(&text);
        }
        categories.check()
    }

    #[test]
    fn categories_are_numbered_in_their_order_whatever_order_they_come_in() {
        let mut categories = Categories::of_texts(false);
        let met = ["red", "blue", "red", "green"].map(|text| categories.number(text) as usize);
        let (column, codes, unknown) = categories.finish("colour".to_owned());
        assert_eq!(met.map(|number| codes[number]), [2.0, 0.0, 2.0, 1.0]);
        let categories = ["blue", "green", "red"].map(str::to_owned).to_vec();
        assert_eq!(column.kind, ColumnKind::Categorical { categories });
        assert_eq!(unknown, None);
        // Numbers that stand for categories have the order of numbers.
        let mut codes = Categories::of_texts(true);
        for text in ["10", "9", "-1"] {
            codes.number(text);
        }
        let ColumnKind::Categorical { categories } = codes.finish(String::new()).0.kind else {
            panic!("numbers")
        };
        assert_eq!(categories, ["-1", "9", "10"]);
    }

    #[test]
    fn too_many_too_long_and_nearly_all_different_texts_are_no_categories() {
        let numbered =
            |count: usize, each: usize| (0..count * each).map(move |number| format!("t{}", number % count));
        assert_eq!(after(numbered(CATEGORIES_MAX, 2), false), Ok(()));
        assert_eq!(after(numbered(CATEGORIES_MAX + 1, 2), false), Err(NoCategories::TooMany));
        assert_eq!(
            after(numbered(CATEGORIES_MAX + 1, 2), true),
            Err(NoCategories::TooMany),
            "asked for or not"
        );
        let names = Err(NoCategories::Names { different: 17, values: 17 });
        assert_eq!(after(numbered(CATEGORIES_FEW_MAX + 1, 1), false), names);
        assert_eq!(after(numbered(CATEGORIES_FEW_MAX + 1, 1), true), Ok(()));
        assert_eq!(after(numbered(CATEGORIES_FEW_MAX, 1), false), Ok(()), "a small table");
        let sentence = "x".repeat(CATEGORY_BYTES_MAX + 1);
        assert_eq!(after([sentence].into_iter(), true), Err(NoCategories::TooLong));
    }

    #[test]
    fn what_a_model_does_not_know_is_counted_and_is_no_category() {
        let known = ["red", "blue"].map(str::to_owned);
        let mut categories = Categories::known("colour", &known);
        let codes = ["blue", "mauve", "red", "puce"].map(|text| categories.number(text));
        assert_eq!((codes[0], codes[2]), (1.0, 0.0), "codes are the model's, in its own order");
        assert!(codes[1].is_nan() && codes[3].is_nan());
        assert_eq!(categories.check(), Ok(()));
        let (column, codes, unknown) = categories.finish("colour".to_owned());
        assert_eq!(codes, [0.0, 1.0]);
        assert_eq!(column.kind, ColumnKind::Categorical { categories: known.to_vec() });
        let (column, example) = ("colour".to_owned(), "mauve".to_owned());
        assert_eq!(unknown, Some(UnknownCategories { column, values: 2, example }));
    }
}
