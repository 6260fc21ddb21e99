//! Makes model files of a run's networks: everything that needs the run's data and weights together.
//!
//! It must not know who asks: `run` at its end, or `export` at any time.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    commands::data,
    model_facts::ModelFacts,
    output::note,
    retrain::retrain,
    run_directory::{self, RunDirectory},
    view::{self, Best, Row, Run},
    yardstick::Yardstick,
};
use anyhow::{Context, anyhow};
use hatchery_actors::{
    journal::{EvaluationRecord, RunRecord, record},
    protocol::{IndividualId, Inherited, LeaseKind},
    streams::{Purpose, seed_for},
};
use hatchery_config::Experiment;
use hatchery_models::{
    data::{Dataset, Normalisation, Samples, Split},
    expression::{self, Feed, Layout},
    graph::{ElementType, lowering::Provider},
    onnx::{EncodeOptions, encode},
    training::{outcome::Weights, runtime::Runtime},
};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A network for use: weights and normalisation inside, any number of samples at once.
///
/// # Errors
/// Where it cannot be built with these weights, which is a defect.
pub fn model_file(facts: &ModelFacts<'_>, weights: &Weights) -> anyhow::Result<Vec<u8>> {
    let ModelFacts { row, experiment, dataset, normalisation, .. } = *facts;
    let product = expression::inference(&row.genome, &dataset.problem, normalisation, weights)
        .map_err(|error| anyhow!("network {} cannot be built: {error}", row.id))?;
    let options = EncodeOptions {
        name: format!("{} {}", experiment.name, row.id),
        metadata: facts.metadata()?,
        dynamic_batch: true,
        defaults: Vec::new(),
        kernels: false,
    };
    Ok(encode(&product.graph, Provider::Cpu, &options))
}

/// A run with its data.
pub struct Workshop {
    directory: RunDirectory,
    record: RunRecord,
    /// What lists and reports say of it.
    pub run: Run,
    experiment: Experiment,
    dataset: Dataset,
    split: Split,
}

impl Workshop {
    /// Opens a run and loads its data.
    ///
    /// # Errors
    /// Where there is no run, or its data cannot be loaded or have changed.
    pub fn open(directory: &Path) -> Result<Self, Failure> {
        let record = record::read(directory).or_exit(Exit::RunDirectory)?;
        let origin = format!("the experiment recorded in {}", directory.display());
        let experiment =
            Experiment::parse(&record.info.experiment, &origin, &[]).or_exit(Exit::RunDirectory)?;
        let dataset = data::load(&experiment.data)?;
        if dataset.content_hash != record.info.data_hash {
            let error = anyhow!(
                "{} has changed since the run in {} began: its content hash is {}, not {}",
                dataset.source,
                directory.display(),
                dataset.content_hash,
                record.info.data_hash
            );
            return Err(error).or_exit(Exit::Data);
        }
        let split = data::split(&dataset, &experiment.data)?;
        let yardstick = Some(Yardstick::of(&dataset, &split.test));
        let run = Run { yardstick, ..view::read(directory)? };
        Ok(Self { directory: RunDirectory::at(directory), record, run, experiment, dataset, split })
    }

    /// The evaluation whose weights stand for a network: of the winner those that were handed over.
    fn weighty(&self, id: u64) -> Option<&EvaluationRecord> {
        let chosen = self.record.final_result.as_ref().filter(|result| result.individual.0 == id);
        let own = || self.record.evaluations_of(IndividualId(id));
        let handed_over = chosen
            .and_then(|result| own().find(|one| one.id == result.evaluation).filter(|one| one.has_weights));
        handed_over.or_else(|| EvaluationRecord::weightiest(own()))
    }

    /// The library that the run was last told to use: the run directory's file holds what a resume has changed, the
    /// journal what the run began with. A file that cannot be read says nothing.
    pub fn library(&self) -> Option<PathBuf> {
        let file = self.directory.experiment();
        let last = Experiment::load(&file.display().to_string(), &[]).ok().filter(|_| file.is_file());
        last.as_ref().unwrap_or(&self.experiment).runtime.library.clone()
    }

    /// Whether the network's weights were kept; otherwise it must be trained again.
    pub fn has_weights(&self, row: &Row) -> bool {
        self.weighty(row.id).is_some()
    }

    /// The network for use: weights and normalisation inside, any number of samples at once.
    ///
    /// # Errors
    /// Where its weights were not kept.
    pub fn model(&self, row: &Row) -> anyhow::Result<Vec<u8>> {
        let missing = || anyhow!("the weights of network {} were not kept", row.id);
        let evaluation = self.weighty(row.id).ok_or_else(missing)?;
        let weights = record::weights(self.directory.root(), evaluation.id)?.ok_or_else(missing)?;
        self.model_of(&self.trained_row(row), self.handed_over(row), &weights)
    }

    /// The network with what came of the evaluation whose weights stand for it; where none were kept, of the search's.
    fn trained_row<'a>(&self, row: &'a Row) -> Cow<'a, Row> {
        let trained = self.weighty(row.id).and_then(|one| view::row_of(one, &self.run.objectives));
        trained.map_or(Cow::Borrowed(row), Cow::Owned)
    }

    /// The winner's figures, where the weights that stand for the network are those that were chosen and tested.
    fn handed_over(&self, row: &Row) -> Option<&Best> {
        let chosen = self.record.final_result.as_ref().map(|result| result.evaluation);
        let own = self.weighty(row.id).map(|evaluation| evaluation.id);
        self.run.best.as_ref().filter(|best| best.id == row.id && own == chosen)
    }

    /// The network for use, trained again as the search trained it.
    ///
    /// # Errors
    /// Where its training comes to nothing, as it did in the search.
    pub fn retrained_model(&self, row: &Row, runtime: &Runtime) -> anyhow::Result<Vec<u8>> {
        let own = |evaluation: &&EvaluationRecord| {
            evaluation.individual.id.0 == row.id && evaluation.kind == LeaseKind::Search
        };
        let evaluation = self.record.evaluations.iter().find(own);
        let evaluation = evaluation.ok_or_else(|| anyhow!("network {} was not evaluated", row.id))?;
        let lineage = self.bequeathers(evaluation);
        let mut inherit = None;
        for ancestor in lineage.into_iter().rev() {
            let kept = record::weights(self.directory.root(), ancestor.id)?;
            let weights = match kept {
                Some(weights) => weights,
                None => self.retrained(ancestor, inherit.take(), runtime)?,
            };
            inherit = Some(Inherited {
                evaluation: ancestor.id,
                genome: Arc::clone(&ancestor.individual.genome),
                weights: Arc::new(weights),
            });
        }
        let weights = self.retrained(evaluation, inherit, runtime)?;
        self.model_of(row, None, &weights)
    }

    fn retrained(
        &self,
        evaluation: &EvaluationRecord,
        inherit: Option<Inherited>,
        runtime: &Runtime,
    ) -> anyhow::Result<Weights> {
        retrain(evaluation, inherit, &self.experiment, (&self.dataset, &self.split), runtime)
    }

    /// The evaluations whose weights one began with, each before it: as far back as to one whose weights are kept, or
    /// that began with its own. An evaluation inherits from one that has ended before it began, so that this ends.
    fn bequeathers(&self, evaluation: &EvaluationRecord) -> Vec<&EvaluationRecord> {
        let mut lineage: Vec<&EvaluationRecord> = Vec::new();
        let mut of = evaluation.inherits;
        while let Some(id) = of {
            let found = self.record.evaluations.iter().find(|one| one.id == id);
            let Some(ancestor) = found.filter(|one| lineage.iter().all(|other| other.id != one.id)) else {
                break;
            };
            lineage.push(ancestor);
            of = ancestor.inherits.filter(|_| !ancestor.has_weights);
        }
        lineage
    }

    fn model_of(&self, row: &Row, best: Option<&Best>, weights: &Weights) -> anyhow::Result<Vec<u8>> {
        model_file(&self.facts(row, best, &self.normalisation()), weights)
    }

    /// One step of the network's training as a graph. Fed no state, it begins where the search's training began.
    ///
    /// # Errors
    /// Where the network cannot be built, which is a defect.
    pub fn training_step(&self, row: &Row) -> anyhow::Result<Vec<u8>> {
        let element = match self.dataset.samples {
            Samples::U8(_) => ElementType::U8,
            Samples::F32(_) => ElementType::F32,
        };
        let feed = Feed { element, count: self.dataset.count };
        let normalisation = self.normalisation();
        let product = expression::training_step(&row.genome, &self.dataset.problem, &feed, &normalisation)
            .map_err(|error| anyhow!("network {} cannot be built: {error}", row.id))?;
        let options = EncodeOptions {
            name: format!("{} {} training step", self.experiment.name, row.id),
            metadata: self.facts(row, None, &normalisation).origin()?,
            dynamic_batch: false,
            defaults: self.starting_state(row, &product.layout),
            kernels: false,
        };
        Ok(encode(&product.graph, Provider::Cpu, &options))
    }

    /// The state before the first step, by the names of the training step's inputs.
    fn starting_state(&self, row: &Row, layout: &Layout) -> Vec<(String, Vec<f32>)> {
        let seed = seed_for(self.experiment.seed, Purpose::SearchTraining, row.id);
        let parameters = expression::initial_parameters(layout, row.genome.training.initializer, seed);
        let statistics = expression::initial_statistics(layout);
        let moments =
            (1..=layout.moments).map(|number| (format!("moment_{number}"), vec![0.0; layout.parameters]));
        let weights = [("parameters".to_owned(), parameters), ("statistics".to_owned(), statistics)];
        weights.into_iter().chain(moments).collect()
    }

    /// What raw values are normalised by in every training, the final one included.
    fn normalisation(&self) -> Normalisation {
        Normalisation::of(&self.dataset, &self.split.train)
    }

    fn facts<'a>(
        &'a self,
        row: &'a Row,
        best: Option<&'a Best>,
        normalisation: &'a Normalisation,
    ) -> ModelFacts<'a> {
        ModelFacts { row, experiment: &self.experiment, dataset: &self.dataset, normalisation, best }
    }

    /// What is known of a network with the weights that stand for it, as JSON text.
    ///
    /// # Errors
    /// Where something cannot be written as JSON, which is a defect.
    pub fn facts_json(&self, row: &Row) -> anyhow::Result<String> {
        let normalisation = self.normalisation();
        let trained = self.trained_row(row);
        let facts = self.facts(&trained, self.handed_over(row), &normalisation);
        Ok(serde_json::to_string_pretty(&facts.json())? + "\n")
    }

    /// Writes `best.onnx`, `best.json` and `champions/`.
    ///
    /// # Errors
    /// Where a file cannot be written, or the best network's weights are missing.
    pub fn write_models(&self) -> anyhow::Result<()> {
        let best = self.run.best.as_ref().and_then(|best| self.run.row(best.id));
        if let Some(row) = best {
            let model = self.model(row).context("the best network")?;
            run_directory::write_whole(&self.directory.best_model(), &model)?;
            run_directory::write_whole(&self.directory.best_facts(), self.facts_json(row)?.as_bytes())?;
        }
        self.write_champions()
    }

    /// Everyone on the front is described, and is there as a model. Where weights were not kept (a front longer than
    /// the search keeps weights of, or a run of an earlier program), that is said.
    fn write_champions(&self) -> anyhow::Result<()> {
        let folder = self.directory.champions();
        run_directory::make(&folder)?;
        for row in self.run.front() {
            let facts = self.facts_json(row)?;
            run_directory::write_whole(&folder.join(format!("{}.json", row.id)), facts.as_bytes())?;
            if self.has_weights(row) {
                run_directory::write_whole(&folder.join(format!("{}.onnx", row.id)), &self.model(row)?)?;
            } else {
                note(format_args!(
                    "the weights of network {} were not kept: hatchery export {} {} --onnx {}.onnx trains it again",
                    row.id,
                    self.directory.root().display(),
                    row.id,
                    row.id
                ));
            }
        }
        Ok(())
    }
}
