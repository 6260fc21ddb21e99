//! Convolutions in groups: each group's channels put side by side, computed as a convolution of its own, and put back.

use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{Kernel, Team},
};

/// What is computed, and with that what is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The convolution.
    Forward,
    /// Its gradient with respect to its input.
    Input,
    /// Its gradients with respect to its weights and its bias.
    Weights,
}

/// A planned convolution in groups, or one of its gradients.
pub struct Grouped {
    pass: Pass,
    shape: ConvolutionShape,
    /// For one group.
    group: Box<dyn Kernel>,
    images: Vec<f32>,
    outputs: Vec<f32>,
}

/// The sizes of one group.
pub fn shape_of_group(shape: &ConvolutionShape) -> ConvolutionShape {
    let (channels, filters) = (shape.channels / shape.groups, shape.filters / shape.groups);
    ConvolutionShape { channels, filters, groups: 1, ..*shape }
}

impl Grouped {
    /// Divides a convolution of this shape, of which `group` computes one group.
    pub fn new(pass: Pass, shape: &ConvolutionShape, group: Box<dyn Kernel>) -> Self {
        Self { pass, shape: *shape, group, images: Vec::new(), outputs: Vec::new() }
    }

    /// Floats of one sample of a group's image and output, and of a group's weights and bias.
    fn sizes(&self) -> [usize; 4] {
        let ConvolutionShape { channels, size, filters, output, .. } = shape_of_group(&self.shape);
        let taps = self.shape.taps();
        [channels * size[0] * size[1], filters * output[0] * output[1], filters * channels * taps, filters]
    }
}

/// A group's part of each sample, one after another.
fn take(all: &[f32], each: usize, (group, groups): (usize, usize), part: &mut Vec<f32>) {
    part.clear();
    all.chunks_exact(each * groups).for_each(|sample| part.extend(&sample[group * each..(group + 1) * each]));
}

/// The other way.
fn put(part: &[f32], each: usize, (group, groups): (usize, usize), all: &mut [f32]) {
    for (part, sample) in part.chunks_exact(each).zip(all.chunks_exact_mut(each * groups)) {
        sample[group * each..(group + 1) * each].copy_from_slice(part);
    }
}

impl Kernel for Grouped {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let [image, output, weights, bias] = self.sizes();
        let groups = self.shape.groups;
        self.images.resize(self.shape.batch * image, 0.0);
        self.outputs.resize(self.shape.batch * output, 0.0);
        for group in 0..groups {
            let own = |all: usize| group * all..(group + 1) * all;
            match (self.pass, inputs, &mut *outputs) {
                (Pass::Forward, [x, w, b @ ..], [y]) => {
                    take(x, image, (group, groups), &mut self.images);
                    let mut read = vec![self.images.as_slice(), &w[own(weights)]];
                    read.extend(b.first().map(|b| &b[own(bias)]));
                    self.group.compute(&read, &mut [&mut self.outputs], team);
                    put(&self.outputs, output, (group, groups), y);
                }
                (Pass::Input, [w, dy], [dx]) => {
                    take(dy, output, (group, groups), &mut self.outputs);
                    self.group.compute(&[&w[own(weights)], &self.outputs], &mut [&mut self.images], team);
                    put(&self.images, image, (group, groups), dx);
                }
                (Pass::Weights, [x, dy], [dw, db @ ..]) => {
                    take(x, image, (group, groups), &mut self.images);
                    take(dy, output, (group, groups), &mut self.outputs);
                    let mut written = vec![&mut dw[own(weights)]];
                    written.extend(db.first_mut().map(|db| &mut db[own(bias)]));
                    self.group.compute(&[&self.images, &self.outputs], &mut written, team);
                }
                _ => {}
            }
        }
    }
}
