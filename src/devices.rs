//! Devices of this machine, and which of them a run trains on.

use hatchery_config::experiment;
use hatchery_models::{
    graph::lowering::Provider,
    training::{
        library::gpus,
        runtime::{Device, Runtime},
    },
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// Trainers side by side on one GPU, at most, where nothing is said.
const PACKING: u32 = 16;
/// Trainers of a process, at most.
pub const SLOTS_MAX: u32 = 1024;

/// How many trainers work side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slots {
    /// So many in all.
    Exactly(u32),
    /// On each device as many as raise what it trains in all, and no more than these; found by measuring.
    UpTo(u32),
}

impl FromStr for Slots {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> anyhow::Result<Self> {
        let (count, is_exact) = word.strip_prefix("..").map_or((word, true), |most| (most, false));
        let count = count.parse().ok().filter(|count| (1..=SLOTS_MAX).contains(count));
        match count {
            Some(count) if is_exact => Ok(Self::Exactly(count)),
            Some(count) => Ok(Self::UpTo(count)),
            None => {
                anyhow::bail!("write how many, 1 to {SLOTS_MAX}, or ..N for as many as are worth it, up to N")
            }
        }
    }
}

impl Display for Slots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(formatter, "{count}"),
            Self::UpTo(most) => write!(formatter, "..{most}"),
        }
    }
}

/// Where to train in a run on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The devices.
    pub devices: Vec<Device>,
    /// The device of each worker process, and its trainers.
    pub workers: Vec<(Device, Slots)>,
    /// Threads of one trainer, on CPU.
    pub threads: usize,
}

impl Choice {
    /// Who trains, for people.
    pub fn words(&self) -> String {
        let names: Vec<String> = self.devices.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        match (self.workers.first(), self.workers.len()) {
            (Some((_, Slots::UpTo(most))), _) => format!("up to {most} trainers on each of {names}"),
            (_, 1) => format!("1 trainer on {names}"),
            (_, count) => format!("{count} trainers on {names}"),
        }
    }
}

/// CPU cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What `[runtime]` says; `auto` takes all GPUs where the library can use them, else the CPU.
///
/// # Errors
/// Where a device is named that there is not.
pub fn choose(runtime: &Runtime, wishes: &experiment::Runtime) -> anyhow::Result<Choice> {
    let can_cuda = runtime.providers().contains(&Provider::Cuda);
    let devices = match wishes.device.as_deref().unwrap_or("auto") {
        "auto" => {
            if can_cuda {
                all()
            } else {
                vec![Device::Cpu]
            }
        }
        named => vec![named.parse::<Device>()?],
    };
    for device in &devices {
        usable(runtime, *device)?;
    }
    Ok(deal(devices, wishes, cores()))
}

/// Makes sure that the library can use a device.
///
/// # Errors
/// Where it cannot.
pub fn usable(runtime: &Runtime, device: Device) -> anyhow::Result<()> {
    if matches!(device, Device::Cuda(_)) && !runtime.providers().contains(&Provider::Cuda) {
        anyhow::bail!(
            "{device} is to be used, but {} has no CUDA provider: see hatchery doctor",
            runtime.report().path.display()
        );
    }
    Ok(())
}

/// All GPUs, else the CPU.
fn all() -> Vec<Device> {
    let count = u16::try_from(gpus().len()).unwrap_or(u16::MAX);
    if count == 0 { vec![Device::Cpu] } else { (0..count).map(Device::Cuda).collect() }
}

/// The trainers of a worker process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealt {
    /// The device of each.
    pub devices: Vec<Device>,
    /// Whether only as many of a device's work as raise what it trains in all.
    pub is_packed: bool,
}

/// The device of each trainer of a worker: what is named (`auto` stands for all GPUs, else the CPU), dealt out to
/// `slots` trainers; where nothing is said of those, as many on each GPU as are worth it, or one for every `threads`
/// cores.
///
/// # Errors
/// Where a name is none, or there would be too many.
pub fn dealt(named: &[String], slots: Option<Slots>, threads: Option<u32>) -> anyhow::Result<Dealt> {
    let devices = match named {
        [auto] if auto == "auto" => all(),
        named => named.iter().map(|name| name.parse::<Device>()).collect::<Result<Vec<_>, _>>()?,
    };
    let threads = threads.map_or(1, |threads| threads as usize).max(1);
    let slots = slots.unwrap_or_else(|| usual_slots(&devices, threads, cores()));
    let (count, is_packed) = match slots {
        Slots::Exactly(count) => (count as usize, false),
        Slots::UpTo(most) => (devices.len() * most as usize, true),
    };
    anyhow::ensure!(
        count <= SLOTS_MAX as usize,
        "{slots} trainers on each of {} devices are more than the {SLOTS_MAX} that a worker may have",
        devices.len()
    );
    Ok(Dealt { devices: devices.into_iter().cycle().take(count).collect(), is_packed })
}

/// The trainers of a worker process of which nothing is said.
fn usual_slots(devices: &[Device], threads: usize, cores: usize) -> Slots {
    if devices.contains(&Device::Cpu) {
        Slots::Exactly(u32::try_from((cores / threads).max(1)).unwrap_or(u32::MAX))
    } else {
        Slots::UpTo(PACKING)
    }
}

fn deal(devices: Vec<Device>, wishes: &experiment::Runtime, cores: usize) -> Choice {
    let threads = wishes.threads.map_or(1, |threads| threads as usize).max(1);
    let (count, slots) = match wishes.workers {
        Some(count) => (count as usize, Slots::Exactly(1)),
        None if devices == [Device::Cpu] => ((cores / threads).max(1), Slots::Exactly(1)),
        // A process whose trainers record their steps has one.
        None if wishes.cuda_graphs => (devices.len(), Slots::Exactly(1)),
        None => (devices.len(), packed(wishes.packing.unwrap_or(PACKING))),
    };
    let workers = devices.iter().copied().cycle().take(count).map(|device| (device, slots)).collect();
    Choice { devices, workers, threads }
}

const fn packed(most: u32) -> Slots {
    if most == 1 { Slots::Exactly(1) } else { Slots::UpTo(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_a_core_or_a_gpu_unless_said_otherwise() {
        let (zero, one) = (Device::Cuda(0), Device::Cuda(1));
        let mut wishes = experiment::Runtime::default();
        assert_eq!(deal(vec![Device::Cpu], &wishes, 8).workers, [(Device::Cpu, Slots::Exactly(1)); 8]);
        let packed = deal(vec![zero, one], &wishes, 8);
        assert_eq!(packed.workers, [(zero, Slots::UpTo(16)), (one, Slots::UpTo(16))]);
        assert_eq!(packed.words(), "up to 16 trainers on each of cuda:0, cuda:1");
        wishes.packing = Some(1);
        assert_eq!(deal(vec![zero], &wishes, 8).workers, [(zero, Slots::Exactly(1))]);
        assert_eq!(deal(vec![zero], &wishes, 8).words(), "1 trainer on cuda:0");
        let recorded = experiment::Runtime { cuda_graphs: true, ..experiment::Runtime::default() };
        assert_eq!(
            deal(vec![zero, one], &recorded, 8).workers,
            [zero, one].map(|gpu| (gpu, Slots::Exactly(1)))
        );
        wishes.threads = Some(3);
        assert_eq!(deal(vec![Device::Cpu], &wishes, 8).workers.len(), 2);
        assert_eq!(deal(vec![Device::Cpu], &wishes, 2).workers.len(), 1);
        wishes.workers = Some(3);
        let said = deal(vec![zero, one], &wishes, 8);
        assert_eq!(said.workers, [zero, one, zero].map(|device| (device, Slots::Exactly(1))));
        assert_eq!(said.words(), "3 trainers on cuda:0, cuda:1");
    }

    #[test]
    fn a_workers_trainers_get_their_devices_in_turn() {
        let dealt = |names: &[&str], slots: Option<&str>, threads| {
            let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            dealt(&names, slots.map(|slots| slots.parse().unwrap()), threads)
        };
        let (zero, one) = (Device::Cuda(0), Device::Cuda(1));
        let usual = dealt(&["cuda:0", "cuda:1"], None, None).unwrap();
        assert_eq!((usual.devices.len(), usual.is_packed), (32, true));
        let said = dealt(&["cuda:0", "cuda:1"], Some("3"), None).unwrap();
        assert_eq!((said.devices, said.is_packed), (vec![zero, one, zero], false));
        let most = dealt(&["cuda:0", "cuda:1"], Some("..2"), None).unwrap();
        assert_eq!((most.devices, most.is_packed), (vec![zero, one, zero, one], true));
        assert_eq!(dealt(&["cpu"], None, Some(1)).unwrap().devices.len(), cores());
        assert_eq!(dealt(&["cpu"], Some("2"), None).unwrap().devices, [Device::Cpu; 2]);
        assert!(dealt(&["cpu", "auto"], None, None).is_err());
        let too_many = dealt(&["cuda:0", "cuda:1"], Some("..1000"), None).unwrap_err().to_string();
        assert!(too_many.contains("1024"), "{too_many}");
    }

    #[test]
    fn numbers_of_slots_are_understood() {
        for word in ["1", "1024", "..16"] {
            assert_eq!(word.parse::<Slots>().unwrap().to_string(), word);
        }
        for wrong in ["", "0", "1025", "..", "..0", "1..4", "-1", "many"] {
            assert!(wrong.parse::<Slots>().unwrap_err().to_string().contains("..N"), "{wrong}");
        }
    }
}
