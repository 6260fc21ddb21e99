//! `hatchery bench coordinator`: how many evaluations a second, how many trainers, at what cost.
//!
//! Everything is real but the training: the coordinator is a process of its own with its journal on the disk, the
//! workers are processes that join it over connections, and each has trainers that wait instead of training.
//!
//! What is timed is the runtime: networks are drawn by a strategy that costs little, from the space of the digits, and
//! nothing is refined. What other strategies cost, `--strategy` shows, and `cargo bench --bench searching`.

use crate::{
    chance,
    cli::{
        exit::{Exit, Failure, OrExit},
        options::BenchCoordinatorOptions,
    },
    devices::SLOTS_MAX,
    network::free_port,
    output::say,
    run_directory::RunDirectory,
};
use anyhow::{Context, anyhow};
use hatchery_actors::{
    journal::{
        record,
        workers::{self, Span},
    },
    protocol::LeaseKind,
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(50);
/// A bench that makes no progress for so long is broken.
const PATIENCE: Duration = Duration::from_secs(120);
/// Coordinators that are started, one after the other, until one has its port: another process may take it meanwhile.
const PORT_TRIES: usize = 5;
/// The system's clock ticks a second in which processor time is counted (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures.
pub fn coordinator(options: &BenchCoordinatorOptions) -> Result<(), Failure> {
    let folder = tempfile::tempdir().or_exit(Exit::Failed)?;
    let root = options.out.clone().unwrap_or_else(|| folder.path().join("run"));
    let figures = measure(options, &root)?;
    if options.json {
        say(figures);
    } else if let Value::Object(figures) = figures {
        for (name, value) in figures {
            say(format_args!("{name:24} {value}"));
        }
    }
    Ok(())
}

fn measure(options: &BenchCoordinatorOptions, root: &Path) -> Result<Value, Failure> {
    let processes_min = options.trainers.div_ceil(SLOTS_MAX);
    if options.processes < processes_min {
        let wrong = anyhow!(
            "--processes is {}; a worker has at most {SLOTS_MAX} trainers, so {} need --processes {processes_min}",
            options.processes,
            options.trainers
        );
        return Err(wrong).or_exit(Exit::Experiment);
    }
    let mut cluster = Cluster::start(options, root).or_exit(Exit::Failed)?;
    let joined = cluster.wait_for_workers(options.processes).or_exit(Exit::Failed)?;
    let idle = Cost::of(cluster.coordinator.id());
    let cost = cluster.wait_for_evaluations(options.evaluations).or_exit(Exit::Failed)?;
    let restart = if options.restart { Some(cluster.restart(root).or_exit(Exit::Failed)?) } else { None };
    cluster.stop();
    let spans = workers::spans(root, LeaseKind::Search).or_exit(Exit::RunDirectory)?;
    // A coordinator that was killed leaves its last commits beside the journal.
    let bytes = |name: &str| fs::metadata(root.join(name)).map_or(0, |file| file.len());
    let journal_bytes = bytes("journal.sqlite") + bytes("journal.sqlite-wal");
    let flow = Flow::of(&spans, options.trainers).ok_or_else(|| anyhow!("nothing was evaluated"))?;
    let mut figures = json!({
        "trainers": options.trainers,
        "processes": options.processes,
        "strategy": options.strategy.name(),
        "refiner": "off",
        "evaluations": flow.evaluations,
        "training_time": options.training_time.to_string(),
        "all_joined_s": rounded(joined.as_secs_f64()),
        "elapsed_s": rounded(flow.seconds),
        "evaluations_per_s": rounded(flow.per_second),
        "last_tenth_ratio": rounded(flow.last_tenth_ratio),
        "utilisation": rounded(flow.utilisation),
        "coordinator_rss_bytes": cost.coordinator.resident_bytes,
        "coordinator_rss_bytes_joined": idle.resident_bytes,
        "coordinator_cpu_s": rounded(cost.coordinator.processor_seconds),
        "workers_cpu_s": rounded(cost.workers_processor_seconds),
        "journal_bytes": journal_bytes,
    });
    if let (Value::Object(figures), Some(Value::Object(restart))) = (&mut figures, restart) {
        figures.extend(restart);
    }
    Ok(figures)
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// The processes of a bench. They end with it.
struct Cluster {
    directory: RunDirectory,
    coordinator: Child,
    workers: Vec<Child>,
    address: String,
    began: Instant,
}

/// What a bench has cost.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    coordinator: Cost,
    workers_processor_seconds: f64,
}

impl Cluster {
    fn start(options: &BenchCoordinatorOptions, root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root.parent().unwrap_or(root))?;
        let (coordinator, address) = coordinator_somewhere(options, root)?;
        let directory = RunDirectory::at(root);
        let mut cluster =
            Self { directory, coordinator, workers: Vec::new(), address, began: Instant::now() };
        let mut tries = 1;
        while !cluster.has_begun(tries < PORT_TRIES)? {
            (cluster.coordinator, cluster.address) = coordinator_somewhere(options, root)?;
            tries += 1;
        }
        let (own, cookie, address) = (std::env::current_exe()?, cookie_file(root), cluster.address.clone());
        cluster.began = Instant::now();
        for (number, slots) in shares(options.trainers, options.processes).enumerate() {
            let mut command = Command::new(&own);
            command.args(["worker", "--devices", "cpu", "--join", &address, "--cookie-file"]).arg(&cookie);
            command.args(["--slots", &slots.to_string(), "--name", &format!("bench-{number}")]);
            command.args(["--simulate", &options.training_time.to_string()]);
            cluster.workers.push(quiet(&mut command, &root.with_extension("worker-log"))?.spawn()?);
        }
        Ok(cluster)
    }

    /// Until workers can join. Not so where the coordinator has ended because another process has its port meanwhile,
    /// and another coordinator may be tried.
    fn has_begun(&mut self, may_fail: bool) -> anyhow::Result<bool> {
        let root = self.directory.root().to_owned();
        while !cookie_file(&root).exists() || !root.join("journal.sqlite").exists() {
            if may_fail && self.coordinator.try_wait()?.is_some() && self.words().contains("cannot listen") {
                return Ok(false);
            }
            self.check(self.began)?;
            std::thread::sleep(LOOK);
        }
        Ok(true)
    }

    /// Until all workers have joined; how long that took.
    fn wait_for_workers(&mut self, processes: u32) -> anyhow::Result<Duration> {
        loop {
            self.check(self.began)?;
            let joined = workers::workers(self.directory.root()).map_or(0, |workers| workers.len());
            if joined >= processes as usize {
                return Ok(self.began.elapsed());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Until so many evaluations have ended; what the processes have cost by then.
    fn wait_for_evaluations(&mut self, evaluations: u32) -> anyhow::Result<Costs> {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let looked = Instant::now();
            let root = self.directory.root();
            let queued = workers::last_queued(root)?;
            if queued > before {
                (before, since) = (queued, Instant::now());
            }
            // Counting those that have ended takes longer than seeing that there cannot be enough of them.
            if queued > u64::from(evaluations)
                && workers::finished(root, LeaseKind::Search)? >= u64::from(evaluations)
            {
                return Ok(self.costs());
            }
            self.check(since)?;
            // Looking itself must not slow down what is measured.
            std::thread::sleep(LOOK.max(looked.elapsed() * 20));
        }
    }

    fn costs(&self) -> Costs {
        let workers = self.workers.iter().map(|worker| Cost::of(worker.id()).processor_seconds);
        Costs { coordinator: Cost::of(self.coordinator.id()), workers_processor_seconds: workers.sum() }
    }

    /// Kills the coordinator and starts it again from its journal, as its supervisor would. How long that takes, by what
    /// the journal says: until it can welcome workers, until the first has joined, until the first new result.
    fn restart(&mut self, root: &Path) -> anyhow::Result<Value> {
        self.coordinator.kill()?;
        self.coordinator.wait()?;
        let recorded = workers::finished(root, LeaseKind::Search)?;
        let before = record::last_event(root)?;
        let mut command = coordinator_command(&std::env::current_exe()?, &self.address, root);
        command.arg("--resume");
        let began_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        let since = Instant::now();
        self.coordinator = quiet(&mut command, &root.with_extension("log"))?.spawn()?;
        let after = |kind: &str| -> anyhow::Result<Option<f64>> {
            let at = record::first_event(root, before, kind)?;
            Ok(at.map(|ms| (ms - began_ms) as f64 / 1e3))
        };
        while after("finished")?.is_none() {
            self.check(since)?;
            std::thread::sleep(LOOK);
        }
        Ok(json!({
            "restart_recorded": recorded,
            "restart_ready_s": after("resumed")?,
            "restart_first_worker_s": after("joined")?,
            "restart_first_result_s": after("finished")?,
            "restart_rss_bytes": Cost::of(self.coordinator.id()).resident_bytes,
        }))
    }

    fn check(&mut self, since: Instant) -> anyhow::Result<()> {
        if let Some(status) = self.coordinator.try_wait()? {
            anyhow::bail!("the coordinator has ended ({status}): {}", self.words().trim());
        }
        anyhow::ensure!(since.elapsed() < PATIENCE, "nothing has happened for {} s", PATIENCE.as_secs());
        Ok(())
    }

    /// What the coordinator has had to say.
    fn words(&self) -> String {
        fs::read_to_string(self.directory.root().with_extension("log")).unwrap_or_default()
    }

    fn stop(&mut self) {
        for child in self.workers.iter_mut().chain([&mut self.coordinator]) {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        let root = self.directory.root();
        for file in [cookie_file(root), root.with_extension("log"), root.with_extension("worker-log")] {
            _ = fs::remove_file(file);
        }
    }
}

fn coordinator_command(own: &Path, address: &str, root: &Path) -> Command {
    let mut command = Command::new(own);
    command.args(["coordinator", "digits", "--quiet", "--listen", address]);
    command.arg("--cookie-file").arg(cookie_file(root)).arg("--out").arg(root);
    command
}

/// The coordinator at an address that nobody has at this moment.
fn coordinator_somewhere(options: &BenchCoordinatorOptions, root: &Path) -> anyhow::Result<(Child, String)> {
    let address = format!("127.0.0.1:{}", free_port(None, chance::number())?);
    let mut command = coordinator_command(&std::env::current_exe()?, &address, root);
    for set in sets(options) {
        command.args(["--set", &set]);
    }
    let log = root.with_extension("log");
    _ = fs::remove_file(&log);
    Ok((quiet(&mut command, &log)?.spawn()?, address))
}

fn cookie_file(root: &Path) -> PathBuf {
    root.with_extension("cookie")
}

fn quiet<'a>(command: &'a mut Command, log: &Path) -> anyhow::Result<&'a mut Command> {
    let log =
        File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))
}

/// Evaluations beyond all that a bench asks for: seconds of the fastest coordinator, while nobody looks whether there are
/// enough. Coming to its end, it would build its best network from weights that nobody has trained.
const EVALUATIONS_SPARE: u64 = 100_000;

/// A search that needs nothing but evaluations: it never comes to its end before the bench has.
fn sets(options: &BenchCoordinatorOptions) -> Vec<String> {
    let own = [
        format!(
            "budget.evaluations={}",
            u64::from(options.evaluations) * 2 + u64::from(options.trainers) * 4 + EVALUATIONS_SPARE
        ),
        "budget.time=none".to_owned(),
        format!("runtime.workers={}", options.trainers.min(256)),
        "final.enabled=false".to_owned(),
        "training.epochs=1".to_owned(),
        format!("search.strategy={}", options.strategy.name()),
        "search.refiner=off".to_owned(),
    ];
    own.into_iter().chain(options.set.iter().cloned()).collect()
}

/// Trainers dealt out as evenly as may be.
fn shares(trainers: u32, processes: u32) -> impl Iterator<Item = u32> {
    let (each, more) = (trainers / processes, trainers % processes);
    (0..processes).map(move |number| each + u32::from(number < more)).filter(|slots| *slots > 0)
}

/// What a process has cost so far.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    resident_bytes: u64,
    processor_seconds: f64,
}

impl Cost {
    /// Of this process; nothing where the system does not say.
    fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name in parentheses: state is the first word, user and system time the 12th and 13th.
        let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| words.get(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
        Self {
            resident_bytes: kib.unwrap_or(0) << 10,
            processor_seconds: (ticks(11) + ticks(12)) / TICKS_PER_SECOND,
        }
    }
}

/// How evaluations went by.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Flow {
    evaluations: usize,
    seconds: f64,
    per_second: f64,
    last_tenth_ratio: f64,
    utilisation: f64,
}

impl Flow {
    /// From the first hand-out to the last end, as the journal has them.
    fn of(spans: &[Span], trainers: u32) -> Option<Self> {
        let mut ends: Vec<i64> = spans.iter().map(|span| span.finished_ms).collect();
        ends.sort_unstable();
        let begin = spans.iter().map(|span| span.started_ms).min()?;
        let seconds = |from: i64, to: i64| ((to - from) as f64 / 1e3).max(1e-3);
        let whole = seconds(begin, *ends.last()?);
        let tenth = (ends.len() / 10).max(1);
        let rate = |part: &[i64]| match part {
            [first, .., last] => (part.len() - 1) as f64 / seconds(*first, *last),
            _ => f64::NAN,
        };
        let (first, last) = (rate(ends.get(..tenth)?), rate(ends.get(ends.len() - tenth..)?));
        Some(Self {
            evaluations: ends.len(),
            seconds: whole,
            per_second: ends.len() as f64 / whole,
            last_tenth_ratio: last / first,
            utilisation: busy_share(spans, begin, *ends.last()?, trainers),
        })
    }
}

/// The share of their time that trainers train, in the middle half of a run: joining is over by then, and whatever was
/// under way has ended since, unless the run was shorter than a few trainings.
fn busy_share(spans: &[Span], begin: i64, end: i64, trainers: u32) -> f64 {
    let quarter = (end - begin) as f64 / 4e3;
    let (from, to) = (begin as f64 / 1e3 + quarter, end as f64 / 1e3 - quarter);
    let busy = spans.iter().map(|span| {
        let began = span.started_ms as f64 / 1e3;
        ((began + span.seconds).min(to) - began.max(from)).max(0.0)
    });
    busy.sum::<f64>() / ((to - from).max(1e-3) * f64::from(trainers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainers_are_dealt_out_evenly() {
        assert_eq!(shares(10, 4).collect::<Vec<_>>(), [3, 3, 2, 2]);
        assert_eq!(shares(2, 4).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn trainers_are_busy_while_they_train() {
        let span = |started_ms, seconds| Span { started_ms, finished_ms: 0, seconds };
        let spans = [span(0, 2.0), span(2000, 2.0), span(4000, 2.0), span(7000, 1.0), span(0, 8.0)];
        assert_eq!(busy_share(&spans, 0, 8000, 2), 1.0);
        assert_eq!(busy_share(&spans[..2], 0, 8000, 1), 0.5);
    }

    #[test]
    fn a_process_knows_what_it_has_cost() {
        let cost = Cost::of(std::process::id());
        assert!(cost.resident_bytes > 1 << 20, "{cost:?}");
    }
}
