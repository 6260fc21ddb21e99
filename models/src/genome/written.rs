//! A genome that is written out in several places, and put into words once.

use super::Genome;
use std::{
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

/// A genome, and its JSON from when it is first asked for. Whether it has been asked for does not show: neither when two
/// are compared, nor in words.
#[derive(Clone)]
pub struct Written {
    genome: Genome,
    json: OnceLock<Box<str>>,
}

impl Written {
    /// The genome as JSON, its fields in the order of declaration.
    pub fn json(&self) -> &str {
        // Every field of a genome can be written as JSON.
        self.json.get_or_init(|| serde_json::to_string(&self.genome).unwrap_or_default().into())
    }
}

impl From<Genome> for Written {
    fn from(genome: Genome) -> Self {
        Self { genome, json: OnceLock::new() }
    }
}

impl From<Genome> for Arc<Written> {
    fn from(genome: Genome) -> Self {
        Self::new(genome.into())
    }
}

impl Deref for Written {
    type Target = Genome;

    fn deref(&self) -> &Genome {
        &self.genome
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.genome == other.genome
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.genome, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;

    #[test]
    fn whether_it_has_been_put_into_words_does_not_show() {
        let (fresh, used) = (Written::from(sample()), Written::from(sample()));
        assert_eq!(serde_json::from_str::<Genome>(used.json()).unwrap(), sample());
        assert_eq!(fresh, used);
        assert_eq!(format!("{fresh:?}"), format!("{used:?}"));
        assert_eq!(format!("{fresh:?}"), format!("{:?}", sample()));
    }
}
