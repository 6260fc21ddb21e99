//! `hatchery bench search`: replays a search strategy on a benchmark table.

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::BenchSearchOptions,
    },
    devices,
    output::{self, say},
};
use anyhow::Context;
use flate2::read::MultiGzDecoder;
use hatchery_actors::search::{
    replay::{Replay, Summary, replay, usual_tolerance},
    table::{Direction, Repeats, Results, Table, TableError},
};
use serde::Serialize;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

/// Largest table that is read, in bytes of text.
const TABLE_BYTES_MAX: u64 = 1 << 30;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    table: &'a str,
    /// Which way the objective is better.
    direction: Direction,
    /// Which way the report is better, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_direction: Option<Direction>,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Replays and reports.
pub fn search(options: &BenchSearchOptions) -> Result<(), Failure> {
    let place = || options.table.display().to_string();
    let text = read(&options.table).with_context(place).or_exit(Exit::Data)?;
    let table = Table::parse(&text).with_context(place).or_exit(Exit::Data)?;
    drop(text);
    let objective = results(&table, &options.objective, options.direction)
        .context("--objective")
        .with_context(place)
        .or_exit(Exit::Data)?;
    let report = results(&table, &options.report, options.report_direction.or(options.direction))
        .context("--report")
        .with_context(place)
        .or_exit(Exit::Data)?;
    if let Some(repeats) = table.repeats() {
        output::note(warning(&place(), repeats));
    }
    let tolerance = options.tolerance.unwrap_or_else(|| usual_tolerance(&table, &report));
    if !tolerance.is_finite() || tolerance < 0.0 {
        return Err(anyhow::anyhow!("--tolerance is {tolerance}; give a number from 0 up"))
            .or_exit(Exit::Experiment);
    }
    let summary = replay(&Replay {
        table: &table,
        objective: &objective,
        report: &report,
        strategy: options.strategy,
        evaluations: options.evaluations,
        workers: options.workers,
        seeds: options.seeds,
        tolerance,
        threads: options.threads.map_or_else(devices::cores, |threads| threads as usize),
    })
    .context("the strategy hands over nobody")
    .with_context(place)
    .or_exit(Exit::Data)?;
    let name = table_name(&options.table);
    if options.json {
        let (direction, other) = (objective.direction(), report.direction());
        let report_direction = (other != direction).then_some(other);
        let line = Line { table: &name, direction, report_direction, summary: &summary };
        say(serde_json::to_string(&line).or_exit(Exit::Failed)?);
    } else {
        say(format_args!("{name}: {}", directions(options, &objective, &report)));
        say(readable(&summary));
    }
    Ok(())
}

fn results(table: &Table, prefix: &str, direction: Option<Direction>) -> Result<Results, TableError> {
    direction.map_or_else(|| table.results(prefix), |direction| table.results_toward(prefix, direction))
}

/// What is minimised and what maximised, for people.
fn directions(options: &BenchSearchOptions, objective: &Results, report: &Results) -> String {
    let told = format!("{} is {}", options.objective, objective.direction());
    if (&options.objective, objective.direction()) == (&options.report, report.direction()) {
        return told;
    }
    format!("{told}, the report {} is {}", options.report, report.direction())
}

fn warning(place: &str, repeats: Repeats) -> String {
    let Repeats { lines: [first, other], rows } = repeats;
    format!(
        "warning: {place}: lines {first} and {other} have the same parameters and different results (such rows in all: \
         {rows}); each counts as a network of its own: if they are measurements of one network, give it one row with a \
         result column for each"
    )
}

/// The file's name without .csv and .gz.
fn table_name(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    plain.strip_suffix(".csv").unwrap_or(plain).to_owned()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(GZIP_MAGIC.len() as u64).read_to_end(&mut start)?;
    let whole = start.as_slice().chain(file);
    let mut text = Vec::new();
    if start == GZIP_MAGIC {
        MultiGzDecoder::new(whole).take(TABLE_BYTES_MAX + 1).read_to_end(&mut text)?;
    } else {
        whole.take(TABLE_BYTES_MAX + 1).read_to_end(&mut text)?;
    }
    anyhow::ensure!(text.len() as u64 <= TABLE_BYTES_MAX, "it has more than {TABLE_BYTES_MAX} bytes of text");
    Ok(text)
}

fn readable(summary: &Summary) -> String {
    let cells = [
        summary.strategy.to_owned(),
        summary.evaluations.to_string(),
        summary.workers.to_string(),
        summary.seeds.to_string(),
        format!("{:.6}", summary.report_mean),
        format!("{:.6}", summary.report_sd),
        format!("{:.6}", summary.report_median),
        format!("{:.6}", summary.rank_median),
        format!("{:.3}", summary.optimum_share),
        format!("{:.2}", summary.simulated_time_mean),
    ];
    let header =
        ["strategy", "evaluations", "workers", "seeds", "mean", "sd", "median", "rank", "optimum", "time"];
    output::table(&header, &[cells.to_vec()])
}
