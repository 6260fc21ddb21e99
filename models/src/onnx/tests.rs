use super::*;
use crate::{
    graph::operators::{arithmetic::Add, source::Constant},
    training::runtime::{HostTensor, LibraryOptions, Runtime, run_once},
};

fn sum_with_a_dead_branch() -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Fact::f32(&[4, 3]));
    graph.input("unused", Fact::i64(&[4]));
    let one = graph.add(Constant::scalar(1.0), &[]).unwrap();
    let sum = graph.add(Add, &[x, one]).unwrap();
    let two = graph.add(Constant::scalar(2.0), &[]).unwrap();
    graph.add(Add, &[x, two]).unwrap();
    graph.output("y", sum);
    graph
}

#[test]
fn every_input_is_declared_and_nothing_that_no_output_needs_is_written() {
    let model = model(&sum_with_a_dead_branch(), Provider::Cpu, &EncodeOptions::named("n"));
    let graph = model.graph.unwrap();
    let inputs: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["x", "unused"]);
    assert_eq!(graph.node.len(), 1);
    assert_eq!(graph.node[0].op_type, "Add");
    assert_eq!(graph.node[0].output, ["y"], "a computed value takes its output's name");
    assert_eq!(graph.initializer.len(), 1);
    assert_eq!(graph.initializer[0].raw_data.as_deref(), Some(&1.0_f32.to_le_bytes()[..]));
}

#[test]
fn a_value_with_two_names_and_an_input_that_is_an_output_are_copied() {
    let mut graph = Graph::new();
    let x = graph.input("x", Fact::f32(&[1]));
    let y = graph.add(Add, &[x, x]).unwrap();
    for (name, outlet) in [("a", y), ("b", y), ("c", x)] {
        graph.output(name, outlet);
    }
    let nodes = model(&graph, Provider::Cpu, &EncodeOptions::default()).graph.unwrap().node;
    let copies: Vec<(&str, &str)> = nodes
        .iter()
        .filter(|node| node.op_type == "Identity")
        .map(|node| (node.input[0].as_str(), node.output[0].as_str()))
        .collect();
    assert_eq!(copies, [("a", "b"), ("x", "c")]);
}

#[test]
fn a_model_reads_back_as_it_was_written() {
    let options = EncodeOptions {
        name: "n".to_owned(),
        metadata: vec![("genome".to_owned(), "dense 3".to_owned())],
        dynamic_batch: true,
        defaults: Vec::new(),
        kernels: false,
    };
    let graph = sum_with_a_dead_branch();
    let decoded = decode(&encode(&graph, Provider::Cpu, &options)).unwrap();
    assert_eq!(decoded, model(&graph, Provider::Cpu, &options));
    assert_eq!(metadata(&decoded), options.metadata);
    let shape = |info: &ValueInfoProto| {
        let tensor = info.r#type.clone().unwrap().tensor_type.unwrap();
        tensor.shape.unwrap().dim.into_iter().map(|dim| dim.value.unwrap()).collect::<Vec<_>>()
    };
    let expected = [DimensionValue::Parameter("batch".to_owned()), DimensionValue::Value(3)];
    let graph = decoded.graph.unwrap();
    assert_eq!(shape(&graph.input[0]), expected);
    assert_eq!(shape(&graph.output[0]), expected);
}

#[test]
fn an_input_with_a_default_may_be_fed_or_not() {
    let mut graph = Graph::new();
    let x = graph.input("x", Fact::f32(&[2]));
    let state = graph.input("state", Fact::f32(&[2]));
    let sum = graph.add(Add, &[x, state]).unwrap();
    graph.output("y", sum);
    let defaults = vec![("state".to_owned(), vec![10.0, 20.0])];
    let bytes = encode(&graph, Provider::Cpu, &EncodeOptions { defaults, ..EncodeOptions::named("n") });
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let numbers = |values: [f32; 2]| HostTensor::F32(vec![2], values.to_vec());
    let y = |inputs: &[(&str, HostTensor)]| run_once(&runtime, &bytes, inputs).unwrap().remove(0).1;
    assert_eq!(y(&[("x", numbers([1.0, 2.0]))]), numbers([11.0, 22.0]));
    assert_eq!(y(&[("x", numbers([1.0, 2.0])), ("state", numbers([3.0, 4.0]))]), numbers([4.0, 6.0]));
    let graph = decode(&bytes).unwrap().graph.unwrap();
    assert_eq!(graph.input.len(), 2, "it stays an input");
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    assert!(decode(b"\xff\xff\xff\xff").is_err());
    assert!(decode(b"").is_err(), "an empty message has no graph");
}
