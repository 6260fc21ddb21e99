//! Devices of this machine, and which of them a run trains on.

use hatchery_config::experiment;
use hatchery_models::{
    graph::lowering::Provider,
    training::{
        library::gpus,
        runtime::{Device, Runtime},
    },
};

/// Where to train, and with how many trainers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The devices; trainers are dealt out to them in turn.
    pub devices: Vec<Device>,
    /// Trainers in all.
    pub trainers: u32,
    /// Threads of one trainer, on CPU.
    pub threads: usize,
}

impl Choice {
    /// The device of each trainer.
    pub fn trainer_devices(&self) -> impl Iterator<Item = Device> {
        self.devices.iter().copied().cycle().take(self.trainers as usize)
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

/// The device of each trainer of a worker: what is named (`auto` stands for all GPUs, else the CPU), dealt out to
/// `slots` trainers; where nothing is said of those, one for each GPU, or one for every `threads` cores.
///
/// # Errors
/// Where a name is none.
pub fn dealt(named: &[String], slots: Option<u32>, threads: Option<u32>) -> anyhow::Result<Vec<Device>> {
    let devices = match named {
        [auto] if auto == "auto" => all(),
        named => named.iter().map(|name| name.parse::<Device>()).collect::<Result<Vec<_>, _>>()?,
    };
    let wishes = experiment::Runtime { workers: slots, threads, ..experiment::Runtime::default() };
    let choice = deal(devices, &wishes, cores());
    Ok(choice.trainer_devices().collect())
}

fn deal(devices: Vec<Device>, wishes: &experiment::Runtime, cores: usize) -> Choice {
    let threads = wishes.threads.map_or(1, |threads| threads as usize).max(1);
    let default = if devices == [Device::Cpu] { (cores / threads).max(1) } else { devices.len() };
    let trainers = wishes.workers.unwrap_or(u32::try_from(default).unwrap_or(u32::MAX));
    Choice { devices, trainers, threads }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trainer_a_core_or_a_gpu_unless_said_otherwise() {
        let mut wishes = experiment::Runtime::default();
        assert_eq!(deal(vec![Device::Cpu], &wishes, 8).trainers, 8);
        assert_eq!(deal(vec![Device::Cuda(0), Device::Cuda(1)], &wishes, 8).trainers, 2);
        wishes.threads = Some(3);
        assert_eq!(deal(vec![Device::Cpu], &wishes, 8).trainers, 2);
        assert_eq!(deal(vec![Device::Cpu], &wishes, 2).trainers, 1);
        wishes.workers = Some(5);
        assert_eq!(deal(vec![Device::Cpu], &wishes, 8).trainers, 5);
    }

    #[test]
    fn a_workers_trainers_get_their_devices_in_turn() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (zero, one) = (Device::Cuda(0), Device::Cuda(1));
        assert_eq!(dealt(&names(&["cuda:0", "cuda:1"]), None, None).unwrap(), [zero, one]);
        assert_eq!(dealt(&names(&["cuda:0", "cuda:1"]), Some(3), None).unwrap(), [zero, one, zero]);
        assert_eq!(dealt(&names(&["cpu"]), None, Some(1)).unwrap().len(), cores());
        assert_eq!(dealt(&names(&["cpu"]), Some(2), None).unwrap(), [Device::Cpu; 2]);
        assert!(dealt(&names(&["cpu", "auto"]), None, None).is_err());
    }
}
