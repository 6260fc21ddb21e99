//! Draws inside the graph: reproducible, and random enough.

use super::support::{floats, outputs_of, run, session, wired};
use crate::{
    graph::{
        Graph, Outlet,
        choices::Choices,
        lowering::Provider,
        operators::{
            augment::{Flip, Shift},
            dropout::Dropout,
        },
    },
    training::runtime::HostTensor,
};

const RATIO: f32 = 0.3;

/// Masks of several steps: 1 where kept.
fn masks(shape: &[usize], salt: u64, seeds: &[i64]) -> Vec<Vec<bool>> {
    let ones = HostTensor::F32(shape.to_vec(), vec![1.0; shape.iter().product()]);
    let seeded = |seed: i64| [ones.clone(), HostTensor::I64(Vec::new(), vec![seed])];
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
        vec![graph.add(Dropout { ratio: RATIO, salt }, inputs).unwrap()]
    };
    let (graph, ..) = wired(&seeded(0), &wiring);
    let mut session = session(&graph, Provider::Cpu, Choices::default());
    let mask = |&seed: &i64| {
        let outputs = run(&mut session, &seeded(seed));
        let kept = 1.0 / (1.0 - RATIO);
        let is_kept = |&value: &f32| {
            assert!(value == 0.0 || (value - kept).abs() < 1e-6, "{value}");
            value > 0.0
        };
        floats(&outputs[0]).iter().map(is_kept).collect()
    };
    seeds.iter().map(mask).collect()
}

#[test]
fn dropout_depends_on_seed_and_salt_alone() {
    let shape = [4, 3, 5, 2];
    let first = masks(&shape, 7, &[1, 2, 1, -3, i64::MAX]);
    assert_eq!(first[0], first[2], "one seed, one mask");
    assert_eq!(first, masks(&shape, 7, &[1, 2, 1, -3, i64::MAX]), "another session, the same masks");
    assert_ne!(first[0], first[1]);
    assert_ne!(first[0], first[3]);
    assert_ne!(first[0], masks(&shape, 8, &[1])[0], "another salt, another mask");
}

#[test]
fn dropout_zeroes_its_share_of_each_element_sample_and_pair() {
    let (samples, width) = (16, 24);
    let seeds: Vec<i64> = (0..250).collect();
    let masks = masks(&[samples, width], 3, &seeds);
    // 4,000 draws per element: the share's standard deviation is 0.007.
    let share = |kept: &dyn Fn(&Vec<bool>, usize) -> bool| {
        let count: usize =
            masks.iter().map(|mask| (0..samples).filter(|&sample| kept(mask, sample * width)).count()).sum();
        count as f32 / (seeds.len() * samples) as f32
    };
    for left in 0..width {
        let alone = share(&|mask, row| mask[row + left]);
        assert!((alone - (1.0 - RATIO)).abs() < 0.04, "element {left} is kept {alone} of the time");
        for right in 0..left {
            let both = share(&|mask, row| mask[row + left] && mask[row + right]);
            let expected = (1.0 - RATIO) * (1.0 - RATIO);
            assert!(
                (both - expected).abs() < 0.05,
                "elements {left} and {right} are kept {both} of the time"
            );
        }
    }
    // Samples of one step, and steps of one sample, have masks of their own.
    let agreement =
        |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f32 / width as f32;
    let between_samples: f32 =
        masks.iter().map(|mask| agreement(&mask[..width], &mask[width..2 * width])).sum();
    let between_steps: f32 =
        masks.windows(2).map(|pair| agreement(&pair[0][..width], &pair[1][..width])).sum();
    let expected = RATIO * RATIO + (1.0 - RATIO) * (1.0 - RATIO);
    for mean in [between_samples / 250.0, between_steps / 249.0] {
        assert!(
            (mean - expected).abs() < 0.04,
            "masks agree in {mean}, independent ones would in {expected}"
        );
    }
}

fn image(samples: usize, height: usize, width: usize) -> HostTensor {
    let volume = samples * 2 * height * width;
    HostTensor::F32(vec![samples, 2, height, width], (1..=volume).map(|value| value as f32).collect())
}

#[test]
fn shifts_move_whole_images_and_let_zeros_in() {
    let (samples, height, width, pixels) = (32, 5, 6, 2_usize);
    let x = image(samples, height, width);
    let inputs = [x.clone(), HostTensor::I64(Vec::new(), vec![9])];
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| vec![graph.add(Shift { pixels }, inputs).unwrap()];
    let outputs = outputs_of(&inputs, &wiring);
    assert_eq!(outputs, outputs_of(&inputs, &wiring), "one seed, one set of shifts");
    let (x, y) = (floats(&x), floats(&outputs[0]));
    let plane = height * width;
    let range = -(pixels as i64)..=pixels as i64;
    let shifted = |sample: usize, channel: usize, down: i64, across: i64| {
        let start = (sample * 2 + channel) * plane;
        (0..plane).all(|index| {
            let (row, column) = ((index / width) as i64 - down, (index % width) as i64 - across);
            let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
            let expected = if inside { x[start + row as usize * width + column as usize] } else { 0.0 };
            y[start + index] == expected
        })
    };
    let mut seen = std::collections::BTreeSet::new();
    for sample in 0..samples {
        let shifts = range.clone().flat_map(|down| range.clone().map(move |across| (down, across)));
        let mut found =
            shifts.filter(|&(down, across)| (0..2).all(|channel| shifted(sample, channel, down, across)));
        seen.insert(found.next().expect("the image is shifted by whole pixels, both channels alike"));
    }
    assert!(seen.len() > 10, "32 images out of 25 shifts: {seen:?}");
    assert!(
        seen.iter().any(|(down, _)| *down == 2) && seen.iter().any(|(_, across)| *across == -2),
        "{seen:?}"
    );
}

#[test]
fn flips_mirror_about_half_of_the_images() {
    let (samples, height, width) = (64, 2, 3);
    let x = image(samples, height, width);
    let inputs = [x.clone(), HostTensor::I64(Vec::new(), vec![4])];
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| vec![graph.add(Flip, inputs).unwrap()];
    let outputs = outputs_of(&inputs, &wiring);
    assert_eq!(outputs, outputs_of(&inputs, &wiring), "one seed, one set of flips");
    let size = 2 * height * width;
    let mut flipped = 0;
    for (before, after) in floats(&x).chunks(size).zip(floats(&outputs[0]).chunks(size)) {
        let mirrored: Vec<f32> = before.chunks(width).flat_map(|line| line.iter().rev().copied()).collect();
        assert!(after == before || after == mirrored);
        flipped += usize::from(after == mirrored);
    }
    assert!((20..=44).contains(&flipped), "{flipped} of 64");
}
