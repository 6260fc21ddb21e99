//! Real data sets, where they are at hand.

use super::fixtures::*;
use crate::{
    data::{LoadOptions, Normalisation, Samples, Split, Targets, describe},
    problem::Task,
};

#[test]
fn fashion_mnist() {
    let Some(folder) = real_data("fashion-mnist") else { return };
    let dataset = loaded("idx", &folder, &LoadOptions::default());
    assert_eq!((dataset.count, dataset.official_test), (70_000, 10_000));
    assert_eq!(dataset.shape(1), [1, 1, 28, 28]);
    assert_eq!(dataset.problem.task, Task::Classification { classes: 10 });
    assert!(matches!(dataset.samples, Samples::U8(_)));
    let description = describe(&dataset);
    assert_eq!((description.minimum, description.maximum), (0.0, 255.0));
    assert!(description.classes.iter().all(|class| class.count == 7_000 && class.official_test == 1_000));
    let split = Split::new(&dataset, 0.2, 0.1, 1).unwrap();
    assert_eq!((split.train.len(), split.valid.len(), split.test.len()), (54_000, 6_000, 10_000));
    assert_eq!(split.test[0], 60_000);
    let training: Vec<u32> = (0..60_000).collect();
    let statistics = Normalisation::of(&dataset, &training);
    // The published statistics of the training part are 0.2860 and 0.3530 of 255.
    assert!((statistics.mean[0] / 255.0 - 0.2860).abs() < 1e-4);
    assert!((statistics.deviation[0] / 255.0 - 0.3530).abs() < 1e-4);
}

#[test]
fn magic_telescope() {
    let Some(file) = real_data("magic04.data") else { return };
    let dataset = loaded("csv", &file, &LoadOptions::default());
    assert_eq!((dataset.count, dataset.official_test), (19_020, 0));
    assert_eq!(dataset.shape(1), [1, 10]);
    let Targets::Classes { names, .. } = &dataset.targets else { panic!("no classes") };
    assert_eq!(names, &["g", "h"]);
    let all: Vec<u32> = (0..19_020).collect();
    assert_eq!(dataset.class_counts(&all), [12_332, 6_688]);
    let Samples::F32(values) = &dataset.samples else { panic!("no floats") };
    assert_eq!(values[..3], [28.7967, 16.0021, 2.6449]);
}

#[test]
fn tables_of_measurements() {
    let Some(file) = real_data("tables/mlp-car.csv.gz") else { return };
    let dataset = loaded("csv", &file, &regression());
    assert!(dataset.count > 1_000, "{} rows", dataset.count);
    assert!(matches!(dataset.problem.task, Task::Regression { targets: 1 }));
}
