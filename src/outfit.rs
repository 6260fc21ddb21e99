//! Makes ready what the trainers of a worker work with: its data, ONNX Runtime, one factory for each trainer.
//!
//! It must not know how letters come and go.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    commands::{data, open_runtime},
    devices, gpus,
    said::{self, WorkerSaid},
};
use anyhow::anyhow;
use hatchery_actors::{
    protocol::letters::{BlobName, Welcome},
    trainer::{
        Parts, TrainingFactory, Work, WorkFactory,
        guard::{GuardSettings, MemoryMax},
        room::Room,
    },
    worker::Outfitter,
};
use hatchery_config::{Experiment, experiment::Limits};
use hatchery_models::{
    data::{
        Dataset,
        cache::{Cached, DataCache},
        unpack,
    },
    training::{
        Resident,
        runtime::{Device, Runtime},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Fetches a blob from the coordinator.
type Fetch<'a> = &'a dyn Fn(BlobName) -> Result<Vec<u8>, String>;

/// Outfits a worker.
#[derive(Debug)]
pub struct Outfit {
    /// One for each trainer.
    pub devices: Vec<Device>,
    /// Threads of each on the CPU, where the user has said.
    pub threads: Option<u32>,
    /// Whether ONNX Runtime may not be fetched.
    pub offline: bool,
    /// Whether somebody is to be told when all is ready.
    pub supervised: bool,
    failed: Mutex<Option<Exit>>,
}

impl Outfit {
    pub fn new(devices: Vec<Device>, threads: Option<u32>, offline: bool, supervised: bool) -> Self {
        Self { devices, threads, offline, supervised, failed: Mutex::new(None) }
    }

    /// What the process ends with where outfitting has failed.
    pub fn failure(&self) -> Option<Exit> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn factories(&self, welcome: &Welcome, fetch: Fetch) -> Result<(Dealt, GuardSettings), Failure> {
        let experiment = Experiment::parse(&welcome.experiment, "the coordinator's experiment", &[])
            .or_exit(Exit::Experiment)?;
        let dataset = Arc::new(dataset(&experiment, &welcome.data_hash, fetch)?);
        let split = data::split(&dataset, &experiment.data)?;
        let parts = Arc::new(Parts::of(&dataset, &split, &experiment.data, experiment.data.split_seed));
        let runtime = open_runtime(experiment.runtime.library.clone(), self.offline)?;
        for device in &self.devices {
            devices::usable(&runtime, *device).or_exit(Exit::Library)?;
        }
        let threads = self.threads(welcome.threads);
        let cuda_graphs = self.records(experiment.runtime.cuda_graphs);
        let device_memory_max = experiment.limits.gpu_memory_mib.map(|mib| mib << 20);
        // What lies on a device is shared by its trainers, and so is what is left of it.
        let (mut residents, mut rooms) = (BTreeMap::new(), BTreeMap::new());
        let mut factories = Vec::with_capacity(self.devices.len());
        for device in &self.devices {
            let runtime = runtime
                .clone()
                .on(*device)
                .with_threads(threads)
                .with_device_memory_max(device_memory_max)
                .with_cuda_graphs(cuda_graphs);
            let resident = resident(&mut residents, &runtime, &dataset)?;
            let room = rooms.entry(device.to_string()).or_insert_with(|| room(*device, device_memory_max));
            factories.push(TrainingFactory {
                room: room.clone(),
                runtime,
                trainers: welcome.trainers,
                resident,
                parts: Arc::clone(&parts),
                training: experiment.training.clone(),
                memory_mib: experiment.limits.memory_mib,
            });
        }
        Ok((Dealt(factories), guard(&experiment.limits, &self.devices)))
    }

    /// Whether steps are recorded, where that is wished: it takes a process with one trainer, on a GPU.
    fn records(&self, wished: bool) -> bool {
        let wished = wished && self.devices.iter().any(|device| *device != Device::Cpu);
        if wished && self.devices.len() > 1 {
            tracing::warn!(
                "`runtime.cuda_graphs` is not heeded: this worker has {} trainers, and while one records its step no \
                 other of its process may use the GPU; start workers with `--slots 1`",
                self.devices.len()
            );
        }
        wished && self.devices.len() == 1
    }

    /// What the user has said, else what the experiment says as far as there are cores.
    fn threads(&self, wanted: u32) -> usize {
        let cores = devices::cores() / self.devices.len().max(1);
        self.threads.map_or_else(|| (wanted as usize).min(cores), |threads| threads as usize).max(1)
    }
}

impl Outfitter for Outfit {
    fn outfit(&self, welcome: &Welcome, fetch: Fetch) -> Result<hatchery_actors::worker::Outfit, String> {
        let (factories, guard) = self.factories(welcome, fetch).map_err(|failure| {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.exit);
            failure.to_string()
        })?;
        if self.supervised {
            said::tell(&WorkerSaid::Ready {
                devices: self.devices.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(hatchery_actors::worker::Outfit { guard: Some(guard), factory: Arc::new(factories) })
    }
}

/// The data from where the experiment says, where they are the same there; else from the coordinator.
fn dataset(experiment: &Experiment, hash: &str, fetch: Fetch) -> Result<Dataset, Failure> {
    match data::load(&experiment.data) {
        Ok(dataset) if dataset.content_hash == hash => return Ok(dataset),
        Ok(dataset) => tracing::warn!(
            "{} is not what the run began with: its content hash is {}, not {hash}; the coordinator's are used",
            dataset.source,
            dataset.content_hash
        ),
        Err(failure) => tracing::info!("the data are not here ({failure}); the coordinator's are used"),
    }
    let mut dataset = fetched(hash, fetch)?;
    // How channels are seen is no part of the data: a copy that is kept may have served another experiment.
    dataset.problem.multi_view = experiment.data.multi_view;
    Ok(dataset)
}

/// The data as the coordinator has them; kept for the next time.
fn fetched(hash: &str, fetch: Fetch) -> Result<Dataset, Failure> {
    let cache = DataCache::of_user();
    match cache.as_ref().map(|cache| cache.get(hash)) {
        Some(Ok(Cached::Found(dataset))) => {
            tracing::info!("the data with the content hash {hash} were fetched earlier, and kept");
            return Ok(*dataset);
        }
        Some(Ok(Cached::Damaged(why))) => tracing::warn!("a damaged copy of the data was removed: {why}"),
        Some(Err(error)) => tracing::warn!("the cache of data cannot be used: {error}"),
        Some(Ok(Cached::Absent)) | None => {}
    }
    tracing::info!("the data with the content hash {hash} are fetched from the coordinator");
    let bytes = fetch(BlobName::Data(hash.to_owned()))
        .map_err(|reason| anyhow!("the data with the content hash {hash} cannot be fetched: {reason}"))
        .or_exit(Exit::Data)?;
    let dataset = unpack(&bytes, hash)
        .map_err(|error| anyhow!("the data that the coordinator has sent cannot be used: {error}"))
        .or_exit(Exit::Data)?;
    if let Some(Err(error)) = cache.map(|cache| cache.put(hash, &bytes)) {
        tracing::warn!("the data are not kept for the next time: {error}");
    }
    Ok(dataset)
}

fn resident(
    residents: &mut BTreeMap<String, Arc<Resident>>,
    runtime: &Runtime,
    dataset: &Arc<Dataset>,
) -> Result<Arc<Resident>, Failure> {
    let device = runtime.device().to_string();
    if let Some(resident) = residents.get(&device) {
        return Ok(Arc::clone(resident));
    }
    let resident = Arc::new(Resident::new(runtime, Arc::clone(dataset)).or_exit(Exit::Library)?);
    residents.insert(device, Arc::clone(&resident));
    Ok(resident)
}

/// What is free of a GPU, once the data lie there; `None` where that cannot be known, and on the CPU, whose memory the
/// guard watches.
fn room(device: Device, memory_max: Option<u64>) -> Option<Arc<Room>> {
    let Device::Cuda(index) = device else { return None };
    let Some(memory) = gpus::memory(index) else {
        tracing::warn!(
            "the driver does not say how much memory {device} has: trainings there are not held back"
        );
        return None;
    };
    let gauge = Box::new(move || gpus::memory(index).map(|memory| memory.used));
    Some(Arc::new(Room::new(memory.total, memory_max, gauge)))
}

/// What the process is watched for. On a CPU, what was planned for a training lies in host memory; what the user allows
/// the whole process goes before.
fn guard(limits: &Limits, devices: &[Device]) -> GuardSettings {
    let planned = devices.contains(&Device::Cpu).then_some(MemoryMax::Predicted(limits.memory_mib << 20));
    let allowed = limits.host_memory_mib.map(|mib| MemoryMax::Resident(mib << 20));
    GuardSettings {
        hang_seconds: (limits.hang_seconds.ceil() as u64).max(1),
        memory_max: allowed.or(planned),
    }
}

/// One factory for each trainer.
struct Dealt(Vec<TrainingFactory>);

impl WorkFactory for Dealt {
    fn make(&self, slot: u32) -> Result<Box<dyn Work>, String> {
        match self.0.get(slot as usize) {
            Some(factory) => factory.make(slot),
            None => Err(format!("there is no device for slot {slot}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(source: &str, data_hash: &str) -> Welcome {
        let sets = [format!("data.source={source}")];
        Welcome {
            run: "run".to_owned(),
            experiment: Experiment::load("digits", &sets).unwrap().to_toml().unwrap(),
            data_hash: data_hash.to_owned(),
            threads: 4,
            trainers: 1,
        }
    }

    fn experiment(welcome: &Welcome) -> Experiment {
        Experiment::parse(&welcome.experiment, "test", &[]).unwrap()
    }

    #[test]
    fn the_same_data_are_taken_from_their_source_and_nothing_is_fetched() {
        let digits = data::load(&experiment(&welcome("digits", "")).data).unwrap();
        let never = |_: BlobName| -> Result<Vec<u8>, String> { panic!("nothing is to be fetched") };
        let found = dataset(&experiment(&welcome("digits", "")), &digits.content_hash, &never).unwrap();
        assert_eq!(found.content_hash, digits.content_hash);
    }

    #[test]
    fn other_data_and_none_are_fetched_by_their_hash() {
        for source in ["digits", "csv:nowhere.csv"] {
            let asked = Mutex::new(Vec::new());
            let fetch = |name: BlobName| {
                asked.lock().unwrap().push(name);
                Err("the link is down".to_owned())
            };
            let outfit = Outfit::new(vec![Device::Cpu], None, true, false);
            let refused = outfit.outfit(&welcome(source, "abc"), &fetch).err().unwrap();
            assert!(refused.contains("abc") && refused.contains("the link is down"), "{refused}");
            assert_eq!(*asked.lock().unwrap(), [BlobName::Data("abc".to_owned())]);
            assert_eq!(outfit.failure(), Some(Exit::Data));
        }
    }

    #[test]
    fn an_experiment_of_another_program_is_refused() {
        let outfit = Outfit::new(vec![Device::Cpu], None, true, false);
        let strange = Welcome { experiment: "colour = \"red\"".to_owned(), ..welcome("digits", "") };
        let refused = outfit.outfit(&strange, &|_| Err(String::new())).err().unwrap();
        assert!(refused.contains("colour"), "{refused}");
        assert_eq!(outfit.failure(), Some(Exit::Experiment));
    }

    #[test]
    fn memory_is_held_to_what_the_user_allows_else_to_what_was_predicted() {
        let held = |host_memory_mib, device| {
            guard(&Limits { memory_mib: 7, host_memory_mib, ..Limits::default() }, &[device]).memory_max
        };
        assert_eq!(held(None, Device::Cpu), Some(MemoryMax::Predicted(7 << 20)));
        assert_eq!(held(None, Device::Cuda(0)), None);
        for device in [Device::Cpu, Device::Cuda(0)] {
            assert_eq!(held(Some(9), device), Some(MemoryMax::Resident(9 << 20)));
        }
    }

    #[test]
    fn threads_are_as_said_or_as_many_as_there_are_cores() {
        let outfit =
            |trainers: usize, threads| Outfit::new(vec![Device::Cpu; trainers], threads, true, false);
        assert_eq!(outfit(1, Some(9)).threads(4), 9);
        assert_eq!(outfit(1, None).threads(1), 1);
        assert_eq!(outfit(1000, None).threads(4), 1);
    }
}
