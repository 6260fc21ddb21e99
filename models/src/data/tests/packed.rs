//! Data sets there and back as bytes, bytes made to harm, and the cache.

use super::fixtures::*;
use crate::data::{
    Cached, DataCache, Dataset, LoadOptions, PackedError, cache, load, pack, pack_into, packed_bytes, unpack,
    unpack_from,
};
use std::{collections::BTreeSet, fs, io, time::Duration};
use tempfile::tempdir;

fn digits() -> Dataset {
    load("digits", &LoadOptions::default()).unwrap()
}

/// Regression on a table with two targets, and images with an official test part and views.
fn others() -> Vec<Dataset> {
    let folder = tempdir().unwrap();
    let table = folder.path().join("a.csv");
    let rows: String = (0..30).map(|row| format!("{row}.5,{}.25,{row}e-3,-{row}\n", row * 7)).collect();
    fs::write(&table, format!("a,b,größe,v\n{rows}")).unwrap();
    let options = LoadOptions { label: Some("größe,v".to_owned()), ..regression() };
    let idx = folder.path().join("idx");
    fs::create_dir(&idx).unwrap();
    write_idx_part(&idx, "train", 30, false);
    write_idx_part(&idx, "t10k", 6, false);
    let npz = folder.path().join("a.npz");
    let x: Vec<f32> = (0..160).map(|value| value as f32 / 3.0).collect();
    let y: Vec<i64> = (0..20).map(|value| value % 2).collect();
    NpzFile::new(&npz).array("x", &[20, 2, 2, 2], &x).array("y", &[20], &y);
    let views = LoadOptions { multi_view: true, ..LoadOptions::default() };
    let mixed = folder.path().join("mixed.csv");
    let rows: String = (0..20)
        .map(|row| {
            format!("{},{},{}\n", ["red", "blue", ""][row % 3], ["", "4.5"][row % 2], ["x", "y"][row % 2])
        })
        .collect();
    fs::write(&mixed, format!("colour,width,kind\n{rows}")).unwrap();
    vec![
        loaded("csv", &mixed, &LoadOptions::default()),
        loaded("csv", &table, &options),
        loaded("idx", &idx, &LoadOptions::default()),
        loaded("npz", &npz, &views),
    ]
}

#[test]
fn every_kind_of_data_set_comes_back_as_it_was() {
    for dataset in others().into_iter().chain([digits()]) {
        let bytes = pack(&dataset);
        assert_eq!(bytes.len() as u64, packed_bytes(&dataset), "{}", dataset.source);
        let back = unpack(&bytes, &dataset.content_hash).unwrap();
        // NaN is not equal to itself: what is missing is compared by its bytes.
        assert_eq!(
            (pack(&back), back.problem, &back.columns),
            (bytes.clone(), dataset.problem, &dataset.columns)
        );
        assert_eq!((&back.targets, &back.content_hash), (&dataset.targets, &dataset.content_hash));
        // What is noted of a table stays where the table was read.
        let noted = Dataset { notes: dataset.notes.clone(), ..back };
        assert!(dataset.is_encoded() || noted == dataset, "{}", dataset.source);
        let mut file = Vec::new();
        pack_into(&dataset, &mut file).unwrap();
        assert_eq!(file, bytes);
    }
}

#[test]
fn another_data_set_is_refused_by_its_hash() {
    let dataset = digits();
    let expected = "0".repeat(64);
    let error = unpack(&pack(&dataset), &expected).unwrap_err();
    assert_says(&error.to_string(), &[&dataset.content_hash, &expected, "send it again"]);
}

#[test]
fn damage_of_any_byte_and_any_missing_end_is_noticed() {
    for dataset in others() {
        let bytes = pack(&dataset);
        for place in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[place] ^= mask;
                assert!(
                    unpack(&damaged, &dataset.content_hash).is_err(),
                    "byte {place} of {}",
                    dataset.source
                );
            }
            assert!(unpack(&bytes[..place], &dataset.content_hash).is_err(), "cut at {place}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(unpack(&longer, &dataset.content_hash), Err(PackedError::Length { .. })));
    }
}

/// Ends the test where anything is asked for that a header alone has announced.
struct HeaderOnly<'a>(&'a [u8]);

impl io::Read for HeaderOnly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        assert!(into.len() <= 1 << 16, "{} bytes are asked for at once", into.len());
        self.0.read(into)
    }
}

#[test]
fn sizes_that_are_not_borne_out_are_refused_before_anything_is_allocated() {
    let bytes = pack(&digits());
    // Shape, flags, then samples, test samples, names, names', source's and columns' length.
    for (place, length) in [(12, 4), (16, 4), (20, 4), (27, 8), (35, 8), (43, 8), (51, 8), (59, 8), (67, 8)] {
        for value in [u64::MAX, 1 << 62, 1 << 31, 0] {
            let mut hostile = bytes.clone();
            hostile[place..place + length].copy_from_slice(&value.to_le_bytes()[..length]);
            let error = unpack_from(&mut HeaderOnly(&hostile), hostile.len() as u64, "").unwrap_err();
            assert!(!error.to_string().is_empty(), "{place}");
            let claimed = unpack_from(&mut HeaderOnly(&hostile), u64::MAX, "").unwrap_err();
            assert!(!matches!(claimed, PackedError::Hash { .. }), "{place}: {claimed}");
        }
    }
    let message =
        unpack(b"PK\x03\x04 and so on, for a while, until there are enough bytes for sizes and source", "");
    assert_says(&message.unwrap_err().to_string(), &["no packed data set"]);
}

#[test]
fn the_cache_keeps_what_it_was_given_and_says_when_that_was_damaged() {
    let parent = tempdir().unwrap();
    let cache = DataCache::at(parent.path().join("hatchery/data"));
    let dataset = digits();
    let hash = &dataset.content_hash;
    assert_eq!(cache.get(hash).unwrap(), Cached::Absent);
    let path = cache.put(hash, &pack(&dataset)).unwrap();
    assert_eq!(cache.get(hash).unwrap(), Cached::Found(Box::new(dataset.clone())));

    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    for damaged in [bytes.as_slice(), &bytes[..middle], &[]] {
        fs::write(&path, damaged).unwrap();
        let Cached::Damaged(message) = cache.get(hash).unwrap() else { panic!("damage is not noticed") };
        assert_says(&message, &["removed", hash]);
        assert!(!path.exists());
        assert_eq!(cache.get(hash).unwrap(), Cached::Absent);
    }
    cache.put(hash, &pack(&dataset)).unwrap();
    cache.put(hash, &pack(&dataset)).unwrap();
    assert!(matches!(cache.get(hash).unwrap(), Cached::Found(_)));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn the_cache_takes_no_path_for_a_hash_and_says_where_it_cannot_write() {
    let parent = tempdir().unwrap();
    let cache = DataCache::at(parent.path().join("data"));
    for hash in ["", "../../etc/passwd", &"g".repeat(64), &"A".repeat(64), &"0".repeat(63)] {
        assert_says(&cache.get(hash).unwrap_err().to_string(), &["no content hash"]);
        assert!(cache.put(hash, b"").is_err());
    }
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DataCache::at(file.join("data")).put(&"0".repeat(64), b"").unwrap_err();
    assert_says(&error.to_string(), &["file/data cannot be made", "XDG_CACHE_HOME"]);
}

#[test]
fn the_cache_has_room_for_so_many_and_the_oldest_go() {
    let parent = tempdir().unwrap();
    let cache = DataCache::at(parent.path().join("data"));
    let hash = |number: usize| format!("{number:064x}");
    let mut oldest_first = Vec::new();
    for number in 0..cache::FILES_MAX + 3 {
        let path = cache.put(&hash(number), b"packed").unwrap();
        // Files are told apart by when they were written; these were all written at once.
        let written = std::time::UNIX_EPOCH + Duration::from_secs(1_000 + number as u64);
        fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        oldest_first.push(path);
    }
    let kept: BTreeSet<_> = oldest_first.split_off(3).into_iter().collect();
    let found: BTreeSet<_> =
        fs::read_dir(parent.path().join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, kept);
}
