use super::*;
use crate::{
    graph::tests::{
        standard::{Vectors, vectors},
        support::{assert_near, away_from_zero, fact, floats, run, session, stream},
    },
    graph::{choices::Choices, lowering::Provider},
    training::runtime::HostTensor,
};

const COUNT: usize = 6;

fn rule(optimizer: Optimizer) -> Rule {
    Rule { optimizer, momentum: 0.9, weight_decay: 0.0, gradient_clip: 0.0, decayed: COUNT }
}

/// Inputs `x0..`: parameters, gradient, learning rate, step, moments. Outputs: parameters, moments.
fn graph_of(rule: &Rule, numbers: Numbers, inputs: &[HostTensor]) -> Graph {
    let mut graph = Graph::new();
    let named: Vec<Outlet> = inputs
        .iter()
        .enumerate()
        .map(|(index, tensor)| graph.input(format!("x{index}"), fact(tensor)))
        .collect();
    let given = Given { parameters: named[0], gradient: named[1], learning_rate: named[2], step: named[3] };
    let updated = update_with(&mut graph, rule, numbers, given, &named[4..]).unwrap();
    graph.output("next", updated.parameters);
    for (index, moment) in updated.moments.into_iter().enumerate() {
        graph.output(format!("moment_{index}"), moment);
    }
    graph
}

fn one_step(rule: &Rule, numbers: Numbers, inputs: &[HostTensor]) -> Vec<HostTensor> {
    run(&mut session(&graph_of(rule, numbers, inputs), Provider::Cpu, Choices::default()), inputs)
}

/// The optimizers as textbooks and PyTorch have them, in 64 bits, moments as means.
struct Reference {
    parameters: Vec<f64>,
    velocity: Vec<f64>,
    squares: Vec<f64>,
}

impl Reference {
    fn step(&mut self, rule: &Rule, gradient: &[f32], rate: f64, step: i32) {
        let (mu, beta) = (f64::from(rule.momentum), 0.999);
        let norm = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        let clip = f64::from(rule.gradient_clip);
        let factor = if clip > 0.0 { (clip / (norm + 1e-6)).min(1.0) } else { 1.0 };
        for (index, &gradient) in gradient.iter().enumerate() {
            let decay = if index < rule.decayed { f64::from(rule.weight_decay) } else { 0.0 };
            let mut p = self.parameters[index];
            let mut g = f64::from(gradient) * factor;
            match rule.optimizer {
                Optimizer::AdamW => p -= rate * decay * p,
                _ => g += decay * p,
            }
            let (v, s) = (&mut self.velocity[index], &mut self.squares[index]);
            p -= match rule.optimizer {
                Optimizer::Sgd => rate * g,
                Optimizer::Momentum => {
                    *v = mu * *v + g;
                    rate * *v
                }
                Optimizer::Nesterov => {
                    *v = mu * *v + g;
                    rate * (g + mu * *v)
                }
                Optimizer::RmsProp => {
                    *s = mu * *s + (1.0 - mu) * g * g;
                    rate * g / (s.sqrt() + 1e-8)
                }
                Optimizer::Adam | Optimizer::AdamW => {
                    *v = mu * *v + (1.0 - mu) * g;
                    *s = beta * *s + (1.0 - beta) * g * g;
                    let corrected = *v / (1.0 - mu.powi(step));
                    rate * corrected / ((*s / (1.0 - beta.powi(step))).sqrt() + 1e-8)
                }
            };
            self.parameters[index] = p;
        }
    }
}

#[test]
fn several_steps_follow_the_textbook() {
    let mut rng = stream(30);
    for &optimizer in Optimizer::ALL {
        for (weight_decay, decayed, gradient_clip) in
            [(0.0, COUNT, 0.0), (0.1, COUNT, 0.0), (0.1, 4, 0.5), (0.1, 0, 100.0), (0.0, 2, 0.5)]
        {
            let rule = Rule { weight_decay, decayed, gradient_clip, ..rule(optimizer) };
            let start = away_from_zero(&mut rng, &[COUNT]);
            let zeros = || vec![0.0; COUNT];
            let parameters = floats(&start).iter().map(|&p| f64::from(p)).collect();
            let mut reference = Reference { parameters, velocity: zeros(), squares: zeros() };
            let zero = HostTensor::F32(vec![COUNT], vec![0.0; COUNT]);
            let mut state = vec![start];
            state.resize(1 + moments(optimizer), zero.clone());
            let numbers = Numbers { square_decay: SQUARE_DECAY, epsilon: EPSILON };
            let mut inputs =
                vec![zero.clone(), zero, HostTensor::scalar(0.0), HostTensor::I64(vec![], vec![1])];
            inputs.extend_from_slice(&state[1..]);
            let mut session = session(&graph_of(&rule, numbers, &inputs), Provider::Cpu, Choices::default());
            for step in 1..=4 {
                let gradient = away_from_zero(&mut rng, &[COUNT]);
                let rate = 0.1 / step as f32;
                reference.step(&rule, floats(&gradient), f64::from(rate), step);
                inputs = vec![state[0].clone(), gradient, HostTensor::scalar(rate)];
                inputs.push(HostTensor::I64(Vec::new(), vec![i64::from(step)]));
                inputs.extend_from_slice(&state[1..]);
                state = run(&mut session, &inputs);
                let expected: Vec<f32> = reference.parameters.iter().map(|&p| p as f32).collect();
                assert_near(&format!("{rule:?} step {step}"), floats(&state[0]), &expected, 1e-4);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut graph = Graph::new();
    let vector = graph.input("vector", Fact::f32(&[COUNT]));
    let short = graph.input("short", Fact::f32(&[COUNT - 1]));
    let rate = graph.input("rate", Fact::f32(&[]));
    let step = graph.input("step", Fact::i64(&[]));
    let mut message = |rule: Rule, gradient: Outlet, moments: &[Outlet]| {
        update(&mut graph, &rule, vector, gradient, moments, rate, step).unwrap_err().to_string()
    };
    assert!(message(rule(Optimizer::Sgd), short, &[]).contains("[5]"));
    assert!(message(rule(Optimizer::Adam), vector, &[vector]).contains("adam keeps 2 moments, got 1"));
    assert!(message(Rule { decayed: 9, ..rule(Optimizer::Sgd) }, vector, &[]).contains("9 of 6"));
}

/// The tensors at these places, one after another.
fn joined(tensors: &[HostTensor], places: std::ops::Range<usize>) -> HostTensor {
    let values: Vec<f32> = tensors[places].iter().flat_map(|tensor| floats(tensor).to_vec()).collect();
    HostTensor::F32(vec![values.len()], values)
}

fn scaled(tensor: &HostTensor, factor: f32) -> HostTensor {
    HostTensor::F32(tensor.shape().to_vec(), floats(tensor).iter().map(|value| value * factor).collect())
}

/// ONNX's tests are at its step 0, at which its optimizers correct nothing. Ours count from 1 and approach "no
/// correction" as the step grows. Theirs adds `norm_coefficient * x` to the gradient, which is our weight decay.
/// Tensors come in the order R, T, then all X, all G, all V, all H; ours is one vector of each.
fn check_vectors(name: &str, optimizer: Optimizer) {
    let Some(vectors) = vectors(name) else { return };
    let kinds = 2 + moments(optimizer);
    let tensors = (vectors.inputs.len() - 2) / kinds;
    let part = |kind: usize| joined(&vectors.inputs, 2 + kind * tensors..2 + (kind + 1) * tensors);
    let rate = HostTensor::scalar(floats(&vectors.inputs[0])[0]);
    let step = HostTensor::I64(Vec::new(), vec![1_000_000_000]);
    let factors = moment_factors(&vectors, optimizer);
    let mut inputs = vec![part(0), part(1), rate, step];
    inputs.extend(factors.iter().enumerate().map(|(index, factor)| scaled(&part(2 + index), 1.0 / factor)));
    let decayed = inputs[0].shape()[0];
    let momentum = vectors.float("alpha").unwrap();
    let weight_decay = vectors.float("norm_coefficient").unwrap();
    let rule = Rule { optimizer, momentum, weight_decay, gradient_clip: 0.0, decayed };
    let numbers = Numbers {
        square_decay: vectors.float("beta").unwrap_or(SQUARE_DECAY),
        epsilon: vectors.float("epsilon").unwrap_or(EPSILON),
    };
    let found = one_step(&rule, numbers, &inputs);
    let expected = |kind: usize| joined(&vectors.outputs, kind * tensors..(kind + 1) * tensors);
    assert_near(name, floats(&found[0]), floats(&expected(0)), 1e-5);
    for (index, factor) in factors.iter().enumerate() {
        let moment = scaled(&found[1 + index], *factor);
        assert_near(name, floats(&moment), floats(&expected(1 + index)), 1e-5);
    }
}

/// What our moments, sums, are to be multiplied with to be theirs: means for Adam, sums too for momentum.
fn moment_factors(vectors: &Vectors, optimizer: Optimizer) -> Vec<f32> {
    match optimizer {
        Optimizer::Adam => ["alpha", "beta"].map(|name| 1.0 - vectors.float(name).unwrap()).to_vec(),
        _ => vec![1.0],
    }
}

#[test]
fn the_standards_vectors() {
    check_vectors("test_adam", Optimizer::Adam);
    check_vectors("test_adam_multiple", Optimizer::Adam);
    check_vectors("test_momentum", Optimizer::Momentum);
    check_vectors("test_momentum_multiple", Optimizer::Momentum);
    check_vectors("test_nesterov_momentum", Optimizer::Nesterov);
}
