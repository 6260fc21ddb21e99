//! Everything that is lowered for CUDA has a kernel there.

use super::{
    catalogue,
    support::{differentiate, stream, wired},
};
use crate::graph::{
    Fact, Graph,
    cuda_kernels::{CUDA_OPERATORS, has_cuda_kernel},
    emitter::LoweredNode,
    lowering::{Provider, lower},
    optimizer::{self, Rule},
};
use hatchery_config::vocabulary::Optimizer;

#[test]
fn the_list_is_sorted_and_names_each_operator_once() {
    assert!(CUDA_OPERATORS.windows(2).all(|pair| pair[0] < pair[1]));
}

/// Known to be missing, by ONNX Runtime's documentation.
#[test]
fn operators_without_kernels_are_not_on_the_list() {
    for op_type in
        ["MaxUnpool", "Mean", "Celu", "Hardmax", "LpPool", "Col2Im", "Multinomial", "BitShift", "Gelu"]
    {
        assert!(!has_cuda_kernel(op_type), "{op_type}");
    }
}

fn assert_on_cuda(what: &str, graph: &Graph) {
    for node in lower(graph, Provider::Cuda).nodes {
        assert!(has_cuda_kernel(node.op_type), "{what}: no CUDA kernel for {}", node.op_type);
        assert!(!is_training_mode(&node), "{what}: CUDA refuses {} in training mode", node.op_type);
    }
}

fn is_training_mode(node: &LoweredNode) -> bool {
    node.attributes.iter().any(|(name, _)| *name == "training_mode")
}

#[test]
fn every_operator_and_gradient_has_kernels() {
    for application in catalogue::all() {
        let (graph, ..) = wired(&application.inputs, &*application.wiring);
        assert_on_cuda(&application.what, &graph);
        if application.differentiable {
            let built = differentiate(&application.inputs, &*application.wiring, &mut stream(1));
            assert_on_cuda(&application.what, &built.graph);
        }
    }
}

#[test]
fn every_optimizer_has_kernels() {
    for &optimizer in Optimizer::ALL {
        let mut graph = Graph::new();
        let mut vector = |name: &str| graph.input(name, Fact::f32(&[4]));
        let (parameters, gradient) = (vector("parameters"), vector("gradient"));
        let moments: Vec<_> =
            (0..optimizer::moments(optimizer)).map(|index| vector(&format!("moment_{index}"))).collect();
        let rate = graph.input("rate", Fact::f32(&[]));
        let step = graph.input("step", Fact::i64(&[]));
        let rule = Rule { optimizer, momentum: 0.9, weight_decay: 0.1, gradient_clip: 1.0, decayed: 3 };
        let updated =
            optimizer::update(&mut graph, &rule, parameters, gradient, &moments, rate, step).unwrap();
        graph.output("next", updated.parameters);
        assert_on_cuda(optimizer.word(), &graph);
    }
}
