//! Damaged files: whatever is done to a valid file, loading it ends in a data set within the limits or in an error.

use super::fixtures::*;
use crate::data::{LoadOptions, load_within, npy::read_header};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::tempdir;

const ROUNDS: u64 = 300;
/// No data set made here is larger, so whatever loads must stay below.
const VALUES_BYTES_MAX: u64 = 100_000;

/// Truncates, overwrites, inserts, removes or repeats bytes at random places.
fn damaged(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let place = rng.random_range(0..bytes.len().max(1)).min(bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, rng.random()),
            2 if place < bytes.len() => drop(bytes.remove(place)),
            3 => bytes.extend_from_within(..place),
            4 => bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = 0xff),
            // Headers lie at the beginning: aim there more often.
            _ => bytes.iter_mut().skip(place % 64).take(1).for_each(|byte| *byte = rng.random()),
        }
    }
    bytes
}

/// Damages one of the files at a time, loads, and puts it back.
fn survive(format: &str, path: &Path, files: &[PathBuf], options: &LoadOptions) {
    let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let source = source(format, path);
    assert!(load_within(&source, options, VALUES_BYTES_MAX).is_ok(), "{format}: valid before it is damaged");
    let mut refusals = 0;
    for round in 0..ROUNDS {
        let mut rng = ChaCha8Rng::seed_from_u64(round);
        let file = round as usize % files.len();
        fs::write(&files[file], damaged(&whole[file], &mut rng)).unwrap();
        match load_within(&source, options, VALUES_BYTES_MAX) {
            Ok(dataset) => {
                assert!(dataset.samples.bytes() as u64 <= VALUES_BYTES_MAX, "{format}, round {round}");
                assert_eq!(dataset.samples.len() % dataset.count, 0, "{format}, round {round}");
            }
            Err(error) => {
                refusals += 1;
                assert!(!error.to_string().is_empty(), "{format}, round {round}");
            }
        }
        fs::write(&files[file], &whole[file]).unwrap();
    }
    assert!(refusals > 0, "{format}: no damage was noticed");
}

#[test]
fn damaged_idx() {
    for gzip in [false, true] {
        let folder = tempdir().unwrap();
        write_idx_part(folder.path(), "train", 30, gzip);
        write_idx_part(folder.path(), "t10k", 6, gzip);
        let files: Vec<PathBuf> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        survive("idx", folder.path(), &files, &LoadOptions::default());
    }
}

#[test]
fn damaged_csv() {
    let folder = tempdir().unwrap();
    let text: String = (0..40).map(|row| format!("{row}.5,\"{row}e-1\",{}\n", ["x", "y"][row % 2])).collect();
    let text = format!("a,b,kind\n{text}");
    let mixed: String = (0..40)
        .map(|row| format!("{},{row},{}\n", ["red", "", "blue"][row % 3], ["x", "y"][row % 2]))
        .collect();
    let [plain, compressed, texts] = ["a.csv", "a.csv.gz", "mixed.csv"].map(|name| folder.path().join(name));
    fs::write(&plain, &text).unwrap();
    fs::write(&compressed, gzipped(text.as_bytes())).unwrap();
    fs::write(&texts, format!("colour,width,kind\n{mixed}")).unwrap();
    for path in [plain, compressed, texts] {
        survive("csv", &path, std::slice::from_ref(&path), &LoadOptions::default());
    }
}

#[test]
fn damaged_npz() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let x: Vec<f32> = (0..80).map(|value| value as f32).collect();
    let y: Vec<i64> = (0..20).map(|value| value % 2).collect();
    NpzFile::new(&path).array("x", &[20, 2, 2], &x).array("y", &[20], &y);
    survive("npz", &path, std::slice::from_ref(&path), &LoadOptions::default());
}

#[test]
fn damaged_headers_of_arrays() {
    let whole = array_header("'<f8'", "False", "(3, 1, 28, 28)");
    assert_eq!(read_header(&mut whole.as_slice()).unwrap().shape(), [3, 1, 28, 28]);
    for round in 0..10_000 {
        let mut rng = ChaCha8Rng::seed_from_u64(round);
        let damaged = damaged(&whole, &mut rng);
        if let Ok(header) = read_header(&mut damaged.as_slice()) {
            assert!(header.shape().len() < 64, "round {round}");
        }
    }
}

#[test]
fn headers_of_arrays_made_to_harm() {
    let says = |bytes: &[u8], parts: &[&str]| {
        let error = read_header(&mut &bytes[..]).map(|header| header.len()).unwrap_err();
        assert!(!error.problem.contains('\n'), "{}", error.problem);
        assert_says(&error.problem, parts);
    };
    says(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", &["4294967295 bytes", "NPY_HEADER_BYTES_MAX"]);
    says(b"\x93NUMPY\x01\x00\xff\xff{}", &["ends within its header"]);
    says(b"\x93NUMPY\x09\x00\x02\x00\x00\x00{}", &["no readable header", "version"]);
    says(b"PK\x03\x04 is an archive", &["magic string not found"]);
    says(&array_header("'<f4'", "False", &"[".repeat(200)), &["structure or date", "float32"]);
    says(&array_header("[('a', '<u2')]", "False", "(2,)"), &["structure or date"]);
    says(&array_header("'<f4'", "False", "(9999999999, 9999999999)"), &["NPY_HEADER_DIGITS_MAX"]);
    says(&array_header("'<f4'", "False", "(0xffffffffffff, 0xffffffffffff)"), &["NPY_HEADER_DIGITS_MAX"]);
    says(&array_header("'<f4'", "False", "(-3,)"), &["no readable header", "negative"]);
    says(&array_header("'<f4'", "False", "(3"), &["no readable header"]);
}

#[test]
fn damaged_pictures() {
    for extension in ["png", "jpg"] {
        let folder = tempdir().unwrap();
        let mut files = Vec::new();
        for (class, name) in ["a", "b"].iter().enumerate() {
            for picture in 0..2 {
                let path = folder.path().join(name).join(format!("{picture}.{extension}"));
                write_picture(&path, 16, 16, 3, 40 * class as u8);
                files.push(path);
            }
        }
        survive("images", folder.path(), &files, &LoadOptions::default());
    }
}

#[test]
fn damaged_cifar() {
    let folder = tempdir().unwrap();
    let train = folder.path().join("data_batch_1.bin");
    let test = folder.path().join("test_batch.bin");
    fs::write(&train, cifar_records(20, |record| vec![(record % 10) as u8])).unwrap();
    fs::write(&test, cifar_records(2, |_| vec![1])).unwrap();
    survive("cifar", folder.path(), &[train, test], &LoadOptions::default());
}
