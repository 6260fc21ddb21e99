//! The ONNX standard's own test vectors, read out of its archive.

use crate::{
    onnx::proto::{AttributeProto, ModelProto, TensorProto, data_type},
    training::runtime::HostTensor,
};
use prost::Message;
use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    path::PathBuf,
    sync::OnceLock,
};

const ARCHIVE: &str = "onnx-v1.22.0-backend-tests.tar.gz";

/// A test of the standard: one node, what goes in and what is to come out.
pub struct Vectors {
    pub name: String,
    attributes: Vec<AttributeProto>,
    pub inputs: Vec<HostTensor>,
    pub outputs: Vec<HostTensor>,
}

impl Vectors {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).and_then(|attribute| attribute.f)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).and_then(|attribute| attribute.i)
    }

    pub fn sizes<const N: usize>(&self, name: &str) -> Option<[usize; N]> {
        let sizes: Vec<usize> = self.attribute(name)?.ints.iter().map(|&size| size as usize).collect();
        sizes.try_into().ok()
    }
}

/// The named test, or a line that says why it is skipped.
pub fn vectors(name: &str) -> Option<Vectors> {
    let files = archive()?;
    let folder = format!("onnx/backend/test/data/node/{name}");
    let tensors = |kind: &str| {
        let file = |index: usize| files.get(&format!("{folder}/test_data_set_0/{kind}_{index}.pb"));
        (0..).map_while(file).map(|bytes| tensor(bytes)).collect()
    };
    let bytes =
        files.get(&format!("{folder}/model.onnx")).unwrap_or_else(|| panic!("{name} is not in {ARCHIVE}"));
    let model = ModelProto::decode(bytes.as_slice()).unwrap();
    let attributes = model.graph.unwrap().node.remove(0).attribute;
    Some(Vectors { name: name.to_owned(), attributes, inputs: tensors("input"), outputs: tensors("output") })
}

fn tensor(bytes: &[u8]) -> HostTensor {
    let tensor = TensorProto::decode(bytes).unwrap();
    let shape: Vec<usize> = tensor.dims.iter().map(|&size| size as usize).collect();
    let raw = tensor.raw_data.unwrap_or_default();
    match tensor.data_type {
        Some(data_type::FLOAT) if raw.is_empty() => HostTensor::F32(shape, tensor.float_data),
        Some(data_type::FLOAT) => HostTensor::F32(
            shape,
            raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
        ),
        Some(data_type::INT64) if raw.is_empty() => HostTensor::I64(shape, tensor.int64_data),
        Some(data_type::INT64) => HostTensor::I64(
            shape,
            raw.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect(),
        ),
        other => panic!("vectors of type {other:?} are not read"),
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// Files of the tests, by path; none where the archive is not at hand.
fn archive() -> Option<&'static Files> {
    static FILES: OnceLock<Option<Files>> = OnceLock::new();
    FILES.get_or_init(read_archive).as_ref()
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn read_archive() -> Option<Files> {
    let Some(folder) = std::env::var_os("HATCHERY_DATA") else {
        eprintln!("skipped: {ARCHIVE} is wanted in the folder that HATCHERY_DATA names, which is unset");
        return None;
    };
    let path = PathBuf::from(folder).join(ARCHIVE);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: {} does not exist; HATCHERY_DATA names its folder", path.display());
        return None;
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Some(untar(&bytes))
}

/// Regular files of a tar archive: headers of 512 bytes (POSIX ustar), contents padded to as many.
fn untar(bytes: &[u8]) -> Files {
    const BLOCK: usize = 512;
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).trim().to_owned()
    };
    let mut files = HashMap::new();
    let mut rest = bytes;
    while rest.len() >= BLOCK && rest[0] != 0 {
        let (header, body) = rest.split_at(BLOCK);
        let size = usize::from_str_radix(&text(&header[124..136]), 8).unwrap();
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if matches!(header[156], b'0' | 0) {
            files.insert(path, body[..size].to_vec());
        }
        rest = &body[size.div_ceil(BLOCK) * BLOCK..];
    }
    files.into_iter().collect()
}
