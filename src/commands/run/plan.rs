//! What is to be run, where: from the options to an experiment and a run directory.
//!
//! Nothing is created here; a wrong wish leaves no trace.

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        run::RunOptions,
    },
    run_directory::RunDirectory,
};
use anyhow::anyhow;
use hatchery_actors::journal::{JournalError, Stage, lock, record};
use hatchery_config::{Experiment, presets};
use hatchery_models::data::{self, SourceKind};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// How long a directory may be in use by a process that is no more.
const FALL_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks.
const FALL_PAUSE: Duration = Duration::from_millis(20);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The experiment, with all changes.
    pub experiment: Experiment,
    /// Where.
    pub directory: RunDirectory,
    /// Whether a run there goes on.
    pub resume: bool,
    /// Whether that run has nothing left to do: its winner has been tested, which is done once.
    pub finished: bool,
    /// Wishes that come to nothing, for the user.
    pub remarks: Vec<String>,
}

impl Plan {
    /// What is said of a run that is finished.
    pub fn finished_words(&self) -> String {
        format!(
            "{} is finished: its winner has been tested, which is done once; its files are written anew",
            self.directory.root().display()
        )
    }
}

/// Makes the plan.
pub fn plan(options: &RunOptions) -> Result<Plan, Failure> {
    if options.resume { resumed(options) } else { fresh(options) }
}

fn fresh(options: &RunOptions) -> Result<Plan, Failure> {
    let name = options.experiment.as_deref().unwrap_or(presets::DEFAULT);
    let experiment = named(name, options)?;
    let directory = match &options.out {
        Some(out) => RunDirectory::at(out),
        None => RunDirectory::next(&experiment.name),
    };
    // The journal refuses it as well; asked here, nothing is loaded or fetched in vain.
    not_in_use(directory.root())?;
    if is_taken(directory.root()) {
        return Err(JournalError::Exists { dir: directory.root().to_owned() }).or_exit(Exit::RunDirectory);
    }
    Ok(Plan { experiment, directory, resume: false, finished: false, remarks: Vec::new() })
}

/// The library's path as a whole.
fn anchor_library(experiment: &mut Experiment) {
    let library = experiment.runtime.library.take();
    experiment.runtime.library = library.map(|path| std::path::absolute(&path).unwrap_or(path));
}

/// A source with its whole path, so that the run is the same seen from any folder: what the user has written is seen from
/// the folder in which the program was started. A source that has no path, or makes no sense, is as it was.
fn anchored(source: &str) -> String {
    let Some((format, path)) = source.split_once(':').filter(|(_, path)| !path.is_empty()) else {
        return source.to_owned();
    };
    let is_format = |kind: &SourceKind| !kind.embedded && kind.spelling.split(':').next() == Some(format);
    let whole = std::path::absolute(path).ok().filter(|_| data::catalogue().iter().any(is_format));
    match whole.as_deref().and_then(Path::to_str) {
        Some(whole) => format!("{format}:{whole}"),
        None => source.to_owned(),
    }
}

/// Of a run that was killed a moment ago, the coordinator may still be falling: it ends with its supervisor, not before
/// it. That is worth waiting for; a run whose owner lives is not.
fn not_in_use(root: &Path) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        match lock::holder(root) {
            None => return Ok(()),
            Some(Some(pid)) if !lives(pid) && began.elapsed() < FALL_PATIENCE => {
                std::thread::sleep(FALL_PAUSE);
            }
            Some(pid) => {
                return Err(JournalError::InUse { dir: root.to_owned(), pid }).or_exit(Exit::RunDirectory);
            }
        }
    }
}

fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // A process of somebody else lives, too.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn is_taken(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) || path.is_file()
}

fn resumed(options: &RunOptions) -> Result<Plan, Failure> {
    let directory = resumed_directory(options)?;
    let root = directory.root();
    let record = record::outline(root).or_exit(Exit::RunDirectory)?;
    let recorded = format!("the experiment recorded in {}", root.display());
    let stored = Experiment::parse(&record.info.experiment, &recorded, &[]).or_exit(Exit::RunDirectory)?;
    // The journal holds what was changed since the run began, by an earlier resume or over HTTP.
    let mut experiment = Experiment::parse(&record.info.experiment, &recorded, &options.all_sets())
        .or_exit(Exit::Experiment)?;
    // Where the user names it again, it may be as it was named at first: seen from the folder.
    if experiment.data.source != stored.data.source {
        experiment.data.source = anchored(&experiment.data.source);
    }
    anchor_library(&mut experiment);
    same_search(&stored, &experiment, &recorded).or_exit(Exit::Experiment)?;
    let mut remarks = Vec::new();
    if let Some(name) = options.experiment.as_deref().filter(|name| !Path::new(name).is_dir()) {
        let named = named(name, options)?;
        same_name(&stored, &named, root).or_exit(Exit::Experiment)?;
        // A preset does not change; whoever began with --set knows.
        remarks.extend(other_file(name, &experiment, &named).filter(|_| Path::new(name).is_file()));
    }
    remarks.extend(search_is_over(record.stage, &stored, &experiment));
    // Who is to be evaluated already will be, whatever the new budget says.
    let searched = u32::try_from(record.searched).unwrap_or(u32::MAX);
    experiment.budget.evaluations = experiment.budget.evaluations.map(|count| count.max(searched));
    not_in_use(root)?;
    Ok(Plan { experiment, directory, resume: true, finished: record.stage == Stage::Done, remarks })
}

/// The experiment that the user names, as a run that begins would record it.
fn named(name: &str, options: &RunOptions) -> Result<Experiment, Failure> {
    let mut experiment = Experiment::load(name, &options.all_sets()).or_exit(Exit::Experiment)?;
    experiment.data.source = anchored(&experiment.data.source);
    anchor_library(&mut experiment);
    Ok(experiment)
}

/// A run goes on as its journal has it: what was changed in the file since is told, and not taken over, since the
/// journal may know better (a budget that was granted meanwhile).
fn other_file(name: &str, experiment: &Experiment, named: &Experiment) -> Option<String> {
    let changed = differences(experiment, named);
    (!changed.is_empty()).then(|| {
        format!(
            "{name} differs in {} from what the run has recorded, which it goes on with; what may change when a run goes \
             on is changed by --set, --evaluations and --time",
            changed.join(", ")
        )
    })
}

/// A larger budget comes too late where the search is over.
fn search_is_over(stage: Stage, stored: &Experiment, asked: &Experiment) -> Option<String> {
    let is_over = !matches!(stage, Stage::Search | Stage::Done);
    (is_over && asked.budget != stored.budget).then(|| {
        "the search of this run is over, and its best are being trained at full length: another budget of evaluations \
         searches no more"
            .to_owned()
    })
}

fn same_name(stored: &Experiment, named: &Experiment, root: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        named.name == stored.name,
        "{} holds a run of the experiment {}, not of {}: leave the experiment out, or name another directory with --out",
        root.display(),
        stored.name,
        named.name
    );
    Ok(())
}

/// `--out`; else the experiment, where it is a run directory; else the latest run of that name.
fn resumed_directory(options: &RunOptions) -> Result<RunDirectory, Failure> {
    if let Some(out) = &options.out {
        return Ok(RunDirectory::at(out));
    }
    let name = options.experiment.as_deref().unwrap_or(presets::DEFAULT);
    if Path::new(name).is_dir() {
        return Ok(RunDirectory::at(name));
    }
    let experiment = Experiment::load(name, &options.all_sets()).or_exit(Exit::Experiment)?;
    RunDirectory::latest(&experiment.name)
        .ok_or_else(|| {
            anyhow!("no run of {} in runs/ to go on with; name its directory with --out", experiment.name)
        })
        .or_exit(Exit::RunDirectory)
}

/// What was found so far must stay comparable with what will be found: only budget, devices, the final training, what
/// is done about failures, and the limits that protect a machine may change.
fn same_search(stored: &Experiment, asked: &Experiment, file: &str) -> anyhow::Result<()> {
    let mut frozen = asked.clone();
    frozen.budget = stored.budget.clone();
    frozen.runtime = stored.runtime.clone();
    frozen.final_training = stored.final_training.clone();
    frozen.retry = stored.retry.clone();
    frozen.limits.host_memory_mib = stored.limits.host_memory_mib;
    frozen.limits.gpu_memory_mib = stored.limits.gpu_memory_mib;
    frozen.limits.hang_seconds = stored.limits.hang_seconds;
    if frozen == *stored {
        return Ok(());
    }
    anyhow::bail!(
        "{} cannot change when a run goes on (see {file}): only budget, runtime, retry, final, limits.host_memory_mib, \
         limits.gpu_memory_mib and limits.hang_seconds may; start a new run without --resume",
        differences(stored, &frozen).join(", ")
    )
}

/// The sections in which two experiments differ.
fn differences(one: &Experiment, other: &Experiment) -> Vec<&'static str> {
    let sections = [
        ("name", one.name != other.name),
        ("seed", one.seed != other.seed),
        ("data", one.data != other.data),
        ("search", one.search != other.search),
        ("training", one.training != other.training),
        ("budget", one.budget != other.budget),
        ("limits", one.limits != other.limits),
        ("space", one.space != other.space),
        ("final", one.final_training != other.final_training),
        ("retry", one.retry != other.retry),
        ("runtime", one.runtime != other.runtime),
    ];
    sections.iter().filter(|(_, differ)| *differ).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(sets: &[&str]) -> Experiment {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Experiment::load("digits", &sets).unwrap()
    }

    #[test]
    fn who_lives_is_told_from_who_has_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(lives(std::process::id()) && lives(1) && !lives(child.id()));
    }

    #[test]
    fn a_source_is_recorded_with_its_whole_path() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(anchored("csv:a/b.csv"), format!("csv:{}", here.join("a/b.csv").display()));
        for whole in ["digits", "csv:/tmp/a:b.csv", "csv:", "cvs:a.csv", "a.csv"] {
            assert_eq!(anchored(whole), whole);
        }
    }

    #[test]
    fn budgets_may_grow_on_resuming_and_what_is_searched_may_not_change() {
        let stored = experiment(&[]);
        let may = [
            "budget.evaluations=500",
            "runtime.workers=3",
            "final.epochs=9",
            "retry.lost=20",
            "retry.exclude_node=ECC",
            "limits.host_memory_mib=9000",
            "limits.gpu_memory_mib=9000",
            "limits.hang_seconds=600",
        ];
        same_search(&stored, &experiment(&may), "f").unwrap();
        let message =
            same_search(&stored, &experiment(&["limits.memory_mib=1"]), "f").unwrap_err().to_string();
        assert!(message.starts_with("limits cannot change"), "{message}");
        let message =
            same_search(&stored, &experiment(&["seed=9", "space.depth=1,2"]), "f").unwrap_err().to_string();
        assert!(message.contains("seed, space"), "{message}");
    }

    #[test]
    fn what_is_changed_in_the_file_or_comes_too_late_is_told() {
        let stored = experiment(&[]);
        assert_eq!(other_file("f.toml", &stored, &stored), None);
        let other = experiment(&["budget.evaluations=500", "space.depth=1,2"]);
        let told = other_file("f.toml", &stored, &other).unwrap();
        assert!(told.starts_with("f.toml differs in budget, space from"), "{told}");
        for (stage, is_told) in [(Stage::Search, false), (Stage::Crown, true), (Stage::Done, false)] {
            assert_eq!(search_is_over(stage, &stored, &other).is_some(), is_told, "{stage:?}");
        }
        assert_eq!(search_is_over(Stage::Final, &stored, &stored), None);
    }
}
