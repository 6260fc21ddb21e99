//! Tensors in the host's memory, with their values in plain vectors.

use ort::value::{DynValue, Tensor, TensorElementType};

/// A tensor in the host's memory: sizes, outermost first, and values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum HostTensor {
    /// 32-bit floats.
    F32(Vec<usize>, Vec<f32>),
    /// 64-bit integers.
    I64(Vec<usize>, Vec<i64>),
    /// Bytes.
    U8(Vec<usize>, Vec<u8>),
    /// Truth values.
    Bool(Vec<usize>, Vec<bool>),
}

impl HostTensor {
    /// A float scalar.
    pub fn scalar(value: f32) -> Self {
        Self::F32(Vec::new(), vec![value])
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(shape, _) | Self::I64(shape, _) | Self::U8(shape, _) | Self::Bool(shape, _) => shape,
        }
    }

    /// The values, where they are floats.
    pub fn floats(&self) -> Option<&[f32]> {
        match self {
            Self::F32(_, values) => Some(values),
            _ => None,
        }
    }

    /// The values, where they are integers.
    pub fn integers(&self) -> Option<&[i64]> {
        match self {
            Self::I64(_, values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn to_value(&self) -> Result<DynValue, ort::Error> {
        Ok(match self {
            Self::F32(shape, values) => Tensor::from_array((shape.clone(), values.clone()))?.into_dyn(),
            Self::I64(shape, values) => Tensor::from_array((shape.clone(), values.clone()))?.into_dyn(),
            Self::U8(shape, values) => Tensor::from_array((shape.clone(), values.clone()))?.into_dyn(),
            Self::Bool(shape, values) => Tensor::from_array((shape.clone(), values.clone()))?.into_dyn(),
        })
    }

    pub(super) fn from_value(value: &DynValue) -> Result<Self, ort::Error> {
        let element = value.dtype().tensor_type();
        let sizes = |shape: &[i64]| shape.iter().map(|&size| size.max(0) as usize).collect();
        Ok(match element {
            Some(TensorElementType::Float32) => {
                let (shape, values) = value.try_extract_tensor::<f32>()?;
                Self::F32(sizes(shape), values.to_vec())
            }
            Some(TensorElementType::Int64) => {
                let (shape, values) = value.try_extract_tensor::<i64>()?;
                Self::I64(sizes(shape), values.to_vec())
            }
            Some(TensorElementType::Uint8) => {
                let (shape, values) = value.try_extract_tensor::<u8>()?;
                Self::U8(sizes(shape), values.to_vec())
            }
            Some(TensorElementType::Bool) => {
                let (shape, values) = value.try_extract_tensor::<bool>()?;
                Self::Bool(sizes(shape), values.to_vec())
            }
            other => return Err(ort::Error::new(format!("an output of type {other:?} cannot be read"))),
        })
    }
}
