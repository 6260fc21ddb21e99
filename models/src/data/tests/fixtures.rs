//! Files made for tests, and where the real ones are.

use crate::data::{DataError, Dataset, LoadOptions, load};
use flate2::{Compression, write::GzEncoder};
use hatchery_config::vocabulary::TaskKind;
use npyz::WriterBuilder;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

/// The folder with real data, or a printed reason for skipping.
pub fn real_data(what: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HATCHERY_DATA") else {
        skipped(&format!("{what} is wanted in the folder that HATCHERY_DATA names, which is unset"));
        return None;
    };
    let path = PathBuf::from(folder).join(what);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("{} does not exist; HATCHERY_DATA names its folder", path.display()));
    None
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

pub fn regression() -> LoadOptions {
    LoadOptions { task: TaskKind::Regression, ..LoadOptions::default() }
}

pub fn labelled(label: &str) -> LoadOptions {
    LoadOptions { label: Some(label.into()), ..LoadOptions::default() }
}

pub fn source(format: &str, path: &Path) -> String {
    format!("{format}:{}", path.display())
}

pub fn loaded(format: &str, path: &Path, options: &LoadOptions) -> Dataset {
    load(&source(format, path), options).unwrap()
}

pub fn refused(format: &str, path: &Path, options: &LoadOptions) -> DataError {
    load(&source(format, path), options).unwrap_err()
}

/// The message of a load that must fail; it names the path and fits one line.
pub fn message(format: &str, path: &Path, options: &LoadOptions) -> String {
    let message = refused(format, path, options).to_string();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(message.contains(name), "{message} does not name {name}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[track_caller]
pub fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "\"{message}\" does not say \"{part}\"");
    }
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn idx(rank: u8, sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, rank];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// Writes `count` images of 3 rows and 2 columns with labels 0, 1, 2, 0, ... as one part of an IDX folder.
pub fn write_idx_part(folder: &Path, part: &str, count: u32, gzip: bool) {
    let pixels: Vec<u8> = (0..count * 6).map(|value| (value * 7) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|index| (index % 3) as u8).collect();
    let files =
        [("images-idx3", idx(3, &[count, 3, 2], &pixels)), ("labels-idx1", idx(1, &[count], &labels))];
    for (kind, bytes) in files {
        let (suffix, bytes) = if gzip { (".gz", gzipped(&bytes)) } else { ("", bytes) };
        fs::write(folder.join(format!("{part}-{kind}-ubyte{suffix}")), bytes).unwrap();
    }
}

/// Writes a numpy archive, compressed as `numpy.savez_compressed` does; it is whole when this is dropped.
pub struct NpzFile(ZipWriter<BufWriter<File>>);

impl NpzFile {
    pub fn new(path: &Path) -> Self {
        Self(ZipWriter::new(BufWriter::new(File::create(path).unwrap())))
    }

    pub fn array<T: npyz::AutoSerialize + Copy>(mut self, name: &str, shape: &[u64], values: &[T]) -> Self {
        self.0.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        let builder = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut self.0);
        let mut writer = builder.begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        self
    }
}

/// One array of an archive as numpy would write it: its header of three Python literals, and the bytes of its values.
impl NpzFile {
    pub fn raw(mut self, name: &str, descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Self {
        self.0.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        self.0.write_all(&array_header(descr, fortran, shape)).unwrap();
        self.0.write_all(values).unwrap();
        self
    }

    /// Text as numpy keeps it: so many characters of UTF-32 each, filled up with zeros.
    pub fn texts(self, name: &str, width: usize, texts: &[&str]) -> Self {
        let characters = |text: &str| -> Vec<u32> {
            let given = text.chars().map(u32::from);
            given.chain(std::iter::repeat(0)).take(width).collect()
        };
        let values = texts.iter().flat_map(|text| characters(text)).flat_map(u32::to_le_bytes);
        let (descr, shape) = (format!("'<U{width}'"), format!("({},)", texts.len()));
        self.raw(name, &descr, "False", &shape, &values.collect::<Vec<u8>>())
    }
}

/// The header of an array, version 1, of three Python literals.
pub fn array_header(descr: &str, fortran: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

/// One array of an archive, as the npyz crate reads it: its shape and values.
pub fn stored_array<T: npyz::Deserialize>(path: &Path, name: &str) -> (Vec<u64>, Vec<T>) {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let array = npyz::NpyFile::new(zip.by_name(&format!("{name}.npy")).unwrap()).unwrap();
    (array.shape().to_vec(), array.into_vec().unwrap())
}

/// Writes a picture whose first channel is `value` and whose others count down from 200.
pub fn write_picture(path: &Path, width: u32, height: u32, channels: u8, value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if channels == 1 {
        image::GrayImage::from_pixel(width, height, image::Luma([value])).save(path).unwrap();
    } else {
        image::RgbImage::from_pixel(width, height, image::Rgb([value, 200, 199])).save(path).unwrap();
    }
}

/// A folder with `count` pictures in each of the classes.
pub fn write_class_folders(folder: &Path, classes: &[&str], count: u8) {
    for (class, name) in classes.iter().enumerate() {
        for picture in 0..count {
            let path = folder.join(name).join(format!("{picture:03}.png"));
            write_picture(&path, 4, 3, 3, 10 * class as u8 + picture);
        }
    }
}

/// `count` CIFAR records with these label bytes before each, pixels all equal to the record's number.
pub fn cifar_records(count: usize, labels: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    (0..count).flat_map(|record| [labels(record), vec![record as u8; 3_072]].concat()).collect()
}
