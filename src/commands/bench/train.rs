//! `hatchery bench train`: times training steps of the networks of a suite, to be compared with other programs.

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::BenchTrainOptions,
    },
    commands::{arithmetic, open_runtime},
    devices,
    output::{self, say},
};
use anyhow::Context;
use hatchery_models::training::{
    bench::{BenchError, Network, Row, Suite, time, update_difference},
    runtime::{Device, Runtime},
};
use serde_json::json;

/// Largest suite file that is read, in bytes.
const SUITE_BYTES_MAX: u64 = 16 << 20;

/// Times the networks of a suite.
pub fn train(options: &BenchTrainOptions) -> Result<(), Failure> {
    let device: Device = options.device.parse().context("--device").or_exit(Exit::Experiment)?;
    let networks = read(options)
        .and_then(|suite| suite.only(&options.only).context("--only"))
        .with_context(|| options.suite.display().to_string())
        .or_exit(Exit::Experiment)?;
    let threads = options.threads.map_or_else(devices::cores, |threads| threads as usize);
    // The bench has the machine for itself, so waiting threads may spin.
    let runtime = open_runtime(None, options.offline)?.on(device).with_threads(threads).with_spinning(true);
    let runtime = runtime.with_kernels(!options.standard_operators).with_cuda_graphs(options.cuda_graphs);
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for network in &networks {
        match measure(options, &runtime, network) {
            Ok(row) => {
                if options.json {
                    say(serde_json::to_string(&rounded(row.clone())).or_exit(Exit::Failed)?);
                }
                rows.push(row);
            }
            Err(error) => {
                report(options, &network.name, &error.to_string());
                failures.push(error);
            }
        }
    }
    if !options.json {
        say(table(&runtime, &rows));
    }
    if failures.is_empty() {
        return Ok(());
    }
    // What cannot be built is the suite's fault, and not the library's.
    let is_library = failures.iter().any(|failure| matches!(failure, BenchError::Runtime(_)));
    let exit = if is_library { Exit::Library } else { Exit::Experiment };
    Err(anyhow::anyhow!("{} networks could not be timed", failures.len())).or_exit(exit)
}

fn measure(options: &BenchTrainOptions, runtime: &Runtime, network: &Network) -> Result<Row, BenchError> {
    let row = time(runtime, network, options.seconds)?;
    if !options.check {
        return Ok(row);
    }
    let reference = runtime.clone().on(Device::Cpu).with_kernels(false).with_cuda_graphs(false);
    Ok(Row { update_difference: Some(update_difference(runtime, &reference, network)?), ..row })
}

fn read(options: &BenchTrainOptions) -> anyhow::Result<Suite> {
    let length = std::fs::metadata(&options.suite)?.len();
    anyhow::ensure!(length <= SUITE_BYTES_MAX, "it has {length} bytes, more than {SUITE_BYTES_MAX}");
    Ok(Suite::parse(&std::fs::read_to_string(&options.suite)?)?)
}

fn report(options: &BenchTrainOptions, network: &str, error: &str) {
    if options.json {
        say(json!({"network": network, "mode": "hatchery", "error": error}));
    } else {
        output::note(format_args!("{network}: {error}"));
    }
}

/// Microseconds are enough.
fn rounded(row: Row) -> Row {
    let thousandths = |value: f64| (value * 1e3).round() / 1e3;
    Row {
        step_ms_median: thousandths(row.step_ms_median),
        step_ms_min: thousandths(row.step_ms_min),
        samples_per_s: (row.samples_per_s * 10.0).round() / 10.0,
        flop_per_s: row.flop_per_s.round(),
        build_ms: thousandths(row.build_ms),
        first_step_ms: thousandths(row.first_step_ms),
        ..row
    }
}

fn table(runtime: &Runtime, rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.network.clone(),
            format!("{:.3}", row.step_ms_median),
            format!("{:.3}", row.step_ms_min),
            format!("{:.0}", row.samples_per_s),
            output::grouped(row.parameters as u64),
            format!("{:.2}", row.flop_per_s / 1e9),
            format!("{:.1}", row.build_ms),
            row.update_difference.map_or_else(String::new, |difference| format!("{difference:.1e}")),
        ]
    });
    let header = [
        "network",
        "median ms",
        "fastest ms",
        "samples/s",
        "parameters",
        "GFLOP/s",
        "build ms",
        "update differs by",
    ];
    let title = format!(
        "training steps on {}, {} threads, ONNX Runtime {}, {}",
        runtime.device(),
        runtime.threads(),
        runtime.report().version,
        arithmetic(runtime)
    );
    format!("{title}\n{}", output::table(&header, &cells.collect::<Vec<_>>()))
}
