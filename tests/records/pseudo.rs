//! A pseudo-terminal with a program in it, as a user has it.

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
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// A terminal of a user, and what runs in it.
pub struct Terminal {
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
    /// Starts the program in a terminal of this size.
    pub fn start(arguments: &[&str], columns: u16, lines: u16) -> Self {
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
    pub fn shows(&self, words: &[&str]) {
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

    /// Makes it larger or smaller.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(side(lines), side(columns));
        tcsetwinsize(&self.line, size(columns, lines)).unwrap();
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Whether keys are read raw.
    pub fn is_raw(&self) -> bool {
        tcgetattr(&self.line).unwrap().local_modes != self.local_modes
    }

    /// Whether the program has the screen to itself.
    pub fn is_taken(&self) -> bool {
        let screen = self.screen.lock().unwrap();
        screen.screen().alternate_screen() && screen.screen().hide_cursor()
    }

    /// Waits for the program's end.
    pub fn ends(&mut self) -> ExitStatus {
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
    pub fn is_as_it_was(&self) {
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
