//! Where a maximum pool follows an activation, the pool goes first, if that changes nothing but the work.

use super::blueprint::{Operation, Step};
use crate::genome::Activation;
use smallvec::SmallVec;

/// Exchanges activations and the maximum pools behind them.
///
/// A function f that never decreases keeps the order of a window's values: max f(x) = f(max x). The function and its
/// gradient then meet the pool's outputs alone, with windows of 2x2 a quarter of the elements. Gradients are equal as
/// well: both ways they go to the window's largest value, times f's slope there. Where f makes different values equal
/// (ReLU's zeros, a saturated sigmoid), the two ways differ in who gets the gradient; but there f is flat, and all get
/// nothing, up to rounding.
///
/// Neither step has parameters, so no tensor moves; an activation that others read as well stays.
pub(super) fn pool_first(steps: &mut [Step]) {
    for place in 0..steps.len().saturating_sub(1) {
        if !may_change_places(steps, place) {
            continue;
        }
        steps.swap(place, place + 1);
        steps[place].inputs = std::mem::replace(&mut steps[place + 1].inputs, SmallVec::from_slice(&[place]));
        steps[place + 1].shape = steps[place].shape;
    }
}

/// Whether an activation and the step behind it may be exchanged.
fn may_change_places(steps: &[Step], place: usize) -> bool {
    let (Operation::Activate(activation), Operation::MaxPool(_)) =
        (steps[place].operation, steps[place + 1].operation)
    else {
        return false;
    };
    let readers = steps.iter().filter(|step| step.inputs.contains(&place)).count();
    never_decreases(activation) && steps[place + 1].inputs.as_slice() == [place] && readers == 1
}

/// GELU and SiLU fall before they rise.
const fn never_decreases(activation: Activation) -> bool {
    match activation {
        Activation::None
        | Activation::Relu
        | Activation::LeakyRelu
        | Activation::Elu
        | Activation::Sigmoid
        | Activation::Tanh => true,
        Activation::Gelu | Activation::Silu => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        expression::{
            Blueprint, Layout,
            assembly::{assemble, blueprint},
            initial_parameters, initial_statistics, layout,
            wiring::{self, Mode},
        },
        genome::{
            Activation, Convolution, Genome, Inception, LayerGene, Norm, Padding, Pool, Residual, sample,
        },
        graph::{
            Graph, Outlet,
            choices::Choices,
            lowering::Provider,
            tests::support::{
                assert_near, differentiate, floats, outputs_of, run, session, stream, well_apart,
            },
        },
        problem::{Problem, Task},
        training::runtime::HostTensor,
    };

    const SAMPLES: usize = 3;
    /// Windows of 2 leave a row and a column of 7 over.
    const IMAGES: Problem = Problem {
        channels: 2,
        height: 7,
        width: 7,
        multi_view: false,
        task: Task::Classification { classes: 3 },
    };

    fn pool(kernel: u32, stride: u32, padding: Padding) -> LayerGene {
        LayerGene::MaxPool(Pool { kernel, stride, padding })
    }

    /// Pools behind a convolution, behind a residual block and behind an inception module.
    fn genome(activation: Activation) -> Genome {
        let sample = sample();
        let LayerGene::Convolution(genes) = sample.layers[0].clone() else { panic!() };
        let residual = Residual { filters: 4, stride: 1, norm: Norm::Batch, activation };
        let inception = Inception { branches: [2, 2, 0, 2], bottleneck: 2, norm: Norm::Batch, activation };
        let layers = vec![
            LayerGene::Convolution(Convolution { filters: 4, norm: Norm::Batch, activation, ..genes }),
            pool(2, 2, Padding::Valid),
            LayerGene::Residual(residual),
            pool(3, 2, Padding::Same),
            LayerGene::Inception(inception),
            pool(2, 2, Padding::Same),
        ];
        Genome { layers, ..sample }
    }

    fn inputs(genome: &Genome, layout: &Layout) -> [HostTensor; 4] {
        let image = [SAMPLES, 2, 7, 7];
        let parameters = initial_parameters(layout, genome.training.initializer, 1);
        [
            well_apart(&mut stream(2), &image),
            HostTensor::F32(vec![layout.parameters], parameters),
            HostTensor::F32(vec![layout.statistics], initial_statistics(layout)),
            HostTensor::I64(Vec::new(), vec![5]),
        ]
    }

    /// The network's outputs, given samples, parameters, statistics and seed.
    fn wire(
        graph: &mut Graph,
        blueprint: &Blueprint,
        layout: &Layout,
        given: &[Outlet],
        mode: Mode,
    ) -> Vec<Outlet> {
        let tensors = wiring::split(graph, layout, given[1], Some(given[2])).unwrap();
        vec![wiring::wire(graph, blueprint, &tensors, given[0], mode).unwrap().output()]
    }

    fn inferred(blueprint: &Blueprint, layout: &Layout, inputs: &[HostTensor]) -> Vec<HostTensor> {
        outputs_of(inputs, &|graph, given| wire(graph, blueprint, layout, given, Mode::Inference))
    }

    /// Outputs while training, and the gradients of samples and parameters.
    fn trained(blueprint: &Blueprint, layout: &Layout, inputs: &[HostTensor]) -> Vec<HostTensor> {
        let wiring = |graph: &mut Graph, given: &[Outlet]| {
            wire(graph, blueprint, layout, given, Mode::Training { seed: given[3] })
        };
        let built = differentiate(inputs, &wiring, &mut stream(3));
        assert_eq!(built.differentiable, [0, 1]);
        run(&mut session(&built.graph, Provider::Cpu, Choices::default()), inputs)
    }

    #[test]
    fn pooling_first_changes_neither_outputs_nor_gradients() {
        for activation in
            [Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Sigmoid, Activation::Tanh]
        {
            let genome = genome(activation);
            let moved = blueprint(&genome, &IMAGES).unwrap();
            let plain = assemble(&genome, &IMAGES).unwrap();
            let changed = moved.steps.iter().zip(&plain.steps).filter(|(moved, plain)| moved != plain);
            assert_eq!(changed.count(), 6, "{activation:?}: three pairs change places");
            let layout = layout(&genome, &plain);
            assert_eq!(layout, super::super::layout(&genome, &moved));
            let inputs = inputs(&genome, &layout);
            for run in [inferred, trained] {
                let found = run(&moved, &layout, &inputs);
                let expected = run(&plain, &layout, &inputs);
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    assert_near(activation.word(), floats(found), floats(expected), 1e-5);
                }
            }
        }
    }

    #[test]
    fn functions_that_fall_somewhere_stay_in_front_of_their_pool() {
        for activation in [Activation::Gelu, Activation::Silu] {
            let genome = genome(activation);
            assert_eq!(blueprint(&genome, &IMAGES), assemble(&genome, &IMAGES), "{activation:?}");
        }
    }

    #[test]
    fn an_activation_that_others_read_stays_in_front_of_a_pool() {
        let mut genome = genome(Activation::Relu);
        // The inception module's own pool reads what its other branches read.
        genome.layers.truncate(5);
        genome.layers.drain(1..4);
        assert_eq!(blueprint(&genome, &IMAGES), assemble(&genome, &IMAGES));
    }
}
