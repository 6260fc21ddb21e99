//! The few numbers that change from run to run, in host tensors that stay bound.

use super::{Device, RuntimeError, While};
use ort::{
    session::{IoBinding, Session},
    value::{PrimitiveTensorElementType, Tensor},
};
use std::fmt::Debug;

/// An input that is written anew before each run; does nothing where the model has no input of that name.
#[derive(Debug)]
pub(super) struct SmallInput<T: PrimitiveTensorElementType + Debug> {
    name: &'static str,
    tensor: Option<Tensor<T>>,
}

impl<T: PrimitiveTensorElementType + Debug + Copy> SmallInput<T> {
    /// An input of this shape, zero at first.
    pub fn new(session: &Session, name: &'static str, shape: &[usize]) -> Result<Self, RuntimeError> {
        let wanted = session.inputs().iter().any(|input| input.name() == name);
        let new = || Tensor::<T>::new(session.allocator(), shape.to_vec()).doing("allocating inputs");
        Ok(Self { name, tensor: if wanted { Some(new()?) } else { None } })
    }

    /// Sets the values.
    pub fn write(&mut self, values: &[T]) -> Result<(), RuntimeError> {
        let Some(tensor) = &mut self.tensor else { return Ok(()) };
        tensor.try_extract_tensor_mut().doing("writing inputs")?.1.copy_from_slice(values);
        Ok(())
    }

    /// Binds it for the first time. On the CPU that is once and for all: sessions read the tensor's own memory.
    pub fn bind(&self, binding: &mut IoBinding) -> Result<(), RuntimeError> {
        let Some(tensor) = &self.tensor else { return Ok(()) };
        binding.bind_input(self.name, tensor).doing("binding inputs")
    }

    /// Makes values written since visible to the device: there, binding copies.
    pub fn refresh(&self, binding: &mut IoBinding, device: Device) -> Result<(), RuntimeError> {
        if device == Device::Cpu { Ok(()) } else { self.bind(binding) }
    }
}

/// An output that is read after each run, in the host's memory.
#[derive(Debug)]
pub(super) struct SmallOutput {
    name: &'static str,
    tensor: Option<Tensor<f32>>,
}

impl SmallOutput {
    /// An output of this shape; reads as nothing where the model has none of that name.
    pub fn new(session: &Session, name: &'static str, shape: &[usize]) -> Result<Self, RuntimeError> {
        let wanted = session.outputs().iter().any(|output| output.name() == name);
        let new = || Tensor::<f32>::new(session.allocator(), shape.to_vec()).doing("allocating outputs");
        Ok(Self { name, tensor: if wanted { Some(new()?) } else { None } })
    }

    /// Binds it.
    pub fn bind(&mut self, binding: &mut IoBinding) -> Result<(), RuntimeError> {
        let Some(tensor) = &mut self.tensor else { return Ok(()) };
        binding.bind_output(self.name, tensor).doing("binding outputs")
    }

    /// The values of the last run.
    pub fn read(&self) -> Result<&[f32], RuntimeError> {
        let Some(tensor) = &self.tensor else { return Ok(&[]) };
        Ok(tensor.try_extract_tensor().doing("reading outputs")?.1)
    }
}
