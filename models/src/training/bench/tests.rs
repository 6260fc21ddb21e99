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
fn a_mistyped_key_is_refused_and_a_note_is_not() {
    let refused = |from: &str, to: &str| Suite::parse(&SUITE.replace(from, to)).unwrap_err().to_string();
    let message = refused("\"act\": \"tanh\"", "\"activation\": \"tanh\"");
    assert!(message.contains("unknown field `activation`") && message.contains("`act`"), "{message}");
    assert!(refused("\"classes\": 4", "\"classes\": 4, \"batches\": 3").contains("`batches`"));
    assert!(refused("\"note\"", "\"nota\"").contains("`nota`"));
    Suite::parse(&SUITE.replace("\"classes\": 4", "\"classes\": 4, \"note\": [1]")).unwrap();
    Suite::parse(include_str!("../../../../benches/suite.json")).unwrap();
}

#[test]
fn numbers_beyond_their_limits_are_refused_by_network_and_value() {
    let refused = |from: &str, to: &str| Suite::parse(&SUITE.replace(from, to)).unwrap_err().to_string();
    let none = Suite::parse(r#"{"networks": []}"#).unwrap_err().to_string();
    assert!(none.contains("no networks"), "{none}");
    for (from, to, expected) in [
        ("\"classes\": 4", "\"classes\": 0", "network small: `classes` is 0; it must lie between 2 and"),
        ("\"classes\": 2", "\"classes\": 1", "network table: `classes` is 1"),
        ("\"batch\": 10", "\"batch\": 0", "network small: `batch` is 0"),
        ("[3, 8, 8]", "[1, 4000000, 4000000]", "network small: `input` has rows: 4000000"),
        ("[3, 8, 8]", "[3, 8192, 8192]", "network small: `batch` times `input` is 2013265920"),
        ("[1, 1, 12]", "[1, 1, 0]", "network table: `input` has columns: 0"),
        ("\"out\": 6", "\"out\": 0", "network small cannot be built: layer 1 (convolution): filters is 0"),
        (
            "\"kernel\": [3, 3]",
            "\"kernel\": [9, 9], \"pad\": \"valid\"",
            "layer 2 (max_pool): its window reaches",
        ),
    ] {
        let message = refused(from, to);
        assert!(message.contains(expected), "{to}: {message}");
    }
    Suite::parse(&SUITE.replace("[1, 1, 12]", "[1, 1, 65536]")).unwrap();
    let wide = refused("\"out\": 5", "\"out\": 65536}, {\"op\": \"dense\", \"out\": 65536");
    assert!(wide.contains("network table: its number of parameters is"), "{wide}");
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
