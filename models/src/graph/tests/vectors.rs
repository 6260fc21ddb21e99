//! Operators against the ONNX standard's own test vectors.

use super::{
    standard::{Vectors, vectors},
    support::{assert_near, floats, outputs_of},
};
use crate::{
    graph::{
        Graph, Operator, Outlet,
        operators::{
            activation::Activate,
            convolution::{Convolution, ConvolutionInputGradient},
            gather::GatherRows,
            loss::{SampleCrossEntropy, Softmax, SoftmaxCrossEntropy},
            normalisation::{BatchNorm, BatchNormInference, LayerNorm, LocalResponseNorm},
            pooling::{AveragePool, GlobalAveragePool, MaxPool},
            reduce::ReduceSum,
            shape::Flatten,
            window::Window,
        },
    },
    training::runtime::HostTensor,
};
use hatchery_config::vocabulary::Activation;

const TOLERANCE: f32 = 1e-5;

/// Runs an operator on a test's inputs and compares as many outputs as it has.
fn check<O: Operator + Clone + 'static>(name: &str, operator: impl Fn(&Vectors) -> O) {
    let Some(vectors) = vectors(name) else { return };
    let operator = operator(&vectors);
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| graph.add_many(operator.clone(), inputs).unwrap();
    compare(&vectors, &outputs_of(&vectors.inputs, &wiring));
}

fn compare(vectors: &Vectors, found: &[HostTensor]) {
    for (found, expected) in found.iter().zip(&vectors.outputs) {
        assert_near(&vectors.name, floats(found), floats(expected), TOLERANCE);
    }
}

#[test]
fn activations() {
    let tests = [
        ("test_relu", Activation::Relu),
        ("test_leakyrelu_default", Activation::LeakyRelu),
        ("test_elu_default", Activation::Elu),
        ("test_gelu_default_1", Activation::Gelu),
        ("test_gelu_default_2", Activation::Gelu),
        ("test_swish", Activation::Silu),
        ("test_sigmoid", Activation::Sigmoid),
        ("test_sigmoid_example", Activation::Sigmoid),
        ("test_tanh", Activation::Tanh),
        ("test_tanh_example", Activation::Tanh),
    ];
    for (name, activation) in tests {
        check(name, |_| Activate(activation));
    }
}

#[test]
fn softmax() {
    for name in ["test_softmax_example", "test_softmax_large_number"] {
        check(name, |_| Softmax);
    }
}

fn convolution(vectors: &Vectors) -> Convolution {
    Convolution {
        stride: vectors.sizes("strides").unwrap_or([1, 1]),
        dilation: vectors.sizes("dilations").unwrap_or([1, 1]),
        groups: vectors.int("group").unwrap_or(1) as usize,
        pads: vectors.sizes("pads").unwrap_or([0; 4]),
    }
}

#[test]
fn convolutions() {
    let tests = [
        "test_basic_conv_with_padding",
        "test_basic_conv_without_padding",
        "test_conv_with_strides_and_asymmetric_padding",
        "test_conv_with_strides_no_padding",
        "test_conv_with_strides_padding",
    ];
    for name in tests {
        check(name, convolution);
    }
}

/// A transposed convolution is a convolution's gradient with respect to its input. Ours takes the weights first.
#[test]
fn input_gradients_of_convolutions() {
    let tests = [
        "test_convtranspose",
        "test_convtranspose_dilations",
        "test_convtranspose_group_2",
        "test_convtranspose_group_2_image_3",
        "test_convtranspose_pad",
        "test_convtranspose_pads",
    ];
    for name in tests {
        let Some(vectors) = vectors(name) else { return };
        let &[_, _, height, width] = vectors.outputs[0].shape() else { panic!("{name}") };
        let operator = ConvolutionInputGradient { convolution: convolution(&vectors), size: [height, width] };
        let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
            vec![graph.add(operator, &[inputs[1], inputs[0]]).unwrap()]
        };
        compare(&vectors, &outputs_of(&vectors.inputs, &wiring));
    }
}

#[test]
fn pools() {
    let window = |vectors: &Vectors| {
        let stride = vectors.sizes("strides").unwrap_or([1, 1]);
        (vectors.sizes("kernel_shape").unwrap(), stride, vectors.sizes("pads").unwrap_or([0; 4]))
    };
    let tests = ["2d_default", "2d_pads", "2d_precomputed_pads", "2d_precomputed_strides", "2d_strides"];
    for name in tests {
        check(&format!("test_maxpool_{name}"), |vectors| {
            let (kernel, stride, pads) = window(vectors);
            MaxPool(Window { kernel, stride, pads })
        });
        check(&format!("test_averagepool_{name}"), |vectors| {
            let (kernel, stride, pads) = window(vectors);
            AveragePool(Window { kernel, stride, pads })
        });
    }
    check("test_globalaveragepool", |_| GlobalAveragePool);
    check("test_globalaveragepool_precomputed", |_| GlobalAveragePool);
}

#[test]
fn batch_normalisation() {
    for name in ["test_batchnorm_example", "test_batchnorm_epsilon"] {
        check(name, |vectors| BatchNormInference { epsilon: vectors.float("epsilon").unwrap_or(1e-5) });
        check(&format!("{name}_training_mode"), |vectors| BatchNorm {
            epsilon: vectors.float("epsilon").unwrap_or(1e-5),
            momentum: vectors.float("momentum").unwrap_or(0.9),
        });
    }
}

#[test]
fn other_normalisations() {
    for name in ["test_layer_normalization_2d_axis1", "test_layer_normalization_2d_axis_negative_1"] {
        check(name, |vectors| LayerNorm { epsilon: vectors.float("epsilon").unwrap_or(1e-5) });
    }
    for name in ["test_lrn", "test_lrn_default"] {
        check(name, |vectors| LocalResponseNorm {
            size: vectors.int("size").unwrap() as usize,
            alpha: vectors.float("alpha").unwrap_or(1e-4),
            beta: vectors.float("beta").unwrap_or(0.75),
            bias: vectors.float("bias").unwrap_or(1.0),
        });
    }
}

#[test]
fn losses() {
    for name in ["test_sce_mean", "test_sce_mean_log_prob"] {
        check(name, |_| SoftmaxCrossEntropy { label_smoothing: 0.0 });
    }
    for name in ["test_sce_none", "test_sce_none_log_prob"] {
        check(name, |_| SampleCrossEntropy);
    }
    for name in ["test_sce_sum", "test_sce_sum_log_prob"] {
        let Some(vectors) = vectors(name) else { return };
        let wiring = |graph: &mut Graph, inputs: &[Outlet]| {
            let each = graph.add(SampleCrossEntropy, inputs).unwrap();
            vec![graph.add(ReduceSum { axes: vec![0], keep: false }, &[each]).unwrap()]
        };
        compare(&vectors, &outputs_of(&vectors.inputs, &wiring));
    }
}

#[test]
fn moving_values() {
    check("test_flatten_axis1", |_| Flatten);
    check("test_gather_0", |_| GatherRows);
}
