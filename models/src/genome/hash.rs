//! The structural hash: a name for a network and its training, by which duplicates are known.

use super::{Genome, Written, canonical};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Goes before the encoding, so that a later encoding can never be taken for this one.
const ENCODING: &[u8] = b"hatchery genome 1\n";

/// SHA-256 of a genome's canonical form; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GenomeHash(pub [u8; 32]);

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no genome hash; 64 hexadecimal digits are expected")]
pub struct HashError {
    /// The text.
    pub text: String,
}

/// The hash of a genome's canonical form: equal for genomes that describe the same network, trained the same way.
pub fn structural_hash(genome: &Genome) -> GenomeHash {
    canonical_hash(&Written::from(canonical(genome)))
}

/// The same, of a genome that is in its canonical form.
pub fn canonical_hash(genome: &Written) -> GenomeHash {
    let mut hasher = Sha256::new();
    hasher.update(ENCODING);
    hasher.update(genome.json());
    GenomeHash(hasher.finalize().into())
}

impl GenomeHash {
    /// The first 10 hexadecimal digits, for tables and file names.
    pub fn short(&self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for GenomeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        formatter.write_str(&text)
    }
}

impl fmt::Debug for GenomeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GenomeHash({self})")
    }
}

impl FromStr for GenomeHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let wrong = || HashError { text: text.to_owned() };
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for GenomeHash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<GenomeHash> for String {
    fn from(hash: GenomeHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;

    #[test]
    fn every_gene_counts() {
        let first = sample();
        let mut second = first.clone();
        second.training.batch_size += 1;
        assert_ne!(structural_hash(&first), structural_hash(&second));
        let mut third = first.clone();
        third.layers.remove(0);
        assert_ne!(structural_hash(&first), structural_hash(&third));
    }

    #[test]
    fn its_text_reads_back() {
        let hash = structural_hash(&sample());
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(serde_json::from_str::<GenomeHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
        assert!("12".parse::<GenomeHash>().is_err());
        assert!("zz".repeat(32).parse::<GenomeHash>().is_err());
    }

    #[test]
    fn a_genome_read_back_from_its_text_hashes_equal() {
        let genome = sample();
        let text = serde_json::to_string(&genome).unwrap();
        let back: Genome = serde_json::from_str(&text).unwrap();
        assert_eq!(back, genome);
        assert_eq!(structural_hash(&back), structural_hash(&genome));
    }
}
