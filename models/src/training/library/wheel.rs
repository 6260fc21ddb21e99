//! Which wheel holds ONNX Runtime for which machine, pinned by version and hash.

use super::{LibraryError, gpus};

/// Version of ONNX Runtime that is fetched.
pub const VERSION: &str = "1.31.1";
/// Version of Python in the wheels' names; the library in them does not depend on it.
pub const PYTHON_VERSION: &str = "3.12";
/// The same, as an ABI tag.
pub const PYTHON_ABI: &str = "cp312";

/// Which build of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// CPU provider only.
    Cpu,
    /// CPU and CUDA providers.
    Cuda,
}

impl Flavour {
    /// CUDA where there is an NVIDIA GPU and a wheel for it.
    pub fn of_this_machine() -> Self {
        if for_this_machine(Self::Cuda).is_ok() && !gpus().is_empty() { Self::Cuda } else { Self::Cpu }
    }

    /// Name in the cache.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// A pinned wheel.
#[derive(Debug, PartialEq, Eq)]
pub struct Wheel {
    /// `std::env::consts::OS`.
    pub os: &'static str,
    /// `std::env::consts::ARCH`.
    pub arch: &'static str,
    /// Which build.
    pub flavour: Flavour,
    /// Name of the Python package.
    pub package: &'static str,
    /// Platform tag.
    pub platform: &'static str,
    /// SHA-256 of the wheel.
    pub sha256: &'static str,
    /// File name of the library inside `onnxruntime/capi`.
    pub library: &'static str,
    /// Further files of that folder that the library loads by itself.
    pub companions: &'static [&'static str],
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        flavour: Flavour::Cpu,
        package: "onnxruntime",
        platform: "manylinux_2_28_x86_64",
        sha256: "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
        library: "libonnxruntime.so.1.31.1",
        companions: &["libonnxruntime_providers_shared.so"],
    },
    Wheel {
        os: "linux",
        arch: "x86_64",
        flavour: Flavour::Cuda,
        package: "onnxruntime-gpu",
        platform: "manylinux_2_28_x86_64",
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
        library: "libonnxruntime.so.1.31.1",
        companions: &["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        flavour: Flavour::Cpu,
        package: "onnxruntime",
        platform: "manylinux_2_28_aarch64",
        sha256: "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
        library: "libonnxruntime.so.1.31.1",
        companions: &["libonnxruntime_providers_shared.so"],
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        flavour: Flavour::Cpu,
        package: "onnxruntime",
        platform: "macosx_14_0_arm64",
        sha256: "96dd2564b10ea7153ad9c207e7cd8e5917cb3ba521e0e0a62ac03486fdc8d56c",
        library: "libonnxruntime.1.31.1.dylib",
        companions: &[],
    },
];

/// The wheel for this machine.
///
/// # Errors
/// `LibraryError::Platform` where none is pinned.
pub fn for_this_machine(flavour: Flavour) -> Result<&'static Wheel, LibraryError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    for_machine(os, arch, flavour).ok_or(LibraryError::Platform { os, arch })
}

/// The wheel for a machine.
pub fn for_machine(os: &str, arch: &str, flavour: Flavour) -> Option<&'static Wheel> {
    WHEELS.iter().find(|wheel| (wheel.os, wheel.arch, wheel.flavour) == (os, arch, flavour))
}
