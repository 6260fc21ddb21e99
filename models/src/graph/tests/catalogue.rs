//! Applications of every operator, for tests that ask something of all of them.

use super::support::{away_from_zero, labels, positive, stream, well_apart};
use crate::{
    graph::{
        Fact, Graph, Operator, Outlet,
        operators::{
            activation::Activate,
            arithmetic::{
                Add, AddScalar, AtMost, Divide, Multiply, Power, PowerOf, Reciprocal, Scale, Square,
                SquareRoot, Subtract,
            },
            augment::{Flip, Shift},
            cast::ToFloat,
            convolution::Convolution,
            dense::{Dense, MatrixProduct},
            dropout::Dropout,
            gather::{GatherColumns, GatherRows},
            loss::{
                Correct, MeanSquaredError, PredictedCounts, SampleCrossEntropy, SampleSquaredError, Softmax,
                SoftmaxCrossEntropy, TargetSquaredErrors,
            },
            missing::{FillMissing, MarkEqual, MarkMissing},
            normalisation::{BatchNorm, BatchNormInference, LayerNorm, LocalResponseNorm},
            pooling::{AveragePool, GlobalAveragePool, MaxPool},
            reduce::{ReduceMean, ReduceSum},
            shape::{Concat, Expand, Flatten, PadZeros, Reshape, Slice, Split, Transpose},
            source::{Filled, IntegerConstant},
            window::Window,
        },
    },
    training::runtime::HostTensor,
};
use hatchery_config::vocabulary::Activation;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Wires operators onto inputs and returns their outputs.
pub type Wire = dyn Fn(&mut Graph, &[Outlet]) -> Vec<Outlet>;

/// One application: what it is, its inputs, how to wire it.
pub struct Application {
    pub what: String,
    pub inputs: Vec<HostTensor>,
    pub wiring: Box<Wire>,
    /// Whether a gradient is to be had.
    pub differentiable: bool,
}

pub fn application<O: Operator + Clone + 'static>(operator: O, inputs: Vec<HostTensor>) -> Application {
    Application {
        what: format!("{operator:?} on {:?}", inputs.iter().map(HostTensor::shape).collect::<Vec<_>>()),
        inputs,
        wiring: Box::new(move |graph, inputs| graph.add_many(operator.clone(), inputs).unwrap()),
        differentiable: true,
    }
}

fn without_gradient<O: Operator + Clone + 'static>(operator: O, inputs: Vec<HostTensor>) -> Application {
    Application { differentiable: false, ..application(operator, inputs) }
}

/// Operators of which other lowerings may be chosen, in the shapes that decide between them.
pub fn with_choices() -> Vec<Application> {
    let mut rng = stream(20);
    let mut all = convolutions(&mut rng);
    all.extend(pools(&mut rng));
    for shape in [&[4, 3][..], &[3, 2, 3, 4]] {
        all.push(application(Activate(Activation::Relu), vec![away_from_zero(&mut rng, shape)]));
        all.push(batch_norm(&mut rng, shape));
    }
    all
}

fn convolutions(rng: &mut ChaCha8Rng) -> Vec<Application> {
    // Channels, filters, kernel, stride, dilation, groups, pads, size.
    type Shape = (usize, usize, [usize; 2], [usize; 2], [usize; 2], usize, [usize; 4], [usize; 2]);
    let shapes: [Shape; 12] = [
        (1, 4, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1], [6, 5]),
        (3, 4, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1], [6, 5]),
        (8, 5, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1], [15, 16]),
        (16, 5, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1], [6, 5]),
        (8, 4, [1, 5], [1, 1], [1, 1], 1, [0, 2, 0, 2], [5, 9]),
        (8, 4, [4, 1], [1, 1], [1, 1], 1, [1, 0, 2, 0], [9, 5]),
        (8, 4, [2, 3], [1, 1], [2, 2], 1, [1, 2, 1, 2], [9, 8]),
        (4, 6, [3, 3], [2, 2], [1, 1], 1, [0, 0, 1, 1], [8, 7]),
        (4, 6, [1, 1], [1, 1], [1, 1], 1, [0; 4], [5, 4]),
        (4, 6, [1, 1], [2, 3], [1, 1], 1, [0; 4], [6, 8]),
        (6, 4, [3, 3], [1, 1], [1, 1], 2, [1, 1, 1, 1], [5, 5]),
        (4, 4, [3, 3], [2, 1], [1, 1], 4, [1, 1, 1, 1], [6, 5]),
    ];
    let mut make = |(channels, filters, kernel, stride, dilation, groups, pads, size): Shape| {
        let image = away_from_zero(rng, &[5, channels, size[0], size[1]]);
        let weights = away_from_zero(rng, &[filters, channels / groups, kernel[0], kernel[1]]);
        let bias = away_from_zero(rng, &[filters]);
        application(Convolution { stride, dilation, groups, pads }, vec![image, weights, bias])
    };
    shapes.into_iter().map(&mut make).collect()
}

fn pools(rng: &mut ChaCha8Rng) -> Vec<Application> {
    let shapes = [
        ([2, 2], [2, 2], [0; 4], [6, 4]),
        ([2, 3], [2, 3], [0; 4], [7, 8]),
        ([3, 3], [2, 2], [0, 0, 1, 1], [6, 8]),
        ([3, 3], [2, 2], [1, 1, 1, 1], [7, 7]),
        ([3, 2], [1, 1], [1, 0, 1, 1], [5, 5]),
        ([2, 2], [3, 3], [0; 4], [8, 8]),
    ];
    let mut all = Vec::new();
    for (kernel, stride, pads, [height, width]) in shapes {
        let image = [2, 3, height, width];
        all.push(application(MaxPool(Window { kernel, stride, pads }), vec![well_apart(rng, &image)]));
        all.push(application(
            AveragePool(Window { kernel, stride, pads }),
            vec![away_from_zero(rng, &image)],
        ));
    }
    all
}

fn batch_norm(rng: &mut ChaCha8Rng, shape: &[usize]) -> Application {
    application(BatchNorm { epsilon: 1e-3, momentum: 0.9 }, batch_norm_inputs(rng, shape))
}

fn batch_norm_inputs(rng: &mut ChaCha8Rng, shape: &[usize]) -> Vec<HostTensor> {
    let channels = [shape[1]];
    let [scale, shift, mean] = [0; 3].map(|_| away_from_zero(rng, &channels));
    vec![away_from_zero(rng, shape), scale, shift, mean, positive(rng, &channels)]
}

/// The forward operators that an inference model may hold, with inputs whose first axis is the samples' marked.
pub fn of_inference(samples: usize) -> Vec<(Application, Vec<usize>)> {
    let mut rng = stream(21);
    let image = [samples, 4, 6, 6];
    let mut all = Vec::new();
    let mut push = |application: Application| all.push((application, vec![0]));
    for &activation in Activation::ALL {
        push(application(Activate(activation), vec![away_from_zero(&mut rng, &image)]));
    }
    let convolution = Convolution { stride: [2, 1], dilation: [1, 1], groups: 2, pads: [1, 1, 0, 1] };
    let weights = away_from_zero(&mut rng, &[6, 2, 3, 3]);
    push(application(convolution, vec![away_from_zero(&mut rng, &image), weights]));
    let weights = [away_from_zero(&mut rng, &[4, 5]), away_from_zero(&mut rng, &[5])].to_vec();
    push(application(Dense, [vec![away_from_zero(&mut rng, &[samples, 4])], weights].concat()));
    for pads in [[0; 4], [0, 0, 1, 1]] {
        let (kernel, stride) = ([3, 3], [2, 2]);
        push(application(MaxPool(Window { kernel, stride, pads }), vec![well_apart(&mut rng, &image)]));
        push(application(
            AveragePool(Window { kernel, stride, pads }),
            vec![away_from_zero(&mut rng, &image)],
        ));
    }
    push(application(GlobalAveragePool, vec![away_from_zero(&mut rng, &image)]));
    push(application(Flatten, vec![away_from_zero(&mut rng, &image)]));
    push(application(Reshape { shape: vec![samples, 2, 72] }, vec![away_from_zero(&mut rng, &image)]));
    push(without_gradient(BatchNormInference { epsilon: 1e-3 }, batch_norm_inputs(&mut rng, &image)));
    let [scale, shift] = [0; 2].map(|_| away_from_zero(&mut rng, &[4]));
    push(application(LayerNorm { epsilon: 1e-3 }, vec![away_from_zero(&mut rng, &image), scale, shift]));
    let norm = LocalResponseNorm { size: 3, alpha: 0.5, beta: 0.75, bias: 1.0 };
    push(application(norm, vec![away_from_zero(&mut rng, &image)]));
    push(application(Softmax, vec![away_from_zero(&mut rng, &[samples, 4])]));
    push(application(Slice { axis: 1, start: 1, end: 3 }, vec![away_from_zero(&mut rng, &image)]));
    push(application(Split { axis: 1, sizes: vec![1, 3] }, vec![away_from_zero(&mut rng, &image)]));
    of_tables(samples, &mut push);
    let parts = vec![away_from_zero(&mut rng, &image), away_from_zero(&mut rng, &image)];
    all.push((application(Concat { axis: 1 }, parts.clone()), vec![0, 1]));
    all.push((application(Add, parts), vec![0, 1]));
    all
}

/// Those that rows with text or missing values pass through.
fn of_tables(samples: usize, push: &mut dyn FnMut(Application)) {
    let values = (0..3 * samples).map(|index| if index % 4 == 1 { f32::NAN } else { (index % 5) as f32 });
    let rows = HostTensor::F32(vec![samples, 3], values.collect());
    let numbers = HostTensor::F32(vec![3], vec![2.0, f32::NAN, 0.5]);
    let whole = HostTensor::F32(vec![samples, 3], (0..3 * samples).map(|index| index as f32).collect());
    push(without_gradient(GatherColumns { columns: vec![2, 0, 2] }, vec![whole]));
    push(without_gradient(MarkEqual, vec![rows.clone(), numbers]));
    let means = HostTensor::F32(vec![3], vec![2.0, 1.0, 0.5]);
    push(without_gradient(FillMissing, vec![rows.clone(), means.clone()]));
    push(without_gradient(MarkMissing, vec![rows, means]));
}

/// Small networks.
pub fn networks() -> Vec<Application> {
    let mut rng = stream(23);
    let network = |what: &str, inputs: Vec<HostTensor>, wiring: Box<Wire>| Application {
        what: what.to_owned(),
        inputs,
        wiring,
        differentiable: true,
    };
    let mut inputs = |shapes: &[&[usize]]| -> Vec<HostTensor> {
        shapes.iter().map(|shape| away_from_zero(&mut rng, shape)).collect()
    };
    let samples = [5, 4, 6, 6];
    let normalised = ACTIVATIONS
        .into_iter()
        .flat_map(|activation| [false, true].map(|read_twice| (activation, read_twice)));
    let mut all: Vec<Application> = normalised
        .map(|(activation, read_twice)| {
            let what = format!("normalised, {activation}, read twice: {read_twice}");
            let wiring = move |graph: &mut Graph, inputs: &[Outlet]| {
                normalised_and(activation, read_twice, graph, inputs)
            };
            network(&what, inputs(&[&samples, &[4], &[4]]), Box::new(wiring))
        })
        .collect();
    all.extend([
        network("rectified responses", inputs(&[&samples]), Box::new(rectified_responses)),
        network(
            "residual",
            inputs(&[&samples, &[4, 4, 3, 3], &[4], &[4], &[4], &[4, 3]]),
            Box::new(residual),
        ),
        network(
            "inception",
            inputs(&[&samples, &[2, 4, 1, 1], &[3, 4, 3, 3], &[5], &[5], &[45, 3]]),
            Box::new(inception),
        ),
    ]);
    all
}

/// Those that kernels know behind a batch normalisation.
const ACTIVATIONS: [Activation; 5] =
    [Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Gelu, Activation::Silu];

/// A batch normalisation that an activation reads, alone or not.
pub fn normalised_and(
    activation: Activation,
    read_twice: bool,
    graph: &mut Graph,
    inputs: &[Outlet],
) -> Vec<Outlet> {
    let &[x, scale, shift] = inputs else { return Vec::new() };
    let mean = graph.add(Filled { shape: vec![4], value: 0.0 }, &[]).unwrap();
    let normalised =
        graph.add(BatchNorm { epsilon: 0.1, momentum: 0.9 }, &[x, scale, shift, mean, mean]).unwrap();
    let y = graph.add(Activate(activation), &[normalised]).unwrap();
    vec![if read_twice { graph.add(Add, &[normalised, y]).unwrap() } else { y }]
}

fn rectified_responses(graph: &mut Graph, inputs: &[Outlet]) -> Vec<Outlet> {
    let norm = LocalResponseNorm { size: 3, alpha: 0.5, beta: 0.75, bias: 1.0 };
    let y = graph.add(norm, inputs).unwrap();
    vec![graph.add(Activate(Activation::Relu), &[y]).unwrap()]
}

const SAME: Convolution = Convolution { stride: [1, 1], dilation: [1, 1], groups: 1, pads: [1, 1, 1, 1] };

fn residual(graph: &mut Graph, inputs: &[Outlet]) -> Vec<Outlet> {
    let &[x, weights, bias, scale, shift, dense] = inputs else { return Vec::new() };
    let y = graph.add(SAME, &[x, weights, bias]).unwrap();
    let mean = graph.add(Filled { shape: vec![4], value: 0.0 }, &[]).unwrap();
    let y = graph.add(BatchNorm { epsilon: 0.1, momentum: 0.9 }, &[y, scale, shift, mean, mean]).unwrap();
    let y = graph.add(Activate(Activation::Relu), &[y]).unwrap();
    let y = graph.add(Add, &[x, y]).unwrap();
    let y = graph.add(SAME, &[y, weights]).unwrap();
    let y = graph.add(Scale(0.5), &[y]).unwrap();
    let y = graph.add(GlobalAveragePool, &[y]).unwrap();
    vec![graph.add(Dense, &[y, dense]).unwrap()]
}

fn inception(graph: &mut Graph, inputs: &[Outlet]) -> Vec<Outlet> {
    let &[x, narrow, wide, scale, shift, dense] = inputs else { return Vec::new() };
    let left = graph.add(Convolution { pads: [0; 4], ..SAME }, &[x, narrow]).unwrap();
    let right = graph.add(SAME, &[x, wide]).unwrap();
    let y = graph.add(Concat { axis: 1 }, &[left, right]).unwrap();
    let y = graph.add(LayerNorm { epsilon: 0.1 }, &[y, scale, shift]).unwrap();
    let y = graph.add(LocalResponseNorm { size: 3, alpha: 0.5, beta: 0.75, bias: 1.0 }, &[y]).unwrap();
    let y = graph.add(AveragePool(Window { kernel: [2, 2], stride: [2, 2], pads: [0; 4] }), &[y]).unwrap();
    let y = graph.add(Flatten, &[y]).unwrap();
    vec![graph.add(Dense, &[y, dense]).unwrap()]
}

/// Everything.
pub fn all() -> Vec<Application> {
    let mut rng = stream(22);
    let mut all = with_choices();
    all.extend(networks());
    all.extend(of_inference(3).into_iter().map(|(application, _)| application));
    let matrix = |rng: &mut ChaCha8Rng| positive(rng, &[4, 5]);
    let row = positive(&mut rng, &[5]);
    all.push(application(Subtract, vec![matrix(&mut rng), row.clone()]));
    all.push(application(Multiply, vec![matrix(&mut rng), row.clone()]));
    all.push(application(Divide, vec![matrix(&mut rng), row]));
    all.push(application(Scale(2.0), vec![matrix(&mut rng)]));
    all.push(application(AddScalar(2.0), vec![matrix(&mut rng)]));
    all.push(application(Square, vec![matrix(&mut rng)]));
    all.push(application(SquareRoot, vec![matrix(&mut rng)]));
    all.push(application(Reciprocal, vec![matrix(&mut rng)]));
    all.push(application(Power(1.5), vec![matrix(&mut rng)]));
    all.push(without_gradient(PowerOf(0.5), vec![matrix(&mut rng)]));
    all.push(without_gradient(AtMost(0.5), vec![matrix(&mut rng)]));
    all.push(without_gradient(Filled { shape: vec![2, 3], value: 0.5 }, Vec::new()));
    all.push(application(MatrixProduct::default(), vec![matrix(&mut rng), positive(&mut rng, &[5, 2])]));
    all.push(application(ReduceSum { axes: vec![0], keep: false }, vec![matrix(&mut rng)]));
    all.push(application(ReduceMean { axes: vec![1], keep: true }, vec![matrix(&mut rng)]));
    all.push(application(Transpose { perm: vec![1, 0] }, vec![matrix(&mut rng)]));
    all.push(application(PadZeros { axis: 1, before: 1, after: 2 }, vec![matrix(&mut rng)]));
    all.push(application(Expand { shape: vec![3, 4, 5] }, vec![matrix(&mut rng)]));
    all.extend(with_integers(&mut rng));
    all.push(Application {
        what: "integer constant, as floats".to_owned(),
        inputs: Vec::new(),
        wiring: Box::new(|graph, _| {
            let constant = IntegerConstant { shape: vec![2], values: Arc::new(vec![3, -4]) };
            let whole = graph.add(constant, &[]).unwrap();
            vec![graph.add(ToFloat, &[whole]).unwrap()]
        }),
        differentiable: false,
    });
    all
}

fn with_integers(rng: &mut ChaCha8Rng) -> Vec<Application> {
    let seed = HostTensor::I64(Vec::new(), vec![5]);
    let index = HostTensor::I64(vec![2], vec![3, 0]);
    let image = away_from_zero(rng, &[4, 2, 5, 6]);
    let (logits, labels) = (away_from_zero(rng, &[4, 5]), labels(rng, 4, 5));
    let weight = positive(rng, &[4]);
    vec![
        application(Dropout { ratio: 0.4, salt: 1 }, vec![image.clone(), seed.clone()]),
        without_gradient(Shift { pixels: 2 }, vec![image.clone(), seed.clone()]),
        without_gradient(Flip, vec![image.clone(), seed]),
        without_gradient(GatherRows, vec![image, index]),
        without_gradient(ToFloat, vec![labels.clone()]),
        application(SoftmaxCrossEntropy { label_smoothing: 0.1 }, vec![logits.clone(), labels.clone()]),
        without_gradient(SampleCrossEntropy, vec![logits.clone(), labels.clone()]),
        without_gradient(Correct, vec![logits.clone(), labels]),
        without_gradient(PredictedCounts, vec![logits.clone(), weight.clone()]),
        without_gradient(TargetSquaredErrors, vec![logits.clone(), away_from_zero(rng, &[4, 5]), weight]),
        application(MeanSquaredError, vec![logits.clone(), away_from_zero(rng, &[4, 5])]),
        without_gradient(SampleSquaredError, vec![logits.clone(), away_from_zero(rng, &[4, 5])]),
    ]
}

/// Types and shapes of an application's outputs.
pub fn output_facts(application: &Application) -> Vec<Fact> {
    let (graph, _, outputs) = super::support::wired(&application.inputs, &*application.wiring);
    outputs.iter().map(|outlet| graph.fact(*outlet).clone()).collect()
}
