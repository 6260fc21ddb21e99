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

/// `loss` = sum of the batch's samples; `next_parameters` = parameters + learning rate * loss + step + seed.
fn toy_step() -> Vec<u8> {
    use crate::onnx::proto::*;
    use prost::Message;
    let node = |op_type: &str, inputs: &[&str], output: &str, to: Option<i64>| NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: to
            .map(|to| AttributeProto {
                name: "to".to_owned(),
                i: Some(to),
                r#type: Some(attribute_type::INT),
                ..AttributeProto::default()
            })
            .into_iter()
            .collect(),
        ..NodeProto::default()
    };
    let info = |name: &str, element: i32, shape: &[i64]| ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeTensorProto {
                elem_type: Some(element),
                shape: Some(TensorShapeProto {
                    dim: shape
                        .iter()
                        .map(|&size| Dimension { value: Some(DimensionValue::Value(size)) })
                        .collect(),
                }),
            }),
        }),
    };
    let (float, integer) = (data_type::FLOAT, data_type::INT64);
    let graph = GraphProto {
        name: "toy".to_owned(),
        node: vec![
            node("Gather", &["samples", "index"], "batch", None),
            node("Sub", &["batch", "zero"], "same", None),
            node("ReduceSum", &["same"], "kept", None),
            node("Squeeze", &["kept"], "loss", None),
            node("Mul", &["loss", "learning_rate"], "change", None),
            node("Add", &["step", "seed"], "integers", None),
            node("Cast", &["integers"], "floats", Some(1)),
            node("Add", &["change", "floats"], "all", None),
            node("Add", &["parameters", "all"], "next_parameters", None),
        ],
        initializer: vec![TensorProto {
            name: "zero".to_owned(),
            data_type: Some(float),
            raw_data: Some(vec![0; 4]),
            ..TensorProto::default()
        }],
        input: vec![
            info("samples", float, &[4]),
            info("index", integer, &[2]),
            info("learning_rate", float, &[]),
            info("step", integer, &[]),
            info("seed", integer, &[]),
            info("parameters", float, &[2]),
        ],
        output: vec![info("loss", float, &[]), info("next_parameters", float, &[2])],
    };
    ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        ..ModelProto::default()
    }
    .encode_to_vec()
}

#[test]
fn steps_see_what_is_written_and_replace_the_state_in_turn() {
    steps_replace_the_state(&Runtime::open(&LibraryOptions::default()).unwrap());
}

/// A processor records nothing, but all that recording asks for is done: fixed addresses, copies before and after a
/// run, numbered graphs, and runs beforehand that must leave no trace.
#[test]
fn steps_that_are_recorded_beforehand_begin_with_the_state_that_was_given() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap().with_cuda_graphs(true);
    assert!(runtime.cuda_graphs());
    steps_replace_the_state(&runtime);
}

fn steps_replace_the_state(runtime: &Runtime) {
    let samples = Shared::new(runtime, &[4], HostValues::F32(vec![1.0, 2.0, 4.0, 8.0])).unwrap();
    let state = [StateVector { name: "parameters".to_owned(), values: vec![0.0, 100.0] }];
    let mut stepper = Stepper::new(runtime, &toy_step(), &[("samples", &samples)], &state, 2).unwrap();
    let mut step = |index: &[i64], learning_rate, step, seed| {
        let loss = stepper.step(StepInputs { index, learning_rate, step, seed }).unwrap();
        (loss, stepper.read("parameters").unwrap())
    };
    assert_eq!(step(&[0, 1], 1.0, 1, 0), (3.0, vec![4.0, 104.0]));
    assert_eq!(step(&[2, 3], 0.5, 2, 0), (12.0, vec![12.0, 112.0]));
    assert_eq!(step(&[3, 3], 0.0, 0, 5), (16.0, vec![17.0, 117.0]));
    assert!(stepper.read("none").unwrap().is_empty());
}

#[test]
fn a_data_set_is_shared_by_trainers_on_several_threads() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let samples = Shared::new(&runtime, &[4], HostValues::F32(vec![1.0, 2.0, 4.0, 8.0])).unwrap();
    let train = |first: f32| {
        let state = [StateVector { name: "parameters".to_owned(), values: vec![first, 0.0] }];
        let mut stepper = Stepper::new(&runtime, &toy_step(), &[("samples", &samples)], &state, 2).unwrap();
        for _ in 0..50 {
            stepper.step(StepInputs { index: &[0, 1], learning_rate: 1.0, step: 0, seed: 0 }).unwrap();
        }
        stepper.read("parameters").unwrap()
    };
    let results: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = [0.0, 1000.0]
            .map(|first| {
                let train = &train;
                scope.spawn(move || train(first))
            })
            .into_iter()
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results, [vec![150.0, 150.0], vec![1150.0, 150.0]]);
}

#[test]
fn what_the_library_refuses_is_an_error_with_its_words() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    assert!(matches!(runtime.model(b"nonsense"), Err(RuntimeError::Failed { .. })));
    let mut model = runtime.model(&toy_step()).unwrap();
    assert_eq!(model.inputs()[..2], ["samples", "index"]);
    let missing = model.run(&[("samples", HostTensor::F32(vec![4], vec![0.0; 4]))]).unwrap_err();
    assert!(missing.to_string().contains("running a model"), "{missing}");
    let absent = runtime.clone().on(Device::Cuda(0)).model(&toy_step());
    if !runtime.providers().contains(&Provider::Cuda) {
        assert!(absent.is_err(), "a device that is not there must not be replaced by another");
    }
}

#[test]
fn devices_are_read_as_they_are_written() {
    for device in [Device::Cpu, Device::Cuda(0), Device::Cuda(7)] {
        assert_eq!(device.to_string().parse(), Ok(device));
    }
    assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
    for word in ["gpu", "cuda:", "cuda:x", "cuda0", ""] {
        assert!(word.parse::<Device>().unwrap_err().to_string().contains("cuda:0"), "{word}");
    }
}

#[test]
fn the_library_says_what_it_is() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    let report = runtime.report();
    assert!(report.path.is_file());
    let numbers: Vec<u32> = report.version.split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers[0] == 1 && numbers[1] >= MINOR_VERSION_MIN, "{}", report.version);
    assert!(runtime.providers().contains(&Provider::Cpu));
    assert_eq!(runtime.clone().with_threads(0).threads(), 1);
}

#[test]
fn a_limit_of_device_memory_stays_with_the_runtime_and_its_words_are_recognised() {
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    assert_eq!(runtime.device_memory_bytes_max(), None);
    let limited = runtime.with_device_memory_max(Some(1 << 30)).with_threads(2).on(Device::Cuda(1));
    assert_eq!(limited.device_memory_bytes_max(), Some(1 << 30));
    assert!(
        Device::Cpu.execution_provider(Some(1), true).is_none()
            && Device::Cuda(0).execution_provider(None, false).is_some()
    );
    for words in [
        "bfc_arena.cc:359 Available memory of 1048576 is smaller than requested bytes of 4194304",
        "Failed to allocate memory for requested buffer of size 4194304",
        "CUDA failure 2: out of memory ; GPU=0",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0",
    ] {
        assert!(is_out_of_memory(words), "{words}");
    }
    assert!(!is_out_of_memory("CUDNN failure 3: CUDNN_STATUS_BAD_PARAM ; GPU=0"));
}

#[test]
fn memory_that_is_not_there_is_recognised_by_the_librarys_words() {
    use crate::onnx::proto::*;
    use prost::Message;
    let float = TypeTensorProto { elem_type: Some(data_type::FLOAT), shape: None };
    let shape = TypeTensorProto {
        elem_type: Some(data_type::INT64),
        shape: Some(TensorShapeProto { dim: vec![Dimension { value: Some(DimensionValue::Value(1)) }] }),
    };
    let info = |name: &str, tensor| ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor) }),
    };
    let graph = GraphProto {
        node: vec![NodeProto {
            op_type: "ConstantOfShape".to_owned(),
            input: vec!["shape".to_owned()],
            output: vec!["zeros".to_owned()],
            ..NodeProto::default()
        }],
        name: "zeros".to_owned(),
        input: vec![info("shape", shape)],
        output: vec![info("zeros", float)],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        ..ModelProto::default()
    };
    let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
    // More than an address of this processor can name.
    let inputs = [("shape", HostTensor::I64(vec![1], vec![1 << 47]))];
    let error = run_once(&runtime, &model.encode_to_vec(), &inputs).unwrap_err();
    assert!(matches!(error, RuntimeError::OutOfMemory { .. }), "{error}");
}
