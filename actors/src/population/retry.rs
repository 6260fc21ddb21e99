//! What becomes of an evaluation whose attempt has failed: another attempt, or the end, by `[retry]` of the experiment.
//! And whether the node that it failed on is to be trusted with more.
//!
//! Pure: numbers and messages in, a judgement out. It must not know who trains, nor what is done about a judgement.

use hatchery_config::experiment::Retry;

/// Of a message, so many characters are quoted in a reason: enough for an error, not for a log.
const QUOTED_CHARS_MAX: usize = 400;

/// Why an attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It took its worker process down: a signal such as SIGSEGV, the watchdog, a failing exit code.
    Crashed,
    /// Its worker was lost otherwise: killed, unreachable, drained without a checkpoint.
    Lost,
    /// Its worker has reported that it needs more memory than allowed.
    OutOfMemory,
    /// Its worker has reported that it ran into its time limit.
    TimedOut,
    /// Its worker has reported any other failure.
    Failed,
}

/// How often the attempts at one evaluation have failed, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// As `Cause::Crashed`.
    pub crashed: u32,
    /// As `Cause::Lost`.
    pub lost: u32,
    /// As `Cause::OutOfMemory`.
    pub out_of_memory: u32,
    /// As `Cause::TimedOut`.
    pub timed_out: u32,
    /// As `Cause::Failed`.
    pub failed: u32,
}

impl Attempts {
    /// One more.
    pub const fn note(&mut self, cause: Cause) {
        let count = match cause {
            Cause::Crashed => &mut self.crashed,
            Cause::Lost => &mut self.lost,
            Cause::OutOfMemory => &mut self.out_of_memory,
            Cause::TimedOut => &mut self.timed_out,
            Cause::Failed => &mut self.failed,
        };
        *count = count.saturating_add(1);
    }

    /// How often by this cause.
    pub const fn count(&self, cause: Cause) -> u32 {
        match cause {
            Cause::Crashed => self.crashed,
            Cause::Lost => self.lost,
            Cause::OutOfMemory => self.out_of_memory,
            Cause::TimedOut => self.timed_out,
            Cause::Failed => self.failed,
        }
    }

    /// How often in all.
    pub const fn total(&self) -> u32 {
        self.crashed
            .saturating_add(self.lost)
            .saturating_add(self.out_of_memory)
            .saturating_add(self.timed_out)
            .saturating_add(self.failed)
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the evaluation is to be handed out again.
    pub again: bool,
    /// Whether the node that it failed on gets no more work.
    pub exclude_node: bool,
    /// What has happened and what follows from it, for people: the evidence where the evaluation is given up.
    pub reason: String,
}

/// The experiment's word on failures.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    numbers: Retry,
    exclude_node: Vec<Pattern>,
    never: Vec<Pattern>,
}

impl RetryPolicy {
    /// The policy that `[retry]` states.
    pub fn new(retry: &Retry) -> Self {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        Self {
            exclude_node: patterns(&retry.exclude_node),
            never: patterns(&retry.never),
            numbers: retry.clone(),
        }
    }

    /// What follows from an attempt that has failed by `cause` with `message`. `history` counts it already.
    ///
    /// A failure that speaks of a sick node says nothing about the evaluation: whatever was reported, it is handed out
    /// again as one whose worker was lost, as long as all its failures together are fewer than `lost`. `never` is
    /// stronger than anything else.
    pub fn judge(&self, history: &Attempts, cause: Cause, message: &str) -> Judgement {
        let lowered = message.to_lowercase();
        let sick = find(&self.exclude_node, &lowered);
        let never = find(&self.never, &lowered);
        let count = history.count(cause).max(1);
        let again = match (never, sick) {
            (Some(_), _) => false,
            (None, Some(_)) => history.total().max(1) < self.numbers.lost,
            (None, None) => count < self.attempts_max(cause),
        };
        let mut reason = format!("{}: {}", what(cause, count, again), quoted(message));
        if let Some(pattern) = never {
            reason += &format!("; no further attempt after a message like \"{}\"", pattern.text);
        }
        if let Some(pattern) = sick {
            reason += &format!("; its node gets no more work after a message like \"{}\"", pattern.text);
        }
        Judgement { again, exclude_node: sick.is_some(), reason }
    }

    /// Whether an evaluation with this history may not be handed out any more, whatever the messages were. Where some
    /// may have spoken of a sick node, crashes count as losses do.
    pub fn is_spent(&self, history: &Attempts) -> bool {
        let Retry { crashed, lost, .. } = self.numbers;
        let crashed_max = if self.exclude_node.is_empty() { crashed } else { crashed.max(lost) };
        history.lost >= lost || history.crashed >= crashed_max
    }

    /// The history of an evaluation whose worker was lost so often in earlier lives of the run: it has one more
    /// attempt at least, also where the limits have been lowered since.
    pub fn after_losses(&self, losses: u32) -> Attempts {
        Attempts { lost: losses.min(self.numbers.lost.saturating_sub(1)), ..Attempts::default() }
    }

    /// Failures by this cause after which an evaluation is given up.
    const fn attempts_max(&self, cause: Cause) -> u32 {
        match cause {
            Cause::Crashed => self.numbers.crashed,
            Cause::Lost => self.numbers.lost,
            Cause::OutOfMemory => self.numbers.out_of_memory.saturating_add(1),
            Cause::TimedOut => self.numbers.timed_out.saturating_add(1),
            Cause::Failed => self.numbers.failed.saturating_add(1),
        }
    }
}

fn what(cause: Cause, count: u32, again: bool) -> String {
    let times = match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    };
    let happened = match cause {
        Cause::Crashed => format!("its worker crashed {times}"),
        Cause::Lost => format!("its worker was lost {times}"),
        Cause::OutOfMemory => format!("it was out of memory {times}"),
        Cause::TimedOut => format!("it ran into its time limit {times}"),
        Cause::Failed => format!("it failed {times}"),
    };
    let last = if count > 1 { "; the last" } else { "" };
    if again { happened + last } else { format!("given up: {happened}{last}") }
}

fn quoted(message: &str) -> String {
    let message = message.trim();
    match message.char_indices().nth(QUOTED_CHARS_MAX) {
        None if message.is_empty() => "no message".to_owned(),
        None => message.to_owned(),
        Some((end, _)) => format!("{} ..", message.get(..end).unwrap_or_default()),
    }
}

fn find<'a>(patterns: &'a [Pattern], lowered: &str) -> Option<&'a Pattern> {
    patterns.iter().find(|pattern| pattern.occurs_in(lowered))
}

/// A piece of a message, in which `*` stands for anything.
#[derive(Clone, Debug)]
struct Pattern {
    /// As written.
    text: String,
    /// What lies between the stars, in lower case.
    parts: Vec<String>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let parts =
            text.to_lowercase().split('*').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { text: text.to_owned(), parts }
    }

    /// Whether all parts occur, one after the other. Taking each as early as it comes leaves the most room for the
    /// rest, so that nothing has to be tried twice. A pattern of stars alone occurs nowhere.
    fn occurs_in(&self, lowered: &str) -> bool {
        let mut rest = lowered;
        for part in &self.parts {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        !self.parts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const CAUSES: [Cause; 5] =
        [Cause::Crashed, Cause::Lost, Cause::OutOfMemory, Cause::TimedOut, Cause::Failed];

    fn patterns(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// Fails by one cause until given up: how many attempts there were, and the last judgement.
    fn until_given_up(policy: &RetryPolicy, cause: Cause, message: &str) -> (u32, Judgement) {
        let mut history = Attempts::default();
        loop {
            history.note(cause);
            let judgement = policy.judge(&history, cause, message);
            if !judgement.again {
                return (history.total(), judgement);
            }
            assert!(history.total() < 100, "{cause:?} is never given up");
        }
    }

    #[test]
    fn each_cause_has_its_own_patience() {
        let policy = RetryPolicy::new(&Retry::default());
        let attempts = CAUSES.map(|cause| until_given_up(&policy, cause, "bad luck").0);
        assert_eq!(attempts, [3, 8, 1, 1, 1]);
        let patient =
            Retry { crashed: 1, lost: 2, out_of_memory: 1, timed_out: 2, failed: 3, ..Retry::default() };
        let policy = RetryPolicy::new(&patient);
        let attempts = CAUSES.map(|cause| until_given_up(&policy, cause, "bad luck").0);
        assert_eq!(attempts, [1, 2, 2, 3, 4]);
    }

    #[test]
    fn causes_are_counted_apart() {
        let policy = RetryPolicy::new(&Retry::default());
        let history = Attempts { crashed: 2, lost: 7, ..Attempts::default() };
        assert!(policy.judge(&history, Cause::Crashed, "signal 11").again, "losses are no crashes");
        assert!(policy.judge(&history, Cause::Lost, "killed").again);
        let history = Attempts { crashed: 3, ..history };
        assert!(!policy.judge(&history, Cause::Crashed, "signal 11").again);
    }

    #[test]
    fn giving_up_says_how_often_and_what_came_last() {
        let policy = RetryPolicy::new(&Retry::default());
        let (_, judgement) = until_given_up(&policy, Cause::Crashed, "signal 11 in step 7\n");
        assert_eq!(judgement.reason, "given up: its worker crashed 3 times; the last: signal 11 in step 7");
        let once = policy.judge(&Attempts { lost: 1, ..Attempts::default() }, Cause::Lost, "");
        assert_eq!(once.reason, "its worker was lost once: no message");
        let long = "ä".repeat(QUOTED_CHARS_MAX + 5);
        let (_, judgement) = until_given_up(&policy, Cause::Failed, &long);
        assert!(
            judgement.reason.ends_with("ä ..") && judgement.reason.chars().count() < QUOTED_CHARS_MAX + 50
        );
    }

    #[test]
    fn patterns_are_found_anywhere_in_any_case_and_in_order() {
        let occurs = |pattern: &str, message: &str| Pattern::new(pattern).occurs_in(&message.to_lowercase());
        assert!(occurs("ECC error", "CUDA: uncorrectable ecc error encountered"));
        assert!(occurs("*ecc*", "ECC"));
        assert!(occurs("cuda*gpu=1*lost", "CUDA failure 999 ; GPU=1 ; node is lost"));
        assert!(!occurs("gpu=1*cuda", "CUDA failure 999 ; GPU=1"), "in this order");
        assert!(!occurs("aa*aa", "aaa"), "parts do not overlap");
        assert!(occurs("aa*aa", "aaaa"));
        assert!(occurs("über", "ÜBERHITZT"));
        assert!(!occurs("ecc", "") && !occurs("*", "anything"));
    }

    #[test]
    fn a_sick_node_is_excluded_and_its_evaluation_tried_elsewhere_for_a_while() {
        let retry = Retry { exclude_node: patterns(&["uncorrectable ECC"]), lost: 4, ..Retry::default() };
        let policy = RetryPolicy::new(&retry);
        for cause in CAUSES {
            let (attempts, judgement) =
                until_given_up(&policy, cause, "CUDA failure 214: uncorrectable ecc error");
            assert_eq!(attempts, 4, "{cause:?}");
            assert!(judgement.exclude_node && judgement.reason.contains("\"uncorrectable ECC\""));
        }
        let other =
            policy.judge(&Attempts { failed: 1, ..Attempts::default() }, Cause::Failed, "out of shape");
        assert!(!other.exclude_node && !other.again);
    }

    #[test]
    fn nothing_is_spent_that_is_to_be_handed_out_again() {
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let sick = if seed % 2 == 0 { patterns(&["ecc"]) } else { Vec::new() };
            let (crashed, lost) = (rng.random_range(1..6), rng.random_range(1..6));
            let policy = RetryPolicy::new(&Retry { exclude_node: sick, crashed, lost, ..Retry::default() });
            let mut history = Attempts::default();
            loop {
                let cause = [Cause::Crashed, Cause::Lost][rng.random_range(0..2)];
                let message = ["an ECC error", "signal 11"][rng.random_range(0..2)];
                history.note(cause);
                let again = policy.judge(&history, cause, message).again;
                assert!(!again || !policy.is_spent(&history), "seed {seed}: {history:?} of {policy:?}");
                if !again {
                    let spent = policy.is_spent(&history);
                    assert!(spent || !policy.exclude_node.is_empty(), "seed {seed}: {history:?}");
                    break;
                }
            }
        }
    }

    #[test]
    fn never_is_the_last_word() {
        let retry = Retry {
            never: patterns(&["no kernel image"]),
            exclude_node: patterns(&["kernel"]),
            failed: 9,
            ..Retry::default()
        };
        let policy = RetryPolicy::new(&retry);
        for cause in CAUSES {
            let (attempts, judgement) = until_given_up(&policy, cause, "No kernel image is available");
            assert_eq!(attempts, 1, "{cause:?}");
            assert!(judgement.exclude_node && judgement.reason.contains("no further attempt"));
        }
    }

    #[test]
    fn an_attempt_that_nobody_counted_counts_as_one() {
        let policy = RetryPolicy::new(&Retry { crashed: 1, ..Retry::default() });
        assert!(!policy.judge(&Attempts::default(), Cause::Crashed, "signal 6").again);
    }
}
