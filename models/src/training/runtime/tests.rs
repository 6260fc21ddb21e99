use super::*;
use crate::{
    graph::{Fact, Graph, operators::arithmetic::Add},
    onnx::{EncodeOptions, encode},
};

#[test]
fn a_graph_runs_on_named_tensors() {
    let mut graph = Graph::new();
    let (a, b) = (graph.input("a", Fact::f32(&[2])), graph.input("b", Fact::f32(&[2])));
    let sum = graph.add(Add, &[a, b]).unwrap();
    graph.output("sum", sum);
    graph.output("again", sum);
    graph.output("echo", a);
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let model = encode(&graph, runtime.provider(), &EncodeOptions::named("sum"));
    let inputs =
        [("a", HostTensor::F32(vec![2], vec![1.0, 2.0])), ("b", HostTensor::F32(vec![2], vec![10.0, 20.0]))];
    let outputs = run_once(&runtime, &model, &inputs).unwrap();
    let expected = |values: &[f32]| HostTensor::F32(vec![2], values.to_vec());
    assert_eq!(
        outputs,
        [
            ("sum".to_owned(), expected(&[11.0, 22.0])),
            ("again".to_owned(), expected(&[11.0, 22.0])),
            ("echo".to_owned(), expected(&[1.0, 2.0])),
        ]
    );
}
