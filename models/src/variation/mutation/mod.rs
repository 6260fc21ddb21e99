//! Mutation: one parent, one to three small changes.

mod layers;
mod numbers;
mod training;

use super::{
    Barren, Habitat, Offspring,
    draw::weighted,
    random,
    repair::{fit_limits, repair_shapes},
};
use crate::genome::Genome;
use rand::Rng;

/// Tries with changes of any kind; nearly every parent has a sound neighbour within a few.
const ATTEMPTS_MAX: u32 = 60;
/// Tries with a change of the training alone, which no shape can spoil.
const TRAINING_ATTEMPTS_MAX: u32 = 20;
/// Draws of a change that applies at all.
const DRAWS_MAX: u32 = 20;

/// One kind of change: changes the genome and says how in words, or leaves it as it is where it does not apply.
type Apply = fn(&mut Genome, &Habitat<'_>, &mut dyn Rng) -> Option<String>;

/// All kinds of changes and how often they are drawn.
const KINDS: &[(Apply, f64)] = &[
    (layers::insert, 3.0),
    (layers::delete, 2.5),
    (layers::duplicate, 1.0),
    (layers::swap, 0.7),
    (layers::change_kind, 1.5),
    (layers::toggle_global_pool, 0.7),
    (numbers::width, 4.0),
    (numbers::all_widths, 2.0),
    (numbers::kernel, 2.0),
    (numbers::kernel_height, 0.8),
    (numbers::kernel_width, 0.8),
    (numbers::stride, 0.8),
    (numbers::dilation, 0.4),
    (numbers::groups, 0.7),
    (numbers::padding, 0.6),
    (numbers::pool_window, 0.8),
    (numbers::pool_stride, 0.6),
    (numbers::dropout, 0.8),
    (numbers::norm, 1.0),
    (numbers::all_norms, 1.0),
    (numbers::activation, 1.0),
    (numbers::all_activations, 1.2),
    (numbers::branches, 0.8),
    (numbers::bottleneck, 0.4),
];

/// Changes of the training genes.
const TRAINING_KINDS: &[(Apply, f64)] = &[
    (training::learning_rate, 4.0),
    (training::optimizer, 1.2),
    (training::schedule, 1.0),
    (training::momentum, 0.8),
    (training::weight_decay, 1.0),
    (training::batch_size, 1.5),
    (training::label_smoothing, 0.7),
    (training::gradient_clip, 0.6),
    (training::initializer, 0.5),
    (training::shift, 0.8),
    (training::flip, 0.4),
];

/// Share of changes that concern the training.
const TRAINING_SHARE: f64 = 0.3;

/// An offspring of one parent: with one change mostly, sometimes two or three. Changes that lead nowhere viable and
/// plausible are drawn anew; at the end of patience the training alone is changed, or a random genome is drawn.
///
/// # Errors
/// `Barren` where not even a random genome was found.
pub fn mutate(parent: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Result<Offspring, Barren> {
    let parent = super::settle(parent, habitat.space, habitat.problem);
    for _ in 0..ATTEMPTS_MAX {
        let changes = weighted(rng, &[(1, 7.0), (2, 2.5), (3, 0.5)]).unwrap_or(1);
        if let Some(offspring) = attempt(&parent, changes, TRAINING_SHARE, habitat, rng) {
            return Ok(offspring);
        }
    }
    for _ in 0..TRAINING_ATTEMPTS_MAX {
        if let Some(offspring) = attempt(&parent, 1, 1.0, habitat, rng) {
            return Ok(offspring);
        }
    }
    random(habitat, rng)
}

/// Applies this many changes; `None` where the result is not sound or nothing has changed.
fn attempt(
    parent: &Genome,
    changes: u32,
    training_share: f64,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<Offspring> {
    let mut genome = parent.clone();
    let mut words = Vec::new();
    for _ in 0..changes {
        words.push(change(&mut genome, training_share, habitat, rng)?);
    }
    let settled = fit_limits(&repair_shapes(genome, habitat)?, habitat, rng)?;
    let settled = habitat.welcome(settled).ok()?;
    let has_changed = settled.genome != *parent;
    has_changed.then(|| Offspring::new(settled, format!("mutate: {}", words.join("; "))))
}

/// Draws kinds of changes until one applies.
fn change(
    genome: &mut Genome,
    training_share: f64,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<String> {
    for _ in 0..DRAWS_MAX {
        let of_training = super::draw::chance(rng, training_share);
        let kinds = if of_training { TRAINING_KINDS } else { KINDS };
        let applied = weighted(rng, kinds).and_then(|apply| apply(genome, habitat, rng));
        if applied.is_some() {
            return applied;
        }
    }
    None
}

/// How messages name a layer: `convolution 2`, the second layer being a convolution.
fn name(genome: &Genome, index: usize) -> String {
    format!("{} {}", genome.layers[index].kind(), index + 1)
}
