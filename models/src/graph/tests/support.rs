//! Building, running and differentiating one operator.

use crate::{
    graph::{
        ElementType, Fact, Graph, Outlet,
        choices::Choices,
        gradients,
        lowering::{self, Provider},
        operators::{
            arithmetic::{Add, Multiply},
            reduce::ReduceSum,
            source::Constant,
        },
    },
    onnx::{EncodeOptions, model_of},
    training::runtime::{HostTensor, LibraryOptions, Model, Runtime},
};
use prost::Message;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Wires the operators under test onto the inputs and returns their outputs.
pub type Wiring<'a> = &'a dyn Fn(&mut Graph, &[Outlet]) -> Vec<Outlet>;

pub fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Numbers in -1..1 that keep away from zero, where activations have kinks.
pub fn away_from_zero(rng: &mut ChaCha8Rng, shape: &[usize]) -> HostTensor {
    let count = shape.iter().product();
    let draw = |_| {
        let size: f32 = rng.random_range(0.1..1.0);
        if rng.random::<bool>() { size } else { -size }
    };
    HostTensor::F32(shape.to_vec(), (0..count).map(draw).collect())
}

/// Numbers no two of which are near each other, for windows without ties.
pub fn well_apart(rng: &mut ChaCha8Rng, shape: &[usize]) -> HostTensor {
    let count: usize = shape.iter().product();
    let mut values: Vec<f32> = (0..count).map(|index| 0.05 * (index as f32 - count as f32 / 2.0)).collect();
    values.shuffle(rng);
    HostTensor::F32(shape.to_vec(), values)
}

pub fn positive(rng: &mut ChaCha8Rng, shape: &[usize]) -> HostTensor {
    let count = shape.iter().product();
    HostTensor::F32(shape.to_vec(), (0..count).map(|_| rng.random_range(0.4..1.5)).collect())
}

pub fn labels(rng: &mut ChaCha8Rng, count: usize, classes: usize) -> HostTensor {
    HostTensor::I64(vec![count], (0..count).map(|_| rng.random_range(0..classes as i64)).collect())
}

pub fn fact(tensor: &HostTensor) -> Fact {
    let element = match tensor {
        HostTensor::F32(..) => ElementType::F32,
        HostTensor::I64(..) => ElementType::I64,
        HostTensor::U8(..) => ElementType::U8,
        HostTensor::Bool(..) => ElementType::Bool,
    };
    Fact { element, shape: tensor.shape().to_vec() }
}

/// A graph with inputs `x0`, `x1`, ... like the tensors, and outputs `y0`, `y1`, ...
pub fn wired(inputs: &[HostTensor], wiring: Wiring<'_>) -> (Graph, Vec<Outlet>, Vec<Outlet>) {
    let mut graph = Graph::new();
    let named: Vec<Outlet> = inputs
        .iter()
        .enumerate()
        .map(|(index, tensor)| graph.input(format!("x{index}"), fact(tensor)))
        .collect();
    let outputs = wiring(&mut graph, &named);
    for (index, output) in outputs.iter().enumerate() {
        graph.output(format!("y{index}"), *output);
    }
    (graph, named, outputs)
}

/// The graph, ready to run on the CPU, whatever provider it was lowered for.
pub fn session(graph: &Graph, provider: Provider, choices: Choices) -> Model {
    let lowered = lowering::lower_with(graph, provider, choices);
    let model = model_of(lowered, &EncodeOptions::named("test")).encode_to_vec();
    Runtime::open(&LibraryOptions::default()).unwrap().model(&model).unwrap()
}

pub fn run(session: &mut Model, inputs: &[HostTensor]) -> Vec<HostTensor> {
    let names: Vec<String> = (0..inputs.len()).map(|index| format!("x{index}")).collect();
    let inputs: Vec<(&str, HostTensor)> =
        names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
    session.run(&inputs).unwrap().into_iter().map(|(_, tensor)| tensor).collect()
}

pub fn outputs_of(inputs: &[HostTensor], wiring: Wiring<'_>) -> Vec<HostTensor> {
    let (graph, ..) = wired(inputs, wiring);
    run(&mut session(&graph, Provider::Cpu, Choices::default()), inputs)
}

pub fn floats(tensor: &HostTensor) -> &[f32] {
    tensor.floats().unwrap()
}

pub fn assert_near(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let near = (a - b).abs() <= tolerance * (1.0 + b.abs());
        assert!(near, "{what}: element {index} is {a}, expected {b}\n{found:?}\n{expected:?}");
    }
}

/// Outputs, then the gradients of a weighted sum of the outputs with respect to each float input.
pub struct Differentiated {
    pub graph: Graph,
    pub weights: Vec<Vec<f32>>,
    /// Which inputs have a gradient, in the order of the gradients.
    pub differentiable: Vec<usize>,
}

pub fn differentiate(inputs: &[HostTensor], wiring: Wiring<'_>, rng: &mut ChaCha8Rng) -> Differentiated {
    let (mut graph, named, outputs) = wired(inputs, wiring);
    let mut weights = Vec::new();
    let mut loss = graph.add(Constant::scalar(0.0), &[]).unwrap();
    for output in &outputs {
        let shape = graph.shape(*output).to_vec();
        let weight = floats(&away_from_zero(rng, &shape)).to_vec();
        let constant = Constant { shape: shape.clone(), values: Arc::new(weight.clone()) };
        let constant = graph.add(constant, &[]).unwrap();
        let product = graph.add(Multiply, &[*output, constant]).unwrap();
        let axes = (0..shape.len()).collect();
        let sum = graph.add(ReduceSum { axes, keep: false }, &[product]).unwrap();
        loss = graph.add(Add, &[loss, sum]).unwrap();
        weights.push(weight);
    }
    let floats = inputs.iter().enumerate().filter(|(_, tensor)| tensor.floats().is_some());
    let candidates: Vec<usize> = floats.map(|(index, _)| index).collect();
    let wanted: Vec<Outlet> = candidates.iter().map(|&index| named[index]).collect();
    let found = gradients(&mut graph, loss, &wanted).unwrap();
    let mut differentiable = Vec::new();
    for (index, gradient) in candidates.into_iter().zip(found) {
        if let Some(gradient) = gradient {
            assert_eq!(graph.fact(gradient), &fact(&inputs[index]), "gradient of input {index}");
            graph.output(format!("g{index}"), gradient);
            differentiable.push(index);
        }
    }
    Differentiated { graph, weights, differentiable }
}

/// Half of the distance of central differences.
const STEP: f32 = 1e-2;
/// Elements of an input that are moved one at a time.
const PROBES: usize = 8;

/// Compares gradients with central differences: for single elements, and for a direction that moves all.
pub fn check_gradients(what: &str, inputs: &[HostTensor], wiring: Wiring<'_>, rng: &mut ChaCha8Rng) {
    check_gradients_with(what, inputs, wiring, rng, Choices::default());
}

/// The same under some choice of lowerings.
pub fn check_gradients_with(
    what: &str,
    inputs: &[HostTensor],
    wiring: Wiring<'_>,
    rng: &mut ChaCha8Rng,
    choices: Choices,
) {
    let built = differentiate(inputs, wiring, rng);
    assert!(!built.differentiable.is_empty(), "{what}: nothing to differentiate");
    let mut session = session(&built.graph, Provider::Cpu, choices);
    let outputs = built.weights.len();
    let found = run(&mut session, inputs);
    for (gradient, &index) in found[outputs..].iter().zip(&built.differentiable) {
        let gradient = floats(gradient);
        let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for direction in directions(rng, gradient.len()) {
            let mut loss = |step: f32| {
                let mut moved = inputs.to_vec();
                let HostTensor::F32(_, values) = &mut moved[index] else { unreachable!() };
                values.iter_mut().zip(&direction).for_each(|(value, along)| *value += step * along);
                weighted_sum(&run(&mut session, &moved)[..outputs], &built.weights)
            };
            let numeric = (loss(STEP) - loss(-STEP)) / (2.0 * f64::from(STEP));
            let analytic: f64 =
                gradient.iter().zip(&direction).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let tolerance = 1e-2 * numeric.abs() + 2e-3 * (1.0 + f64::from(largest));
            let near = (numeric - analytic).abs() <= tolerance;
            assert!(near, "{what}: input {index} along {direction:?}: {analytic}, by differences {numeric}");
        }
    }
}

fn directions(rng: &mut ChaCha8Rng, count: usize) -> Vec<Vec<f32>> {
    let mut elements: Vec<usize> = (0..count).collect();
    elements.shuffle(rng);
    let single = |&element: &usize| {
        let mut direction = vec![0.0; count];
        direction[element] = 1.0;
        direction
    };
    let mut directions: Vec<Vec<f32>> = elements.iter().take(PROBES).map(single).collect();
    directions.push((0..count).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect());
    directions
}

fn weighted_sum(outputs: &[HostTensor], weights: &[Vec<f32>]) -> f64 {
    let products =
        outputs.iter().zip(weights).flat_map(|(output, weights)| floats(output).iter().zip(weights));
    products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
