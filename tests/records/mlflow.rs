//! A run at a real MLflow server, where there is one.

use super::{run, succeeds};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks the server what has been logged.
const QUESTION: &str = "
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
(experiment,) = [one for one in mlflow.search_experiments() if one.name != 'Default']
runs = mlflow.search_runs([experiment.experiment_id], output_format='list', max_results=1000)
whole = [run for run in runs if run.data.tags['hatchery.evaluation'] == '0']
parts = {int(run.data.tags['hatchery.evaluation']): run for run in runs if run not in whole}
assert len(whole) == 1 and len(parts) == int(sys.argv[2]), (len(whole), len(parts))
assert all(run.data.tags['mlflow.parentRunId'] == whole[0].info.run_id for run in parts.values())
assert parts[1].info.status == 'FINISHED' and parts[5].info.status == 'FAILED'
kinds = {number: run.data.tags['hatchery.kind'] for number, run in parts.items()}
assert (kinds[1], kinds[6], kinds[7]) == ('search', 'crown', 'final')
assert (parts[6].info.status, parts[7].info.status) == ('FINISHED', 'FINISHED')
assert 'crown' in parts[6].info.run_name and 'score' not in parts[7].data.metrics
assert whole[0].data.params['objectives'] == 'accuracy'
assert parts[2].data.tags['hatchery.maker'] == 'refiner'
assert '<script>' in parts[5].data.tags['hatchery.message']
assert 'learning_rate' in parts[1].data.params and float(parts[1].data.metrics['score']) > 0
client = mlflow.MlflowClient()
history = client.get_metric_history(parts[1].info.run_id, 'training_loss')
steps = [point.step for point in history]
assert steps and steps == sorted(set(steps)), steps
print('as it was logged')
";

/// A server that ends with the test.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = Command::new("kill").args(["-TERM", "--", &format!("-{}", self.process.id())]).status();
        _ = self.process.wait();
    }
}

/// `None` where the interpreter has no MLflow.
fn start(python: &str, folder: &Path) -> Option<Server> {
    use std::os::unix::process::CommandExt;
    let found = Command::new(python).args(["-c", "import mlflow"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no mlflow");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new(python)
        .args(["-m", "mlflow", "server", "--workers=1", "--host=127.0.0.1", "--port", &port.to_string()])
        .args(["--backend-store-uri", &format!("sqlite:///{}/mlflow.db", folder.display())])
        .args(["--default-artifact-root", folder.to_str().unwrap()])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let server = Server { process, address: format!("http://127.0.0.1:{port}") };
    let begun = Instant::now();
    while !is_healthy(port) {
        assert!(begun.elapsed() < PATIENCE, "the server does not begin");
        std::thread::sleep(Duration::from_millis(200));
    }
    Some(server)
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[test]
fn a_run_is_logged_once_however_often_it_is_exported() {
    let python = std::env::var("HATCHERY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = start(&python, folder.path()) else { return };
    let run = run(folder.path());
    let journal = rusqlite::Connection::open(run.join("journal.sqlite")).unwrap();
    let compared = journal.execute("UPDATE trials SET kind = 'crown' WHERE id = 6", []).unwrap();
    let last = "UPDATE trials SET kind = 'final', score = NULL, loss = NULL WHERE id = 7";
    assert_eq!((compared, journal.execute(last, []).unwrap()), (1, 1));
    let query = "SELECT count(*) FROM evaluations WHERE kind != 'test' AND state = 'finished'";
    let count: i64 = journal.query_row(query, [], |row| row.get(0)).unwrap();
    let export = || succeeds(&["export", run.to_str().unwrap(), "--mlflow", &server.address]);
    let first = export();
    assert!(first.contains(&format!(": {count} evaluations logged")), "{first}");
    let second = export();
    assert!(
        second.contains(": 0 evaluations logged") && second.contains(&format!(", {count} were there")),
        "{second}"
    );
    let output =
        Command::new(&python).args(["-c", QUESTION, &server.address, &count.to_string()]).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}", said.join("\n"));
}
