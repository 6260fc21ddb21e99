//! The few numbers that change from run to run, in tensors that stay bound.

use super::{Device, RuntimeError, While, tensor};
use ort::{
    session::{IoBinding, Session},
    value::{PrimitiveTensorElementType, Tensor},
};
use std::fmt::Debug;

/// Where a session finds the small tensors that it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the host's memory. A session on another device than the processor copies: inputs when they are bound, outputs
    /// at the end of a run.
    Host(Device),
    /// On the device, at addresses that never change: copied before and after a run, which itself copies nothing.
    Fixed(Device),
}

/// A tensor in the host's memory and, where its place is fixed, the one on the device that a session is bound to.
#[derive(Debug)]
struct Small<T: PrimitiveTensorElementType + Debug> {
    host: Tensor<T>,
    fixed: Option<Tensor<T>>,
}

impl<T: PrimitiveTensorElementType + Debug> Small<T> {
    /// Zeros of this shape, where they are wanted.
    fn wanted(
        wanted: bool,
        session: &Session,
        place: Place,
        shape: &[usize],
    ) -> Result<Option<Self>, RuntimeError> {
        if !wanted {
            return Ok(None);
        }
        let host =
            Tensor::<T>::new(session.allocator(), shape.to_vec()).doing("allocating inputs and outputs")?;
        let fixed = match place {
            Place::Host(_) => None,
            Place::Fixed(device) => Some(tensor::on_device(session, device, shape)?),
        };
        Ok(Some(Self { host, fixed }))
    }
}

/// An input that is written anew before each run; does nothing where the model has no input of that name.
#[derive(Debug)]
pub(super) struct SmallInput<T: PrimitiveTensorElementType + Debug> {
    name: &'static str,
    place: Place,
    small: Option<Small<T>>,
}

impl<T: PrimitiveTensorElementType + Debug + Copy> SmallInput<T> {
    /// An input of this shape, zero at first.
    pub fn new(
        session: &Session,
        place: Place,
        name: &'static str,
        shape: &[usize],
    ) -> Result<Self, RuntimeError> {
        let wanted = session.inputs().iter().any(|input| input.name() == name);
        Ok(Self { name, place, small: Small::wanted(wanted, session, place, shape)? })
    }

    /// Sets the values.
    pub fn write(&mut self, values: &[T]) -> Result<(), RuntimeError> {
        let Some(small) = &mut self.small else { return Ok(()) };
        small.host.try_extract_tensor_mut().doing("writing inputs")?.1.copy_from_slice(values);
        Ok(())
    }

    /// Binds it for the first time. Where sessions read the tensor's own memory, that is once and for all.
    pub fn bind(&self, binding: &mut IoBinding) -> Result<(), RuntimeError> {
        let Some(small) = &self.small else { return Ok(()) };
        binding.bind_input(self.name, small.fixed.as_ref().unwrap_or(&small.host)).doing("binding inputs")
    }

    /// Makes values written since visible to the device.
    pub fn refresh(&mut self, binding: &mut IoBinding) -> Result<(), RuntimeError> {
        match (&mut self.small, self.place) {
            (None, _) | (_, Place::Host(Device::Cpu)) => Ok(()),
            (Some(Small { host, fixed: Some(fixed) }), _) => host.copy_into(fixed).doing("copying inputs"),
            (Some(_), _) => self.bind(binding),
        }
    }
}

/// An output that is read after each run.
#[derive(Debug)]
pub(super) struct SmallOutput {
    name: &'static str,
    small: Option<Small<f32>>,
}

impl SmallOutput {
    /// An output of this shape; reads as nothing where the model has none of that name.
    pub fn new(
        session: &Session,
        place: Place,
        name: &'static str,
        shape: &[usize],
    ) -> Result<Self, RuntimeError> {
        let wanted = session.outputs().iter().any(|output| output.name() == name);
        Ok(Self { name, small: Small::wanted(wanted, session, place, shape)? })
    }

    /// Binds it.
    pub fn bind(&mut self, binding: &mut IoBinding) -> Result<(), RuntimeError> {
        let Some(Small { host, fixed }) = &mut self.small else { return Ok(()) };
        binding.bind_output(self.name, fixed.as_mut().unwrap_or(host)).doing("binding outputs")
    }

    /// The values of the last run.
    pub fn read(&mut self) -> Result<&[f32], RuntimeError> {
        let Some(Small { host, fixed }) = &mut self.small else { return Ok(&[]) };
        if let Some(fixed) = fixed {
            fixed.copy_into(&mut *host).doing("copying outputs")?;
        }
        Ok(host.try_extract_tensor().doing("reading outputs")?.1)
    }
}
