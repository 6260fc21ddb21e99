//! Arrays as numpy stores them, read by the npyz crate behind checks of what that crate takes on trust.
//!
//! It reserves as much memory as a header announces, its parser takes twice as long for every bracket within a
//! bracket, and it multiplies the sizes unchecked. No plain array's header comes near any of these, so they
//! are refused before it sees them. It must not know what the values mean.

use super::limits::{NPY_HEADER_BYTES_MAX, NPY_HEADER_DIGITS_MAX, NPY_TEXT_CHARACTERS_MAX};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar, half::f16};
use std::io::{self, Read};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Magic string, version (2 bytes) and length of the header: 2 bytes of it in version 1, else 4.
const PREAMBLE_BYTES: usize = 12;
/// A plain array's header is one dictionary with one tuple inside.
const BRACKETS_MAX: usize = 2;

/// What is wrong with an array, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayError {
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// numpy keeps text as UTF-32.
const CHARACTER_BYTES: u64 = 4;

const SAVE_AGAIN: &str = "save the array again with numpy.savez";

fn wrong(problem: impl Into<String>, remedy: &'static str) -> ArrayError {
    ArrayError { problem: problem.into(), remedy }
}

/// Reads a header, up to where the values begin.
pub(super) fn read_header(reader: &mut impl Read) -> Result<NpyHeader, ArrayError> {
    let mut bytes = Vec::new();
    take(reader, PREAMBLE_BYTES as u64, &mut bytes)?;
    if !bytes.starts_with(MAGIC) {
        return Err(wrong("is no numpy array (magic string not found)", SAVE_AGAIN));
    }
    let length =
        |width: usize| bytes[8..8 + width].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
    let (text_at, length) = if bytes[MAGIC.len()] == 1 { (10, length(2)) } else { (12, length(4)) };
    if length > NPY_HEADER_BYTES_MAX {
        let limit = format!("more than {NPY_HEADER_BYTES_MAX} (NPY_HEADER_BYTES_MAX)");
        return Err(wrong(format!("has a header of {length} bytes, {limit}"), SAVE_AGAIN));
    }
    take(reader, (text_at as u64 + length).saturating_sub(PREAMBLE_BYTES as u64), &mut bytes)?;
    check_text(&bytes[text_at..])?;
    NpyHeader::from_reader(bytes.as_slice()).map_err(|error| {
        // The parser's errors draw pictures of several lines.
        let problem = error.to_string();
        wrong(format!("has no readable header ({})", problem.lines().next().unwrap_or("")), SAVE_AGAIN)
    })
}

/// Refuses what the parser would choke on.
fn check_text(text: &[u8]) -> Result<(), ArrayError> {
    let count = |wanted: fn(&u8) -> bool| text.iter().filter(|byte| wanted(byte)).count();
    if count(|byte| b"([{".contains(byte)) > BRACKETS_MAX {
        return Err(unknown_type("structure or date"));
    }
    // Hexadecimal numbers have digits that are none here; nobody writes them.
    let digits = count(u8::is_ascii_digit);
    if digits > NPY_HEADER_DIGITS_MAX || count(|byte| matches!(byte, b'x' | b'X')) > 0 {
        let limit = format!("more than {NPY_HEADER_DIGITS_MAX} digits (NPY_HEADER_DIGITS_MAX)");
        return Err(wrong(format!("has unreadable sizes or {limit} in its header"), SAVE_AGAIN));
    }
    Ok(())
}

fn take(reader: &mut impl Read, bytes: u64, into: &mut Vec<u8>) -> Result<(), ArrayError> {
    match reader.by_ref().take(bytes).read_to_end(into) {
        Ok(read) if read as u64 == bytes => Ok(()),
        Ok(_) => Err(wrong("ends within its header", SAVE_AGAIN)),
        Err(error) => Err(wrong(format!("cannot be unpacked ({error})"), SAVE_AGAIN)),
    }
}

fn unknown_type(found: &str) -> ArrayError {
    wrong(
        format!(
            "has elements of type {found}, known are uint8, float16, float32, float64, int32, int64, bool"
        ),
        "convert it with .astype(numpy.float32) or .astype(numpy.int64)",
    )
}

/// Whether elements are bytes.
pub(super) fn is_bytes(header: &NpyHeader) -> bool {
    u8::reader(&header.dtype()).is_ok()
}

/// Bytes of one element.
pub(super) fn element_bytes(header: &NpyHeader) -> u64 {
    header.dtype().num_bytes().unwrap_or(0) as u64
}

/// The elements one by one; exact for all types but the largest 64-bit integers.
pub(super) type Numbers<'a> = Box<dyn Iterator<Item = io::Result<f64>> + 'a>;

/// The texts one by one.
pub(super) type Texts<'a> = Box<dyn Iterator<Item = io::Result<String>> + 'a>;

/// The elements of an array whose values begin where `reader` stands.
pub(super) fn numbers<'a>(header: &NpyHeader, reader: &'a mut dyn Read) -> Result<Numbers<'a>, ArrayError> {
    let file = NpyFile::with_header(header.clone(), reader);
    convert(file, |value: u8| f64::from(value))
        .or_else(|file| convert(file, |value: f32| f64::from(value)))
        .or_else(|file| convert(file, |value: f64| value))
        .or_else(|file| convert(file, |value: i32| f64::from(value)))
        .or_else(|file| convert(file, |value: i64| value as f64))
        .or_else(|file| convert(file, |value: f16| f64::from(value)))
        .or_else(|file| convert(file, |value: bool| f64::from(u8::from(value))))
        .map_err(|file| unknown_type(&type_name(&file.dtype())))
}

/// Whether elements are no numbers but text: of a fixed width, or whatever Python objects hold.
pub(super) fn is_text(header: &NpyHeader) -> bool {
    matches!(type_char(header), Some(TypeChar::UnicodeStr | TypeChar::ByteStr | TypeChar::Object))
}

/// Whether elements are text of a fixed width in Unicode, numpy's type U.
pub(super) fn is_unicode(header: &NpyHeader) -> bool {
    type_char(header) == Some(TypeChar::UnicodeStr)
}

fn type_char(header: &NpyHeader) -> Option<TypeChar> {
    match header.dtype() {
        DType::Plain(plain) => Some(plain.type_char()),
        _ => None,
    }
}

/// The texts of an array whose values begin where `reader` stands.
pub(super) fn texts<'a>(header: &NpyHeader, reader: &'a mut dyn Read) -> Result<Texts<'a>, ArrayError> {
    let found = type_name(&header.dtype());
    let remedy = "save numpy.unique(y, return_inverse=True)[1], the number of each sample's class";
    if !is_unicode(header) {
        return Err(wrong(
            format!("has labels of type {found}, known are numbers and text of type U"),
            remedy,
        ));
    }
    let characters = element_bytes(header) / CHARACTER_BYTES;
    if characters > NPY_TEXT_CHARACTERS_MAX {
        let limit = format!("more than {NPY_TEXT_CHARACTERS_MAX} (NPY_TEXT_CHARACTERS_MAX)");
        return Err(wrong(format!("has labels of {characters} characters, {limit}"), remedy));
    }
    let texts = NpyFile::with_header(header.clone(), reader).try_data::<String>();
    texts.map(|texts| Box::new(texts) as Texts<'a>).map_err(|file| unknown_type(&type_name(&file.dtype())))
}

/// Values in the order in which the last axis runs fastest, from those that are stored as the header says.
pub(super) fn row_major<T: Copy>(header: &NpyHeader, stored: Vec<T>) -> Vec<T> {
    if !is_transposed(header) {
        return stored;
    }
    let axes = header.shape().iter().rev();
    (0..stored.len()).map(|position| stored[transposed(position, stored.len(), axes.clone())]).collect()
}

/// Where an element that is stored at this place stands where the last axis runs fastest.
pub(super) fn row_major_position(header: &NpyHeader, stored: usize) -> usize {
    let count = header.len() as usize;
    if is_transposed(header) { transposed(stored, count, header.shape().iter()) } else { stored }
}

fn is_transposed(header: &NpyHeader) -> bool {
    header.order() == Order::Fortran && header.shape().len() > 1
}

/// The place of one of `count` elements where these axes run ever faster, from its place where they run ever slower.
fn transposed<'a>(position: usize, count: usize, axes: impl Iterator<Item = &'a u64>) -> usize {
    let (mut rest, mut stride, mut place) = (position, count, 0);
    for &size in axes {
        let size = (size as usize).max(1);
        stride /= size;
        place += (rest % size) * stride;
        rest /= size;
    }
    place
}

fn type_name(dtype: &DType) -> String {
    dtype.descr().trim_matches('\'').to_owned()
}

/// The file itself where its elements are of another type.
fn convert<'a, T: Deserialize + 'a>(
    file: NpyFile<&'a mut dyn Read>,
    number: fn(T) -> f64,
) -> Result<Numbers<'a>, NpyFile<&'a mut dyn Read>> {
    let values = file.try_data::<T>()?;
    Ok(Box::new(values.map(move |value| value.map(number))))
}
