//! The signals by which a process is asked to end: Ctrl-C, SIGTERM, and SIGUSR1, which batch systems send ahead of time.

use crate::cli::exit::Exit;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears them. From its making on, none of them ends the process by itself.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    user: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the system does not allow it.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.user.recv() => {}
        }
    }

    /// At the first, does as asked; at the second, ends the process at once.
    pub async fn heed(mut self, stop: impl FnOnce()) {
        self.next().await;
        stop();
        self.next().await;
        std::process::exit(Exit::Interrupted as i32);
    }
}
