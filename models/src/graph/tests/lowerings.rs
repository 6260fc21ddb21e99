//! Lowerings of one operator agree with each other, with the shape rules, and with any number of samples.

use super::{
    catalogue::{self, Application},
    support::{assert_near, differentiate, fact, run, session, stream, wired},
};
use crate::{
    graph::{
        Fact, Graph,
        choices::{
            AveragePoolGradient, BatchMoments, BiasGradient, ChannelAffine, Choices, Forward, InputGradient,
            MaxPoolGradient, ReluGradient, Spread, WeightGradient,
        },
        lowering::{Provider, lower_with},
        operators::{
            loss::{SampleCrossEntropy, SoftmaxCrossEntropy},
            pooling::MaxPool,
            source::Constant,
            window::Window,
        },
    },
    onnx::{EncodeOptions, encode},
    training::runtime::{HostTensor, LibraryOptions, Runtime},
};

/// Every lowering that can be asked for.
fn alternatives() -> Vec<Choices> {
    let none = Choices::default();
    let mut all = vec![Choices { part_bytes: Some(1), ..none }];
    all.extend([1, 2, 3].map(|samples| Choices { samples_at_once: Some(samples), ..none }));
    all.extend([Forward::Native, Forward::Unfolded].map(|choice| Choices { forward: Some(choice), ..none }));
    let input = [InputGradient::Transposed, InputGradient::Flipped, InputGradient::SmallGrid];
    all.extend(input.map(|choice| Choices { input_gradient: Some(choice), ..none }));
    let weight = [
        WeightGradient::OneHotUnfold,
        WeightGradient::SliceUnfold,
        WeightGradient::ChannelsLastUnfold,
        WeightGradient::SplitUnfold,
        WeightGradient::Transposed,
        WeightGradient::TapWise,
    ];
    for part_bytes in [None, Some(1), Some(8000)] {
        all.extend(weight.map(|choice| Choices { weight_gradient: Some(choice), part_bytes, ..none }));
    }
    let bias = [BiasGradient::ReduceSum, BiasGradient::TwoSums];
    all.extend(bias.map(|choice| Choices { bias_gradient: Some(choice), ..none }));
    for spread in [Spread::Concat, Spread::Resize] {
        let max = [MaxPoolGradient::SpreadAndCompare, MaxPoolGradient::Scatter];
        all.extend(max.map(|choice| Choices {
            max_pool_gradient: Some(choice),
            spread: Some(spread),
            ..none
        }));
        let average =
            [AveragePoolGradient::Spread, AveragePoolGradient::Separable, AveragePoolGradient::Whole];
        let average = average.map(|choice| Choices { average_pool_gradient: Some(choice), ..none });
        all.extend(average.map(|choices| Choices { spread: Some(spread), ..choices }));
        all.push(Choices { spread: Some(spread), input_gradient: Some(InputGradient::Flipped), ..none });
    }
    let relu = [ReluGradient::Sign, ReluGradient::Cast, ReluGradient::Where];
    all.extend(relu.map(|choice| Choices { relu_gradient: Some(choice), ..none }));
    for moments in [BatchMoments::Centred, BatchMoments::Raw, BatchMoments::Native] {
        let affine = [ChannelAffine::Normalise, ChannelAffine::Arithmetic];
        all.extend(affine.map(|choice| Choices {
            batch_moments: Some(moments),
            channel_affine: Some(choice),
            ..none
        }));
    }
    all
}

/// Outputs and gradients under some choice of lowerings.
fn outcome(application: &Application, provider: Provider, choices: Choices) -> Vec<HostTensor> {
    let graph = match application.differentiable {
        true => differentiate(&application.inputs, &*application.wiring, &mut stream(1)).graph,
        false => wired(&application.inputs, &*application.wiring).0,
    };
    run(&mut session(&graph, provider, choices), &application.inputs)
}

fn assert_same(what: &str, found: &[HostTensor], expected: &[HostTensor]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert_eq!(fact(a), fact(b), "{what}: output {index}");
        match (a.floats(), b.floats()) {
            (Some(a), Some(b)) => assert_near(&format!("{what}: output {index}"), a, b, 2e-4),
            _ => assert_eq!(a, b, "{what}: output {index}"),
        }
    }
}

#[test]
fn lowerings_of_one_operator_agree() {
    let alternatives = alternatives();
    let mut used = vec![false; alternatives.len()];
    for application in catalogue::with_choices() {
        let expected = outcome(&application, Provider::Cpu, Choices::default());
        let graph = differentiate(&application.inputs, &*application.wiring, &mut stream(1)).graph;
        let mut seen = vec![lower_with(&graph, Provider::Cpu, Choices::default())];
        for (choices, used) in alternatives.iter().zip(&mut used) {
            let lowered = lower_with(&graph, Provider::Cpu, *choices);
            if seen.contains(&lowered) {
                continue;
            }
            *used = true;
            seen.push(lowered);
            let found = outcome(&application, Provider::Cpu, *choices);
            assert_same(&format!("{} with {choices:?}", application.what), &found, &expected);
        }
    }
    let different = used.iter().filter(|used| **used).count();
    assert!(
        different > alternatives.len() / 2,
        "only {different} of {} made a difference",
        alternatives.len()
    );
}

/// Images have even backgrounds. However equal maxima share the gradient, it must not grow.
#[test]
fn equal_maxima_get_the_gradient_once() {
    let even = HostTensor::F32(vec![2, 1, 6, 6], vec![0.5; 72]);
    for (kernel, stride) in [([2, 2], [2, 2]), ([3, 2], [3, 2]), ([3, 3], [2, 2])] {
        let application =
            catalogue::application(MaxPool(Window { kernel, stride, pads: [0; 4] }), vec![even.clone()]);
        for max_pool_gradient in
            [None, Some(MaxPoolGradient::SpreadAndCompare), Some(MaxPoolGradient::Scatter)]
        {
            for provider in [Provider::Cpu, Provider::Cuda] {
                let built = differentiate(&application.inputs, &*application.wiring, &mut stream(2));
                let choices = Choices { max_pool_gradient, ..Choices::default() };
                let found = run(&mut session(&built.graph, provider, choices), &application.inputs);
                let total: f32 = found[1].floats().unwrap().iter().sum();
                let expected: f32 = built.weights[0].iter().sum();
                assert!(
                    (total - expected).abs() < 1e-4,
                    "{} {choices:?}: {total}, not {expected}",
                    application.what
                );
            }
        }
    }
}

/// Networks whose nodes want parts, whole batches, and sums over parts, one after another.
#[test]
fn batches_in_parts_compute_the_same() {
    for application in catalogue::networks() {
        let expected =
            outcome(&application, Provider::Cpu, Choices { samples_at_once: Some(99), ..Choices::default() });
        for samples in [1, 2, 3, 4] {
            let choices = Choices { samples_at_once: Some(samples), ..Choices::default() };
            let found = outcome(&application, Provider::Cpu, choices);
            assert_same(&format!("{} by {samples}", application.what), &found, &expected);
        }
    }
}

#[test]
fn what_is_lowered_for_cuda_computes_the_same() {
    for application in catalogue::all() {
        let expected = outcome(&application, Provider::Cpu, Choices::default());
        let found = outcome(&application, Provider::Cuda, Choices::default());
        assert_same(&application.what, &found, &expected);
    }
}

#[test]
fn outputs_have_the_types_and_shapes_that_the_rules_say() {
    for application in catalogue::all() {
        let (graph, ..) = wired(&application.inputs, &*application.wiring);
        let found = run(&mut session(&graph, Provider::Cpu, Choices::default()), &application.inputs);
        let found: Vec<_> = found.iter().map(fact).collect();
        assert_eq!(found, catalogue::output_facts(&application), "{}", application.what);
    }
}

/// An inference model is written for one number of samples and takes any other.
#[test]
fn forward_lowerings_take_any_number_of_samples() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let options = EncodeOptions { dynamic_batch: true, ..EncodeOptions::named("any batch") };
    for provider in [Provider::Cpu, Provider::Cuda] {
        for ((written, samples_first), (fed, _)) in
            catalogue::of_inference(3).into_iter().zip(catalogue::of_inference(5))
        {
            let mut graph = Graph::new();
            let inputs: Vec<_> = written
                .inputs
                .iter()
                .enumerate()
                .map(|(index, tensor)| match samples_first.contains(&index) {
                    true => graph.input(format!("x{index}"), fact(tensor)),
                    false => graph.add(constant(&fed.inputs[index]), &[]).unwrap(),
                })
                .collect();
            for (index, output) in (written.wiring)(&mut graph, &inputs).into_iter().enumerate() {
                graph.output(format!("y{index}"), output);
            }
            let mut model = runtime.model(&encode(&graph, provider, &options)).unwrap();
            let sample_inputs: Vec<HostTensor> =
                samples_first.iter().map(|&index| fed.inputs[index].clone()).collect();
            let found = run(&mut model, &sample_inputs);
            let (graph, ..) = wired(&fed.inputs, &*fed.wiring);
            let expected = run(&mut session(&graph, Provider::Cpu, Choices::default()), &fed.inputs);
            assert_same(&written.what, &found, &expected);
        }
    }
}

fn constant(tensor: &HostTensor) -> Constant {
    let values = std::sync::Arc::new(tensor.floats().unwrap().to_vec());
    Constant { shape: tensor.shape().to_vec(), values }
}

#[test]
fn equal_nodes_are_lowered_once() {
    let mut graph = Graph::new();
    let (logits, labels) =
        (graph.input("logits", Fact::f32(&[2, 3])), graph.input("labels", Fact::i64(&[2])));
    for name in ["first", "second"] {
        let loss = graph.add(SoftmaxCrossEntropy { label_smoothing: 0.0 }, &[logits, labels]).unwrap();
        graph.output(name, loss);
    }
    let each = graph.add(SampleCrossEntropy, &[logits, labels]).unwrap();
    graph.output("each", each);
    let lowered = lower_with(&graph, Provider::Cpu, Choices::default());
    let count = |op_type: &str| lowered.nodes.iter().filter(|node| node.op_type == op_type).count();
    assert_eq!((count("LogSoftmax"), count("ReduceMean"), count("Identity")), (1, 1, 1));
}
