//! Who is shown how a coordinator fares: the user, or the supervisor that has started it.

use crate::{
    progress::Display,
    said::{self, CoordinatorSaid, Ready, WorkerWish},
};
use hatchery_actors::progress::Progress;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Shortest time between two drawings: more often than the eye can follow is of no use.
const DRAW_GAP: Duration = Duration::from_millis(100);
/// Shortest time between two lines to a supervisor.
const TELL_GAP: Duration = Duration::from_millis(200);

/// Who is shown it.
pub enum Audience {
    /// The user.
    User {
        /// What shows it.
        display: Display,
        /// What workers must be told, beside the address.
        invitation: Invitation,
    },
    /// The supervisor.
    Supervisor {
        /// The workers that it is to start.
        workers: Vec<WorkerWish>,
        /// What the run is.
        headline: String,
        /// Whether scores are accuracies.
        accuracy: bool,
        /// Where the run is to be seen.
        seen: Option<SocketAddr>,
    },
}

/// What workers must be told.
pub struct Invitation {
    /// This machine, as others call it.
    pub host: String,
    /// Where the cookie lies.
    pub cookie_file: PathBuf,
    /// Whether they need certificates.
    pub tls: bool,
}

impl Audience {
    /// Workers can join.
    pub fn ready(&self, address: SocketAddr) {
        match self {
            Self::User { display, invitation } => display.print(&invitation.words(address)),
            Self::Supervisor { workers, headline, accuracy, seen } => {
                said::tell(&CoordinatorSaid::Ready(Ready {
                    address,
                    workers: workers.clone(),
                    headline: headline.clone(),
                    accuracy: *accuracy,
                    http: *seen,
                }))
            }
        }
    }

    /// Where the run stands.
    pub fn show(&mut self, progress: &Progress) {
        match self {
            Self::User { display, .. } => display.show(progress),
            Self::Supervisor { .. } => said::tell(&CoordinatorSaid::Progress(Box::new(progress.clone()))),
        }
    }

    /// How long it is left in peace between two showings.
    pub const fn gap(&self) -> Duration {
        match self {
            Self::User { .. } => DRAW_GAP,
            Self::Supervisor { .. } => TELL_GAP,
        }
    }

    /// Nothing more is shown.
    pub fn close(self) {
        if let Self::User { display, .. } = self {
            display.close();
        }
    }
}

impl Invitation {
    /// What is to be typed on the workers' machines.
    fn words(&self, address: SocketAddr) -> String {
        let host = match address.ip() {
            ip if ip.is_unspecified() => self.host.clone(),
            ip if ip.is_ipv6() => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        let certificates = if self.tls {
            " --tls-ca ca.pem --tls-certificate NAME.pem --tls-key NAME.key"
        } else if address.ip().is_loopback() {
            ""
        } else {
            " --plain"
        };
        format!(
            "workers join with: hatchery worker --join {host}:{} --cookie-file {}{certificates}",
            address.port(),
            shell_word(&self.cookie_file.display().to_string())
        )
    }
}

/// A word as a shell takes it for one.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_told_all_that_they_need() {
        let words = |address: &str, tls| {
            Invitation { host: "node1".to_owned(), cookie_file: "run/cookie".into(), tls }
                .words(address.parse().unwrap())
        };
        let here = words("127.0.0.1:7117", false);
        assert!(here.ends_with("hatchery worker --join 127.0.0.1:7117 --cookie-file run/cookie"), "{here}");
        let anywhere = words("0.0.0.0:7000", true);
        assert!(anywhere.contains("--join node1:7000 ") && anywhere.contains("--tls-key"), "{anywhere}");
        assert!(words("[2001:db8::1]:7000", false).contains("[2001:db8::1]:7000 "));
        assert_eq!(
            (shell_word("runs/a-1/cookie"), shell_word("a b/it's")),
            ("runs/a-1/cookie".to_owned(), r"'a b/it'\''s'".to_owned())
        );
        assert!(words("192.0.2.1:7000", false).ends_with("--plain"));
    }
}
