//! `hatchery top` in a pseudo-terminal, as a user has it: what is on the screen, what keys and sizes do to it, and that
//! the terminal is afterwards as it was.

use super::{hatchery, run};
use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use std::{
    fs::File,
    io::{Read, Write},
    num::NonZero,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// A terminal of a user, and what runs in it.
struct Terminal {
    process: Child,
    /// The user's side.
    keys: File,
    /// The program's side.
    line: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    local_modes: LocalModes,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Terminal {
    fn start(arguments: &[&str], columns: u16, lines: u16) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
        tcsetwinsize(&line, size(columns, lines)).unwrap();
        let local_modes = tcgetattr(&line).unwrap().local_modes;
        let end = || line.try_clone().unwrap();
        // In a session of its own, whose terminal this is: else nobody tells it of a new size.
        let process = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_hatchery")])
            .args(arguments)
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(side(lines), side(columns), 0)));
        let keys = File::from(keys);
        take_up(keys.try_clone().unwrap(), Arc::clone(&screen));
        Self { process, keys, line, screen, local_modes }
    }

    /// Waits until all these words are on the screen.
    fn shows(&self, words: &[&str]) {
        let begun = Instant::now();
        loop {
            let contents = self.screen.lock().unwrap().screen().contents();
            if words.iter().all(|word| contents.contains(word)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words:?} are not to be seen:\n{contents}");
            std::thread::sleep(PAUSE);
        }
    }

    fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(side(lines), side(columns));
        tcsetwinsize(&self.line, size(columns, lines)).unwrap();
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    fn is_taken(&self) -> bool {
        let screen = self.screen.lock().unwrap();
        screen.screen().alternate_screen() && screen.screen().hide_cursor()
    }

    fn ends(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether the screen, the cursor and the keyboard are the shell's again.
    fn is_as_it_was(&self) {
        let begun = Instant::now();
        while self.is_taken() && begun.elapsed() < PATIENCE {
            std::thread::sleep(PAUSE);
        }
        let screen = self.screen.lock().unwrap();
        assert!(!screen.screen().alternate_screen(), "the shell's screen is gone");
        assert!(!screen.screen().hide_cursor(), "the cursor is gone");
        assert_eq!(tcgetattr(&self.line).unwrap().local_modes, self.local_modes);
    }
}

const fn size(columns: u16, lines: u16) -> Winsize {
    Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn side(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

/// Keeps the screen as a terminal does. Crossterm may ask where the cursor is: that is answered, too.
fn take_up(mut from: File, screen: Arc<Mutex<vt100::Parser>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            screen.lock().unwrap().process(&bytes[..count]);
            if bytes[..count].windows(4).any(|four| four == b"\x1b[6n") {
                _ = from.write_all(b"\x1b[1;1R");
            }
        }
    });
}

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
    assert_ne!(tcgetattr(&terminal.line).unwrap().local_modes, terminal.local_modes, "keys are read raw");
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
