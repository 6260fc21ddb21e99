//! Flat bytes: the one way in which this crate writes numbers for other processes, and reads them back.
//!
//! A format begins with eight bytes that name it and a version; numbers are little endian, lists and texts follow
//! their lengths, a SHA-256 of everything before it may end it. Nothing is allocated for a length that the bytes
//! themselves do not bear out. What the numbers mean, whoever writes them says.

use sha2::{Digest, Sha256};

/// Bytes of the name of a format.
pub(crate) const MAGIC_BYTES: usize = 8;
/// Bytes of a SHA-256.
pub(crate) const DIGEST_BYTES: usize = 32;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// What it is, for messages: `checkpoint`.
    pub what: &'static str,
    /// Its first bytes.
    pub magic: [u8; MAGIC_BYTES],
    /// What this program writes and reads.
    pub version: u32,
}

/// Why bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlatError {
    /// Something else.
    #[error(
        "these {bytes} bytes are no {what}: they do not begin like one; send them again, or make them anew"
    )]
    Foreign {
        /// What they should be.
        what: &'static str,
        /// How many there are.
        bytes: usize,
    },
    /// Of another version of the program.
    #[error(
        "this {what} is of format version {found}, this program reads version {expected}; use one version of Hatchery \
         everywhere"
    )]
    Version {
        /// What it is.
        what: &'static str,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// Changed on the way.
    #[error(
        "this {what} of {bytes} bytes is damaged: its checksum does not agree; send it again, or make it anew"
    )]
    Checksum {
        /// What it is.
        what: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// The bytes end too soon.
    #[error(
        "this {what} is damaged: {field} would need {needed} bytes, {left} are left; send it again, or make it anew"
    )]
    Short {
        /// What it is.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// Bytes that it should have.
        needed: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A field holds what it cannot hold.
    #[error("this {what} is damaged: {field} is {found}, which cannot be; send it again, or make it anew")]
    Impossible {
        /// What it is.
        what: &'static str,
        /// Which field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
    /// More bytes than the fields account for.
    #[error("this {what} is damaged: {bytes} bytes follow its end; send it again, or make it anew")]
    Trailing {
        /// What it is.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
}

/// Writes a format.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins with name and version; makes room for `payload_bytes` more and a checksum.
    pub fn new(format: &Format, payload_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(MAGIC_BYTES + size_of::<u32>() + payload_bytes + DIGEST_BYTES);
        bytes.extend_from_slice(&format.magic);
        bytes.extend_from_slice(&format.version.to_le_bytes());
        Self { bytes }
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte: 0 or 1.
    pub fn flag(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// Eight bytes, bit for bit.
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    /// Values with their number before them, bit for bit.
    pub fn floats(&mut self, values: &[f32]) {
        self.u64(values.len() as u64);
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// UTF-8 with its length before it.
    pub fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// The bytes, and a checksum of them.
    pub fn sealed(mut self) -> Vec<u8> {
        let digest = Sha256::digest(&self.bytes);
        self.raw(&digest);
        self.bytes
    }
}

/// Reads a format.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A part of a format, without name and version.
    pub const fn bare(format: &Format, bytes: &'a [u8]) -> Self {
        Self { what: format.what, rest: bytes }
    }

    /// Checks name and version.
    pub fn open(format: &Format, bytes: &'a [u8]) -> Result<Self, FlatError> {
        let what = format.what;
        let rest =
            bytes.strip_prefix(&format.magic).ok_or(FlatError::Foreign { what, bytes: bytes.len() })?;
        let mut reader = Self { what, rest };
        let (found, expected) = (reader.u32("the version")?, format.version);
        if found == expected { Ok(reader) } else { Err(FlatError::Version { what, found, expected }) }
    }

    /// Checks name, version and checksum.
    pub fn open_sealed(format: &Format, bytes: &'a [u8]) -> Result<Self, FlatError> {
        let mut reader = Self::open(format, bytes)?;
        let damaged = FlatError::Checksum { what: format.what, bytes: bytes.len() };
        let Some((payload, digest)) = bytes.split_last_chunk::<DIGEST_BYTES>() else { return Err(damaged) };
        if Sha256::digest(payload).as_slice() != digest {
            return Err(damaged);
        }
        reader.rest = &reader.rest[..reader.rest.len().saturating_sub(DIGEST_BYTES)];
        Ok(reader)
    }

    /// So many bytes as they are.
    pub fn raw(&mut self, field: &'static str, bytes: u64) -> Result<&'a [u8], FlatError> {
        let (what, left) = (self.what, self.rest.len());
        let length = usize::try_from(bytes).ok().filter(|&length| length <= left);
        let length = length.ok_or(FlatError::Short { what, field, needed: bytes, left })?;
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], FlatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(field, N as u64)?);
        Ok(array)
    }

    /// One byte: 0 or 1.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, FlatError> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.impossible(field, other)),
        }
    }

    /// Four bytes.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, FlatError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, FlatError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Eight bytes, bit for bit.
    pub fn f64(&mut self, field: &'static str) -> Result<f64, FlatError> {
        self.array(field).map(f64::from_le_bytes)
    }

    /// A SHA-256.
    pub fn digest(&mut self, field: &'static str) -> Result<[u8; DIGEST_BYTES], FlatError> {
        self.array(field)
    }

    /// Values with their number before them.
    pub fn floats(&mut self, field: &'static str) -> Result<Vec<f32>, FlatError> {
        let count = self.u64(field)?;
        let bytes = self.raw(field, count.saturating_mul(size_of::<f32>() as u64))?;
        Ok(floats(bytes))
    }

    /// UTF-8 with its length before it.
    pub fn text(&mut self, field: &'static str) -> Result<String, FlatError> {
        let length = self.u64(field)?;
        let bytes = self.raw(field, length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.impossible(field, "no UTF-8"))
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Makes sure that nothing is left.
    pub fn end(self) -> Result<(), FlatError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(FlatError::Trailing { what: self.what, bytes }),
        }
    }

    /// An error about a field that was read, and is wrong.
    pub fn impossible(&self, field: &'static str, found: impl ToString) -> FlatError {
        FlatError::Impossible { what: self.what, field, found: found.to_string() }
    }
}

/// Little-endian floats; a rest of less than four bytes is left out.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { what: "letter", magic: *b"flattest", version: 3 };

    fn letter() -> Vec<u8> {
        let mut writer = Writer::new(&FORMAT, 0);
        writer.flag(true);
        writer.u64(7);
        writer.f64(-0.0);
        writer.floats(&[1.5, f32::NAN]);
        writer.text("größer");
        writer.sealed()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = letter();
        let mut reader = Reader::open_sealed(&FORMAT, &bytes).unwrap();
        assert!(reader.flag("flag").unwrap());
        assert_eq!(reader.u64("number").unwrap(), 7);
        assert_eq!(reader.f64("zero").unwrap().to_bits(), (-0.0_f64).to_bits());
        let floats = reader.floats("values").unwrap();
        assert_eq!(floats[0], 1.5);
        assert_eq!(floats[1].to_bits(), f32::NAN.to_bits());
        assert_eq!(reader.text("text").unwrap(), "größer");
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn damage_of_any_byte_and_any_missing_end_is_noticed() {
        let bytes = letter();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x10;
            assert!(Reader::open_sealed(&FORMAT, &damaged).is_err(), "byte {place}");
            assert!(Reader::open_sealed(&FORMAT, &bytes[..place]).is_err(), "cut at {place}");
        }
        let version = Format { version: 4, ..FORMAT };
        let error = Reader::open_sealed(&version, &bytes).unwrap_err();
        assert_eq!(error, FlatError::Version { what: "letter", found: 3, expected: 4 });
    }

    #[test]
    fn a_length_that_is_not_borne_out_is_refused_before_anything_is_allocated() {
        let mut writer = Writer::new(&FORMAT, 0);
        writer.u64(u64::MAX);
        writer.u64(1 << 61);
        let bytes = writer.bytes;
        let mut reader = Reader::open(&FORMAT, &bytes).unwrap();
        assert!(matches!(reader.floats("values"), Err(FlatError::Short { left: 8, .. })));
        assert!(matches!(reader.text("text"), Err(FlatError::Short { left: 0, .. })));
        assert_eq!(reader.end(), Ok(()));
    }
}
