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
    }
}

/// Processor time that is measured at once, in milliseconds.
const BLOCK_MS: f64 = 40.0;

/// The scheduler's count of this thread's time on a processor, in milliseconds.
fn thread_cpu_ms() -> f64 {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    counts.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// For a busy machine, where the clock on the wall says little: one thread's processor time per network, to be run by
/// hand with `HATCHERY_SUITE` naming the suite's file.
#[test]
#[ignore = "a measurement, not a test"]
#[expect(clippy::print_stdout, reason = "what is measured is read by hand")]
fn processor_time_of_the_suite() {
    let suite = std::fs::read_to_string(std::env::var("HATCHERY_SUITE").unwrap()).unwrap();
    let only: Vec<String> = std::env::var("HATCHERY_ONLY")
        .map_or_else(|_| Vec::new(), |names| names.split(',').map(str::to_owned).collect());
    let runtime = Runtime::open(&crate::training::runtime::LibraryOptions::default()).unwrap();
    for network in Suite::parse(&suite).unwrap().only(&only).unwrap() {
        let batch = network.genome.training.batch_size as usize;
        let resident = Resident::new(&runtime, Arc::new(random_data(network.problem, batch))).unwrap();
        let start = thread_cpu_ms();
        let mut timed = Timed::prepare(&runtime, &network, &resident).unwrap();
        let built = thread_cpu_ms();
        timed.run(0.0).unwrap();
        // The scheduler counts in ticks of some milliseconds: short steps are measured several at once.
        let steps = (BLOCK_MS / timed.run(0.0).unwrap()[0]).ceil().clamp(1.0, 100.0) as usize;
        let mut times: Vec<f64> = (0..15)
            .map(|_| {
                let start = thread_cpu_ms();
                for _ in 0..steps {
                    timed.step().unwrap();
                }
                (thread_cpu_ms() - start) / steps as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let (build, median) = (built - start, times[times.len() / 2]);
        println!(
            "{:12} build {build:8.2} ms  step median {median:8.3} min {:8.3} ms",
            network.name, times[0]
        );
    }
}
