//! Refinement: the layer sequence and its words stay, numbers change.
//!
//! It must not know how good any number is: which refined genome is trained is the search's part.

use super::{
    Habitat, Offspring,
    draw::{tidy, tidy_width},
    repair::fit_limits,
};
use crate::genome::{
    Genome,
    numeric::{Coordinate, Scale, coordinates, with_coordinates},
};
use hatchery_config::space::Range;
use rand::{Rng, RngExt};

/// Tries until a change leads to a sound network of the same structure.
const ATTEMPTS_MAX: u32 = 20;

/// Widths lie at most this far apart.
const WIDTH_STEP_MAX: u8 = 16;

/// Least step of a coordinate, as a share of its range.
const STEP_MIN: f64 = 0.02;

/// Changes `changes` numbers of a genome, each by a step of about `reach` of its range (on the number's own scale, in
/// either direction). `None` where nothing sound was found.
pub fn refine(
    genome: &Genome,
    habitat: &Habitat<'_>,
    changes: usize,
    reach: f64,
    rng: &mut dyn Rng,
) -> Option<Offspring> {
    let present = coordinates(genome, habitat.space);
    (0..ATTEMPTS_MAX).find_map(|_| {
        let mut values: Vec<f64> = present.iter().map(|coordinate| coordinate.value).collect();
        for _ in 0..changes {
            let place = rng.random_range(0..present.len().max(1));
            let coordinate = present.get(place)?;
            values[place] = stepped(coordinate, reach, rng);
        }
        admitted(genome, &present, &values, habitat, rng)
    })
}

/// Mixes the numbers of two genomes of one structure, each number from either. `None` where they have not one
/// structure, or nothing sound was found.
pub fn blend(one: &Genome, other: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<Offspring> {
    let (present, second) = (coordinates(one, habitat.space), coordinates(other, habitat.space));
    let alike = present.len() == second.len()
        && present.iter().zip(&second).all(|(mine, theirs)| mine.name == theirs.name);
    if !alike {
        return None;
    }
    let values: Vec<f64> = present
        .iter()
        .zip(&second)
        .map(|(mine, theirs)| if rng.random_bool(0.5) { mine.value } else { theirs.value })
        .collect();
    admitted(one, &present, &values, habitat, rng)
}

fn stepped(coordinate: &Coordinate, reach: f64, rng: &mut dyn Rng) -> f64 {
    // The sum of three even draws: bell-shaped, between -1 and 1.
    let bell = (0..3).map(|_| rng.random_range(-1.0..1.0)).sum::<f64>() / 3.0;
    let step = bell * 2.0 * reach;
    let step = if step.abs() < STEP_MIN { STEP_MIN.copysign(step) } else { step };
    let value = tidied(coordinate, coordinate.at(coordinate.position() + step));
    if value != coordinate.value || !coordinate.whole {
        return value;
    }
    let next = (1..=WIDTH_STEP_MAX).map(|more| tidied(coordinate, value + f64::from(more).copysign(step)));
    next.into_iter().find(|other| *other != value).unwrap_or(value)
}

/// Short numbers, and widths that hardware likes: as everywhere in variation, so that near-duplicates meet.
fn tidied(coordinate: &Coordinate, value: f64) -> f64 {
    let &Coordinate { min, max, .. } = coordinate;
    match (coordinate.whole, coordinate.scale) {
        (true, Scale::Log) => {
            let range = Range { min: min as u32, max: max as u32 };
            f64::from(tidy_width(value.clamp(min, max), range))
        }
        (true, Scale::Linear) => value.clamp(min, max),
        (false, _) => tidy(value, Range { min, max }),
    }
}

fn admitted(
    parent: &Genome,
    present: &[Coordinate],
    values: &[f64],
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<Offspring> {
    let changed = with_coordinates(parent, habitat.space, values).ok()?;
    let settled = habitat.welcome(fit_limits(&changed, habitat, rng)?).ok()?;
    let words = differences(present, &coordinates(&settled.genome, habitat.space))?;
    (!words.is_empty()).then(|| Offspring::new(settled, format!("refine: {}", words.join("; "))))
}

/// What has changed, in words; `None` where the structure has.
fn differences(before: &[Coordinate], after: &[Coordinate]) -> Option<Vec<String>> {
    if before.len() != after.len() {
        return None;
    }
    let mut words = Vec::new();
    for (old, new) in before.iter().zip(after) {
        if old.name != new.name {
            return None;
        }
        if old.value != new.value {
            words.push(format!("{} from {} to {}", old.name, brief(old.value), brief(new.value)));
        }
    }
    Some(words)
}

/// A number with three significant digits, whole ones in full.
fn brief(value: f64) -> String {
    if value.fract() == 0.0 || value == 0.0 {
        return format!("{value}");
    }
    let digits = (2 - value.abs().log10().floor() as i32).max(0);
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;
    use crate::problem::{Problem, Task};
    use crate::variation;
    use hatchery_config::{experiment::Limits, space::Space};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn in_habitat(check: impl Fn(&Habitat<'_>, &Genome)) {
        let (space, limits) = (Space::default(), Limits::default());
        let task = Task::Classification { classes: 10 };
        let problem = Problem { channels: 1, height: 28, width: 28, multi_view: false, task };
        let habitat = Habitat { space: &space, problem: &problem, limits: &limits };
        check(&habitat, &variation::settle(&sample(), &space, &problem));
    }

    fn kinds(genome: &Genome) -> Vec<crate::genome::LayerKind> {
        genome.layers.iter().map(crate::genome::LayerGene::kind).collect()
    }

    #[test]
    fn numbers_change_and_the_layers_stay() {
        in_habitat(|habitat, genome| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            for changes in 1..4 {
                let refined = refine(genome, habitat, changes, 0.2, &mut rng).unwrap();
                assert_ne!(refined.genome, *genome);
                assert_eq!(kinds(&refined.genome), kinds(genome));
                assert!(refined.operation.starts_with("refine: "), "{}", refined.operation);
                assert!(refined.operation.matches(" from ").count() >= 1);
                habitat.welcome(habitat.admit(&refined.genome).unwrap()).unwrap();
            }
        });
    }

    #[test]
    fn changed_numbers_are_short_and_widths_fit_hardware() {
        in_habitat(|habitat, genome| {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let before = coordinates(genome, habitat.space);
            let mut changed = 0;
            for _ in 0..100 {
                let refined = refine(genome, habitat, 3, 0.2, &mut rng).unwrap().genome;
                for (old, new) in before.iter().zip(coordinates(&refined, habitat.space)) {
                    if old.value != new.value {
                        changed += 1;
                        assert_eq!(tidied(&new, new.value), new.value, "{}", new.name);
                    }
                }
            }
            assert!(changed > 100, "{changed}");
        });
    }

    #[test]
    fn a_blend_takes_each_number_from_one_of_two() {
        in_habitat(|habitat, genome| {
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let other = refine(genome, habitat, 6, 0.3, &mut rng).unwrap().genome;
            let of = |genome: &Genome| coordinates(genome, habitat.space);
            let blended = (0..20).find_map(|_| blend(genome, &other, habitat, &mut rng)).unwrap();
            for ((new, one), second) in of(&blended.genome).iter().zip(of(genome)).zip(of(&other)) {
                assert!(new.value == one.value || new.value == second.value, "{}", new.name);
            }
            let mut shorter = genome.clone();
            shorter.layers.pop();
            assert_eq!(blend(genome, &shorter, habitat, &mut rng), None);
        });
    }
}
