//! Gradient rules against central differences in drawn shapes; several operators share a model, to save sessions.

use super::{
    catalogue::Wire,
    support::{away_from_zero, check_gradients, labels, stream},
};
use crate::{
    graph::{
        Graph, Operator, Outlet,
        operators::{
            activation::Activate,
            arithmetic::{
                Add, AddScalar, Divide, Multiply, Power, Reciprocal, Scale, Square, SquareRoot, Subtract,
            },
            convolution::ChannelSum,
            dense::{Dense, MatrixProduct},
            dropout::Dropout,
            loss::{MeanSquaredError, Softmax, SoftmaxCrossEntropy},
            normalisation::{BatchNorm, LayerNorm, LocalResponseNorm},
            reduce::{ReduceMean, ReduceSum},
            shape::{Concat, Expand, Flatten, PadZeros, Reshape, Slice, Split, Transpose},
        },
    },
    training::runtime::HostTensor,
};
use hatchery_config::vocabulary::Activation;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;

const SEEDS: u64 = 20;

/// Operators side by side, each on inputs of its own.
#[derive(Default)]
struct Cases {
    inputs: Vec<HostTensor>,
    wirings: Vec<(Vec<usize>, Box<Wire>)>,
    /// Which inputs are whose.
    what: String,
}

impl Cases {
    fn push<O: Operator + Clone + 'static>(&mut self, operator: O, inputs: Vec<HostTensor>) {
        self.push_outputs(usize::MAX, operator, inputs);
    }

    /// Only the first so many outputs count.
    fn push_outputs<O>(&mut self, outputs: usize, operator: O, inputs: Vec<HostTensor>)
    where
        O: Operator + Clone + 'static,
    {
        let first = self.inputs.len();
        let shapes: Vec<&[usize]> = inputs.iter().map(HostTensor::shape).collect();
        let _ = write!(self.what, "\n  inputs {first}..: {operator:?} on {shapes:?}");
        self.inputs.extend(inputs);
        let wiring = move |graph: &mut Graph, inputs: &[Outlet]| {
            let mut all = graph.add_many(operator.clone(), inputs).unwrap();
            all.truncate(outputs);
            all
        };
        self.wirings.push(((first..self.inputs.len()).collect(), Box::new(wiring)));
    }
}

/// Draws cases for each seed and checks them.
fn each_seed(family: u64, draw: impl Fn(&mut Cases, &mut ChaCha8Rng)) {
    for seed in 0..SEEDS {
        let mut rng = stream(10_000 * family + seed);
        let mut cases = Cases::default();
        draw(&mut cases, &mut rng);
        let Cases { inputs, wirings, what } = cases;
        let wiring = |graph: &mut Graph, all: &[Outlet]| {
            let own = |indices: &[usize]| indices.iter().map(|&index| all[index]).collect::<Vec<_>>();
            wirings.iter().flat_map(|(indices, wiring)| wiring(graph, &own(indices))).collect()
        };
        check_gradients(&format!("seed {seed}:{what}\n"), &inputs, &wiring, &mut rng);
    }
}

fn sizes(rng: &mut ChaCha8Rng, rank: usize) -> Vec<usize> {
    (0..rank).map(|_| rng.random_range(1..5)).collect()
}

/// Numbers from 0.9 on: what is divided by must not bend too much within a difference's step.
fn divisors(rng: &mut ChaCha8Rng, shape: &[usize]) -> HostTensor {
    let count = shape.iter().product();
    HostTensor::F32(shape.to_vec(), (0..count).map(|_| rng.random_range(0.9..2.0)).collect())
}

/// A shape that broadcasts to another: some axes of size 1, some leading ones missing.
fn narrowed(rng: &mut ChaCha8Rng, shape: &[usize]) -> Vec<usize> {
    let from = rng.random_range(0..=shape.len());
    shape[from..].iter().map(|&size| if rng.random_bool(0.3) { 1 } else { size }).collect()
}

#[test]
fn arithmetic_with_broadcasting() {
    each_seed(1, |cases, rng| {
        let rank = rng.random_range(1..5);
        let shape = sizes(rng, rank);
        let mut sides = [shape.clone(), narrowed(rng, &shape)];
        if rng.random::<bool>() {
            sides[0] = shape.iter().map(|&size| if rng.random_bool(0.3) { 1 } else { size }).collect();
        }
        sides.shuffle(rng);
        let mut pair = || vec![away_from_zero(rng, &sides[0]), divisors(rng, &sides[1])];
        cases.push(Add, pair());
        cases.push(Subtract, pair());
        cases.push(Multiply, pair());
        cases.push(Divide, pair());
    });
}

#[test]
fn functions_of_one_value() {
    each_seed(2, |cases, rng| {
        let rank = rng.random_range(1..5);
        let shape = sizes(rng, rank);
        let activation = Activation::ALL[rng.random_range(0..Activation::ALL.len())];
        cases.push(Activate(activation), vec![away_from_zero(rng, &shape)]);
        cases.push(Scale(rng.random_range(-2.0..2.0)), vec![away_from_zero(rng, &shape)]);
        cases.push(AddScalar(0.3), vec![away_from_zero(rng, &shape)]);
        cases.push(Square, vec![away_from_zero(rng, &shape)]);
        cases.push(SquareRoot, vec![divisors(rng, &shape)]);
        cases.push(Reciprocal, vec![divisors(rng, &shape)]);
        cases.push(Power(rng.random_range(-1.0..3.0)), vec![divisors(rng, &shape)]);
        let seed = HostTensor::I64(Vec::new(), vec![rng.random_range(0..1000)]);
        let ratio = rng.random_range(0.0..0.9);
        cases.push(Dropout { ratio, salt: rng.random() }, vec![away_from_zero(rng, &shape), seed]);
    });
}

#[test]
fn shapes() {
    each_seed(3, |cases, rng| {
        let rank = rng.random_range(2..5);
        let shape = sizes(rng, rank);
        let volume: usize = shape.iter().product();
        let axis = rng.random_range(0..rank);
        let size = shape[axis];
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.shuffle(rng);
        let halves: Vec<usize> = shape.iter().rev().copied().chain([1]).collect();
        let (start, width) = (rng.random_range(0..size), rng.random_range(1..4));
        let end = rng.random_range(start + 1..=size);
        let [before, after] = [0; 2].map(|_: usize| rng.random_range(0..3));
        let with = |size: usize| -> Vec<usize> {
            shape.iter().enumerate().map(|(at, &own)| if at == axis { size } else { own }).collect()
        };
        cases.push(Flatten, vec![away_from_zero(rng, &shape)]);
        cases.push(Reshape { shape: vec![volume] }, vec![away_from_zero(rng, &shape)]);
        cases.push(Reshape { shape: halves }, vec![away_from_zero(rng, &shape)]);
        cases.push(Transpose { perm }, vec![away_from_zero(rng, &shape)]);
        cases.push(
            Split { axis, sizes: vec![size, width, 1] },
            vec![away_from_zero(rng, &with(size + width + 1))],
        );
        cases.push(Slice { axis, start, end }, vec![away_from_zero(rng, &shape)]);
        cases.push(PadZeros { axis, before, after }, vec![away_from_zero(rng, &shape)]);
        let parts = [size, width, 1].map(|size| away_from_zero(rng, &with(size)));
        cases.push(Concat { axis }, parts.to_vec());
        let narrow = narrowed(rng, &shape);
        cases.push(Expand { shape }, vec![away_from_zero(rng, &narrow)]);
    });
}

#[test]
fn sums_and_means() {
    each_seed(4, |cases, rng| {
        let rank = rng.random_range(1..5);
        let shape = sizes(rng, rank);
        for keep in [false, true] {
            let mut axes: Vec<usize> = (0..rank).filter(|_| rng.random::<bool>()).collect();
            if axes.is_empty() {
                axes.push(rng.random_range(0..rank));
            }
            cases.push(ReduceSum { axes: axes.clone(), keep }, vec![away_from_zero(rng, &shape)]);
            cases.push(ReduceMean { axes, keep }, vec![away_from_zero(rng, &shape)]);
        }
        let image = sizes(rng, 4);
        cases.push(ChannelSum, vec![away_from_zero(rng, &image)]);
    });
}

#[test]
fn products() {
    each_seed(5, |cases, rng| {
        let [samples, width, outputs] = [0; 3].map(|_| rng.random_range(1..7));
        let mut matrix = |[rows, columns]: [usize; 2], turned: bool| {
            away_from_zero(rng, &if turned { [columns, rows] } else { [rows, columns] })
        };
        let (x, weights) = (matrix([samples, width], false), matrix([width, outputs], false));
        cases.push(Dense, vec![x.clone(), weights.clone()]);
        for transpose_left in [false, true] {
            for transpose_right in [false, true] {
                let left = matrix([samples, width], transpose_left);
                let right = matrix([width, outputs], transpose_right);
                cases.push(MatrixProduct { transpose_left, transpose_right }, vec![left, right]);
            }
        }
        cases.push(Dense, vec![x, weights, away_from_zero(rng, &[outputs])]);
    });
}

#[test]
fn norms() {
    each_seed(6, |cases, rng| {
        let channels = rng.random_range(1..5);
        let mut shape = vec![rng.random_range(3..6), channels];
        if rng.random::<bool>() {
            shape.extend(sizes(rng, 2));
        }
        let [scale, shift, mean] = [0; 3].map(|_| away_from_zero(rng, &[channels]));
        let variance = divisors(rng, &[channels]);
        let of = |x: HostTensor| vec![x, scale.clone(), shift.clone()];
        cases.push(LayerNorm { epsilon: 0.1 }, of(away_from_zero(rng, &shape)));
        let inputs = [of(away_from_zero(rng, &shape)), vec![mean, variance]].concat();
        cases.push_outputs(1, BatchNorm { epsilon: 0.1, momentum: 0.9 }, inputs);
        let size = [1, 3, 5][rng.random_range(0..3)];
        let norm = LocalResponseNorm { size, alpha: 0.5, beta: 0.75, bias: 1.0 };
        let image = sizes(rng, 4);
        cases.push(norm, vec![away_from_zero(rng, &image)]);
    });
}

#[test]
fn losses() {
    each_seed(7, |cases, rng| {
        let (samples, classes) = (rng.random_range(1..7), rng.random_range(2..12));
        let mut logits = || away_from_zero(rng, &[samples, classes]);
        let [smooth, sharp, softmax, predictions, targets] = [0; 5].map(|_| logits());
        let label_smoothing = rng.random_range(0.0..0.3);
        cases.push(SoftmaxCrossEntropy { label_smoothing }, vec![smooth, labels(rng, samples, classes)]);
        let label_smoothing = 0.0;
        cases.push(SoftmaxCrossEntropy { label_smoothing }, vec![sharp, labels(rng, samples, classes)]);
        cases.push(Softmax, vec![softmax]);
        cases.push(MeanSquaredError, vec![predictions, targets]);
    });
}
