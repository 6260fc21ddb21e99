//! Room on a device: trainings side by side are let in as far as its memory goes.
//!
//! What a training needs is predicted from its network and corrected by what the device's memory was seen to hold while
//! trainings were at work. One alone is always let in: whether it fits is for itself to find out. Who finds no room
//! waits until another has ended.
//!
//! It must not know networks, slots or how a device's memory is read.

mod ledger;

use ledger::Ledger;
use std::fmt::{self, Debug};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whoever waits looks so often whether it is still to wait.
const LOOK: Duration = Duration::from_millis(100);

/// Pause between two looks at the device's memory.
const LOOK_AT_MEMORY: Duration = Duration::from_millis(500);

/// Says how many bytes of a device are in use now, by whomever; `None` where that cannot be known.
pub type Gauge = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// The memory of a device that trainings share.
pub struct Room {
    gauge: Gauge,
    shared: Mutex<Shared>,
    left: Condvar,
}

struct Shared {
    ledger: Ledger,
    looked: Instant,
}

impl Debug for Room {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Room").finish_non_exhaustive()
    }
}

impl Room {
    /// Of so many bytes in all, those that are free now and, where the user says so, no more than `bytes_max`.
    pub fn new(total_bytes: u64, bytes_max: Option<u64>, gauge: Gauge) -> Self {
        let used_before = gauge().unwrap_or(0);
        let free = total_bytes.saturating_sub(used_before);
        let ledger = Ledger::new(bytes_max.map_or(free, |most| most.min(free)), used_before);
        let shared = Mutex::new(Shared { ledger, looked: Instant::now() });
        Self { gauge, shared, left: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for a training that is predicted to need so many bytes, as long as it is to `wait`. It has the room
    /// until the pass is dropped; `None` where it was not to wait any longer.
    pub fn enter(self: &Arc<Self>, bytes: u64, wait: impl Fn() -> bool) -> Option<Pass> {
        let mut shared = self.lock();
        while !shared.ledger.has_room(bytes) {
            if !wait() {
                return None;
            }
            shared = self.left.wait_timeout(shared, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        let number = shared.ledger.enter(bytes);
        Some(Pass { room: Arc::clone(self), number })
    }

    /// By a training at work, now and then: looks at the device's memory where nobody has of late.
    pub fn look(&self) {
        let mut shared = self.lock();
        if shared.looked.elapsed() < LOOK_AT_MEMORY {
            return;
        }
        shared.looked = Instant::now();
        drop(shared);
        if let Some(used) = (self.gauge)() {
            self.lock().ledger.note(used);
        }
    }

    fn leave(&self, number: u64) {
        self.lock().ledger.leave(number);
        self.left.notify_all();
    }
}

/// A training's place in a room.
#[derive(Debug)]
pub struct Pass {
    room: Arc<Room>,
    number: u64,
}

impl Pass {
    /// See [`Room::look`].
    pub fn look(&self) {
        self.room.look();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.room.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const GIB: u64 = 1 << 30;

    fn room() -> Arc<Room> {
        Arc::new(Room::new(10 * GIB, None, Box::new(|| Some(2 * GIB))))
    }

    #[test]
    fn who_finds_no_room_waits_until_another_has_left() {
        let room = room();
        let first = room.enter(3 * GIB, || false).unwrap();
        assert!(room.enter(3 * GIB, || false).is_none(), "it was not to wait");
        let has_entered = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let pass = room.enter(3 * GIB, || true);
                has_entered.store(true, Ordering::Release);
                pass.is_some()
            });
            std::thread::sleep(2 * LOOK);
            assert!(!has_entered.load(Ordering::Acquire));
            drop(first);
            assert!(second.join().unwrap());
        });
        assert!(room.enter(100 * GIB, || false).is_some(), "one alone is always let in");
    }

    #[test]
    fn a_gauge_that_says_nothing_leaves_the_prediction_as_it_is() {
        let room = Arc::new(Room::new(10 * GIB, Some(4 * GIB), Box::new(|| None)));
        let pass = room.enter(GIB, || false).unwrap();
        pass.look();
        assert!(room.enter(2 * GIB, || false).is_none(), "the user's limit is minded");
        assert!(room.enter(GIB / 8, || false).is_some());
    }
}
