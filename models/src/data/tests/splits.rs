//! Splits and subsets: disjoint, complete, stratified, reproducible.

use crate::data::{Dataset, LoadOptions, Samples, Split, TableNotes, Targets, load, subset};
use crate::problem::{Problem, Task};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const CASES: u64 = 400;

/// A data set with one feature and these class sizes, classes interleaved by chance.
fn with_classes(sizes: &[usize], official_test: usize, rng: &mut ChaCha8Rng) -> Dataset {
    use rand::seq::SliceRandom;
    let mut labels: Vec<i64> =
        sizes.iter().enumerate().flat_map(|(class, &size)| vec![class as i64; size]).collect();
    labels.shuffle(rng);
    let count = labels.len();
    let names = (0..sizes.len()).map(|class| class.to_string()).collect();
    Dataset {
        source: "made".into(),
        problem: Problem {
            channels: 1,
            height: 1,
            width: 1,
            multi_view: false,
            task: Task::Classification { classes: sizes.len() as u32 },
        },
        columns: Vec::new(),
        samples: Samples::U8(vec![0; count]),
        targets: Targets::Classes { labels, names },
        count,
        official_test,
        notes: TableNotes::default(),
        content_hash: String::new(),
    }
}

/// The case's seed is the number printed when it fails.
fn generated(case: u64) -> (Dataset, f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(case);
    let classes = rng.random_range(2..12);
    let sizes: Vec<usize> = (0..classes).map(|_| rng.random_range(4..200)).collect();
    let dataset = with_classes(&sizes, 0, &mut rng);
    (dataset, rng.random_range(0.1..0.6), rng.random_range(0.1..0.6))
}

/// Each class's exact share of `taken` samples.
fn shares(sizes: &[usize], taken: usize) -> Vec<f64> {
    let total: usize = sizes.iter().sum();
    sizes.iter().map(|&size| size as f64 * taken as f64 / total as f64).collect()
}

fn assert_within_one(case: u64, counts: &[usize], shares: &[f64]) {
    for (count, share) in counts.iter().zip(shares) {
        let off = (*count as f64 - share).abs();
        assert!(off <= 1.0, "case {case}: {count} samples of a class, its share is {share}");
    }
}

#[test]
fn splits_are_disjoint_complete_ascending_and_stratified() {
    for case in 0..CASES {
        let (dataset, test, valid) = generated(case);
        let split = Split::new(&dataset, test, valid, case).unwrap();
        for part in [&split.train, &split.valid, &split.test] {
            assert!(part.is_sorted_by(|left, right| left < right), "case {case}");
        }
        let mut all = [&split.train[..], &split.valid[..], &split.test[..]].concat();
        all.sort_unstable();
        assert_eq!(all, (0..dataset.count as u32).collect::<Vec<_>>(), "case {case}");
        let whole = dataset.class_counts(&all);
        let test_counts = dataset.class_counts(&split.test);
        assert_within_one(case, &test_counts, &shares(&whole, split.test.len()));
        let rest: Vec<usize> = whole.iter().zip(&test_counts).map(|(size, taken)| size - taken).collect();
        assert_within_one(case, &dataset.class_counts(&split.valid), &shares(&rest, split.valid.len()));
        let wanted = [test * dataset.count as f64, valid * (dataset.count - split.test.len()) as f64];
        for (part, wanted) in [&split.test, &split.valid].into_iter().zip(wanted) {
            assert!((part.len() as f64 - wanted).abs() <= 0.5, "case {case}: {} of {wanted}", part.len());
        }
        assert!(dataset.class_counts(&split.train).iter().all(|&count| count > 0), "case {case}");
        assert_eq!(split, Split::new(&dataset, test, valid, case).unwrap(), "case {case}");
    }
}

#[test]
fn equal_classes_differ_by_at_most_one_sample() {
    for case in 0..CASES {
        let mut rng = ChaCha8Rng::seed_from_u64(case);
        let sizes = vec![rng.random_range(4..100); rng.random_range(2..20)];
        let dataset = with_classes(&sizes, 0, &mut rng);
        let split = Split::new(&dataset, 0.3, 0.25, case).unwrap();
        for part in [&split.test, &split.train] {
            let counts = dataset.class_counts(part);
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            // Two roundings, that of the test part and that of the validation part, meet in the training part.
            let tolerance = if std::ptr::eq(part, &split.test) { 1 } else { 2 };
            assert!(most - least <= tolerance, "case {case}: {counts:?}");
        }
    }
}

#[test]
fn seeds_give_different_splits() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let split = |seed| Split::new(&digits, 0.2, 0.2, seed).unwrap();
    assert_ne!(split(1), split(2));
    assert_eq!((split(1).train.len(), split(1).valid.len(), split(1).test.len()), (1_150, 288, 359));
}

/// Resuming a run needs the same split for ever: these indices must not change with a version of this program.
#[test]
fn the_split_of_a_seed_is_fixed() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let split = Split::new(&digits, 0.2, 0.2, 1).unwrap();
    assert_eq!((&split.test[..6], &split.valid[..6]), (GOLDEN_TEST.as_slice(), GOLDEN_VALID.as_slice()));
}

const GOLDEN_TEST: [u32; 6] = [4, 8, 15, 25, 31, 37];
const GOLDEN_VALID: [u32; 6] = [2, 6, 26, 36, 43, 55];

#[test]
fn smallest_classes_stay_in_training() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let dataset = with_classes(&[2, 2, 40, 3], 0, &mut rng);
    for seed in 0..50 {
        let split = Split::new(&dataset, 0.4, 0.4, seed).unwrap();
        assert!(dataset.class_counts(&split.train).iter().all(|&count| count > 0), "seed {seed}");
    }
}

#[test]
fn a_class_of_two_is_trained_on_and_validated_with_before_it_is_tested() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let dataset = with_classes(&[2, 300], 0, &mut rng);
    for seed in 0..50 {
        let split = Split::new(&dataset, 0.2, 0.2, seed).unwrap();
        let counts = [&split.train, &split.valid, &split.test].map(|part| dataset.class_counts(part));
        assert_eq!(counts.map(|counts| counts[0]), [1, 1, 0], "seed {seed}");
    }
}

#[test]
fn a_validation_part_of_one_class_or_one_value_is_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut dataset = with_classes(&[2, 2], 0, &mut rng);
    let split = Split::new(&dataset, 0.0, 0.2, 1).unwrap();
    let refused = split.check_validation(&dataset).unwrap_err().to_string();
    assert!(refused.contains("1 sample of one class only"), "{refused}");
    assert!(refused.contains("raise data.valid_fraction"), "{refused}");
    let split = Split::new(&dataset, 0.0, 0.5, 1).unwrap();
    split.check_validation(&dataset).unwrap();
    let values = |values: Vec<f32>| Targets::Values { values, names: vec!["y".into(), "z".into()] };
    dataset.targets = values(vec![0.0; 8]);
    assert!(split.check_validation(&dataset).unwrap_err().to_string().contains("of one target only"));
    dataset.targets = values((0..8).map(|value| value as f32).collect());
    split.check_validation(&dataset).unwrap();
}

#[test]
fn the_official_test_part_is_the_test_part() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let dataset = with_classes(&[50, 50], 20, &mut rng);
    let split = Split::new(&dataset, 0.5, 0.25, 3).unwrap();
    assert_eq!(split.test, (80..100).collect::<Vec<u32>>());
    assert_eq!((split.train.len(), split.valid.len()), (60, 20));
    assert!(split.train.iter().chain(&split.valid).all(|&index| index < 80));
}

#[test]
fn regression_is_shuffled() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut dataset = with_classes(&[50, 50], 0, &mut rng);
    dataset.targets = Targets::Values { values: vec![0.0; 100], names: vec!["y".into()] };
    let split = Split::new(&dataset, 0.2, 0.25, 3).unwrap();
    assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (60, 20, 20));
    assert_ne!(split.test, (80..100).collect::<Vec<u32>>());
    assert_eq!(subset(&dataset, &split.train, 7, 1).len(), 7);
    assert!((dataset.majority_share(&split.train) - 0.0).abs() < f64::EPSILON);
}

#[test]
fn subsets_are_stratified_and_seeded() {
    for case in 0..CASES {
        let (dataset, test, valid) = generated(case);
        let split = Split::new(&dataset, test, valid, case).unwrap();
        let max = (split.train.len() / 3).max(1);
        let taken = subset(&dataset, &split.train, max, case);
        assert_eq!(taken.len(), max, "case {case}");
        assert!(taken.is_sorted_by(|left, right| left < right), "case {case}");
        assert!(taken.iter().all(|index| split.train.binary_search(index).is_ok()), "case {case}");
        let shares = shares(&dataset.class_counts(&split.train), max);
        assert_within_one(case, &dataset.class_counts(&taken), &shares);
        assert_eq!(taken, subset(&dataset, &split.train, max, case), "case {case}");
        assert_eq!(subset(&dataset, &split.train, usize::MAX, case), split.train, "case {case}");
        assert!(subset(&dataset, &split.train, 0, case).is_empty());
    }
}

#[test]
fn subsets_do_not_depend_on_the_split_stream() {
    let digits = load("digits", &LoadOptions::default()).unwrap();
    let all: Vec<u32> = (0..1_797).collect();
    assert_ne!(subset(&digits, &all, 359, 1), Split::new(&digits, 0.2, 0.2, 1).unwrap().test);
    assert_ne!(subset(&digits, &all, 359, 1), subset(&digits, &all, 359, 2));
}
