use super::*;
use crate::genome::{Activation, LayerGene};

const SUITE: &str = r#"{"note": "two networks", "networks": [
    {"name": "small", "input": [3, 8, 8], "classes": 4, "batch": 10, "layers": [
      {"op": "conv", "out": 6, "kernel": [5, 3]},
      {"op": "maxpool", "kernel": [3, 3], "stride": [2, 2], "act": "relu"},
      {"op": "residual", "out": 8, "stride": 2}, {"op": "globalavgpool"}, {"op": "dropout", "ratio": 0.3}]},
    {"name": "table", "input": [1, 1, 12], "classes": 2, "batch": 4, "layers": [{"op": "dense", "out": 5, "act": "tanh"}]}
  ]}"#;

#[test]
fn networks_are_read_as_genomes() {
    let suite = Suite::parse(SUITE).unwrap();
    let [small, table] = &suite.networks[..] else { panic!("{suite:?}") };
    let LayerGene::Convolution(first) = &small.genome.layers[0] else { panic!("{small:?}") };
    assert_eq!((first.kernel, first.activation), ([5, 3], Activation::Relu), "moved in front of the maximum");
    assert!(matches!(small.genome.layers[2], LayerGene::Residual(_)));
    assert_eq!(small.genome.training.batch_size, 10);
    assert_eq!((table.problem.channels, table.problem.height, table.problem.width), (12, 1, 1));
}

#[test]
fn what_no_gene_says_is_refused_by_network_and_layer() {
    let refused = |from: &str, to: &str| Suite::parse(&SUITE.replace(from, to)).unwrap_err().to_string();
    let message = refused("\"globalavgpool\"", "\"lstm\"");
    assert!(message.contains("small, layer 4") && message.contains("lstm"), "{message}");
    assert!(refused("\"stride\": [2, 2], ", "\"stride\": [2, 1], ").contains("layer 2"));
    assert!(refused("\"act\": \"relu\"", "\"act\": \"tanh\"").contains("cannot be moved"));
    assert!(Suite::parse("{").is_err());
}

#[test]
fn networks_are_chosen_by_name() {
    let suite = Suite::parse(SUITE).unwrap();
    let names = |only: &[&str]| -> Result<Vec<String>, SuiteError> {
        let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
        Ok(suite.clone().only(&only)?.into_iter().map(|network| network.name).collect())
    };
    assert_eq!(names(&[]).unwrap(), ["small", "table"]);
    assert_eq!(names(&["table"]).unwrap(), ["table"]);
    assert!(names(&["none"]).unwrap_err().to_string().contains("small, table"));
}

#[test]
fn a_network_is_timed() {
    let runtime = Runtime::open(&crate::training::runtime::LibraryOptions::default()).unwrap();
    for network in Suite::parse(SUITE).unwrap().networks {
        let row = time(&runtime, &network, 0.0).unwrap();
        assert!(row.step_ms_min > 0.0 && row.step_ms_min <= row.step_ms_median, "{row:?}");
        assert_eq!((row.network.as_str(), row.device.as_str()), (network.name.as_str(), "cpu"));
        assert!(row.parameters > 0);
        let standard = runtime.clone().with_kernels(false);
        let difference = update_difference(&runtime, &standard, &network).unwrap();
        assert!(difference < 1e-4, "{}: the kernels' step differs by {difference}", network.name);
    }
}
