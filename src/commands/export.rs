//! `hatchery export`: a network of a run as a file that others can use, or the whole run for other programs.

use super::{open_runtime, pick};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::ExportOptions,
    },
    drawing::{self, Sketch},
    output::{note, plain, say},
    records::{self, Records},
    run_directory::replace,
    view::{self, Row},
    workshop::Workshop,
};
use anyhow::anyhow;
use hatchery_models::data::DataError;
use std::path::{Path, PathBuf};

/// Writes what is asked for.
pub fn export(options: &ExportOptions) -> Result<(), Failure> {
    let networks = [&options.onnx, &options.train_step, &options.svg, &options.dot];
    if networks.iter().any(|path| path.is_some()) {
        network(options)?;
    } else if let Some(id) = options.id {
        let words = format!(
            "network {id} is asked for, but what is to be written is the whole run: leave the id out, or add --onnx, \
             --train-step, --svg or --dot"
        );
        return Err(anyhow!(words)).or_exit(Exit::Experiment);
    }
    whole(options)
}

/// One network.
fn network(options: &ExportOptions) -> Result<(), Failure> {
    let run = view::read(&options.run)?;
    let row = pick(&run, options.id)?;
    if options.svg.is_some() || options.dot.is_some() {
        let sketch = Sketch::of(&row.genome, &run.problem);
        write(options.svg.as_deref(), row, || Ok(drawing::svg(&sketch).into_bytes()))?;
        write(options.dot.as_deref(), row, || Ok(drawing::dot(&sketch).into_bytes()))?;
    }
    if options.onnx.is_some() || options.train_step.is_some() {
        let workshop = Workshop::open(&options.run)?;
        if workshop.has_weights(row) || options.onnx.is_none() {
            write(options.onnx.as_deref(), row, || workshop.model(row))?;
        } else {
            note(format_args!(
                "the weights of network {} were not kept: it is trained again, as in the search",
                row.id
            ));
            let runtime = open_runtime(workshop.library(), options.offline)?;
            write(options.onnx.as_deref(), row, || workshop.retrained_model(row, &runtime))?;
        }
        write(options.train_step.as_deref(), row, || workshop.training_step(row))?;
    }
    Ok(())
}

/// The whole run.
fn whole(options: &ExportOptions) -> Result<(), Failure> {
    let files = [&options.csv, &options.parquet, &options.tensorboard, &options.optuna];
    if options.mlflow.is_none() && files.iter().all(|path| path.is_none()) {
        return Ok(());
    }
    let records = records::read(&options.run)?;
    if let Some(path) = &options.csv {
        written(&records::write_csv(path, &records).or_exit(Exit::RunDirectory)?);
    }
    if let Some(folder) = &options.parquet {
        written(&parquet(folder, &records)?);
    }
    if let Some(folder) = &options.tensorboard {
        let count = records::write_tensorboard(folder, &records).or_exit(Exit::RunDirectory)?;
        say(format_args!("{}: {count} evaluations; tensorboard --logdir {0}", folder.display()));
    }
    if let Some(path) = &options.optuna {
        let count = records::write_optuna(path, &records).or_exit(Exit::RunDirectory)?;
        say(format_args!(
            "{}: study {}, {count} trials; optuna-dashboard sqlite:///{0}",
            path.display(),
            plain(&records.name)
        ));
    }
    if let Some(address) = &options.mlflow {
        let done = records::mlflow::log(address, &records).or_exit(Exit::Failed)?;
        say(format_args!(
            "{address}: {} evaluations logged to the experiment {}, {} were there already",
            done.logged,
            plain(&records.experiment),
            done.present
        ));
    }
    Ok(())
}

#[cfg(feature = "parquet")]
fn parquet(folder: &Path, records: &Records) -> Result<Vec<PathBuf>, Failure> {
    records::write_parquet(folder, records).or_exit(Exit::RunDirectory)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Path, _: &Records) -> Result<Vec<PathBuf>, Failure> {
    let words = "this hatchery was built without Parquet: build it with `cargo build --release --features parquet`, or \
                 take --csv";
    Err(anyhow!(words)).or_exit(Exit::Failed)
}

fn written(paths: &[PathBuf]) {
    paths.iter().for_each(|path| say(path.display()));
}

fn write(
    path: Option<&Path>,
    row: &Row,
    bytes: impl FnOnce() -> anyhow::Result<Vec<u8>>,
) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let bytes = bytes().or_exit(Exit::Failed)?;
    replace(path, &bytes)
        .map_err(|source| DataError::Unwritable { path: path.into(), source })
        .or_exit(Exit::RunDirectory)?;
    say(format_args!("{}: network {}", path.display(), row.id));
    Ok(())
}
