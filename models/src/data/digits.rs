//! The embedded handwritten digits: 1,797 pictures of 8 x 8 pixels from 0 to 16, with the digit that each shows.
//!
//! They are the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, 1998, UCI
//! Machine Learning Repository, <https://doi.org/10.24432/C50P49>), as packaged by scikit-learn: 32 x 32 bitmaps
//! of 13 writers who are not in the original training part, reduced by counting the set pixels of 4 x 4 blocks.
//!
//! Licence: Creative Commons Attribution 4.0 International, <https://creativecommons.org/licenses/by/4.0/>. The
//! values are unchanged. Whoever passes the file `digits.csv.gz` on passes this attribution on with it.

use super::{
    DataError, Request, Samples, TableNotes,
    assemble::{Parts, classes_from_numbers},
    files::malformed,
    sizes::SampleShape,
};
use flate2::read::GzDecoder;
use std::{
    io::{BufRead, BufReader},
    path::Path,
};

/// Whose work the embedded data are; to be shown wherever they are listed.
pub const DIGITS_ATTRIBUTION: &str = "Optical Recognition of Handwritten Digits (test part), E. Alpaydin and \
    C. Kaynak, 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licensed CC BY 4.0 \
    (https://creativecommons.org/licenses/by/4.0/), as packaged by scikit-learn; unchanged";

/// 1,797 lines of 64 pixels (8 x 8, 0 to 16) and the digit.
static DIGITS_CSV_GZ: &[u8] = include_bytes!("digits.csv.gz");
const SIDE_PIXELS: u64 = 8;
const PIXELS: usize = (SIDE_PIXELS * SIDE_PIXELS) as usize;

/// Unpacks the digits. There is no official test part.
pub(super) fn read(request: &Request<'_>) -> Result<Parts, DataError> {
    request.expect_classification()?;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for (position, line) in BufReader::new(GzDecoder::new(DIGITS_CSV_GZ)).lines().enumerate() {
        let numbers = line.ok().and_then(|line| parse_line(&line)).ok_or_else(|| damaged(position + 1))?;
        let (image, label) = numbers.split_at(PIXELS);
        pixels.extend_from_slice(image);
        labels.extend(label.iter().map(|&label| i64::from(label)));
    }
    Ok(Parts {
        shape: SampleShape { channels: 1, height: SIDE_PIXELS, width: SIDE_PIXELS },
        samples: Samples::U8(pixels),
        targets: classes_from_numbers(&labels),
        official_test: 0,
        columns: Vec::new(),
        unknown: Vec::new(),
        notes: TableNotes::default(),
    })
}

fn parse_line(line: &str) -> Option<Vec<u8>> {
    let numbers: Vec<u8> = line.split(',').map(|field| field.parse().ok()).collect::<Option<_>>()?;
    (numbers.len() == PIXELS + 1).then_some(numbers)
}

fn damaged(line: usize) -> DataError {
    malformed(
        Path::new("digits (embedded)"),
        &format!("line {line}"),
        "is damaged",
        "build the program again",
    )
}
