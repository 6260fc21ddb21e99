//! A network's numbers before training, from a seed.

use super::{Layout, Role};
use crate::genome::Initializer;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws all parameters: weights by the initializer, scales 1, biases and shifts 0. Every tensor has a random stream
/// of its own, so that a change to one layer leaves the others' numbers as they were.
pub fn initial_parameters(layout: &Layout, initializer: Initializer, seed: u64) -> Vec<f32> {
    let mut parameters = vec![0.0; layout.parameters];
    for (index, tensor) in layout.tensors.iter().enumerate() {
        let values = &mut parameters[tensor.offset..tensor.offset + tensor.volume()];
        match tensor.role {
            Role::Weight => {
                let mut stream = ChaCha8Rng::seed_from_u64(seed);
                stream.set_stream(index as u64);
                draw(values, initializer, tensor.fan_in, tensor.fan_out, &mut stream);
            }
            Role::Scale => values.fill(1.0),
            Role::Bias | Role::Shift => {}
        }
    }
    parameters
}

/// Running statistics before training: means 0, variances 1.
pub fn initial_statistics(layout: &Layout) -> Vec<f32> {
    let mut statistics = vec![0.0; layout.statistics];
    for tensor in layout.statistic_tensors.iter().filter(|tensor| tensor.is_variance) {
        statistics[tensor.offset..tensor.offset + tensor.channels].fill(1.0);
    }
    statistics
}

/// He et al. (2015): variance 2 / fan-in; Glorot & Bengio (2010): 2 / (fan-in + fan-out).
fn draw(values: &mut [f32], initializer: Initializer, fan_in: usize, fan_out: usize, stream: &mut impl Rng) {
    let (fan, normal) = match initializer {
        Initializer::HeNormal => (fan_in, true),
        Initializer::HeUniform => (fan_in, false),
        Initializer::GlorotNormal => (fan_in + fan_out, true),
        Initializer::GlorotUniform => (fan_in + fan_out, false),
    };
    let deviation = (2.0 / fan.max(1) as f64).sqrt();
    if normal {
        for pair in values.chunks_mut(2) {
            let (first, second) = standard_normal_pair(stream);
            pair[0] = (first * deviation) as f32;
            if let Some(value) = pair.get_mut(1) {
                *value = (second * deviation) as f32;
            }
        }
    } else {
        // A uniform distribution on [-a, a] has variance a^2 / 3.
        let bound = deviation * 3f64.sqrt();
        values.fill_with(|| stream.random_range(-bound..bound) as f32);
    }
}

/// Two independent standard normal numbers (Box & Muller, 1958).
fn standard_normal_pair(stream: &mut impl Rng) -> (f64, f64) {
    let uniform: f64 = 1.0 - stream.random::<f64>();
    let radius = (-2.0 * uniform.ln()).sqrt();
    let angle = std::f64::consts::TAU * stream.random::<f64>();
    (radius * angle.cos(), radius * angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{blueprint, layout, suite};

    #[test]
    fn weights_have_the_variance_of_their_initializer() {
        let network = suite::networks().into_iter().find(|network| network.name == "fashion").unwrap();
        let layout = layout(&network.genome, &blueprint(&network.genome, &network.problem).unwrap());
        for &initializer in Initializer::ALL {
            let parameters = initial_parameters(&layout, initializer, 7);
            for tensor in layout.tensors.iter().filter(|t| t.role == Role::Weight && t.volume() > 10_000) {
                let values = &parameters[tensor.offset..tensor.offset + tensor.volume()];
                let count = values.len() as f64;
                let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
                let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
                let wanted = match initializer {
                    Initializer::HeNormal | Initializer::HeUniform => 2.0 / tensor.fan_in as f64,
                    _ => 2.0 / (tensor.fan_in + tensor.fan_out) as f64,
                };
                assert!((variance / wanted - 1.0).abs() < 0.06, "{initializer} {}: {variance}", tensor.name);
                assert!(mean.abs() < 0.06 * wanted.sqrt(), "{initializer} {}: mean {mean}", tensor.name);
            }
        }
    }

    #[test]
    fn a_seed_fixes_every_number() {
        let network = suite::networks().into_iter().find(|network| network.name == "residual").unwrap();
        let layout = layout(&network.genome, &blueprint(&network.genome, &network.problem).unwrap());
        let draw = |seed| initial_parameters(&layout, Initializer::HeNormal, seed);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for tensor in &layout.tensors {
            let values = &draw(1)[tensor.offset..tensor.offset + tensor.volume()];
            match tensor.role {
                Role::Weight => assert!(values.iter().any(|&value| value != 0.0)),
                Role::Scale => assert!(values.iter().all(|&value| value == 1.0)),
                Role::Bias | Role::Shift => assert!(values.iter().all(|&value| value == 0.0)),
            }
        }
        let statistics = initial_statistics(&layout);
        assert_eq!(statistics.iter().filter(|&&value| value == 1.0).count() * 2, statistics.len());
    }
}
