//! Letters to bytes and back: the one place where bytes become values.
//!
//! A frame is a version (`u16`, big endian) and what follows from it:
//! - version 0: a refusal, UTF-8 text. Its form never changes, so that nodes of all versions can tell each other why
//!   they do not get on;
//! - any other: letters as bincode writes them, one behind the other: each says itself where it ends. Only frames of
//!   one's own version are looked into.
//!
//! Reading never panics and never takes more memory than a named limit, whatever the bytes are. Which node a frame is
//! from, this module does not know.

use crate::protocol::letters::Letter;
use bincode::enc::write::Writer;
use bincode::error::EncodeError;

/// Bytes that a frame may have. A piece of a blob is 32 times smaller; the longest letters hold the curve of a
/// training or an experiment file, some hundred kilobytes at the very most.
pub const LETTER_BYTES_MAX: usize = 8 << 20;

/// Letters that one frame holds, at most: so many that a frame's own cost does not count, so few that reading it does
/// not keep others waiting.
pub const FRAME_LETTERS_MAX: usize = 256;

/// A frame that has so many bytes takes no further letter: as large as a piece of a blob, behind which a heartbeat may
/// wait as well.
const FRAME_BYTES_FULL: usize = 256 << 10;

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
    /// Letters, at least one.
    Letters(Vec<Letter>),
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
    let mut frame = Bounded::begin(version);
    frame.append(letter)?;
    Ok(frame.bytes)
}

/// The frames of these letters, in this order, each with as many letters as it may hold.
///
/// # Errors
/// As [`write`], where any of them cannot be written.
pub fn write_all(letters: &[Letter], version: u16) -> Result<Vec<Vec<u8>>, Unwritable> {
    let mut frames = Vec::new();
    let (mut frame, mut count) = (Bounded::begin(version), 0);
    for letter in letters {
        let own = write(letter, version)?;
        let body = own.get(VERSION_BYTES..).unwrap_or_default();
        let full = frame.total >= FRAME_BYTES_FULL || frame.total + body.len() > LETTER_BYTES_MAX;
        if count > 0 && (full || count == FRAME_LETTERS_MAX) {
            frames.push(std::mem::replace(&mut frame, Bounded::begin(version)).bytes);
            count = 0;
        }
        frame.take_in(body);
        count += 1;
    }
    if count > 0 {
        frames.push(frame.bytes);
    }
    Ok(frames)
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
            Ok(letters) => Reading::Letters(letters),
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

fn decode(body: &[u8]) -> Result<Vec<Letter>, String> {
    let bytes = body.len();
    if bytes <= SMALL_FRAME_BYTES {
        decode_within::<SMALL_CLAIM_BYTES_MAX>(body)
    } else if bytes <= MIDDLE_FRAME_BYTES {
        decode_within::<MIDDLE_CLAIM_BYTES_MAX>(body)
    } else {
        decode_within::<CLAIM_BYTES_MAX>(body)
    }
}

/// Each letter may claim so much: what the letters before it have claimed is there, and in proportion to the frame.
fn decode_within<const CLAIM: usize>(body: &[u8]) -> Result<Vec<Letter>, String> {
    let configuration = bincode::config::standard().with_limit::<CLAIM>();
    let (mut letters, mut rest) = (Vec::new(), body);
    while letters.is_empty() || !rest.is_empty() {
        if letters.len() == FRAME_LETTERS_MAX {
            return Err(format!("{} bytes behind {FRAME_LETTERS_MAX} letters", rest.len()));
        }
        let read = bincode::serde::decode_from_slice::<Letter, _>(rest, configuration);
        let (letter, used) = read.map_err(|error| match letters.len() {
            0 => format!("no letter: {error}"),
            count => format!("{} bytes behind {count} letters, and no letter: {error}", rest.len()),
        })?;
        letters.push(letter);
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(letters)
}

/// Counts all, keeps what is allowed.
struct Bounded {
    bytes: Vec<u8>,
    total: usize,
}

impl Bounded {
    fn begin(version: u16) -> Self {
        Self { bytes: version.to_be_bytes().to_vec(), total: VERSION_BYTES }
    }

    fn append(&mut self, letter: &Letter) -> Result<(), Unwritable> {
        bincode::serde::encode_into_writer(letter, &mut *self, bincode::config::standard())
            .map_err(|error| Unwritable::Encode(error.to_string()))?;
        if self.total > LETTER_BYTES_MAX { Err(Unwritable::TooLong(self.total)) } else { Ok(()) }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len());
        if self.total <= LETTER_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl Writer for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.take_in(bytes);
        Ok(())
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
