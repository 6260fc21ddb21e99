//! What the driver says of this machine's GPUs, through NVML, which is loaded where there is one.

use super::text::Text;
use nvml_wrapper::Nvml;
use std::sync::OnceLock;

/// The driver's library, once somebody has asked.
pub struct Gpus(OnceLock<Option<Nvml>>);

impl Gpus {
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Writes what is known of each GPU; nothing where there is none, or no driver.
    pub fn write(&self, text: &mut Text) {
        let Some(nvml) = self.0.get_or_init(|| Nvml::init().ok()) else { return };
        let count = nvml.device_count().unwrap_or(0);
        let devices: Vec<_> = (0..count)
            .filter_map(|index| Some((index.to_string(), nvml.device_by_index(index).ok()?)))
            .collect();
        let memory: Vec<_> =
            devices.iter().filter_map(|(gpu, device)| Some((gpu, device.memory_info().ok()?))).collect();
        for (gpu, rates) in
            devices.iter().filter_map(|(gpu, device)| Some((gpu, device.utilization_rates().ok()?)))
        {
            text.put("hatchery_gpu_utilisation_ratio", &[("gpu", gpu)], f64::from(rates.gpu) / 100.0);
        }
        for (gpu, memory) in &memory {
            text.put("hatchery_gpu_memory_used_bytes", &[("gpu", gpu)], memory.used as f64);
        }
        for (gpu, memory) in &memory {
            text.put("hatchery_gpu_memory_total_bytes", &[("gpu", gpu)], memory.total as f64);
        }
    }
}
