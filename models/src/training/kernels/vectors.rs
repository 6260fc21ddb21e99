//! Which vectors the processor has, and which of them kernels use.
//!
//! That follows from the processor's model alone, not from measuring: the same run on the same machine must not depend on
//! how busy it is.

use std::{arch::x86_64::__cpuid, sync::OnceLock};

/// Set to `0`, vectors are of eight floats; set to anything else, of sixteen where the processor has them.
const WIDE_VARIABLE: &str = "HATCHERY_WIDE_VECTORS";

/// Which vectors are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// Eight floats (AVX2).
    Eight,
    /// Sixteen floats (AVX-512).
    Sixteen,
}

impl Vectors {
    /// Those that pay on this processor, or that the user wants. None where it has too narrow ones for these kernels.
    /// Looked up once: on a virtual machine, asking the processor leaves it.
    pub fn of_this_processor() -> Option<Self> {
        static CHOSEN: OnceLock<Option<Vectors>> = OnceLock::new();
        *CHOSEN.get_or_init(Self::chosen)
    }

    fn chosen() -> Option<Self> {
        let widest = Self::widest()?;
        let wide = std::env::var(WIDE_VARIABLE).map_or_else(|_| sixteen_pay(), |wish| wish != "0");
        Some(if wide { widest } else { Self::Eight })
    }

    /// The widest that this processor has.
    pub(super) fn widest() -> Option<Self> {
        let eight = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        let sixteen = eight && std::arch::is_x86_feature_detected!("avx512f");
        match (sixteen, eight) {
            (true, _) => Some(Self::Sixteen),
            (false, true) => Some(Self::Eight),
            (false, false) => None,
        }
    }

    /// Floats in a vector.
    pub const fn width(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// No wider ones than `columns` fill.
    pub(super) const fn for_columns(self, columns: usize) -> Self {
        if columns <= 8 { Self::Eight } else { self }
    }
}

/// Whether this processor, if it has vectors of sixteen floats, is faster with them.
fn sixteen_pay() -> bool {
    match Maker::of_this_processor() {
        // Those that compute them at once, and those that take them in two halves: fewer instructions, more registers.
        Maker::Amd => true,
        // From Ice Lake on. Those before lower their clock for them.
        Maker::Intel => std::arch::is_x86_feature_detected!("avx512vbmi2"),
        Maker::Other => false,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Amd,
    Intel,
    Other,
}

impl Maker {
    fn of_this_processor() -> Self {
        let words = __cpuid(0);
        match [words.ebx, words.edx, words.ecx].map(u32::to_le_bytes).as_flattened() {
            b"AuthenticAMD" => Self::Amd,
            b"GenuineIntel" => Self::Intel,
            _ => Self::Other,
        }
    }
}
