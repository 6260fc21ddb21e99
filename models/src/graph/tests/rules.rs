//! What shape rules refuse, what costs say, and values worked out by hand.

use super::support::{assert_near, floats, outputs_of};
use crate::{
    graph::{
        Fact, Graph, Operator, Outlet,
        operators::{
            augment::Shift,
            convolution::Convolution,
            dense::Dense,
            dropout::Dropout,
            gather::GatherRows,
            loss::{
                Correct, MeanSquaredError, PredictedCounts, SampleSquaredError, SoftmaxCrossEntropy,
                TargetSquaredErrors,
            },
            normalisation::{BatchNorm, LocalResponseNorm},
            pooling::MaxPool,
            shape::{Reshape, Split},
            window::Window,
        },
    },
    training::runtime::HostTensor,
};

fn refusal(operator: impl Operator + 'static, inputs: &[Fact]) -> String {
    let mut graph = Graph::new();
    let inputs: Vec<Outlet> = inputs.iter().map(|fact| graph.input("x", fact.clone())).collect();
    graph.add(operator, &inputs).unwrap_err().to_string()
}

const PLAIN: Convolution = Convolution { stride: [1, 1], dilation: [1, 1], groups: 1, pads: [0; 4] };

#[test]
fn what_does_not_fit_is_refused_with_its_shapes() {
    let image = Fact::f32(&[2, 3, 4, 5]);
    let weights = |shape: &[usize]| Fact::f32(shape);
    let message = refusal(PLAIN, &[image.clone(), weights(&[8, 4, 3, 3])]);
    assert!(message.contains("[2, 3, 4, 5]") && message.contains("[8, 4, 3, 3]"), "{message}");
    assert!(refusal(PLAIN, &[image.clone(), weights(&[8, 3, 5, 3])]).contains("no place for a window"));
    assert!(
        refusal(Convolution { groups: 0, ..PLAIN }, &[image.clone(), weights(&[8, 3, 3, 3])])
            .contains("0 groups")
    );
    assert!(
        refusal(Convolution { stride: [0, 1], ..PLAIN }, &[image.clone(), weights(&[8, 3, 3, 3])])
            .contains("no place")
    );
    let pool = |pads| MaxPool(Window { kernel: [2, 2], stride: [2, 2], pads });
    assert!(refusal(pool([2, 0, 0, 0]), std::slice::from_ref(&image)).contains("narrower than the window"));
    assert!(refusal(Dense, &[Fact::f32(&[2, 3]), Fact::f32(&[4, 5])]).contains("[4, 5]"));
    assert!(refusal(Dense, &[Fact::f32(&[2, 3])]).contains("expects 2 or 3 inputs, got 1"));
    assert!(refusal(Reshape { shape: vec![7] }, std::slice::from_ref(&image)).contains("[7]"));
    assert!(refusal(Split { axis: 1, sizes: vec![1, 1] }, std::slice::from_ref(&image)).contains("[1, 1]"));
    assert!(refusal(GatherRows, &[image.clone(), Fact::f32(&[2])]).contains("I64"));
    let dropout = Dropout { ratio: 1.0, salt: 0 };
    assert!(refusal(dropout, &[image.clone(), Fact::i64(&[])]).contains("below 1"));
    assert!(refusal(Shift { pixels: 1 }, &[Fact::u8(&[2, 3, 4, 5]), Fact::i64(&[])]).contains("U8"));
    let loss = SoftmaxCrossEntropy { label_smoothing: 0.0 };
    assert!(refusal(loss, &[Fact::f32(&[2, 3]), Fact::i64(&[3])]).contains("labels I64 [N]"));
    let norm = BatchNorm { epsilon: 1e-5, momentum: 0.9 };
    let vector = Fact::f32(&[4]);
    let vectors = [image.clone(), vector.clone(), vector.clone(), vector.clone(), vector];
    assert!(refusal(norm, &vectors).contains("expected [3]"));
    let norm = LocalResponseNorm { size: 4, alpha: 1.0, beta: 0.75, bias: 1.0 };
    assert!(refusal(norm, &[image]).contains("odd size"));
}

#[test]
fn multiply_adds_are_counted() {
    let mut graph = Graph::new();
    let x = graph.input("x", Fact::f32(&[2, 4, 6, 6]));
    let weights = graph.input("weights", Fact::f32(&[8, 2, 3, 3]));
    let y = graph.add(Convolution { groups: 2, ..PLAIN }, &[x, weights]).unwrap();
    assert_eq!(graph.shape(y), [2, 8, 4, 4]);
    assert_eq!(graph.cost().multiply_adds, 2 * 8 * 16 * 2 * 9);
    let y = graph.add(Reshape { shape: vec![2, 128] }, &[y]).unwrap();
    let weights = graph.input("dense", Fact::f32(&[128, 10]));
    graph.add(Dense, &[y, weights]).unwrap();
    assert_eq!(graph.cost().multiply_adds, 2 * 8 * 16 * 2 * 9 + 2 * 1280);
}

fn value_of(operator: impl Operator + Clone + 'static, inputs: &[HostTensor]) -> Vec<f32> {
    let wiring = |graph: &mut Graph, inputs: &[Outlet]| vec![graph.add(operator.clone(), inputs).unwrap()];
    floats(&outputs_of(inputs, &wiring)[0]).to_vec()
}

#[test]
fn label_smoothing_spreads_probability_over_all_classes() {
    let logits = [[0.5_f32, -1.0, 2.0], [1.0, 0.0, -0.5]];
    let labels = [2_usize, 0];
    let smoothing = 0.3_f32;
    let of_sample = |(row, label): (&[f32; 3], &usize)| -> f32 {
        let norm = row.iter().map(|value| value.exp()).sum::<f32>().ln();
        let wanted = |class| smoothing / 3.0 + if class == *label { 1.0 - smoothing } else { 0.0 };
        (0..3).map(|class| wanted(class) * (norm - row[class])).sum()
    };
    let expected = logits.iter().zip(&labels).map(of_sample).sum::<f32>() / 2.0;
    let inputs = [HostTensor::F32(vec![2, 3], logits.concat()), HostTensor::I64(vec![2], vec![2, 0])];
    let found = value_of(SoftmaxCrossEntropy { label_smoothing: smoothing }, &inputs);
    assert_near("smoothed loss", &found, &[expected], 1e-6);
}

#[test]
fn squared_errors_and_counts() {
    let predictions = HostTensor::F32(vec![2, 2], vec![1.0, 2.0, 3.0, 5.0]);
    let targets = HostTensor::F32(vec![2, 2], vec![0.0, 2.0, 1.0, 1.0]);
    let pair = [predictions.clone(), targets.clone()];
    assert_near("mean", &value_of(MeanSquaredError, &pair), &[21.0 / 4.0], 1e-6);
    assert_near("samples", &value_of(SampleSquaredError, &pair), &[0.5, 10.0], 1e-6);
    let weight = HostTensor::F32(vec![2], vec![1.0, 0.5]);
    assert_near(
        "targets",
        &value_of(TargetSquaredErrors, &[predictions, targets, weight]),
        &[3.0, 8.0],
        1e-6,
    );
    let logits = HostTensor::F32(vec![3, 3], vec![0.1, 0.9, 0.0, 2.0, 1.0, 0.0, 0.0, 3.0, 1.0]);
    let labels = HostTensor::I64(vec![3], vec![1, 1, 1]);
    assert_eq!(value_of(Correct, &[logits.clone(), labels]), [1.0, 0.0, 1.0]);
    let weight = HostTensor::F32(vec![3], vec![1.0, 1.0, 0.0]);
    assert_eq!(value_of(PredictedCounts, &[logits, weight]), [1.0, 1.0, 0.0]);
}
