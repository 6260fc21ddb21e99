//! Tensors that stay where a session runs: the data set, and the state that steps replace.

use super::{Device, Runtime, RuntimeError, While};
use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::Session,
    value::{DynTensor, PrimitiveTensorElementType, Tensor},
};
use std::fmt::Debug;

/// A tensor on a device that is only ever read, by as many sessions as want to.
#[derive(Debug)]
pub struct Shared(pub(super) DynTensor);

/// Values in the host's memory, handed over without a copy.
#[derive(Debug)]
pub enum HostValues {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Bytes.
    U8(Vec<u8>),
}

impl Shared {
    /// A tensor of these values on the runtime's device; on the CPU the vector itself becomes the tensor.
    ///
    /// # Errors
    /// Where the shape does not fit or the device has not enough memory.
    pub fn new(runtime: &Runtime, shape: &[usize], values: HostValues) -> Result<Self, RuntimeError> {
        let doing = "placing the data set on the device";
        let shape = shape.to_vec();
        let host = match values {
            HostValues::F32(values) => Tensor::from_array((shape, values)).doing(doing)?.upcast(),
            HostValues::I64(values) => Tensor::from_array((shape, values)).doing(doing)?.upcast(),
            HostValues::U8(values) => Tensor::from_array((shape, values)).doing(doing)?.upcast(),
        };
        match runtime.device() {
            Device::Cpu => Ok(Self(host)),
            Device::Cuda(index) => host.to(AllocationDevice::CUDA, i32::from(index)).map(Self).doing(doing),
        }
    }
}

/// A vector of floats on the session's device, with these values.
pub(super) fn vector(session: &Session, device: Device, values: &[f32]) -> Result<Tensor<f32>, RuntimeError> {
    let mut vector = on_device(session, device, &[values.len()])?;
    write(session, device, &mut vector, values)?;
    Ok(vector)
}

/// A tensor on the session's device. Made by the device's allocator, since sessions write outputs only into such.
pub(super) fn on_device<T: PrimitiveTensorElementType + Debug>(
    session: &Session,
    device: Device,
    shape: &[usize],
) -> Result<Tensor<T>, RuntimeError> {
    let doing = "allocating the training's state";
    match device {
        Device::Cpu => Tensor::<T>::new(session.allocator(), shape.to_vec()).doing(doing),
        Device::Cuda(index) => {
            let allocator = Allocator::new(session, cuda_memory(index).doing(doing)?).doing(doing)?;
            Tensor::<T>::new(&allocator, shape.to_vec()).doing(doing)
        }
    }
}

/// Replaces a vector's values, where it lies.
pub(super) fn write(
    session: &Session,
    device: Device,
    vector: &mut Tensor<f32>,
    values: &[f32],
) -> Result<(), RuntimeError> {
    let doing = "writing the training's state";
    if device == Device::Cpu {
        vector.try_extract_tensor_mut().doing(doing)?.1.copy_from_slice(values);
        return Ok(());
    }
    let mut host = Tensor::<f32>::new(session.allocator(), [values.len()]).doing(doing)?;
    host.try_extract_tensor_mut().doing(doing)?.1.copy_from_slice(values);
    host.copy_into(vector).doing(doing)
}

/// A vector's values.
pub(super) fn read(tensor: &Tensor<f32>, device: Device) -> Result<Vec<f32>, RuntimeError> {
    let doing = "reading the training's state";
    match device {
        Device::Cpu => Ok(tensor.try_extract_tensor().doing(doing)?.1.to_vec()),
        Device::Cuda(_) => {
            let host = tensor.to(AllocationDevice::CPU, 0).doing(doing)?;
            Ok(host.try_extract_tensor().doing(doing)?.1.to_vec())
        }
    }
}

fn cuda_memory(index: u16) -> Result<MemoryInfo<'static>, ort::Error> {
    MemoryInfo::new(AllocationDevice::CUDA, i32::from(index), AllocatorType::Device, MemoryType::Default)
}
