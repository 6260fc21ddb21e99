//! Letters to bytes and back: the one place where bytes become values.
//!
//! A frame is a version (`u16`, big endian) and what follows from it:
//! - version 0: a refusal, UTF-8 text. Its form never changes, so that nodes of all versions can tell each other why
//!   they do not get on;
//! - any other: a letter as bincode writes it. Only frames of one's own version are looked into.
//!
//! Reading never panics and never takes more memory than a named limit, whatever the bytes are. Which node a frame is
//! from, this module does not know.

use crate::protocol::letters::Letter;
use bincode::enc::write::Writer;
use bincode::error::EncodeError;

/// Bytes that a frame may have. A piece of a blob is 32 times smaller; the longest letters hold the curve of a
/// training or an experiment file, some hundred kilobytes at the very most.
pub const LETTER_BYTES_MAX: usize = 8 << 20;

/// The version of frames that hold a refusal.
const REFUSAL: u16 = 0;

/// Bytes of a refusal that are looked at: it is a sentence.
const REFUSAL_BYTES_MAX: usize = 1 << 10;

/// Bytes of the version.
const VERSION_BYTES: usize = 2;

/// bincode counts a number by its size in memory, while on the wire a small one takes a byte: at most 8 to 1. What a
/// frame may claim is in proportion to its length, so that ten bytes cannot ask for megabytes.
const SMALL_FRAME_BYTES: usize = 4 << 10;
const SMALL_CLAIM_BYTES_MAX: usize = 8 * SMALL_FRAME_BYTES;
const MIDDLE_FRAME_BYTES: usize = 256 << 10;
const MIDDLE_CLAIM_BYTES_MAX: usize = 8 * MIDDLE_FRAME_BYTES;
const CLAIM_BYTES_MAX: usize = 8 * LETTER_BYTES_MAX;

/// Why a letter has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Its frame would exceed [`LETTER_BYTES_MAX`].
    #[error("it has {0} bytes, {LETTER_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// It holds something that bincode cannot write.
    #[error("it cannot be written: {0}")]
    Encode(String),
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A letter.
    Letter(Box<Letter>),
    /// Something in another version of the letters.
    OtherVersion(u16),
    /// The sender does not want our letters, and why.
    Refusal(String),
    /// No frame, and why not.
    Garbage(String),
}

/// The frame of a letter. Never holds more than [`LETTER_BYTES_MAX`], even on the way.
///
/// # Errors
/// [`Unwritable::TooLong`] with the full size.
pub fn write(letter: &Letter, version: u16) -> Result<Vec<u8>, Unwritable> {
    let mut frame = Bounded { bytes: version.to_be_bytes().to_vec(), total: VERSION_BYTES };
    bincode::serde::encode_into_writer(letter, &mut frame, bincode::config::standard())
        .map_err(|error| Unwritable::Encode(error.to_string()))?;
    if frame.total > LETTER_BYTES_MAX {
        return Err(Unwritable::TooLong(frame.total));
    }
    Ok(frame.bytes)
}

/// The frame of a refusal that names both versions.
pub fn refuse(ours: u16, theirs: u16) -> Vec<u8> {
    let text = format!(
        "letters of version {theirs} are not understood here, only those of version {ours}: run the same program on \
         all nodes"
    );
    let mut frame = REFUSAL.to_be_bytes().to_vec();
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Reads a frame, as a node that speaks version `ours`.
pub fn read(frame: &[u8], ours: u16) -> Reading {
    if frame.len() > LETTER_BYTES_MAX {
        return Reading::Garbage(format!("a frame of {} bytes, {LETTER_BYTES_MAX} are allowed", frame.len()));
    }
    let Some((version, body)) = frame.split_first_chunk::<VERSION_BYTES>() else {
        return Reading::Garbage(format!("a frame of {} bytes, too short for a version", frame.len()));
    };
    match u16::from_be_bytes(*version) {
        REFUSAL => Reading::Refusal(sentence(body)),
        version if version == ours => match decode(body) {
            Ok(letter) => Reading::Letter(Box::new(letter)),
            Err(trouble) => Reading::Garbage(trouble),
        },
        other => Reading::OtherVersion(other),
    }
}

/// The text of a refusal, fit for a log: no control characters, no end.
fn sentence(body: &[u8]) -> String {
    let body = &body[..body.len().min(REFUSAL_BYTES_MAX)];
    String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn decode(body: &[u8]) -> Result<Letter, String> {
    let bytes = body.len();
    if bytes <= SMALL_FRAME_BYTES {
        decode_within::<SMALL_CLAIM_BYTES_MAX>(body)
    } else if bytes <= MIDDLE_FRAME_BYTES {
        decode_within::<MIDDLE_CLAIM_BYTES_MAX>(body)
    } else {
        decode_within::<CLAIM_BYTES_MAX>(body)
    }
}

fn decode_within<const CLAIM: usize>(body: &[u8]) -> Result<Letter, String> {
    let configuration = bincode::config::standard().with_limit::<CLAIM>();
    let (letter, used) = bincode::serde::decode_from_slice::<Letter, _>(body, configuration)
        .map_err(|error| format!("no letter: {error}"))?;
    if used != body.len() {
        return Err(format!("{} bytes behind a letter of {used}", body.len() - used));
    }
    Ok(letter)
}

/// Counts all, keeps what is allowed.
struct Bounded {
    bytes: Vec<u8>,
    total: usize,
}

impl Writer for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total <= LETTER_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
