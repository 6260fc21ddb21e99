//! Times the networks of a suite: `bench_train SUITE.json [SECONDS] [THREADS] [NAME ...]`, one JSON object a line.
#![expect(clippy::print_stdout, reason = "an example talks on standard output")]

use hatchery_models::training::{
    bench::{Suite, time},
    runtime::{LibraryOptions, Runtime},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("name a suite's file")?;
    let seconds: f64 = arguments.get(1).map_or(Ok(2.0), |word| word.parse())?;
    let threads: usize = arguments.get(2).map_or(Ok(1), |word| word.parse())?;
    let runtime = Runtime::open(&LibraryOptions::default())?.with_threads(threads).with_spinning(true);
    let networks = Suite::parse(&std::fs::read_to_string(file)?)?;
    for network in networks.only(arguments.get(3..).unwrap_or_default())? {
        println!("{}", serde_json::to_string(&time(&runtime, &network, seconds)?)?);
    }
    Ok(())
}
