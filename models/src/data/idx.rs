//! The IDX format of the MNIST family: big-endian header (magic number, sizes), then unsigned bytes.
//!
//! Described at <http://yann.lecun.com/exdb/mnist/>: the magic number is `00 00 08 RR` for unsigned bytes of
//! rank RR.

use super::{
    DataError, Request, Samples, TableNotes,
    assemble::{Parts, classes_from_numbers},
    files::{Input, malformed},
    sizes::SampleShape,
};
use std::path::{Path, PathBuf};

const IMAGES_RANK: u8 = 3;
const LABELS_RANK: u8 = 1;
const UNSIGNED_BYTES: u8 = 0x08;

/// Reads the training part and, where it is there, the official test part behind it.
pub(super) fn read(request: &Request<'_>, folder: &Path) -> Result<Parts, DataError> {
    request.expect_classification()?;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    let train = read_part(request, folder, "train", None, &mut pixels, &mut labels)?;
    let trained = labels.len();
    let has_test = ["images-idx3", "labels-idx1"].iter().any(|kind| find(folder, "t10k", kind).is_some());
    if has_test {
        read_part(request, folder, "t10k", Some(train), &mut pixels, &mut labels)?;
    }
    let stored: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
    Ok(Parts {
        shape: train,
        samples: Samples::U8(pixels),
        targets: classes_from_numbers(&stored),
        official_test: labels.len() - trained,
        columns: Vec::new(),
        unknown: Vec::new(),
        notes: TableNotes::default(),
    })
}

/// Appends one part's images and labels; returns the images' shape, which must be `expected` where that is
/// given.
fn read_part(
    request: &Request<'_>,
    folder: &Path,
    part: &str,
    expected: Option<SampleShape>,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u8>,
) -> Result<SampleShape, DataError> {
    let (mut images, sizes) = open(folder, part, "images-idx3", IMAGES_RANK)?;
    let (mut classes, label_sizes) = open(folder, part, "labels-idx1", LABELS_RANK)?;
    let [count, height, width] = [0, 1, 2].map(|axis| sizes.get(axis).copied().unwrap_or(0));
    let shape = SampleShape { channels: 1, height, width };
    if let Some(train) = expected.filter(|train| *train != shape) {
        let problem = format!("images are {height}x{width}, in training {}x{}", train.height, train.width);
        return Err(malformed(&images.path, "header", &problem, "use the files of one data set"));
    }
    if label_sizes != [count] {
        let problem = format!("{} labels for {count} images", label_sizes.first().copied().unwrap_or(0));
        return Err(malformed(&classes.path, "header", &problem, "use the files of one data set"));
    }
    let place = images.path.display().to_string();
    let before = (labels.len() as u64).saturating_add(count);
    request.check_sizes(&place, shape, before, 1)?;
    let values = request.check_sizes(&place, shape, count, 1)?;
    images.read_exactly(pixels, values, "the pixels")?;
    images.expect_end("the pixels")?;
    classes.read_exactly(labels, count, "the labels")?;
    classes.expect_end("the labels")?;
    Ok(shape)
}

/// Opens an IDX file and reads its header: the sizes, one per axis.
fn open(folder: &Path, part: &str, kind: &str, rank: u8) -> Result<(Input, Vec<u64>), DataError> {
    let name = format!("{part}-{kind}-ubyte");
    let path = find(folder, part, kind).unwrap_or_else(|| folder.join(&name));
    let mut input = Input::open(&path, &format!("the IDX file {name} or {name}.gz in this folder"))?;
    let mut header = Vec::new();
    input.read_exactly(&mut header, 4 + 4 * u64::from(rank), "the header")?;
    let (magic, sizes) = header.split_at(4);
    if magic != [0, 0, UNSIGNED_BYTES, rank] {
        return Err(wrong_magic(&input.path, magic, rank));
    }
    let sizes = sizes
        .chunks_exact(4)
        .map(|size| size.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
        .collect();
    Ok((input, sizes))
}

fn wrong_magic(path: &Path, magic: &[u8], rank: u8) -> DataError {
    let hexadecimal: String = magic.iter().map(|byte| format!("{byte:02x}")).collect();
    let problem = format!(
        "magic number 0x{hexadecimal}, expected 0x0000{UNSIGNED_BYTES:02x}{rank:02x} (bytes of rank {rank})"
    );
    malformed(
        path,
        "header",
        &problem,
        "check that images and labels are not mixed up, or fetch the file again",
    )
}

/// The file of a part, plain before compressed; `-idx3-ubyte` is also found as `.idx3-ubyte`.
fn find(folder: &Path, part: &str, kind: &str) -> Option<PathBuf> {
    let dashed = format!("{part}-{kind}-ubyte");
    let dotted = format!("{part}-{}-ubyte", kind.replacen("-idx", ".idx", 1));
    [dashed, dotted]
        .iter()
        .flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))])
        .find(|path| path.is_file())
}
