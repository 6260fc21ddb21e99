//! How the processes of a run are called, each time that one is started.

use super::plan::Plan;
use crate::{
    chance,
    cli::run::RunOptions,
    commands::worker::PREDECESSOR_VARIABLE,
    http, identity,
    launch::{Meaning, Past, Program, Recipe},
    network::free_port,
    run_directory::RunDirectory,
    said::WorkerWish,
};
use hatchery_actors::{
    journal::{JOURNAL_FILE, lock::LOCK_FILE, record},
    protocol::letters::Predecessor,
};
use std::{cell::Cell, ffi::OsString, io, net::SocketAddr, path::Path, rc::Rc};

/// Characters of what a worker is told about its predecessor's end.
const HOW_CHARS_MAX: usize = 2000;

/// Where the coordinator listens; `None` until it does.
pub type Address = Rc<Cell<Option<SocketAddr>>>;

/// Whether there is a run in the directory.
pub fn has_begun(root: &Path) -> bool {
    record::outline(root).is_ok()
}

/// The coordinator: the first one begins the run, or goes on with it, as the plan says; the next ones go on with it.
pub fn coordinator(plan: &Plan, options: &RunOptions, address: Address, seen: Address) -> Recipe {
    let (directory, options, resume) = (plan.directory.clone(), options.clone(), plan.resume);
    Box::new(move |past| {
        let root = directory.root();
        let goes_on = resume || past.is_some() && (address.get().is_some() || has_begun(root));
        if past.is_some() && !goes_on {
            clear(root);
        }
        // Workers look for it where it was.
        let port = free_port(address.get().map(|address| address.port()), chance::number())?;
        let mut arguments = vec![OsString::from("coordinator")];
        // What the user has said of the experiment is recorded by then, and may have been changed over HTTP since.
        let is_recorded = past.is_some() && address.get().is_some();
        let said = if is_recorded {
            RunOptions { offline: options.offline, ..RunOptions::default() }
        } else {
            options.clone()
        };
        arguments.extend(said.arguments(root, goes_on));
        if past.is_some() {
            arguments.push("--started-again".into());
        }
        arguments.extend([
            format!("--listen=127.0.0.1:{port}").into(),
            "--cookie-file".into(),
            directory.cookie().into(),
            supervised(),
        ]);
        // Who watches it looks where it was, too.
        let again = seen.get().map(|address| address.to_string());
        if let Some(place) = again.or_else(|| options.http.http.clone()) {
            arguments.push(format!("--http={place}").into());
        }
        if let Some(file) = &options.http.http_token_file {
            arguments.push("--http-token-file".into());
            arguments.push(file.into());
        }
        Program::own(arguments)
    })
}

/// A worker.
pub fn worker(name: &str, wish: WorkerWish, plan: &Plan, options: &RunOptions, address: Address) -> Recipe {
    let (name, directory) = (format!("{name}@{}", identity::host()), plan.directory.clone());
    let shared = shared_arguments(options);
    let mut incarnation = 0;
    Box::new(move |past| {
        let predecessor = past.map(|past| predecessor(incarnation, past));
        incarnation = chance::number();
        let address = address.get().ok_or_else(|| io::Error::other("there is no coordinator to join"))?;
        let arguments = worker_arguments(&name, &wish, &directory, address, incarnation);
        let mut program = Program::own(arguments.into_iter().chain(shared.clone()).collect())?;
        if let Some(predecessor) = predecessor {
            let json = serde_json::to_string(&predecessor).map_err(io::Error::other)?;
            program.environment.push((PREDECESSOR_VARIABLE.to_owned(), json));
        }
        Ok(program)
    })
}

fn worker_arguments(
    name: &str,
    wish: &WorkerWish,
    directory: &RunDirectory,
    address: SocketAddr,
    incarnation: u64,
) -> Vec<OsString> {
    vec![
        "worker".into(),
        format!("--join={address}").into(),
        format!("--devices={}", wish.device).into(),
        format!("--slots={}", wish.slots).into(),
        format!("--threads={}", wish.threads).into(),
        format!("--name={name}").into(),
        format!("--incarnation={incarnation}").into(),
        "--cookie-file".into(),
        directory.cookie().into(),
        supervised(),
    ]
}

/// What the user has said of the whole run that workers have to know.
fn shared_arguments(options: &RunOptions) -> Vec<OsString> {
    let offline = options.offline.then(|| "--offline".into());
    let unseen =
        (options.http.http.as_deref() == Some(http::OFF)).then(|| format!("--http={}", http::OFF).into());
    offline.into_iter().chain(unseen).collect()
}

fn supervised() -> OsString {
    format!("--supervised-by={}", std::process::id()).into()
}

/// How the process before ended, for the coordinator to judge what it was training.
fn predecessor(incarnation: u64, past: &Past) -> Predecessor {
    let how = format!("{}\n{}", past.ending, past.last_words.join("\n"));
    Predecessor {
        incarnation,
        crashed: past.ending.meaning() == Meaning::Crashed,
        how: how.trim_end().chars().take(HOW_CHARS_MAX).collect(),
    }
}

/// Removes what a coordinator leaves that was ended while it made the run directory, which was empty before.
fn clear(root: &Path) {
    for name in [JOURNAL_FILE, &format!("{JOURNAL_FILE}-wal"), &format!("{JOURNAL_FILE}-shm"), LOCK_FILE] {
        _ = std::fs::remove_file(root.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::Ending;

    #[test]
    fn what_a_predecessor_leaves_says_whose_fault_it_was() {
        let past = |ending| Past { ending, last_words: vec!["a".to_owned(), "b".repeat(5000)] };
        let killed = predecessor(7, &past(Ending::Signal(9)));
        assert_eq!((killed.incarnation, killed.crashed), (7, false));
        assert!(killed.how.starts_with("was killed (signal 9)\na\nbbb"), "{}", killed.how);
        assert_eq!(killed.how.len(), HOW_CHARS_MAX);
        for crash in [Ending::Signal(11), Ending::Code(70), Ending::Code(101)] {
            assert!(predecessor(7, &past(crash.clone())).crashed, "{crash}");
        }
    }

    #[test]
    fn a_run_that_was_not_quite_begun_leaves_an_empty_directory() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(JOURNAL_FILE), "").unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), "").unwrap();
        assert!(!has_begun(folder.path()));
        clear(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
