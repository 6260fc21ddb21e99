//! Kernels of our own for what ONNX Runtime's standard operators do slowly on a processor: convolutions and their
//! gradients, pools, batch normalisation.
//!
//! Plain functions of slices and sizes: `runtime` makes them operators of a session. They must not know graphs,
//! sessions or the `ort` crate. Here alone `unsafe` is allowed, for vector instructions; what is unsafe lies behind
//! functions that check their bounds.
//!
//! On one number of threads a kernel adds up in one order, whatever the machine's load: which vectors are used follows
//! from the processor and the sizes alone.

mod activation;
mod batch_norm;
mod catalogue;
mod channel_sum;
mod columns;
mod convolution;
mod curves;
mod division;
mod formula;
mod lanes;
mod local_response;
mod packing;
mod panel;
mod pooling;
mod rectifier;
mod team;
mod transpose;
mod vectors;

pub use catalogue::{ANY, CATALOGUE, Entry, Request};
pub use team::Team;
pub use vectors::Vectors;

/// A planned computation on tensors of fixed sizes, with the buffers that it needs.
pub trait Kernel: Send {
    /// Computes the outputs, of the shapes that the catalogue's entry says, from as many inputs.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team);
}

#[cfg(test)]
mod tests;
