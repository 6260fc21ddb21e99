//! Networks with known numbers of parameters, for tests: those on which training speed is compared with PyTorch.

use crate::{
    expression::{NotViable, Shape, blueprint, estimate, viable},
    genome::{
        Activation, Convolution, Dense, Genome, Groups, LayerGene, Norm, Optimizer, Padding, Pool, Residual,
        sample,
    },
    problem::{Problem, Task},
};
use hatchery_config::experiment::Limits;

/// One network of the suite.
pub(crate) struct Network {
    pub name: &'static str,
    pub genome: Genome,
    pub problem: Problem,
    /// Counted by hand.
    pub parameters: u64,
    /// Counted by hand; `None` where nobody did.
    pub multiply_adds: Option<u64>,
}

/// All networks of the suite.
pub(crate) fn networks() -> Vec<Network> {
    vec![mlp(), digits(), lenet(), fashion(), cifar_quick(), residual_network(), detector()]
}

fn mlp() -> Network {
    let relu = Activation::Relu;
    Network {
        name: "mlp",
        genome: genome(vec![dense(256, relu), dense(256, relu)], 128),
        problem: problem(64, 1, 1, 10),
        parameters: (64 * 256 + 256) + (256 * 256 + 256) + (256 * 10 + 10),
        multiply_adds: Some(64 * 256 + 256 * 256 + 2560),
    }
}

fn digits() -> Network {
    let layers = vec![
        conv(8, 3, 3),
        conv(16, 3, 3),
        max(2, 2),
        conv(32, 3, 3),
        max(2, 2),
        dense(64, Activation::Relu),
    ];
    Network {
        name: "digits",
        genome: genome(layers, 32),
        problem: problem(1, 8, 8, 10),
        parameters: 80 + 1168 + 4640 + (128 * 64 + 64) + 650,
        multiply_adds: Some(64 * 72 + 64 * 1152 + 16 * 4608 + 128 * 64 + 640),
    }
}

fn lenet() -> Network {
    let layers = vec![valid(20, 5), max(2, 2), valid(50, 5), max(2, 2), dense(500, Activation::Relu)];
    Network {
        name: "lenet",
        genome: genome(layers, 64),
        problem: problem(1, 28, 28, 10),
        parameters: 520 + 25_050 + (800 * 500 + 500) + 5010,
        multiply_adds: None,
    }
}

fn fashion() -> Network {
    let layers = vec![
        conv(32, 3, 3),
        conv(64, 3, 3),
        max(2, 2),
        conv(128, 3, 3),
        max(2, 2),
        dense(128, Activation::Relu),
    ];
    Network {
        name: "fashion",
        genome: genome(layers, 64),
        problem: problem(1, 28, 28, 10),
        parameters: 320 + 18_496 + 73_856 + (6272 * 128 + 128) + 1290,
        multiply_adds: None,
    }
}

/// The suite's activation behind the pool commutes with the maximum.
fn cifar_quick() -> Network {
    let layers = vec![
        conv(32, 5, 5),
        max(3, 2),
        conv(32, 5, 5),
        average(3, 2),
        conv(64, 5, 5),
        average(3, 2),
        dense(64, Activation::None),
    ];
    Network {
        name: "cifar-quick",
        genome: genome(layers, 100),
        problem: problem(3, 32, 32, 10),
        parameters: 2432 + 25_632 + 51_264 + (1024 * 64 + 64) + 650,
        multiply_adds: None,
    }
}

fn residual_network() -> Network {
    let layers =
        vec![normalised(16), residual(16, 1), residual(32, 2), residual(64, 2), LayerGene::GlobalAveragePool];
    Network {
        name: "residual",
        genome: genome(layers, 64),
        problem: problem(3, 32, 32, 10),
        // No bias in front of a batch normalisation; a projection with bias where the shape changes.
        parameters: (432 + 32)
            + (2 * 2304 + 64)
            + (4608 + 9216 + 128 + 512 + 32)
            + (18_432 + 36_864 + 256 + 2048 + 64)
            + 650,
        multiply_adds: None,
    }
}

fn detector() -> Network {
    let layers = vec![
        conv(12, 7, 3),
        max(2, 2),
        conv(32, 1, 9),
        max(2, 2),
        conv(46, 3, 3),
        max(2, 2),
        LayerGene::Merge,
        conv(96, 3, 3),
        LayerGene::GlobalAveragePool,
        LayerGene::Dropout { ratio: 0.3 },
    ];
    Network {
        name: "detector",
        genome: genome(layers, 16),
        problem: Problem { multi_view: true, ..problem(2, 100, 80, 8) },
        parameters: 2 * ((21 * 12 + 12) + (12 * 9 * 32 + 32) + (32 * 9 * 46 + 46))
            + (92 * 9 * 96 + 96)
            + (96 * 8 + 8),
        multiply_adds: None,
    }
}

fn problem(channels: u32, height: u32, width: u32, classes: u32) -> Problem {
    Problem { channels, height, width, multi_view: false, task: Task::Classification { classes } }
}

fn genome(layers: Vec<LayerGene>, batch_size: u32) -> Genome {
    let mut genome = Genome { layers, ..sample() };
    genome.training.batch_size = batch_size;
    genome.training.optimizer = Optimizer::Momentum;
    genome
}

fn plain(filters: u32, kernel: [u32; 2]) -> Convolution {
    Convolution {
        filters,
        kernel,
        stride: 1,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm: Norm::None,
        activation: Activation::Relu,
    }
}

fn conv(filters: u32, height: u32, width: u32) -> LayerGene {
    LayerGene::Convolution(plain(filters, [height, width]))
}

fn valid(filters: u32, kernel: u32) -> LayerGene {
    LayerGene::Convolution(Convolution {
        padding: Padding::Valid,
        activation: Activation::None,
        ..plain(filters, [kernel; 2])
    })
}

fn normalised(filters: u32) -> LayerGene {
    LayerGene::Convolution(Convolution { norm: Norm::Batch, ..plain(filters, [3, 3]) })
}

fn residual(filters: u32, stride: u32) -> LayerGene {
    LayerGene::Residual(Residual { filters, stride, norm: Norm::Batch, activation: Activation::Relu })
}

fn max(kernel: u32, stride: u32) -> LayerGene {
    LayerGene::MaxPool(Pool { kernel, stride, padding: Padding::Same })
}

fn average(kernel: u32, stride: u32) -> LayerGene {
    LayerGene::AveragePool(Pool { kernel, stride, padding: Padding::Same })
}

fn dense(units: u32, activation: Activation) -> LayerGene {
    LayerGene::Dense(Dense { units, norm: Norm::None, activation })
}

#[test]
fn known_networks_have_known_costs() {
    for network in networks() {
        let blueprint = blueprint(&network.genome, &network.problem).unwrap();
        let estimate = estimate(&network.genome, &blueprint);
        assert_eq!(estimate.parameters, network.parameters, "parameters of {}", network.name);
        if let Some(multiply_adds) = network.multiply_adds {
            assert_eq!(estimate.multiply_adds, multiply_adds, "multiply-adds of {}", network.name);
        }
    }
}

#[test]
fn known_networks_have_known_shapes() {
    let shapes = |name: &str| {
        let network = networks().into_iter().find(|network| network.name == name).unwrap();
        let blueprint = blueprint(&network.genome, &network.problem).unwrap();
        blueprint.layers.iter().map(Shape::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shapes("lenet"), "20x24x24 20x12x12 50x8x8 50x4x4 500");
    assert_eq!(shapes("cifar-quick"), "32x32x32 32x16x16 32x16x16 32x8x8 64x8x8 64x4x4 64");
    assert_eq!(shapes("residual"), "16x32x32 16x32x32 32x16x16 64x8x8 64");
    assert_eq!(
        shapes("detector"),
        "12x100x80 12x50x40 32x50x40 32x25x20 46x25x20 46x13x10 92x13x10 96x13x10 96 96"
    );
}

#[test]
fn memory_counts_state_activations_and_workspace() {
    let network = networks().into_iter().find(|network| network.name == "mlp").unwrap();
    let estimate = viable(&network.genome, &network.problem, &Limits::default()).unwrap();
    // Input, two dense layers with activations, head.
    let values = 64 + 4 * 256 + 10;
    assert_eq!(estimate.memory_bytes, 4 * (estimate.parameters * 5 + 2 * 128 * values));
}

#[test]
fn limits_are_named_when_exceeded() {
    let network = networks().into_iter().find(|network| network.name == "digits").unwrap();
    let (genome, problem) = (network.genome, network.problem);
    let allowed = viable(&genome, &problem, &Limits::default()).unwrap();
    let exact = Limits {
        parameters: allowed.parameters,
        multiply_adds: allowed.multiply_adds,
        memory_mib: allowed.memory_bytes.div_ceil(1 << 20),
        ..Limits::default()
    };
    assert_eq!(viable(&genome, &problem, &exact), Ok(allowed));
    let few = Limits { parameters: allowed.parameters - 1, ..exact.clone() };
    assert!(matches!(viable(&genome, &problem, &few), Err(NotViable::Parameters { .. })));
    let slow = Limits { multiply_adds: allowed.multiply_adds - 1, ..exact.clone() };
    assert!(matches!(viable(&genome, &problem, &slow), Err(NotViable::MultiplyAdds { .. })));
    let small = Limits { memory_mib: exact.memory_mib - 1, ..exact };
    assert!(matches!(viable(&genome, &problem, &small), Err(NotViable::Memory { .. })));
}
