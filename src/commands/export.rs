//! `hatchery export`: a network of a run as a file that others can use.

use super::{open_runtime, pick};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::ExportOptions,
    },
    drawing::{self, Sketch},
    output::{note, say},
    run_directory::replace,
    view::{self, Row},
    workshop::Workshop,
};
use hatchery_models::data::DataError;
use std::path::Path;

/// Writes what is asked for.
pub fn export(options: &ExportOptions) -> Result<(), Failure> {
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
