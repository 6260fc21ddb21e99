//! The signals by which a process is asked to end: Ctrl-C, SIGTERM, SIGUSR1, which batch systems send ahead of time, and
//! SIGHUP, which comes when a terminal goes, unless whoever started the process (`nohup`) wants it ignored.

use crate::cli::exit::Exit;
use rustix::process::Signal as Number;
use std::{
    io, thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

/// Makes the system's limit on the size of files (`ulimit -f`) an error of whatever writes beyond it, which is then treated
/// as a full disk is: SIGXFSZ, which comes with it, would end the process. A signal that is listened to once does nothing
/// by itself from then on, for as long as the process lives.
pub fn survive_limits_of_files() {
    let listening = runtime().and_then(|runtime| {
        runtime.block_on(async { signal(SignalKind::from_raw(Number::XFSZ.as_raw())).map(drop) })
    });
    if let Err(error) = listening {
        tracing::debug!("a file that comes to its limit would end the process: {error}");
    }
}

/// Signals that come so soon after one are the same wish: `timeout` and batch systems send theirs to a process and to its
/// group, a terminal that goes sends its own beside the shell's. Nobody presses Ctrl-C twice as fast.
const ECHO: Duration = Duration::from_millis(250);

/// Hears them. From its making on, none of them ends the process by itself.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    user: Signal,
    hang_up: Option<Signal>,
    last: Option<Instant>,
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
            hang_up: if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) },
            last: None,
        })
    }

    /// Whether there has been one.
    pub const fn have_come(&self) -> bool {
        self.last.is_some()
    }

    /// The next one that is no echo of the one before.
    pub async fn next(&mut self) {
        loop {
            self.any().await;
            if !is_echo(self.last, Instant::now()) {
                self.last = Some(Instant::now());
                return;
            }
        }
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.user.recv() => {}
            () = hung_up(self.hang_up.as_mut()) => {}
        }
    }

    /// At the first, does as asked; at the second, ends the process at once.
    pub async fn heed(mut self, stop: impl FnOnce()) {
        self.next().await;
        stop();
        self.end_at_the_next().await;
    }

    async fn end_at_the_next(mut self) {
        self.next().await;
        std::process::exit(Exit::Interrupted as i32);
    }

    /// Heeds them on a thread of its own for as long as the process lives, whatever it is at. `runtime` is the one that
    /// they are heard with. Where it was to stop before, there is nothing to do but to end at once.
    ///
    /// # Errors
    /// Where there can be no more threads.
    pub fn heed_to_the_end(
        self,
        runtime: Runtime,
        stop: Option<impl FnOnce() + Send + 'static>,
    ) -> io::Result<()> {
        let heed = async move {
            match stop {
                Some(stop) => self.heed(stop).await,
                None => self.end_at_the_next().await,
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(heed)).map(drop)
    }
}

/// What hears signals.
///
/// # Errors
/// Where the system does not allow it.
pub fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn is_echo(last: Option<Instant>, now: Instant) -> bool {
    last.is_some_and(|last| now.duration_since(last) < ECHO)
}

/// Whether SIGHUP is ignored, as the system says it; where it does not say, it is not.
fn ignores_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status, SignalKind::hangup()))
}

/// Whether a signal is among those that a process ignores, by its `/proc/PID/status`.
fn is_ignored(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let place = kind.as_raw_value() - 1;
    mask >> place & 1 == 1
}

/// Never, where it is not listened for.
async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_the_same_moment_is_one_wish() {
        let now = Instant::now();
        assert!(!is_echo(None, now));
        assert!(is_echo(Some(now), now + Duration::from_millis(20)));
        assert!(!is_echo(Some(now), now + ECHO));
    }

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        let status = |mask: &str| format!("Name:\thatchery\nSigBlk:\t0000000000000003\nSigIgn:\t{mask}\n");
        assert!(is_ignored(&status("0000000000001001"), SignalKind::hangup()));
        assert!(!is_ignored(&status("0000000000001000"), SignalKind::hangup()), "SIGPIPE alone");
        assert!(!is_ignored("", SignalKind::hangup()));
    }
}
