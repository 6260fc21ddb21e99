//! What is said of those who were not let in: enough to find a mistaken cookie or certificate, and no more however many
//! strangers knock. It must not know why they were turned away.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// At most one line in so long.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The same is said of the same address once in so long.
const SAME_EVERY: Duration = Duration::from_secs(600);

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    said: Option<(IpAddr, String, Instant)>,
    /// Turned away since then, without a word.
    unsaid: u32,
}

impl TurnedAway {
    /// The line on somebody who was turned away at `now`, where it is time for one.
    pub(super) fn line(&mut self, from: IpAddr, trouble: String, now: Instant) -> Option<String> {
        if let Some((address, words, at)) = &self.said {
            let is_same = *address == from && *words == trouble;
            if now.duration_since(*at) < if is_same { SAME_EVERY } else { LINE_EVERY } {
                self.unsaid = self.unsaid.saturating_add(1);
                return None;
            }
        }
        let unsaid = std::mem::take(&mut self.unsaid);
        let others =
            if unsaid > 0 { format!(" ({unsaid} more were turned away before)") } else { String::new() };
        let line = format!("a node at {from} was not let in: {trouble}{others}");
        self.said = Some((from, trouble, now));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn many_that_knock_are_few_lines() {
        let mut turned_away = TurnedAway::default();
        let (one, other) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)));
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut line = |from, trouble: &str, seconds| turned_away.line(from, trouble.to_owned(), at(seconds));
        assert!(line(one, "another cookie", 0).unwrap().contains("127.0.0.1 was not let in: another cookie"));
        assert_eq!(line(one, "another cookie", 60), None, "the same");
        assert!(line(other, "another cookie", 61).unwrap().ends_with("(1 more were turned away before)"));
        assert_eq!(line(one, "no certificate", 62), None, "too soon");
        assert!(line(one, "no certificate", 67).is_some());
        assert!(line(one, "no certificate", 700).is_some(), "it is said again");
    }
}
