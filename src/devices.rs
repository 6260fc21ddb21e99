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
            let count = if can_cuda { u16::try_from(gpus().len()).unwrap_or(u16::MAX) } else { 0 };
            if count == 0 { vec![Device::Cpu] } else { (0..count).map(Device::Cuda).collect() }
        }
        named => vec![named.parse::<Device>()?],
    };
    if devices.iter().any(|device| matches!(device, Device::Cuda(_))) && !can_cuda {
        anyhow::bail!(
            "runtime.device = \"{}\", but {} has no CUDA provider: see hatchery doctor",
            devices[0],
            runtime.report().path.display()
        );
    }
    Ok(deal(devices, wishes, cores()))
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
}
