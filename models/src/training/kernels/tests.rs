//! Kernels beside plain loops, in shapes that fill blocks, overflow them and leave rests, on one thread and on several.

use super::{
    Kernel, Team, Vectors,
    batch_norm::{BatchNorm, BatchNormGradient},
    convolution::{
        self,
        forward::Forward,
        input_gradient::InputGradient,
        scattered::ScatteredGradient,
        sliding_weights::SlidingWeightGradient,
        tiles::{TiledForward, TiledWeightGradient},
        weight_gradient::WeightGradient,
    },
    local_response::{LocalResponseNorm, LocalResponseNormGradient, Responses},
    pooling::{AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient},
};
use crate::graph::{
    choices::KernelActivation,
    operators::window::{ConvolutionShape, PoolShape},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The calling thread alone.
struct Alone;

impl Team for Alone {
    fn threads(&self) -> usize {
        1
    }

    fn each(&self, parts: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..parts).for_each(task);
    }
}

/// Real threads, one for each part.
struct Three;

impl Team for Three {
    fn threads(&self) -> usize {
        3
    }

    fn each(&self, parts: usize, task: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            for part in 0..parts {
                scope.spawn(move || task(part));
            }
        });
    }
}

const TEAMS: [&dyn Team; 2] = [&Alone, &Three];

fn numbers(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn assert_near(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= 1e-3 * (1.0 + expected.abs());
        assert!(near, "{what}: element {index} is {found}, expected {expected}");
    }
}

/// Batch, channels, size, filters, kernel, stride, dilation, pads.
type Sizes = (usize, usize, [usize; 2], usize, [usize; 2], usize, usize, [usize; 4]);

fn sized((batch, channels, size, filters, kernel, stride, dilation, pads): Sizes) -> ConvolutionShape {
    let output = [0, 1].map(|axis| {
        let reach = dilation * (kernel[axis] - 1) + 1;
        (size[axis] + pads[axis] + pads[axis + 2] - reach) / stride + 1
    });
    ConvolutionShape {
        batch,
        channels,
        size,
        filters,
        kernel,
        output,
        stride: [stride; 2],
        dilation: [dilation; 2],
        groups: 1,
        pads,
    }
}

/// Groups, and sizes of the whole.
const GROUPED: [(usize, Sizes); 7] = [
    (2, (3, 6, [5, 5], 4, [3, 3], 1, 1, [1; 4])),
    (2, (2, 64, [6, 7], 48, [3, 3], 1, 1, [1; 4])),
    (4, (2, 4, [6, 5], 4, [3, 3], 2, 1, [1; 4])),
    (3, (2, 3, [9, 20], 6, [3, 2], 1, 2, [2, 1, 2, 1])),
    (5, (3, 5, [7, 9], 5, [5, 5], 2, 1, [2; 4])),
    (4, (2, 8, [6, 6], 12, [1, 1], 3, 1, [0; 4])),
    (2, (3, 8, [14, 14], 8, [5, 5], 1, 2, [4; 4])),
];

const CONVOLUTIONS: [Sizes; 17] = [
    (3, 3, [6, 5], 4, [3, 3], 1, 1, [1; 4]),
    (5, 16, [7, 9], 20, [3, 3], 1, 1, [1; 4]),
    (2, 5, [8, 7], 12, [3, 3], 2, 1, [0, 0, 1, 1]),
    (2, 5, [9, 9], 50, [5, 5], 1, 1, [0; 4]),
    (3, 4, [9, 8], 8, [2, 3], 1, 2, [1, 2, 1, 2]),
    (2, 9, [8, 8], 33, [1, 1], 2, 1, [0; 4]),
    (2, 4, [10, 11], 17, [3, 3], 3, 1, [1; 4]),
    (1, 40, [20, 20], 40, [3, 3], 1, 1, [1; 4]),
    (33, 2, [3, 3], 70, [2, 2], 1, 1, [0; 4]),
    (2, 1, [30, 30], 5, [7, 3], 1, 1, [3, 1, 3, 1]),
    (2, 8, [9, 8], 50, [3, 3], 1, 1, [2, 0, 1, 2]),
    (33, 8, [4, 4], 9, [3, 3], 1, 1, [1; 4]),
    (2, 8, [14, 40], 17, [3, 3], 1, 1, [0; 4]),
    (3, 4, [12, 20], 6, [3, 5], 1, 1, [1, 2, 1, 2]),
    (2, 6, [11, 27], 4, [5, 5], 1, 2, [4; 4]),
    (2, 3, [10, 29], 12, [4, 5], 1, 1, [1, 2, 2, 2]),
    (2, 7, [5, 70], 3, [1, 3], 1, 1, [0, 1, 0, 1]),
];

/// All shapes, with and without groups.
fn shapes() -> Vec<ConvolutionShape> {
    let grouped = GROUPED.map(|(groups, sizes)| ConvolutionShape { groups, ..sized(sizes) });
    CONVOLUTIONS.map(sized).into_iter().chain(grouped).collect()
}

/// Whether it can be computed by tiles, whether that pays or not.
fn is_tileable(shape: &ConvolutionShape) -> bool {
    shape.groups == 1 && shape.kernel == [3, 3] && shape.stride == [1, 1] && shape.dilation == [1, 1]
}

/// Indices into x, weights and y of each product.
fn each_product(shape: &ConvolutionShape, mut product: impl FnMut(usize, usize, usize)) {
    let (depth, width) = (shape.channels / shape.groups, shape.filters / shape.groups);
    let ConvolutionShape { batch, channels, size, filters, kernel, output, stride, dilation, pads, .. } =
        *shape;
    let outputs = (0..batch * filters * output[0] * output[1]).map(|y| {
        let (column, row) = (y % output[1], y / output[1] % output[0]);
        let filter = y / (output[0] * output[1]) % filters;
        (y, y / (output[0] * output[1] * filters), filter, row, column)
    });
    for (y, sample, filter, row, column) in outputs {
        for channel in 0..depth {
            for tap in 0..kernel[0] * kernel[1] {
                let down = (row * stride[0] + tap / kernel[1] * dilation[0]).wrapping_sub(pads[0]);
                let across = (column * stride[1] + tap % kernel[1] * dilation[1]).wrapping_sub(pads[1]);
                if down < size[0] && across < size[1] {
                    let plane = sample * channels + filter / width * depth + channel;
                    let x = (plane * size[0] + down) * size[1] + across;
                    product(x, (filter * depth + channel) * kernel[0] * kernel[1] + tap, y);
                }
            }
        }
    }
}

/// All vectors that this processor has.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn vectors() -> Vec<Vectors> {
    match Vectors::widest() {
        Some(Vectors::Sixteen) => vec![Vectors::Eight, Vectors::Sixteen],
        Some(Vectors::Eight) => vec![Vectors::Eight],
        None => {
            eprintln!("skipped: kernels need a processor with AVX2");
            Vec::new()
        }
    }
}

/// What a convolution reads.
struct Tensors {
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    upstream: Vec<f32>,
}

fn tensors(shape: &ConvolutionShape) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let ConvolutionShape { batch, channels, size, filters, output, .. } = *shape;
    Tensors {
        x: numbers(&mut rng, batch * channels * size[0] * size[1]),
        weights: numbers(&mut rng, filters * channels / shape.groups * shape.taps()),
        bias: numbers(&mut rng, filters),
        upstream: numbers(&mut rng, batch * filters * output[0] * output[1]),
    }
}

fn computed(kernel: &mut dyn Kernel, inputs: &[&[f32]], lengths: &[usize], team: &dyn Team) -> Vec<Vec<f32>> {
    let mut outputs: Vec<Vec<f32>> = lengths.iter().map(|length| vec![f32::NAN; *length]).collect();
    // Twice: buffers of the first time must not show in the second.
    for _ in 0..2 {
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        kernel.compute(inputs, &mut slices, team);
    }
    outputs
}

/// All kernels that can compute a convolution of this shape, chosen ones first.
fn forward_kernels(shape: &ConvolutionShape, is_rectified: bool, vectors: Vectors) -> Vec<Box<dyn Kernel>> {
    let mut kernels: Vec<Box<dyn Kernel>> = vec![convolution::forward(shape, is_rectified, vectors)];
    if shape.groups == 1 {
        kernels.push(Box::new(Forward::new(shape, is_rectified, vectors)));
    }
    if is_tileable(shape) {
        kernels.push(Box::new(TiledForward::new(shape, is_rectified, vectors)));
    }
    kernels
}

#[test]
fn convolutions_add_up_all_products() {
    for (vectors, shape) in
        vectors().into_iter().flat_map(|v| shapes().into_iter().map(move |shape| (v, shape)))
    {
        let Tensors { x, weights, bias, .. } = tensors(&shape);
        let plane = shape.output[0] * shape.output[1];
        let count = shape.batch * shape.filters * plane;
        let mut y: Vec<f32> = (0..count).map(|index| bias[index / plane % shape.filters]).collect();
        each_product(&shape, |from, weight, to| y[to] += x[from] * weights[weight]);
        let rectified: Vec<f32> = y.iter().map(|y| y.max(0.0)).collect();
        for team in TEAMS {
            for (is_rectified, expected) in [(false, &y), (true, &rectified)] {
                for mut kernel in forward_kernels(&shape, is_rectified, vectors) {
                    let found = computed(&mut *kernel, &[&x, &weights, &bias], &[count], team);
                    assert_near(&format!("{vectors:?} {shape:?}"), &found[0], expected);
                }
            }
        }
    }
}

#[test]
fn what_is_no_number_is_handed_on_rectified_or_not() {
    for (vectors, shape) in
        vectors().into_iter().flat_map(|v| shapes().into_iter().map(move |shape| (v, shape)))
    {
        let Tensors { x, mut weights, bias, .. } = tensors(&shape);
        let (plane, of_filter) = (shape.output[0] * shape.output[1], weights.len() / shape.filters);
        let count = shape.batch * shape.filters * plane;
        weights[..of_filter].fill(f32::NAN);
        for mut kernel in [false, true].into_iter().flat_map(|r| forward_kernels(&shape, r, vectors)) {
            let found = computed(&mut *kernel, &[&x, &weights, &bias], &[count], &Alone).remove(0);
            for (index, y) in found.iter().enumerate() {
                let of_nan = index / plane % shape.filters == 0;
                assert_eq!(y.is_nan(), of_nan, "{vectors:?} {shape:?}: element {index} is {y}");
            }
        }
    }
}

#[test]
fn gradients_of_convolutions_add_up_all_products() {
    for (vectors, shape) in
        vectors().into_iter().flat_map(|v| shapes().into_iter().map(move |shape| (v, shape)))
    {
        let Tensors { x, weights, bias, upstream } = tensors(&shape);
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weights.len()]);
        each_product(&shape, |from, weight, to| {
            dx[from] += weights[weight] * upstream[to];
            dw[weight] += x[from] * upstream[to];
        });
        let mut db = vec![0.0; bias.len()];
        let plane = shape.output[0] * shape.output[1];
        upstream.iter().enumerate().for_each(|(index, value)| db[index / plane % shape.filters] += value);
        for team in TEAMS {
            let what = format!("{vectors:?} {shape:?}");
            let mut of_input = vec![convolution::input_gradient(&shape, vectors)];
            let mut of_weights = vec![convolution::weight_gradient(&shape, vectors)];
            if shape.groups == 1 {
                of_input.push(Box::new(InputGradient::new(&shape, vectors)));
                of_weights.push(Box::new(WeightGradient::new(&shape, vectors)));
            }
            if shape.groups == 1 && shape.stride[1] == 1 {
                of_weights.push(Box::new(SlidingWeightGradient::new(&shape, vectors)));
            }
            if shape.groups == 1 && shape.stride == [1, 1] {
                of_input.push(Box::new(ScatteredGradient::new(&shape, vectors)));
            }
            if is_tileable(&shape) {
                of_input.push(Box::new(TiledForward::of_gradient(&shape, vectors)));
                of_weights.push(Box::new(TiledWeightGradient::new(&shape, vectors)));
            }
            for mut kernel in of_input {
                let found = computed(&mut *kernel, &[&weights, &upstream], &[x.len()], team);
                assert_near(&what, &found[0], &dx);
            }
            for mut kernel in of_weights {
                let found = computed(&mut *kernel, &[&x, &upstream], &[weights.len(), bias.len()], team);
                assert_near(&what, &found[0], &dw);
                assert_near(&what, &found[1], &db);
            }
        }
    }
}

/// Size, kernel, stride, pads.
type PoolSizes = ([usize; 2], [usize; 2], [usize; 2], [usize; 4]);

const POOLS: [PoolSizes; 20] = [
    ([6, 4], [2, 2], [2, 2], [0; 4]),
    ([7, 8], [2, 3], [2, 3], [0; 4]),
    ([6, 8], [3, 3], [2, 2], [0, 0, 1, 1]),
    ([7, 7], [3, 3], [2, 2], [1; 4]),
    ([5, 5], [3, 2], [1, 1], [1, 0, 1, 1]),
    ([8, 8], [2, 2], [3, 3], [0; 4]),
    ([9, 11], [5, 5], [4, 4], [2; 4]),
    ([32, 32], [3, 3], [2, 2], [0, 0, 1, 1]),
    ([5, 27], [2, 2], [2, 2], [0, 1, 0, 0]),
    ([8, 8], [2, 2], [2, 2], [0; 4]),
    ([4, 4], [2, 2], [2, 2], [0; 4]),
    ([7, 4], [2, 2], [2, 2], [0; 4]),
    ([3, 5], [2, 2], [2, 2], [0; 4]),
    ([9, 29], [2, 2], [2, 2], [0; 4]),
    ([6, 7], [2, 2], [2, 2], [0; 4]),
    ([28, 28], [2, 2], [1, 1], [0; 4]),
    ([9, 27], [3, 3], [1, 1], [1; 4]),
    ([10, 13], [2, 4], [2, 1], [0, 1, 1, 2]),
    ([11, 8], [1, 5], [3, 1], [0, 2, 0, 2]),
    ([8, 16], [5, 2], [1, 1], [4, 0, 4, 1]),
];

fn pool((size, kernel, stride, pads): PoolSizes) -> PoolShape {
    let output =
        [0, 1].map(|axis| (size[axis] + pads[axis] + pads[axis + 2] - kernel[axis]) / stride[axis] + 1);
    PoolShape { batch: 2, channels: 3, size, kernel, output, stride, pads }
}

/// For each window, its place in y and the elements of x under it.
fn each_window(shape: &PoolShape, mut window: impl FnMut(usize, Vec<usize>)) {
    each_window_with_padding(shape, |y, under| window(y, under.into_iter().flatten().collect()));
}

/// The same, with nothing for what lies beyond the image.
fn each_window_with_padding(shape: &PoolShape, mut window: impl FnMut(usize, Vec<Option<usize>>)) {
    let ([rows, columns], [height, width]) = (shape.output, shape.size);
    for y in 0..shape.batch * shape.channels * rows * columns {
        let plane = y / (rows * columns) * height * width;
        let place = |row: usize, column: usize| {
            let row = (y / columns % rows * shape.stride[0] + row).checked_sub(shape.pads[0])?;
            let column = (y % columns * shape.stride[1] + column).checked_sub(shape.pads[1])?;
            (row < height && column < width).then_some(plane + row * width + column)
        };
        let taps = (0..shape.kernel[0]).flat_map(|row| (0..shape.kernel[1]).map(move |column| (row, column)));
        window(y, taps.map(|(row, column)| place(row, column)).collect());
    }
}

#[test]
fn pools_and_their_gradients_go_by_windows() {
    if vectors().is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for shape in POOLS.map(pool) {
        let [read, written] = [shape.size, shape.output].map(|[rows, columns]| 6 * rows * columns);
        let mut x = numbers(&mut rng, read);
        // Equal maxima too.
        x.iter_mut().step_by(3).for_each(|value| *value = 0.5);
        let upstream = numbers(&mut rng, written);
        let mut y = vec![0.0; written];
        let (mut of_maxima, mut of_means, mut means) = (vec![0.0; read], vec![0.0; read], y.clone());
        each_window(&shape, |to, under| {
            let first =
                under.iter().fold(under[0], |best, &other| if x[other] > x[best] { other } else { best });
            y[to] = x[first];
            of_maxima[first] += upstream[to];
            under.iter().for_each(|&from| of_means[from] += upstream[to] / under.len() as f32);
            means[to] = under.iter().map(|&from| x[from]).sum::<f32>() / under.len() as f32;
        });
        for team in TEAMS {
            let what = format!("{shape:?}");
            let found = computed(&mut MaxPool::new(&shape), &[&x], &[written], team);
            assert_near(&what, &found[0], &y);
            let found = computed(&mut MaxPoolGradient::new(&shape), &[&x, &y, &upstream], &[read], team);
            assert_near(&what, &found[0], &of_maxima);
            let found = computed(&mut AveragePoolGradient::new(&shape), &[&upstream], &[read], team);
            assert_near(&what, &found[0], &of_means);
            if let Some(mut kernel) = AveragePool::new(&shape) {
                assert_near(&what, &computed(&mut kernel, &[&x], &[written], team)[0], &means);
            }
        }
    }
}

/// What `max.rs` says of values that are no numbers, whichever way a plane is gone through.
#[test]
fn a_window_has_the_maximum_of_what_stands_behind_its_last_nan() {
    if vectors().is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for shape in POOLS.map(pool) {
        let [read, written] = [shape.size, shape.output].map(|[rows, columns]| 6 * rows * columns);
        let mut x = numbers(&mut rng, read);
        // A third of all, and one plane.
        x.iter_mut().filter(|_| rng.random_ratio(1, 3)).for_each(|value| *value = f32::NAN);
        x[..read / 6].fill(f32::NAN);
        let upstream = numbers(&mut rng, written);
        let (mut y, mut gradient) = (vec![0.0; written], vec![0.0; read]);
        each_window_with_padding(&shape, |to, taps| {
            let values: Vec<f32> =
                taps.iter().map(|tap| tap.map_or(f32::NEG_INFINITY, |from| x[from])).collect();
            let behind = values.iter().rposition(|value| value.is_nan()).map_or(0, |last| last + 1);
            y[to] = values[behind..].iter().copied().reduce(f32::max).unwrap_or(f32::NAN);
            let winner = values.iter().position(|value| *value == y[to]);
            if let Some(from) = winner.and_then(|winner| taps[winner]) {
                gradient[from] += upstream[to];
            }
        });
        for team in TEAMS {
            let what = format!("{shape:?}");
            let found = computed(&mut MaxPool::new(&shape), &[&x], &[written], team);
            assert_eq!(comparable(&found[0]), comparable(&y), "{what}");
            let found = computed(&mut MaxPoolGradient::new(&shape), &[&x, &y, &upstream], &[read], team);
            assert_near(&what, &found[0], &gradient);
        }
    }
}

/// NaN as a value that equals itself.
fn comparable(values: &[f32]) -> Vec<Option<f32>> {
    values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect()
}

const EPSILON: f32 = 1e-5;

/// y, mean, variance, and the gradients of x, scale and shift, in plain double precision.
fn normalised(sizes: [usize; 3], inputs: [&[f32]; 4], rectified: bool) -> [Vec<f32>; 6] {
    let [samples, channels, positions] = sizes;
    let [x, scale, shift, upstream] = inputs;
    let count = (samples * positions) as f64;
    let mut found =
        [x.len(), channels, channels, x.len(), channels, channels].map(|length| vec![0.0; length]);
    for channel in 0..channels {
        let own: Vec<usize> = (0..x.len()).filter(|index| index / positions % channels == channel).collect();
        let mean = own.iter().map(|&index| f64::from(x[index])).sum::<f64>() / count;
        let squares = own.iter().map(|&index| (f64::from(x[index]) - mean).powi(2)).sum::<f64>();
        let inverse = 1.0 / (squares / count + f64::from(EPSILON)).sqrt();
        let slope = f64::from(scale[channel]) * inverse;
        let along = |index: usize| (f64::from(x[index]) - mean) * inverse;
        let y = |index: usize| along(index) * f64::from(scale[channel]) + f64::from(shift[channel]);
        let through =
            |index: usize| if rectified && y(index) <= 0.0 { 0.0 } else { f64::from(upstream[index]) };
        let d_shift = own.iter().map(|&index| through(index)).sum::<f64>();
        let d_scale = own.iter().map(|&index| through(index) * along(index)).sum::<f64>();
        for &index in &own {
            found[0][index] = if rectified { y(index).max(0.0) } else { y(index) } as f32;
            found[3][index] =
                (slope * (through(index) - d_shift / count - along(index) * d_scale / count)) as f32;
        }
        let numbers = [mean, squares / count, d_scale, d_shift];
        [1, 2, 4, 5].into_iter().zip(numbers).for_each(|(to, number)| found[to][channel] = number as f32);
    }
    found
}

#[test]
fn batches_are_normalised_channel_by_channel() {
    if vectors().is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for sizes in [[3, 5, 45], [2, 2, 3], [4, 7, 64]] {
        let [samples, channels, positions] = sizes;
        let count = samples * channels * positions;
        let [x, upstream] = [(); 2].map(|()| numbers(&mut rng, count));
        let [scale, shift] = [(); 2].map(|()| numbers(&mut rng, channels));
        for (rectified, team) in [false, true].into_iter().flat_map(|r| TEAMS.map(|team| (r, team))) {
            let [y, mean, variance, dx, d_scale, d_shift] =
                normalised(sizes, [&x, &scale, &shift, &upstream], rectified);
            let activation = rectified.then_some(KernelActivation::Relu);
            let mut kernel = BatchNorm::new(sizes, EPSILON, activation);
            let found = computed(&mut kernel, &[&x, &scale, &shift], &[count, channels, channels], team);
            for (found, expected) in found.iter().zip([&y, &mean, &variance]) {
                assert_near(&format!("{sizes:?}"), found, expected);
            }
            let inputs: [&[f32]; 6] = [&x, &scale, &mean, &variance, &upstream, &shift];
            let inputs = if rectified { &inputs[..] } else { &inputs[..5] };
            let mut kernel = BatchNormGradient::new(sizes, EPSILON, activation);
            let found = computed(&mut kernel, inputs, &[count, channels, channels], team);
            for (found, expected) in found.iter().zip([&dx, &d_scale, &d_shift]) {
                assert_near(&format!("gradients of {sizes:?}"), found, expected);
            }
        }
    }
}

const ALPHA: f32 = 0.5;
const BIAS: f32 = 1.5;

/// y and the gradient of x, in plain double precision.
fn local_responses(
    [channels, positions]: [usize; 2],
    size: usize,
    [x, upstream]: [&[f32]; 2],
    rectified: bool,
) -> [Vec<f32>; 2] {
    let weight = f64::from(ALPHA) / size as f64;
    let number = |values: &[f32], index: usize| f64::from(values[index]);
    let around = |index: usize| {
        let channel = index / positions % channels;
        let near = (0..channels).filter(move |near| near.abs_diff(channel) <= size / 2);
        near.map(move |near| index + near * positions - channel * positions)
    };
    let scale = |index: usize| {
        f64::from(BIAS) + weight * around(index).map(|near| number(x, near).powi(2)).sum::<f64>()
    };
    let through = |index: usize| if rectified && x[index] <= 0.0 { 0.0 } else { number(upstream, index) };
    let ratio = |index: usize| through(index) * number(x, index) * scale(index).powf(-1.75);
    let y = (0..x.len()).map(|index| {
        let y = number(x, index) * scale(index).powf(-0.75);
        if rectified { y.max(0.0) as f32 } else { y as f32 }
    });
    let dx = (0..x.len()).map(|index| {
        let ratios = around(index).map(ratio).sum::<f64>();
        (through(index) * scale(index).powf(-0.75) - 1.5 * weight * number(x, index) * ratios) as f32
    });
    [y.collect(), dx.collect()]
}

#[test]
fn responses_are_normalised_across_channels() {
    if vectors().is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for ([samples, channels, height, width], size) in
        [([3, 7, 9, 9], 5), ([2, 2, 1, 3], 3), ([1, 4, 13, 20], 1), ([4, 3, 8, 8], 7)]
    {
        let count = samples * channels * height * width;
        let [x, upstream] = [(); 2].map(|()| numbers(&mut rng, count));
        let sizes = [samples, channels, height, width, size].map(|size| size as i64);
        let numbers = [ALPHA, BIAS].map(|number| i64::from(number.to_bits()));
        let responses = Responses::from_sizes(&[&sizes[..], &numbers].concat()).unwrap();
        for (rectified, team) in [false, true].into_iter().flat_map(|r| TEAMS.map(|team| (r, team))) {
            let what = format!("{sizes:?}, {rectified}");
            let [y, dx] = local_responses([channels, height * width], size, [&x, &upstream], rectified);
            let mut kernel = LocalResponseNorm::new(responses, rectified);
            assert_near(&what, &computed(&mut kernel, &[&x], &[count], team)[0], &y);
            let inputs: [&[f32]; 3] = [&x, &upstream, &y];
            let inputs = if rectified { &inputs[..] } else { &inputs[..2] };
            let mut kernel = LocalResponseNormGradient::new(responses);
            assert_near(&what, &computed(&mut kernel, inputs, &[count], team)[0], &dx);
        }
    }
}
