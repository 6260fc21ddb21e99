//! Kernels of our own for what ONNX Runtime's standard operators do slowly on a processor: convolutions and their
//! gradients, pools, batch normalisation.
//!
//! Plain functions of slices and sizes: `runtime` makes them operators of a session. They must not know graphs,
//! sessions or the `ort` crate. Here alone `unsafe` is allowed, for vector instructions; what is unsafe lies behind
//! functions that check their bounds.
//!
//! On one number of threads a kernel adds up in one order, whatever the machine's load: which vectors are used follows
//! from the processor and the sizes alone.

mod batch_norm;
mod catalogue;
mod channel_sum;
mod columns;
mod convolution;
mod formula;
mod lanes;
mod packing;
mod panel;
mod pooling;
mod rectifier;
mod team;
mod transpose;

pub use catalogue::{ANY, CATALOGUE, Entry, Request};
pub use team::Team;

/// A planned computation on tensors of fixed sizes, with the buffers that it needs.
pub trait Kernel: Send {
    /// Computes the outputs, of the shapes that the catalogue's entry says, from as many inputs.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team);
}

/// Set, it lets kernels use vectors of sixteen floats (AVX-512): these have been checked by tests alone so far, and not
/// been timed.
const WIDE_VARIABLE: &str = "HATCHERY_WIDE_VECTORS";

/// Which vectors the processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// Eight floats (AVX2).
    Eight,
    /// Sixteen floats (AVX-512).
    Sixteen,
}

impl Vectors {
    /// Those that are used: eight floats at most, unless the user asks for wider ones where there are any. None where
    /// this processor has too narrow ones for these kernels.
    pub fn of_this_processor() -> Option<Self> {
        let widest = Self::widest()?;
        Some(if std::env::var_os(WIDE_VARIABLE).is_some() { widest } else { Self::Eight })
    }

    /// The widest that this processor has.
    fn widest() -> Option<Self> {
        let eight = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        let sixteen = eight && std::arch::is_x86_feature_detected!("avx512f");
        match (sixteen, eight) {
            (true, _) => Some(Self::Sixteen),
            (false, true) => Some(Self::Eight),
            (false, false) => None,
        }
    }

    /// Floats in a vector.
    const fn width(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// No wider ones than `columns` fill.
    const fn for_columns(self, columns: usize) -> Self {
        if columns <= 8 { Self::Eight } else { self }
    }
}

#[cfg(test)]
mod tests;
