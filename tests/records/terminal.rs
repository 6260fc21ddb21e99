//! `hatchery top` in a pseudo-terminal, as a user has it: what is on the screen, what keys and sizes do to it, and that
//! the terminal is afterwards as it was.

use super::{hatchery, pseudo::Terminal, run};
use std::path::Path;

/// The best network of a run, as its list names it.
fn best(run: &Path) -> String {
    let output = hatchery(&["list", run.to_str().unwrap(), "--top", "1", "--json"]);
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    row["id"].to_string()
}

#[test]
fn a_run_is_watched_at_every_size_and_the_terminal_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let best = format!("best: network {}", best(&run));
    let mut terminal = Terminal::start(&["top", run.to_str().unwrap()], 120, 40);
    terminal.shows(&["pretended-1", &best, "nodes (", "made by user 1, breeder ", "1 crashed", "q ends"]);
    assert!(terminal.is_taken());
    assert!(terminal.is_raw(), "keys are read raw");
    for (columns, lines) in [(20, 5), (1, 1), (200, 60), (60, 12)] {
        terminal.resize(columns, lines);
        if columns >= 20 {
            terminal.shows(&["pretended-1"]);
        }
    }
    terminal.shows(&[&best, "q ends"]);
    terminal.press(b"x");
    terminal.press(b"q");
    assert!(terminal.ends().success());
    terminal.is_as_it_was();
}

#[test]
fn a_small_terminal_is_enough_and_control_c_ends_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let mut terminal = Terminal::start(&["top", run.to_str().unwrap()], 20, 5);
    terminal.shows(&["pretended-1"]);
    terminal.press(&[3]);
    assert!(terminal.ends().success());
    terminal.is_as_it_was();
}

#[test]
fn what_cannot_be_watched_leaves_the_terminal_alone() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for (place, words) in [(nowhere.to_str().unwrap(), "nowhere"), ("http://127.0.0.1:1", "127.0.0.1:1")] {
        let mut terminal = Terminal::start(&["top", place], 200, 24);
        terminal.shows(&[words]);
        assert!(!terminal.ends().success());
        terminal.is_as_it_was();
    }
    let run = run(folder.path());
    let output = hatchery(&["top", run.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("hatchery status RUN"), "{words}");
}
