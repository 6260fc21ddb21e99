//! Each rule refuses what it is for, and ordinary networks pass.

use super::*;
use crate::{
    expression::blueprint,
    genome::{
        Activation, Convolution, Dense, Inception, LayerGene, Norm, Optimizer, Padding, Pool, Residual,
        TrainingGenes, sample,
    },
    problem::{Problem, Task},
};

const IMAGES: Problem = Problem {
    channels: 1,
    height: 28,
    width: 28,
    multi_view: false,
    task: Task::Classification { classes: 10 },
};

fn broken(genome: &Genome) -> Option<&'static str> {
    let blueprint = blueprint(genome, &IMAGES).unwrap();
    plausible(genome, &blueprint).err().map(|implausible| implausible.rule)
}

fn with_layers(layers: Vec<LayerGene>) -> Genome {
    Genome { layers, ..sample() }
}

fn with_training(change: impl FnOnce(&mut TrainingGenes)) -> Genome {
    let mut genome = sample();
    change(&mut genome.training);
    genome
}

fn conv(change: impl FnOnce(&mut Convolution)) -> LayerGene {
    let LayerGene::Convolution(mut genes) = sample().layers[0].clone() else { panic!() };
    change(&mut genes);
    LayerGene::Convolution(genes)
}

fn dense(units: u32, activation: Activation) -> LayerGene {
    LayerGene::Dense(Dense { units, norm: Norm::None, activation })
}

fn residual(norm: Norm) -> LayerGene {
    LayerGene::Residual(Residual { filters: 32, stride: 1, norm, activation: Activation::Relu })
}

fn pool(kernel: u32, stride: u32) -> LayerGene {
    LayerGene::MaxPool(Pool { kernel, stride, padding: Padding::Same })
}

fn dropout(ratio: f64) -> LayerGene {
    LayerGene::Dropout { ratio }
}

#[test]
fn ordinary_networks_pass() {
    assert_eq!(broken(&sample()), None);
    let lasting = with_layers(vec![
        conv(|_| {}),
        residual(Norm::Batch),
        pool(2, 2),
        residual(Norm::Batch),
        LayerGene::GlobalAveragePool,
        dropout(0.3),
    ]);
    assert_eq!(broken(&lasting), None);
    let momentum =
        with_training(|genes| (genes.optimizer, genes.learning_rate) = (Optimizer::Momentum, 0.01));
    assert_eq!(broken(&momentum), None);
}

#[test]
fn rules_of_training_refuse_what_they_are_for() {
    let timid = with_training(|genes| (genes.optimizer, genes.learning_rate) = (Optimizer::Sgd, 1e-3));
    assert_eq!(broken(&timid), Some("timid rate"));
    assert_eq!(broken(&with_training(|genes| genes.learning_rate = 0.05)), Some("bold rate"));
    assert_eq!(broken(&with_training(|genes| genes.gradient_clip = 0.01)), Some("tiny clip"));
    let heavy = with_training(|genes| (genes.optimizer, genes.weight_decay) = (Optimizer::Adam, 0.01));
    assert_eq!(broken(&heavy), Some("heavy decay"));
    assert_eq!(broken(&with_training(|genes| genes.batch_size = 2)), Some("noisy batch norm"));
    assert_eq!(broken(&with_training(|genes| genes.shift = 6)), Some("wide shift"));
}

#[test]
fn rules_of_values_refuse_what_they_are_for() {
    let tanh = vec![conv(|_| {}); 2].into_iter().chain(vec![dense(64, Activation::Tanh); 4]).collect();
    let bare = |genes: &mut Convolution| genes.norm = Norm::None;
    let cases = [
        ("no features", vec![dense(64, Activation::None)]),
        ("saturating stack", tanh),
        ("bare depth", (0..8).map(|_| conv(bare)).collect()),
        ("bare residual", vec![conv(bare), residual(Norm::None), residual(Norm::None)]),
        ("narrow bottleneck", vec![conv(|_| {}), dense(5, Activation::Relu)]),
        ("narrow bottleneck", vec![conv(|genes| genes.filters = 2)]),
        ("drowned by dropout", vec![conv(|_| {}), dense(20, Activation::Relu), dropout(0.5)]),
        ("dropout before batch norm", vec![conv(|_| {}), dropout(0.2), conv(|_| {})]),
        ("dropout on the input", vec![dropout(0.5), conv(bare)]),
        ("repeated norm", vec![conv(|_| {}), LayerGene::Normalisation { norm: Norm::Layer }]),
    ];
    for (rule, layers) in cases {
        assert_eq!(broken(&with_layers(layers)), Some(rule));
    }
    let blank = LayerGene::Dense(Dense { units: 12, norm: Norm::Layer, activation: Activation::Relu });
    assert_eq!(broken(&with_layers(vec![conv(|_| {}), blank])), Some("blank layer norm"));
}

#[test]
fn rules_of_positions_refuse_what_they_are_for() {
    let point = |genes: &mut Convolution| genes.kernel = [1, 1];
    let inception =
        Inception { branches: [8, 8, 8, 8], bottleneck: 8, norm: Norm::Batch, activation: Activation::Relu };
    let cases = [
        ("spatial collapse", vec![conv(|_| {}), pool(28, 28), LayerGene::Inception(inception)]),
        ("skipped positions", vec![conv(|genes| genes.stride = 4)]),
        ("blind pooling", vec![pool(2, 2), conv(|_| {})]),
        ("repeated pooling", vec![conv(|_| {}), pool(2, 2), pool(2, 2)]),
        ("shallow summary", vec![conv(|_| {}), LayerGene::GlobalAveragePool]),
        ("pointwise only", vec![conv(point), pool(2, 2), conv(point)]),
    ];
    for (rule, layers) in cases {
        assert_eq!(broken(&with_layers(layers)), Some(rule));
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: std::collections::HashSet<&str> = RULES.into_iter().flatten().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.into_iter().flatten().count());
}
