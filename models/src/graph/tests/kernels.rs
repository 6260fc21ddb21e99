//! Hatchery's own kernels, beside what standard operators compute.

use super::{
    catalogue,
    support::{
        assert_near, check_gradients_with, differentiate, fact, floats, positive, run, session, stream,
    },
};
use crate::{
    graph::{
        Fact, Graph,
        choices::Choices,
        emitter::KERNEL_DOMAIN,
        lowering::{Lowered, Provider, lower_with},
        optimizer::{Rule, moments, update},
    },
    training::runtime::{HostTensor, LibraryOptions, Runtime},
};
use hatchery_config::vocabulary::Optimizer;

const KERNELS: Choices = Choices { kernels: true, ..NONE };
const NONE: Choices = Choices {
    kernels: false,
    samples_at_once: None,
    part_bytes: None,
    forward: None,
    input_gradient: None,
    weight_gradient: None,
    bias_gradient: None,
    max_pool: None,
    max_pool_gradient: None,
    average_pool_gradient: None,
    spread: None,
    batch_moments: None,
    channel_affine: None,
    relu_gradient: None,
};

/// Whether this processor has the kernels; says so where it has not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_kernels() -> bool {
    let has = Runtime::open(&LibraryOptions::default()).unwrap().has_kernels();
    if !has {
        eprintln!("skipped: kernels need a processor with AVX2");
    }
    has
}

fn kernels_of(lowered: &Lowered) -> Vec<&'static str> {
    let kernels = lowered.nodes.iter().filter(|node| node.domain == KERNEL_DOMAIN);
    kernels.map(|node| node.op_type).collect()
}

fn applications() -> impl Iterator<Item = catalogue::Application> {
    catalogue::with_choices().into_iter().chain(catalogue::networks())
}

fn outcome(application: &catalogue::Application, choices: Choices) -> Vec<HostTensor> {
    let built = differentiate(&application.inputs, &*application.wiring, &mut stream(1));
    run(&mut session(&built.graph, Provider::Cpu, choices), &application.inputs)
}

#[test]
fn kernels_compute_what_standard_operators_do() {
    if !has_kernels() {
        return;
    }
    for application in applications() {
        let expected = outcome(&application, NONE);
        let found = outcome(&application, KERNELS);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let what = format!("{}: output {index}", application.what);
            assert_eq!(fact(found), fact(expected), "{what}");
            assert_near(&what, found.floats().unwrap(), expected.floats().unwrap(), 2e-4);
        }
    }
}

#[test]
fn kernels_have_the_gradients_of_what_they_compute() {
    if !has_kernels() {
        return;
    }
    for application in catalogue::with_choices() {
        let graph = differentiate(&application.inputs, &*application.wiring, &mut stream(1)).graph;
        let kernels = kernels_of(&lower_with(&graph, Provider::Cpu, KERNELS));
        if kernels.iter().all(|name| *name == "Formula") {
            continue;
        }
        check_gradients_with(
            &application.what,
            &application.inputs,
            &*application.wiring,
            &mut stream(40),
            KERNELS,
        );
    }
}

/// One step on vectors that several blocks of a formula are needed for.
fn optimizer_step(optimizer: Optimizer) -> (Graph, Vec<HostTensor>) {
    const PARAMETERS: usize = 1100;
    let mut rng = stream(41);
    let mut graph = Graph::new();
    let mut inputs = Vec::new();
    let mut vectors = Vec::new();
    for index in 0..2 + moments(optimizer) {
        vectors.push(graph.input(format!("x{index}"), Fact::f32(&[PARAMETERS])));
        inputs.push(positive(&mut rng, &[PARAMETERS]));
    }
    let rate = graph.input(format!("x{}", vectors.len()), Fact::f32(&[]));
    let step = graph.input(format!("x{}", vectors.len() + 1), Fact::i64(&[]));
    inputs.push(HostTensor::F32(Vec::new(), vec![0.01]));
    inputs.push(HostTensor::I64(Vec::new(), vec![3]));
    let rule = Rule { optimizer, momentum: 0.9, weight_decay: 0.1, gradient_clip: 1.0, decayed: 700 };
    let updated = update(&mut graph, &rule, vectors[0], vectors[1], &vectors[2..], rate, step).unwrap();
    graph.output("parameters", updated.parameters);
    for (index, moment) in updated.moments.into_iter().enumerate() {
        graph.output(format!("moment {index}"), moment);
    }
    (graph, inputs)
}

#[test]
fn an_optimizer_is_one_formula_and_computes_the_same() {
    if !has_kernels() {
        return;
    }
    for &optimizer in Optimizer::ALL {
        let (graph, inputs) = optimizer_step(optimizer);
        let lowered = lower_with(&graph, Provider::Cpu, KERNELS);
        assert!(kernels_of(&lowered).contains(&"Formula"), "{optimizer}: {lowered:?}");
        let expected = run(&mut session(&graph, Provider::Cpu, NONE), &inputs);
        let found = run(&mut session(&graph, Provider::Cpu, KERNELS), &inputs);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_near(optimizer.word(), floats(found), floats(expected), 1e-5);
        }
    }
}

/// What lies between a normalisation and what follows it is in no memory, forth and back.
#[test]
fn normalisations_compute_the_non_linearities_behind_them() {
    for network in catalogue::networks() {
        let graph = differentiate(&network.inputs, &*network.wiring, &mut stream(1)).graph;
        let mut kernels = kernels_of(&lower_with(&graph, Provider::Cpu, KERNELS));
        kernels.retain(|name| *name != "Formula");
        match network.what.as_str() {
            "rectified responses" => assert_eq!(kernels, ["LocalResponseNorm", "LocalResponseNormGradient"]),
            what if what.ends_with("read twice: false") => {
                assert_eq!(kernels, ["BatchNorm", "BatchNormGradient"], "{what}");
            }
            what if what.ends_with("read twice: true") => {
                let apart = ["BatchNorm", "Activation", "ActivationGradient", "BatchNormGradient"];
                assert_eq!(kernels, apart, "{what}");
            }
            _ => {}
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bits() {
    if !has_kernels() {
        return;
    }
    for application in applications() {
        assert_eq!(outcome(&application, KERNELS), outcome(&application, KERNELS), "{}", application.what);
    }
}

/// All kernels are used somewhere, none where it was not asked for, and none on a GPU.
#[test]
fn kernels_are_in_graphs_for_our_own_sessions_on_the_processor_only() {
    let mut used = std::collections::BTreeSet::new();
    for application in applications() {
        let graph = differentiate(&application.inputs, &*application.wiring, &mut stream(1)).graph;
        used.extend(kernels_of(&lower_with(&graph, Provider::Cpu, KERNELS)));
        assert_eq!(kernels_of(&lower_with(&graph, Provider::Cpu, NONE)), [""; 0], "{}", application.what);
        assert_eq!(kernels_of(&lower_with(&graph, Provider::Cuda, KERNELS)), [""; 0], "{}", application.what);
    }
    let all = [
        "Activation",
        "ActivationGradient",
        "AveragePoolGradient",
        "BatchNorm",
        "BatchNormGradient",
        "Convolution",
        "ConvolutionInputGradient",
        "ConvolutionWeightGradient",
        "LocalResponseNorm",
        "LocalResponseNormGradient",
        "MaxPool",
        "MaxPoolGradient",
        "RectifierGradient",
    ];
    let used = used.into_iter().filter(|name| !["ChannelSum", "Formula"].contains(name));
    assert_eq!(used.collect::<Vec<_>>(), all);
}
