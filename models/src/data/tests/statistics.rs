//! Normalisation, majority share, description and content hash.

use super::fixtures::*;
use crate::data::{
    Dataset, Description, LoadOptions, Normalisation, Samples, Shape, Targets, describe, load,
};
use std::fs;
use tempfile::tempdir;

fn table(text: &str, options: &LoadOptions) -> Dataset {
    let folder = tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    loaded("csv", &path, options)
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{found} is not {expected}");
    }
}

#[test]
fn features_and_targets_are_normalised_on_the_given_samples_only() {
    let dataset = table("1,5,10\n3,5,20\n100,7,1000\n5,5,60\n", &regression());
    let statistics = Normalisation::of(&dataset, &[0, 1, 3]);
    assert_close(&statistics.mean, &[3.0, 5.0]);
    // The second feature is constant on these samples.
    assert_eq!(statistics.deviation[1], f32::INFINITY);
    assert_close(&statistics.deviation[..1], &[(8.0_f32 / 3.0).sqrt()]);
    assert_close(&statistics.target_mean, &[30.0]);
    assert_close(&statistics.target_deviation, &[(1_400.0_f32 / 3.0).sqrt()]);
}

#[test]
fn channels_of_bytes_and_of_floats_agree() {
    let folder = tempdir().unwrap();
    write_class_folders(folder.path(), &["a", "b"], 3);
    let bytes = loaded("images", folder.path(), &LoadOptions::default());
    let all: Vec<u32> = (0..6).collect();
    let of_bytes = Normalisation::of(&bytes, &all);
    assert_close(&of_bytes.mean, &[6.0, 200.0, 199.0]);
    assert_eq!(of_bytes.deviation[1..], [f32::INFINITY; 2]);
    assert!(of_bytes.target_mean.is_empty() && of_bytes.target_deviation.is_empty());
    let mut floats = bytes.clone();
    let Samples::U8(values) = &bytes.samples else { panic!("no bytes") };
    floats.samples = Samples::F32(values.iter().map(|&value| f32::from(value)).collect());
    let of_floats = Normalisation::of(&floats, &all);
    assert_close(&of_floats.mean, &of_bytes.mean);
    assert_close(&of_floats.deviation[..1], &of_bytes.deviation[..1]);
    assert_eq!(of_floats.deviation[1..], of_bytes.deviation[1..]);
}

#[test]
fn constants_that_do_not_add_up_exactly_are_constants() {
    let text: String = (0..1_000).map(|row| format!("0.1,1e-42,{}\n", row % 2)).collect();
    let dataset = table(&text, &LoadOptions::default());
    let all: Vec<u32> = (0..1_000).collect();
    let statistics = Normalisation::of(&dataset, &all);
    assert_eq!(statistics.mean[0].to_bits(), 0.1_f32.to_bits());
    assert_eq!(statistics.deviation, [f32::INFINITY; 2]);
}

#[test]
fn large_means_keep_small_deviations() {
    let dataset = table("1000000,0\n1000001,1\n1000002,0\n1000003,1\n", &LoadOptions::default());
    let statistics = Normalisation::of(&dataset, &[0, 1, 2, 3]);
    assert_close(&statistics.deviation, &[1.25_f32.sqrt()]);
}

#[test]
fn nothing_makes_all_inputs_nothing() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let statistics = Normalisation::of(&digits, &[]);
    assert_eq!((statistics.mean, statistics.deviation), (vec![0.0], vec![f32::INFINITY]));
    assert!(digits.majority_share(&[]).abs() < f64::EPSILON);
}

#[test]
fn majority_share_counts_the_given_samples() {
    let dataset = table("1,a\n1,b\n1,a\n1,b\n1,a\n", &LoadOptions::default());
    assert!((dataset.majority_share(&[0, 1, 2, 3, 4]) - 0.6).abs() < 1e-12);
    assert!((dataset.majority_share(&[1, 3]) - 1.0).abs() < 1e-12);
    assert_eq!(dataset.class_counts(&[0, 1, 2]), [2, 1]);
}

#[test]
fn descriptions_of_images_and_tables() {
    let digits = describe(&load("digits", &LoadOptions::default()).unwrap());
    assert_eq!(digits.shape, Shape::Image { channels: 1, height: 8, width: 8 });
    assert_eq!((digits.count, digits.values_bytes, digits.element.as_str()), (1_797, 1_797 * 64, "u8"));
    assert_eq!((digits.minimum, digits.maximum), (0.0, 16.0));
    assert_eq!(digits.classes.iter().map(|class| class.count).sum::<usize>(), 1_797);
    assert_eq!((digits.classes[3].name.as_str(), digits.classes[3].count), ("3", 183));
    assert!((digits.majority_share - 183.0 / 1_797.0).abs() < 1e-12);
    let json = serde_json::to_string(&digits).unwrap();
    assert_eq!(serde_json::from_str::<Description>(&json).unwrap(), digits);
    let table = describe(&table("a,b,c\n1,2,3\n4,-5,7\n", &regression()));
    assert_eq!(table.shape, Shape::Table { features: 2 });
    assert_eq!((table.minimum, table.maximum), (-5.0, 4.0));
    assert_eq!(table.targets[0].name, "c");
    assert_eq!((table.targets[0].minimum, table.targets[0].maximum, table.targets[0].mean), (3.0, 7.0, 5.0));
    assert!(table.classes.is_empty());
}

#[test]
fn the_content_hash_tells_contents_apart_and_ignores_names_of_files() {
    let base = "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n";
    let hash = |text: &str| table(text, &LoadOptions::default()).content_hash;
    assert_eq!(hash(base).len(), 64);
    assert_eq!(hash(base), hash(base));
    assert_ne!(hash(base), hash(&base.replace('8', "9")), "values");
    assert_ne!(hash(base), hash(&base.replace("7,8,y", "7,8,x").replace("1,2,x", "1,2,y")), "labels");
    assert_ne!(hash(base), hash(&base.replace('y', "z")), "names");
    let targets = |label: &str| LoadOptions { label: Some(label.into()), ..regression() };
    let numbers = "a,b,c\n1,2,3\n4,5,6\n";
    assert_ne!(table(numbers, &targets("c")).content_hash, table(numbers, &targets("b,c")).content_hash);
}

#[test]
fn labels_are_indices_of_names() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let Targets::Classes { labels, names } = &digits.targets else { panic!("no classes") };
    assert_eq!(labels.len(), digits.count);
    assert!(labels.iter().all(|&label| (label as usize) < names.len()));
}
