//! Element types and constants between the graph's terms and ONNX's.

use super::proto::{TensorProto, data_type as onnx};
use crate::graph::{ElementType, emitter::Constant};

/// ONNX's number of an element type.
pub fn data_type(element: ElementType) -> i32 {
    match element {
        ElementType::F32 => onnx::FLOAT,
        ElementType::U8 => onnx::UINT8,
        ElementType::I64 => onnx::INT64,
        ElementType::Bool => onnx::BOOL,
    }
}

/// A constant as an initializer.
pub fn initializer(name: &str, constant: &Constant) -> TensorProto {
    let (shape, element, raw) = match constant {
        Constant::F32(shape, values) => {
            (shape, onnx::FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        Constant::I64(shape, values) => {
            (shape, onnx::INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
    };
    TensorProto {
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: Some(element),
        name: name.to_owned(),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}
