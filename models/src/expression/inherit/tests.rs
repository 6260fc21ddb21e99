//! What is inherited, and what is not.

use super::*;
use crate::expression::{initial_statistics, suite};
use crate::genome::{Activation, Dense, Norm, Pool};
use hatchery_config::vocabulary::Padding;

/// Every value tells where it comes from.
fn numbered(genome: &Genome, problem: &Problem, sign: f32) -> (Layout, Weights) {
    let layout = layout(genome, &blueprint(genome, problem).unwrap());
    let numbers = |count: usize| (1..=count).map(|number| sign * number as f32).collect();
    let weights = Weights { parameters: numbers(layout.parameters), statistics: numbers(layout.statistics) };
    (layout, weights)
}

fn digits() -> Problem {
    suite::networks().into_iter().find(|network| network.name == "digits").unwrap().problem
}

/// Which tensors of the child have the parent's numbers; a tensor has all of them or none.
fn inherited(parent: &Genome, child: &Genome) -> Vec<String> {
    let problem = digits();
    let (_, theirs) = numbered(parent, &problem, 1.0);
    let (layout, own) = numbered(child, &problem, -1.0);
    let bequest = Bequest { genome: parent, weights: &theirs };
    let (weights, count) = inherit(&bequest, child, &problem, own.clone()).unwrap();
    let parameters = layout
        .tensors
        .iter()
        .map(|one| (&one.name, one.offset, one.volume(), &weights.parameters, &own.parameters));
    let statistics = layout
        .statistic_tensors
        .iter()
        .map(|one| (&one.name, one.offset, one.channels, &weights.statistics, &own.statistics));
    let (mut names, mut copied) = (Vec::new(), 0);
    for (name, offset, length, now, before) in parameters.chain(statistics) {
        let (now, before) = (&now[offset..offset + length], &before[offset..offset + length]);
        if now == before {
            continue;
        }
        assert!(now.iter().all(|value| *value > 0.0), "{name} is of both");
        assert!(now.windows(2).all(|pair| pair[1] == pair[0] + 1.0), "{name} is no one tensor of the parent");
        names.push(name.clone());
        copied += length;
    }
    assert_eq!(count, copied);
    names
}

fn dense(units: u32) -> LayerGene {
    LayerGene::Dense(Dense { units, norm: Norm::None, activation: Activation::Relu })
}

fn with(change: impl FnOnce(&mut Genome)) -> (Genome, Genome) {
    let parent = crate::genome::sample();
    let mut child = parent.clone();
    change(&mut child);
    (parent, child)
}

#[test]
fn an_unchanged_network_inherits_everything_bit_for_bit() {
    for network in suite::networks() {
        let (layout, weights) = numbered(&network.genome, &network.problem, 0.1);
        let own =
            Weights { parameters: vec![0.0; layout.parameters], statistics: initial_statistics(&layout) };
        let bequest = Bequest { genome: &network.genome, weights: &weights };
        let (taken, count) = inherit(&bequest, &network.genome, &network.problem, own).unwrap();
        assert_eq!(count, layout.parameters + layout.statistics, "{}", network.name);
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&taken.parameters), bits(&weights.parameters), "{}", network.name);
        assert_eq!(bits(&taken.statistics), bits(&weights.statistics), "{}", network.name);
    }
}

#[test]
fn training_genes_change_nothing() {
    let (parent, child) = with(|child| child.training.learning_rate *= 2.0);
    assert_eq!(inherited(&parent, &child), inherited(&parent, &parent));
}

#[test]
fn a_changed_layer_loses_itself_and_what_its_shape_changes() {
    let all = [
        "layer1.weight",
        "layer3.weight",
        "head.weight",
        "layer1.scale",
        "layer1.shift",
        "layer3.bias",
        "head.bias",
        "layer1.mean",
        "layer1.variance",
    ];
    let (parent, same) = with(|_| ());
    assert_eq!(inherited(&parent, &same), all);
    // Another activation: its shape is the same, so that the others keep theirs.
    let (parent, child) = with(|child| {
        child.layers[2] =
            LayerGene::Dense(Dense { units: 128, norm: Norm::None, activation: Activation::Tanh });
    });
    let without_dense: Vec<_> = all.iter().copied().filter(|name| !name.starts_with("layer3")).collect();
    assert_eq!(inherited(&parent, &child), without_dense);
    // Another width: what reads it has another shape.
    let (parent, child) = with(|child| child.layers[2] = dense(64));
    let first: Vec<_> = all.iter().copied().filter(|name| name.starts_with("layer1")).collect();
    assert_eq!(inherited(&parent, &child), first);
    // Another pool: the dense layer has other inputs.
    let (parent, child) = with(|child| {
        child.layers[1] = LayerGene::MaxPool(Pool { kernel: 4, stride: 4, padding: Padding::Same });
    });
    let without_dense: Vec<_> = all.iter().copied().filter(|name| !name.starts_with("layer3")).collect();
    assert_eq!(inherited(&parent, &child), without_dense);
}

#[test]
fn layers_behind_an_inserted_or_removed_one_are_found_again() {
    let (small, large) = with(|child| child.layers.insert(2, LayerGene::Dropout { ratio: 0.2 }));
    let names = ["layer1.weight", "layer4.weight", "head.weight", "layer1.scale", "layer1.shift"];
    assert_eq!(inherited(&small, &large)[..5], names);
    assert_eq!(inherited(&large, &small), inherited(&small, &small));
    // A dense layer in front of the head: all but it, and nothing of the wrong place.
    let (small, large) = with(|child| child.layers.push(dense(128)));
    let taken = inherited(&small, &large);
    assert!(taken.contains(&"layer3.weight".to_owned()) && taken.contains(&"head.weight".to_owned()));
    assert!(!taken.iter().any(|name| name.starts_with("layer4")), "{taken:?}");
}

#[test]
fn of_several_pairings_the_one_with_most_values_is_taken() {
    let (mut parent, mut child) = with(|_| ());
    // The second of two layers may go to the first, or all of the rest to itself.
    parent.layers.truncate(2);
    parent.layers.extend([dense(128), dense(32), dense(16)]);
    child.layers.truncate(2);
    child.layers.extend([dense(32), dense(128), dense(32), dense(16)]);
    let taken = inherited(&parent, &child);
    for name in ["layer5.weight", "layer6.weight", "head.weight"] {
        assert!(taken.contains(&name.to_owned()), "{taken:?}");
    }
    assert!(!taken.iter().any(|name| name.starts_with("layer3") || name.starts_with("layer4")), "{taken:?}");
}

#[test]
fn numbers_of_another_network_are_refused() {
    let (parent, child) = with(|child| child.layers[2] = dense(64));
    let problem = digits();
    let (_, theirs) = numbered(&parent, &problem, 1.0);
    let (_, own) = numbered(&child, &problem, 1.0);
    let wrong = inherit(&Bequest { genome: &parent, weights: &own }, &child, &problem, own.clone());
    assert!(matches!(wrong, Err(InheritError::Length { whose: "parent", .. })), "{wrong:?}");
    let wrong = inherit(&Bequest { genome: &parent, weights: &theirs }, &child, &problem, theirs.clone());
    assert!(matches!(wrong, Err(InheritError::Length { whose: "child", .. })), "{wrong:?}");
    let mut broken = theirs;
    broken.parameters[7] = f32::NAN;
    let wrong = inherit(&Bequest { genome: &parent, weights: &broken }, &child, &problem, own);
    assert_eq!(wrong, Err(InheritError::NotFinite));
}
