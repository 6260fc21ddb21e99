//! The header of numpy's array files, read and written.
//!
//! Described at <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>: magic string, version, length
//! of the header, and a Python dictionary as text. Only what numpy itself writes for plain arrays is understood.

use super::limits::NPY_HEADER_BYTES_MAX;
use std::io::Read;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// numpy pads headers so that the values begin at a multiple of this.
const ALIGNMENT_BYTES: usize = 64;

/// Element types that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    F32,
    F64,
    I32,
    I64,
}

impl Element {
    /// As numpy describes it, little-endian.
    pub(super) const fn descr(self) -> &'static str {
        match self {
            Self::U8 => "|u1",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::I32 => "<i4",
            Self::I64 => "<i8",
        }
    }

    /// Bytes of one element.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// One element of little-endian bytes; exact for all types but the largest 64-bit integers.
    pub(super) fn number(self, bytes: &[u8]) -> f64 {
        let mut buffer = [0; 8];
        for (to, from) in buffer.iter_mut().zip(bytes) {
            *to = *from;
        }
        let [a, b, c, d, ..] = buffer;
        match self {
            Self::U8 => f64::from(a),
            Self::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Self::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Self::F64 => f64::from_le_bytes(buffer),
            Self::I64 => i64::from_le_bytes(buffer) as f64,
        }
    }

    fn from_descr(descr: &str) -> Option<Self> {
        [Self::U8, Self::F32, Self::F64, Self::I32, Self::I64]
            .into_iter()
            .find(|element| element.descr() == descr || (descr == "<u1" && *element == Self::U8))
    }
}

/// Type and shape of an array in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) shape: Vec<u64>,
}

/// What is wrong with a header, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderError {
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

const SAVE_AGAIN: &str = "save the array again with numpy.savez";

fn wrong(problem: &str, remedy: &'static str) -> HeaderError {
    HeaderError { problem: problem.into(), remedy }
}

impl Header {
    /// Reads a header up to where the values begin.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, HeaderError> {
        let preamble = take(reader, MAGIC.len() as u64 + 2)?;
        if !preamble.starts_with(MAGIC) {
            return Err(wrong("is no numpy array (magic string not found)", SAVE_AGAIN));
        }
        let length_bytes = match preamble[MAGIC.len()] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(wrong(&format!("has unknown format version {version}"), SAVE_AGAIN)),
        };
        let length = take(reader, length_bytes)?;
        let length = length.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if length > NPY_HEADER_BYTES_MAX {
            let problem = format!(
                "has a header of {length} bytes, more than {NPY_HEADER_BYTES_MAX} (NPY_HEADER_BYTES_MAX)"
            );
            return Err(wrong(&problem, SAVE_AGAIN));
        }
        Self::parse(&String::from_utf8_lossy(&take(reader, length)?))
    }

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let descr = after(text, "'descr':").and_then(quoted).unwrap_or("structured or unreadable");
        let Some(element) = Element::from_descr(descr) else {
            let problem =
                format!("has elements of type {descr}, known are uint8, float32, float64, int32, int64");
            return Err(wrong(&problem, "convert it with .astype(numpy.float32) or .astype(numpy.int64)"));
        };
        let order = after(text, "'fortran_order':").unwrap_or("");
        if !order.starts_with("False") {
            return Err(wrong("is stored in Fortran order", "save numpy.ascontiguousarray(..) of it"));
        }
        let shape = after(text, "'shape':").and_then(tuple);
        let shape = shape.ok_or_else(|| wrong("has no readable shape in its header", SAVE_AGAIN))?;
        Ok(Self { element, shape })
    }

    /// The header as bytes, version 1.0, padded as numpy pads.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let sizes: String = self.shape.iter().map(|size| format!("{size}, ")).collect();
        let sizes = if self.shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
        let descr = self.element.descr();
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
        let unpadded = MAGIC.len() + 4 + text.len() + 1;
        text.push_str(&" ".repeat(unpadded.next_multiple_of(ALIGNMENT_BYTES) - unpadded));
        text.push('\n');
        // At most four sizes of twenty digits: far below the 65,535 bytes of version 1.0.
        let length = (text.len() as u16).to_le_bytes();
        [MAGIC.as_slice(), &[1, 0], &length, text.as_bytes()].concat()
    }
}

fn take(reader: &mut impl Read, bytes: u64) -> Result<Vec<u8>, HeaderError> {
    let mut buffer = Vec::new();
    match reader.by_ref().take(bytes).read_to_end(&mut buffer) {
        Ok(_) if buffer.len() as u64 == bytes => Ok(buffer),
        Ok(_) => Err(wrong("ends within its header", SAVE_AGAIN)),
        Err(error) => Err(wrong(&format!("cannot be unpacked ({error})"), SAVE_AGAIN)),
    }
}

fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key).map(|(_, rest)| rest.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.split('\'').next()
}

fn tuple(text: &str) -> Option<Vec<u64>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    inside.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
}
