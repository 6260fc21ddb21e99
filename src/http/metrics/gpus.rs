//! What the driver says of this machine's GPUs, as metrics.

use super::text::Text;
use crate::gpus;

/// Writes what is known of each GPU; nothing where there is none, or no driver.
pub fn write(text: &mut Text) {
    let devices = gpus::all();
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
