use super::*;
use hatchery_models::training::{Excess, Wish};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Far beyond anything that is waited for: a test that fails ends.
const PATIENCE: Duration = Duration::from_secs(120);

fn guard() -> (Guard, Receiver<Hang>) {
    let (said, heard): (SyncSender<Hang>, Receiver<Hang>) = sync_channel(8);
    let settings = GuardSettings { hang_seconds: 1, memory_max: Some(MemoryMax::Predicted(1 << 40)) };
    let on_hang = move |hang: &Hang| said.send(hang.clone()).unwrap();
    (Guard::start(settings, Box::new(on_hang)).unwrap(), heard)
}

#[test]
fn a_slot_that_falls_silent_at_work_is_named_and_idle_and_finished_ones_are_not() {
    let (guard, heard) = guard();
    let [idle, finished, hanging] =
        ["slot 0", "slot 1", "slot 2"].map(|name| Arc::new(Pulse::new(name.to_owned())));
    for pulse in [&idle, &finished, &hanging] {
        guard.watch(pulse);
    }
    finished.begin(EvaluationId(3), 1);
    finished.end();
    hanging.begin(EvaluationId(12), 2);
    hanging.beat(Phase::Preparing);
    let hang = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!((hang.evaluation, hang.attempt, hang.phase), (EvaluationId(12), 2, Phase::Preparing));
    let words = hang.to_string();
    assert!(words.starts_with("evaluation 12 attempt 2 in slot 2 hangs"), "{words}");
    assert!(words.ends_with("while preparing a model"), "{words}");
    // One that was not given back to its thread is reported once; the next evaluation again.
    hanging.end();
    hanging.begin(EvaluationId(13), 1);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().evaluation, EvaluationId(13));
}

#[test]
fn a_slot_that_is_gone_is_forgotten_and_a_guard_that_is_dropped_ends() {
    let (guard, heard) = guard();
    let pulse = Arc::new(Pulse::new("slot 0".to_owned()));
    guard.watch(&pulse);
    pulse.begin(EvaluationId(1), 1);
    drop(pulse);
    let pulse = Arc::new(Pulse::new("slot 1".to_owned()));
    guard.watch(&pulse);
    pulse.begin(EvaluationId(2), 1);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().slot, "slot 1");
    drop(guard);
    // The handler goes with its thread: nobody is left who could say anything.
    let rest = std::iter::from_fn(|| heard.recv_timeout(PATIENCE).ok()).count();
    assert_eq!(rest, 0);
    assert!(matches!(heard.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)));
}

#[test]
fn of_several_wishes_the_most_pressing_is_heard_until_the_next_lease() {
    let pulse = Pulse::new("slot 0".to_owned());
    pulse.begin(EvaluationId(1), 1);
    assert_eq!(pulse.wish(), Wish::GoOn);
    pulse.ask_to_hand_back();
    pulse.ask_to_stop();
    assert_eq!(pulse.wish(), Wish::HandBack);
    pulse.let_go_on();
    pulse.ask_to_stop();
    assert_eq!(pulse.wish(), Wish::Stop);
    let number = pulse.sighting().unwrap().number;
    let excess = Excess::Growth;
    pulse.exceeds(number, 30, 20, excess);
    assert_eq!(pulse.wish(), Wish::Yield { used_bytes: 30, allowed_bytes: 20, excess });
    assert!(pulse.sighting().unwrap().is_yielding);
    pulse.end();
    assert_eq!(pulse.sighting(), None);
    pulse.let_go_on();
    pulse.begin(EvaluationId(2), 1);
    assert_eq!(pulse.wish(), Wish::GoOn, "what the one before took is of the past");
    pulse.exceeds(number, 30, 20, excess);
    assert_eq!(pulse.wish(), Wish::GoOn, "a late word is meant for the one before");
}

#[cfg(target_os = "linux")]
#[test]
fn an_evaluation_that_takes_more_than_it_may_hears_so() {
    const ALLOWED_BYTES: u64 = MARGIN_BYTES_MIN;
    const TAKEN_BYTES: u64 = ALLOWED_BYTES + ALLOWED_BYTES / 2;
    let settings = GuardSettings { hang_seconds: 1_000, memory_max: Some(MemoryMax::Predicted(0)) };
    let guard = Guard::start(settings, Box::new(|_| {})).unwrap();
    let pulse = Arc::new(Pulse::new("slot 0".to_owned()));
    pulse.begin(EvaluationId(1), 1);
    guard.watch(&pulse);
    let before = memory::of_process().unwrap();
    let block = vec![1_u8; TAKEN_BYTES as usize];
    let after = memory::of_process().unwrap();
    assert!(after.anonymous_bytes > before.anonymous_bytes + ALLOWED_BYTES, "{before:?} then {after:?}");
    assert!(after.resident_bytes >= after.anonymous_bytes, "{after:?}");
    let began = Instant::now();
    let wish = loop {
        let wish = pulse.wish();
        if wish != Wish::GoOn || began.elapsed() > PATIENCE {
            break wish;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(block[block.len() / 2], 1);
    let Wish::Yield { used_bytes, allowed_bytes, excess } = wish else { panic!("{wish:?}") };
    assert!(used_bytes > allowed_bytes && allowed_bytes == ALLOWED_BYTES, "{wish:?}");
    assert_eq!(excess, Excess::Growth);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_has_too_much_before_an_evaluation_begins_says_so_at_once() {
    const ALLOWED_BYTES: u64 = 1 << 20;
    let memory_max = Some(MemoryMax::Resident(ALLOWED_BYTES));
    let guard = Guard::start(GuardSettings { hang_seconds: 1_000, memory_max }, Box::new(|_| {})).unwrap();
    let pulse = Arc::new(Pulse::new("slot 0".to_owned()));
    guard.watch(&pulse);
    pulse.begin(EvaluationId(1), 1);
    let Wish::Yield { used_bytes, allowed_bytes, excess } = pulse.wish() else {
        panic!("{:?}", pulse.wish())
    };
    assert_eq!((allowed_bytes, excess), (ALLOWED_BYTES, Excess::Host { before_bytes: used_bytes }));
    assert!(used_bytes > ALLOWED_BYTES);
}
