//! Packing: as many trainers side by side on a device as raise what it trains in all, found by measuring while it
//! trains.
//!
//! A GPU is mostly idle under one small network; how many it takes to keep it busy depends on the networks. The slots of
//! a device open and rest as its `climb` says; a slot that rests ends what it is at, and takes nothing more. It must
//! not know letters, leases or what a training does beside taking steps.

mod climb;
mod trial;

pub use trial::Verdict;

use super::guard::Pulse;
use climb::Climb;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use trial::{Done, Training};

/// The pulse of each slot's thread, for who looks at all of them.
#[derive(Debug, Default)]
pub struct Pulses(Mutex<BTreeMap<u32, Weak<Pulse>>>);

impl Pulses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Weak<Pulse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread of this slot from now on.
    pub fn watch(&self, slot: u32, pulse: &Arc<Pulse>) {
        self.lock().insert(slot, Arc::downgrade(pulse));
    }

    /// What the trainings at work in these slots have done.
    fn seen(&self, slots: &[u32]) -> BTreeMap<Training, Done> {
        let pulses = self.lock();
        let seen = |slot: &u32| {
            let (number, steps, seconds) = pulses.get(slot)?.upgrade()?.steps()?;
            Some(((*slot, number), Done { steps, seconds }))
        };
        slots.iter().filter_map(seen).collect()
    }
}

/// A device and its slots.
#[derive(Debug)]
struct Device {
    name: String,
    slots: Vec<u32>,
    climb: Climb,
}

/// The devices of a process.
#[derive(Debug)]
pub struct Packing {
    devices: Vec<Device>,
    pulses: Arc<Pulses>,
}

impl Packing {
    /// Begins with one trainer a device; `devices` has one for each slot.
    pub fn new(devices: &[String]) -> Self {
        let mut slots: BTreeMap<&String, Vec<u32>> = BTreeMap::new();
        for (slot, device) in (0..).zip(devices) {
            slots.entry(device).or_default().push(slot);
        }
        let device = |(name, slots): (&String, Vec<u32>)| {
            let most = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            Device { name: name.clone(), climb: Climb::new(most), slots }
        };
        Self { devices: slots.into_iter().map(device).collect(), pulses: Arc::default() }
    }

    /// Where its slots' threads are to be entered.
    pub const fn pulses(&self) -> &Arc<Pulses> {
        &self.pulses
    }

    /// A look at all devices, at this time in seconds. What trials of theirs have come to, by the device's name.
    pub fn look(&mut self, now: f64) -> Vec<(&str, Verdict)> {
        let pulses = &self.pulses;
        let look = |device: &mut Device| device.climb.look(now, pulses.seen(&device.slots));
        let verdicts: Vec<Option<Verdict>> = self.devices.iter_mut().map(look).collect();
        let named = self.devices.iter().zip(verdicts);
        named.filter_map(|(device, verdict)| Some((device.name.as_str(), verdict?))).collect()
    }

    /// The slots that are to take nothing more for now.
    pub fn resting(&self) -> BTreeSet<u32> {
        let resting =
            |device: &Device| device.slots.iter().skip(device.climb.open() as usize).copied().collect();
        self.devices.iter().flat_map(|device| -> Vec<u32> { resting(device) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EvaluationId;

    #[test]
    fn each_device_begins_with_one_trainer_and_opens_more_of_its_own_slots() {
        let devices = ["cuda:0", "cuda:1", "cuda:0", "cuda:1", "cuda:0"].map(str::to_owned);
        let mut packing = Packing::new(&devices);
        assert_eq!(packing.resting(), BTreeSet::from([2, 3, 4]));
        let pulse = Arc::new(Pulse::new("slot 0".to_owned()));
        packing.pulses().watch(0, &pulse);
        pulse.begin(EvaluationId(1), 1);
        // Only the first device's training can be seen: only that device goes on to its second trainer.
        for look in 0..10 {
            (0..100).for_each(|_| pulse.stepped(0.002));
            assert_eq!(packing.look(f64::from(look) * 0.25), []);
        }
        assert_eq!(packing.resting(), BTreeSet::from([3, 4]));
    }
}
