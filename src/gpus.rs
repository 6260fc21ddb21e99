//! What the driver says of this machine's GPUs, through NVML, which is loaded where there is one.
//!
//! It must not know what they are used for.

use nvml_wrapper::{Device, Nvml, struct_wrappers::device::MemoryInfo};
use std::sync::OnceLock;

/// The variable by which CUDA is told which GPUs there are, and in which order.
const VISIBLE_DEVICES: &str = "CUDA_VISIBLE_DEVICES";

/// A GPU as NVML names it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Index(u32),
    Uuid(String),
}

/// The driver's library, once somebody has asked; `None` where there is none.
fn library() -> Option<&'static Nvml> {
    static LIBRARY: OnceLock<Option<Nvml>> = OnceLock::new();
    LIBRARY.get_or_init(|| Nvml::init().ok()).as_ref()
}

/// All GPUs of this machine, by their index.
pub fn all() -> Vec<(String, Device<'static>)> {
    let Some(library) = library() else { return Vec::new() };
    let count = library.device_count().unwrap_or(0);
    (0..count).filter_map(|index| Some((index.to_string(), library.device_by_index(index).ok()?))).collect()
}

/// The memory of the GPU that CUDA calls by this index.
pub fn memory(cuda_index: u16) -> Option<MemoryInfo> {
    let library = library()?;
    let device = match name(std::env::var(VISIBLE_DEVICES).ok().as_deref(), cuda_index)? {
        Name::Index(index) => library.device_by_index(index),
        Name::Uuid(uuid) => library.device_by_uuid(uuid),
    };
    device.ok()?.memory_info().ok()
}

/// CUDA counts what is `visible` to it, in that order.
fn name(visible: Option<&str>, cuda_index: u16) -> Option<Name> {
    let Some(visible) = visible else { return Some(Name::Index(u32::from(cuda_index))) };
    let word = visible.split(',').map(str::trim).nth(usize::from(cuda_index))?;
    match word.parse() {
        Ok(index) => Some(Name::Index(index)),
        Err(_) => (!word.is_empty()).then(|| Name::Uuid(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cuda_sees_is_named_as_the_driver_does() {
        assert_eq!(name(None, 3), Some(Name::Index(3)));
        assert_eq!(name(Some("2, 0"), 0), Some(Name::Index(2)));
        assert_eq!(name(Some("2, 0"), 1), Some(Name::Index(0)));
        assert_eq!(name(Some("GPU-8932f937"), 0), Some(Name::Uuid("GPU-8932f937".to_owned())));
        assert_eq!((name(Some("2,0"), 2), name(Some(""), 0)), (None, None));
    }
}
