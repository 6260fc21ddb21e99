//! Every gradient rule against central differences.

use super::support::{away_from_zero, check_gradients, labels, outputs_of, positive, stream, well_apart};
use crate::graph::{
    Graph, Operator, Outlet,
    operators::{
        activation::Activate,
        arithmetic::{
            Add, AddScalar, Divide, Multiply, Power, Reciprocal, Scale, Square, SquareRoot, Subtract,
        },
        cast::ToFloat,
        convolution::{ChannelSum, Convolution},
        dense::{Dense, MatrixProduct},
        dropout::Dropout,
        loss::{MeanSquaredError, Softmax, SoftmaxCrossEntropy},
        normalisation::{BatchNorm, LayerNorm, LocalResponseNorm},
        pooling::{AveragePool, GlobalAveragePool, MaxPool},
        reduce::{ReduceMean, ReduceSum},
        shape::{Concat, Expand, Flatten, PadZeros, Reshape, Slice, Split, Transpose},
        window::Window,
    },
};
use crate::training::runtime::HostTensor;
use hatchery_config::vocabulary::Activation;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// All outputs of one operator.
fn all<O: Operator + Clone + 'static>(operator: O) -> impl Fn(&mut Graph, &[Outlet]) -> Vec<Outlet> {
    move |graph, inputs| graph.add_many(operator.clone(), inputs).unwrap()
}

fn check<O: Operator + Clone + 'static>(operator: O, inputs: &[HostTensor], rng: &mut ChaCha8Rng) {
    let what = format!("{operator:?} on {:?}", inputs.iter().map(HostTensor::shape).collect::<Vec<_>>());
    check_gradients(&what, inputs, &all(operator), rng);
}

#[test]
fn arithmetic() {
    let mut rng = stream(1);
    let shapes: [[&[usize]; 2]; 6] = [
        [&[2, 3], &[2, 3]],
        [&[2, 3], &[3]],
        [&[2, 3], &[]],
        [&[2, 1], &[1, 3]],
        [&[3], &[2, 3]],
        [&[1, 3], &[2, 3]],
    ];
    for [left, right] in shapes {
        let inputs = [away_from_zero(&mut rng, left), positive(&mut rng, right)];
        check(Add, &inputs, &mut rng);
        check(Subtract, &inputs, &mut rng);
        check(Multiply, &inputs, &mut rng);
        check(Divide, &inputs, &mut rng);
    }
    let inputs = [positive(&mut rng, &[2, 3])];
    check(Scale(-1.5), &inputs, &mut rng);
    check(AddScalar(0.3), &inputs, &mut rng);
    check(Square, &inputs, &mut rng);
    check(SquareRoot, &inputs, &mut rng);
    check(Reciprocal, &inputs, &mut rng);
    check(Power(1.7), &inputs, &mut rng);
}

#[test]
fn a_value_used_twice_gets_both_gradients() {
    let mut rng = stream(2);
    let inputs = [away_from_zero(&mut rng, &[3])];
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
        let square = graph.add(Multiply, &[inputs[0], inputs[0]]).unwrap();
        vec![graph.add(Add, &[square, inputs[0]]).unwrap()]
    };
    check_gradients("x² + x", &inputs, &wiring, &mut rng);
}

#[test]
fn activations() {
    let mut rng = stream(3);
    for &activation in Activation::ALL {
        for shape in [&[2, 5][..], &[2, 3, 2, 2]] {
            check(Activate(activation), &[away_from_zero(&mut rng, shape)], &mut rng);
        }
    }
}

#[test]
fn shapes_and_sums() {
    let mut rng = stream(4);
    let image = [away_from_zero(&mut rng, &[2, 3, 4, 2])];
    check(Flatten, &image, &mut rng);
    check(Reshape { shape: vec![2, 12, 2] }, &image, &mut rng);
    check(Reshape { shape: vec![48] }, &image, &mut rng);
    check(Transpose { perm: vec![2, 0, 3, 1] }, &image, &mut rng);
    check(Split { axis: 2, sizes: vec![1, 3] }, &image, &mut rng);
    check(Slice { axis: 1, start: 1, end: 3 }, &image, &mut rng);
    check(PadZeros { axis: 3, before: 1, after: 2 }, &image, &mut rng);
    for axes in [vec![0], vec![1, 3], vec![0, 2, 3], vec![0, 1, 2, 3]] {
        for keep in [false, true] {
            check(ReduceSum { axes: axes.clone(), keep }, &image, &mut rng);
            check(ReduceMean { axes: axes.clone(), keep }, &image, &mut rng);
        }
    }
    let parts = [away_from_zero(&mut rng, &[2, 1, 2]), away_from_zero(&mut rng, &[2, 3, 2])];
    check(Concat { axis: 1 }, &parts, &mut rng);
    check(Expand { shape: vec![4, 2, 3] }, &[away_from_zero(&mut rng, &[2, 1])], &mut rng);
}

#[test]
fn a_split_of_which_one_part_is_used() {
    let mut rng = stream(5);
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
        vec![graph.add_many(Split { axis: 0, sizes: vec![2, 3] }, inputs).unwrap()[1]]
    };
    check_gradients("split", &[away_from_zero(&mut rng, &[5])], &wiring, &mut rng);
}

#[test]
fn dense_layers_and_matrix_products() {
    let mut rng = stream(6);
    for (samples, width, outputs) in [(1, 1, 1), (3, 4, 2), (2, 5, 7)] {
        let x = away_from_zero(&mut rng, &[samples, width]);
        let weights = away_from_zero(&mut rng, &[width, outputs]);
        let bias = away_from_zero(&mut rng, &[outputs]);
        check(Dense, &[x.clone(), weights.clone()], &mut rng);
        check(Dense, &[x, weights, bias], &mut rng);
        for (transpose_left, transpose_right) in [(false, false), (false, true), (true, false), (true, true)]
        {
            let left = if transpose_left { [width, samples] } else { [samples, width] };
            let right = if transpose_right { [outputs, width] } else { [width, outputs] };
            let inputs = [away_from_zero(&mut rng, &left), away_from_zero(&mut rng, &right)];
            check(MatrixProduct { transpose_left, transpose_right }, &inputs, &mut rng);
        }
    }
}

/// A convolution with its input, weights and maybe a bias, small enough for central differences.
fn random_convolution(rng: &mut ChaCha8Rng) -> (Convolution, Vec<HostTensor>) {
    loop {
        let groups = [1, 1, 2, 3][rng.random_range(0..4)];
        let depth = rng.random_range(1..3);
        let filters = groups * rng.random_range(1..3);
        let kernel = [rng.random_range(1..4), rng.random_range(1..4)];
        let convolution = Convolution {
            stride: [rng.random_range(1..4), rng.random_range(1..3)],
            dilation: [rng.random_range(1..3), rng.random_range(1..3)],
            groups,
            pads: [0; 4].map(|_: usize| rng.random_range(0..3)),
        };
        let image = [rng.random_range(1..4), groups * depth, rng.random_range(3..8), rng.random_range(3..8)];
        let weights = [filters, depth, kernel[0], kernel[1]];
        if convolution.shape(&image, &weights).is_err() {
            continue;
        }
        let mut inputs = vec![away_from_zero(rng, &image), away_from_zero(rng, &weights)];
        if rng.random::<bool>() {
            inputs.push(away_from_zero(rng, &[filters]));
        }
        return (convolution, inputs);
    }
}

#[test]
fn convolutions_of_every_stride_dilation_grouping_and_padding() {
    for seed in 0..60 {
        let mut rng = stream(1000 + seed);
        let (convolution, inputs) = random_convolution(&mut rng);
        check_gradients(&format!("seed {seed}: {convolution:?}"), &inputs, &all(convolution), &mut rng);
    }
}

#[test]
fn a_sum_per_channel() {
    let mut rng = stream(12);
    let image = HostTensor::F32(vec![2, 2, 1, 2], vec![1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0]);
    let sums = outputs_of(std::slice::from_ref(&image), &all(ChannelSum));
    assert_eq!(sums, [HostTensor::F32(vec![2], vec![10.0, 100.0])]);
    check(ChannelSum, &[away_from_zero(&mut rng, &[3, 4, 2, 5])], &mut rng);
}

#[test]
fn conversions_keep_numbers_and_gradients_of_floats() {
    let mut rng = stream(13);
    check(ToFloat, &[away_from_zero(&mut rng, &[2, 3])], &mut rng);
    for whole in [HostTensor::I64(vec![3], vec![0, 7, 255]), HostTensor::U8(vec![3], vec![0, 7, 255])] {
        let converted = outputs_of(&[whole], &all(ToFloat));
        assert_eq!(converted, [HostTensor::F32(vec![3], vec![0.0, 7.0, 255.0])]);
    }
}

#[test]
fn depthwise_convolutions() {
    let mut rng = stream(7);
    for (stride, dilation, filters) in
        [([1, 1], 1, 4), ([2, 1], 1, 4), ([2, 2], 1, 8), ([1, 1], 2, 4), ([2, 2], 2, 4), ([2, 2], 2, 8)]
    {
        let convolution = Convolution { stride, dilation: [dilation; 2], groups: 4, pads: [dilation; 4] };
        let inputs = [away_from_zero(&mut rng, &[2, 4, 7, 8]), away_from_zero(&mut rng, &[filters, 1, 3, 3])];
        check(convolution, &inputs, &mut rng);
    }
}

/// Window, stride, pads and image of a random pool.
fn random_pool(rng: &mut ChaCha8Rng) -> ([usize; 2], [usize; 2], [usize; 4], [usize; 4]) {
    let kernel = [rng.random_range(1..4), rng.random_range(1..4)];
    let stride = match rng.random_range(0..3) {
        0 => kernel,
        _ => [rng.random_range(1..4), rng.random_range(1..4)],
    };
    let mut pads = [0; 4];
    if rng.random::<bool>() {
        (0..4).for_each(|side| pads[side] = rng.random_range(0..kernel[side % 2]));
    }
    (
        kernel,
        stride,
        pads,
        [rng.random_range(1..3), rng.random_range(1..4), rng.random_range(3..8), rng.random_range(3..8)],
    )
}

#[test]
fn pools_of_every_window_stride_and_padding() {
    for seed in 0..50 {
        let mut rng = stream(2000 + seed);
        let (kernel, stride, pads, image) = random_pool(&mut rng);
        let what = format!("seed {seed}: window {kernel:?}, stride {stride:?}, pads {pads:?} on {image:?}");
        let (apart, any) = ([well_apart(&mut rng, &image)], [away_from_zero(&mut rng, &image)]);
        check_gradients(&what, &apart, &all(MaxPool(Window { kernel, stride, pads })), &mut rng);
        check_gradients(&what, &any, &all(AveragePool(Window { kernel, stride, pads })), &mut rng);
        check_gradients(&what, &any, &all(GlobalAveragePool), &mut rng);
    }
}

#[test]
fn normalisations() {
    let mut rng = stream(8);
    for shape in [&[5, 3][..], &[3, 2, 3, 2], &[4, 3, 1, 1]] {
        let channels = [shape[1]];
        let x = away_from_zero(&mut rng, shape);
        let scale = away_from_zero(&mut rng, &channels);
        let shift = away_from_zero(&mut rng, &channels);
        let running = [away_from_zero(&mut rng, &channels), positive(&mut rng, &channels)];
        let [mean, variance] = running;
        let inputs = [x.clone(), scale.clone(), shift.clone(), mean, variance];
        let y_alone = |graph: &mut Graph, inputs: &[Outlet]| {
            vec![graph.add(BatchNorm { epsilon: 0.1, momentum: 0.9 }, inputs).unwrap()]
        };
        check_gradients("batch norm", &inputs, &y_alone, &mut rng);
        check(LayerNorm { epsilon: 0.1 }, &[x, scale, shift], &mut rng);
    }
    for (size, channels) in [(1, 3), (3, 5), (5, 3)] {
        let norm = LocalResponseNorm { size, alpha: 0.5, beta: 0.75, bias: 1.0 };
        check(norm, &[away_from_zero(&mut rng, &[2, channels, 2, 3])], &mut rng);
    }
}

#[test]
fn dropouts() {
    let mut rng = stream(9);
    let seed = HostTensor::I64(Vec::new(), vec![77]);
    for ratio in [0.0, 0.3, 0.8] {
        let x = away_from_zero(&mut rng, &[3, 2, 3, 2]);
        check(Dropout { ratio, salt: 5 }, &[x, seed.clone()], &mut rng);
    }
}

#[test]
fn losses() {
    let mut rng = stream(10);
    for (samples, classes) in [(1, 2), (4, 3), (3, 10)] {
        let logits = away_from_zero(&mut rng, &[samples, classes]);
        let labels = labels(&mut rng, samples, classes);
        for label_smoothing in [0.0, 0.1] {
            check(SoftmaxCrossEntropy { label_smoothing }, &[logits.clone(), labels.clone()], &mut rng);
        }
        check(Softmax, std::slice::from_ref(&logits), &mut rng);
        let targets = away_from_zero(&mut rng, &[samples, classes]);
        let predictions_alone =
            |graph: &mut Graph, inputs: &[Outlet]| vec![graph.add(MeanSquaredError, inputs).unwrap()];
        check_gradients("mean squared error", &[logits, targets], &predictions_alone, &mut rng);
    }
}

/// The stride and everything else at once, with a loss as training has it.
#[test]
fn a_small_network_end_to_end() {
    let mut rng = stream(11);
    let inputs = [
        away_from_zero(&mut rng, &[3, 1, 6, 6]),
        away_from_zero(&mut rng, &[4, 1, 3, 3]),
        away_from_zero(&mut rng, &[4]),
        away_from_zero(&mut rng, &[4 * 9, 3]),
        labels(&mut rng, 3, 3),
    ];
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
        let convolution = Convolution { stride: [1, 1], dilation: [1, 1], groups: 1, pads: [1, 1, 1, 1] };
        let y = graph.add(convolution, &inputs[..3]).unwrap();
        let y = graph.add(Activate(Activation::Tanh), &[y]).unwrap();
        let y =
            graph.add(AveragePool(Window { kernel: [2, 2], stride: [2, 2], pads: [0; 4] }), &[y]).unwrap();
        let y = graph.add(Flatten, &[y]).unwrap();
        let y = graph.add(Dense, &[y, inputs[3]]).unwrap();
        vec![graph.add(SoftmaxCrossEntropy { label_smoothing: 0.0 }, &[y, inputs[4]]).unwrap()]
    };
    check_gradients("network", &inputs, &wiring, &mut rng);
}
