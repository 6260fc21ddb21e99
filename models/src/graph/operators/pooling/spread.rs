//! Repeating each element of an image over the window that it stands for.

use crate::graph::{
    choices::Spread,
    emitter::{Attribute, Emitter, Value},
    operators::{lowering_choice, window::PoolShape},
};

/// `[N, C, H', W']` to `[N, C, H' kh, W' kw]`.
pub(crate) fn spread(emitter: &mut Emitter, value: &str, shape: &PoolShape) -> Value {
    match lowering_choice::spread(emitter) {
        Spread::Concat => by_concat(emitter, value, shape),
        Spread::Resize => by_resize(emitter, value, shape),
    }
}

fn by_concat(emitter: &mut Emitter, value: &str, shape: &PoolShape) -> Value {
    let [rows, columns] = shape.output;
    let planes = shape.batch * shape.channels;
    let single = emitter.reshape(value, &[-1, 1]);
    let across = emitter.concat(&vec![single; shape.kernel[1]], 1);
    let lines = emitter.reshape(&across, &[(planes * rows) as i64, 1, (columns * shape.kernel[1]) as i64]);
    let down = emitter.concat(&vec![lines; shape.kernel[0]], 1);
    let [height, width] = [rows * shape.kernel[0], columns * shape.kernel[1]].map(|size| size as i64);
    emitter.reshape(&down, &[shape.batch as i64, shape.channels as i64, height, width])
}

fn by_resize(emitter: &mut Emitter, value: &str, shape: &PoolShape) -> Value {
    let [down, across] = shape.kernel.map(|size| size as f32);
    let scales =
        emitter.keyed_tensor(format!("scales {down} {across}"), &[4], || vec![1.0, 1.0, down, across]);
    let attributes =
        [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
    let attributes = attributes.map(|(name, text)| (name, Attribute::Text(text.to_owned())));
    emitter.op("Resize", &[value, "", &scales], attributes.to_vec())
}

/// The part of the image that windows cover.
pub(super) fn crop_to_windows(emitter: &mut Emitter, x: &str, shape: &PoolShape) -> Value {
    let covered = [0, 1].map(|axis| shape.output[axis] * shape.kernel[axis]);
    if covered == shape.size {
        return x.to_owned();
    }
    emitter.slice(x, &[2, 3], &[0, 0], &covered.map(|size| size as i64), &[1, 1])
}

/// Zeros for the part of the image that windows do not cover.
pub(super) fn pad_to_image(emitter: &mut Emitter, value: &str, shape: &PoolShape) -> Value {
    let rest = [0, 1].map(|axis| (shape.size[axis] - shape.output[axis] * shape.kernel[axis]) as i64);
    if rest == [0, 0] {
        return value.to_owned();
    }
    let pads = emitter.integers(&[0, 0, 0, 0, 0, 0, rest[0], rest[1]]);
    emitter.op("Pad", &[value, &pads], Vec::new())
}
