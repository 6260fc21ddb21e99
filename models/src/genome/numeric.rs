//! A genome's numbers as a vector: named, bounded coordinates, on which refinement works.
//!
//! It must not know how a refiner moves through them. Structure (kinds of layers, words) is no coordinate; neither
//! are numbers that switch something off at 0 and are off.

use super::{Genome, LayerGene, Optimizer, TrainingGenes};
use hatchery_config::space::{Range, Space};

/// On which scale steps of equal length mean changes of equal weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences.
    Linear,
    /// Equal ratios.
    Log,
}

/// One number of a genome.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinate {
    /// Where it lies, such as `layer 2 filters` or `learning_rate`.
    pub name: String,
    /// What it is.
    pub value: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Scale of its steps.
    pub scale: Scale,
    /// Whether only whole numbers count.
    pub whole: bool,
}

impl Coordinate {
    /// Position between the bounds, 0 at `min` and 1 at `max`, on the coordinate's scale.
    pub fn position(&self) -> f64 {
        let (value, min, max) = match self.scale {
            Scale::Linear => (self.value, self.min, self.max),
            Scale::Log => (self.value.ln(), self.min.ln(), self.max.ln()),
        };
        if max > min { (value - min) / (max - min) } else { 0.0 }
    }

    /// The value at a position between 0 and 1; positions outside are clamped.
    pub fn at(&self, position: f64) -> f64 {
        let position = position.clamp(0.0, 1.0);
        let value = match self.scale {
            Scale::Linear => self.min + position * (self.max - self.min),
            Scale::Log => (self.min.ln() + position * (self.max.ln() - self.min.ln())).exp(),
        };
        let value = if self.whole { value.round() } else { value };
        value.clamp(self.min, self.max)
    }
}

/// A vector that does not fit a genome.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoordinateError {
    /// Too many or too few numbers.
    #[error("{given} coordinates were given, the genome has {expected}")]
    Count {
        /// How many were given.
        given: usize,
        /// How many the genome has.
        expected: usize,
    },
    /// A number that is none.
    #[error("coordinate {name} is {value}, not a finite number")]
    NotFinite {
        /// Its name.
        name: String,
        /// What was given.
        value: f64,
    },
}

/// All coordinates of a genome, in a fixed order.
pub fn coordinates(genome: &Genome, space: &Space) -> Vec<Coordinate> {
    let mut found = Vec::new();
    visit(&mut genome.clone(), space, &mut |slot| found.push(slot.read()));
    found
}

/// The genome with its coordinates replaced: rounded where whole, clamped into their bounds. The result need not be
/// viable, nor canonical.
///
/// # Errors
/// Where the number of values does not fit, or one is not finite.
pub fn with_coordinates(genome: &Genome, space: &Space, values: &[f64]) -> Result<Genome, CoordinateError> {
    let present = coordinates(genome, space);
    if present.len() != values.len() {
        return Err(CoordinateError::Count { given: values.len(), expected: present.len() });
    }
    if let Some((coordinate, &value)) = present.iter().zip(values).find(|(_, value)| !value.is_finite()) {
        return Err(CoordinateError::NotFinite { name: coordinate.name.clone(), value });
    }
    let mut changed = genome.clone();
    let mut values = values.iter();
    visit(&mut changed, space, &mut |slot| {
        if let Some(&value) = values.next() {
            slot.write(value);
        }
    });
    Ok(changed)
}

/// Where a number is kept.
enum Field<'a> {
    Whole(&'a mut u32),
    Real(&'a mut f64),
}

/// One number of a genome under visit.
struct Slot<'a> {
    name: String,
    field: Field<'a>,
    min: f64,
    max: f64,
    scale: Scale,
}

impl Slot<'_> {
    fn read(self) -> Coordinate {
        let (value, whole) = match self.field {
            Field::Whole(number) => (f64::from(*number), true),
            Field::Real(number) => (*number, false),
        };
        Coordinate { name: self.name, value, min: self.min, max: self.max, scale: self.scale, whole }
    }

    fn write(self, value: f64) {
        let value = value.clamp(self.min, self.max);
        match self.field {
            Field::Whole(number) => *number = value.round() as u32,
            Field::Real(number) => *number = value,
        }
    }
}

/// Calls `each` for every coordinate, in order. Bounds are widened to hold the present value, so that reading and
/// writing back changes nothing, whatever the space.
fn visit(genome: &mut Genome, space: &Space, each: &mut impl FnMut(Slot<'_>)) {
    for (index, gene) in genome.layers.iter_mut().enumerate() {
        visit_layer(index + 1, gene, space, each);
    }
    visit_training(&mut genome.training, space, each);
}

fn visit_layer(number: usize, gene: &mut LayerGene, space: &Space, each: &mut impl FnMut(Slot<'_>)) {
    let at = |field: &str| format!("layer {number} {field}");
    match gene {
        LayerGene::Convolution(genes) => {
            whole(at("filters"), &mut genes.filters, space.filters, Scale::Log, each);
            let [height, width] = &mut genes.kernel;
            whole(at("kernel height"), height, space.kernel, Scale::Linear, each);
            whole(at("kernel width"), width, space.kernel, Scale::Linear, each);
        }
        LayerGene::Residual(genes) => {
            whole(at("filters"), &mut genes.filters, space.filters, Scale::Log, each)
        }
        LayerGene::Inception(genes) => {
            let range = Range { min: 1, max: space.filters.max };
            for (branch, width) in genes.branches.iter_mut().enumerate().filter(|(_, width)| **width > 0) {
                whole(at(&format!("branch {}", branch + 1)), width, range, Scale::Log, each);
            }
            if genes.branches[1] + genes.branches[2] > 0 {
                whole(at("bottleneck"), &mut genes.bottleneck, range, Scale::Log, each);
            }
        }
        LayerGene::Dense(genes) => whole(at("units"), &mut genes.units, space.units, Scale::Log, each),
        LayerGene::Dropout { ratio } => real(at("ratio"), ratio, space.dropout, Scale::Linear, each),
        LayerGene::MaxPool(_)
        | LayerGene::AveragePool(_)
        | LayerGene::GlobalAveragePool
        | LayerGene::Normalisation { .. }
        | LayerGene::Merge => {}
    }
}

fn visit_training(genes: &mut TrainingGenes, space: &Space, each: &mut impl FnMut(Slot<'_>)) {
    real("learning_rate".into(), &mut genes.learning_rate, space.learning_rate, Scale::Log, each);
    if genes.optimizer != Optimizer::Sgd {
        real("momentum".into(), &mut genes.momentum, space.momentum, Scale::Linear, each);
    }
    let switched = [
        ("weight_decay", &mut genes.weight_decay, space.weight_decay, Scale::Log),
        ("label_smoothing", &mut genes.label_smoothing, space.label_smoothing, Scale::Linear),
        ("gradient_clip", &mut genes.gradient_clip, space.gradient_clip, Scale::Log),
    ];
    for (name, number, range, scale) in switched {
        if *number > 0.0 {
            // At 0 the number would be switched off, and no coordinate any more: four decades below the top are as
            // good as none.
            let min = range.min.max(range.max * 1e-4);
            real(name.into(), number, Range { min, max: range.max }, scale, each);
        }
    }
}

fn whole(name: String, number: &mut u32, range: Range<u32>, scale: Scale, each: &mut impl FnMut(Slot<'_>)) {
    let (min, max) = (range.min.min(*number).max(1), range.max.max(*number));
    each(Slot { name, field: Field::Whole(number), min: f64::from(min), max: f64::from(max), scale });
}

fn real(name: String, number: &mut f64, range: Range<f64>, scale: Scale, each: &mut impl FnMut(Slot<'_>)) {
    let (min, max) = (range.min.min(*number), range.max.max(*number));
    each(Slot { name, field: Field::Real(number), min, max, scale });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;

    #[test]
    fn reading_and_writing_back_changes_nothing() {
        let (genome, space) = (sample(), Space::default());
        let values: Vec<f64> = coordinates(&genome, &space).iter().map(|c| c.value).collect();
        assert_eq!(with_coordinates(&genome, &space, &values), Ok(genome));
    }

    #[test]
    fn names_tell_where_a_number_lies() {
        let names: Vec<String> =
            coordinates(&sample(), &Space::default()).into_iter().map(|c| c.name).collect();
        let expected = [
            "layer 1 filters",
            "layer 1 kernel height",
            "layer 1 kernel width",
            "layer 3 units",
            "learning_rate",
            "momentum",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn values_are_clamped_and_rounded() {
        let (genome, space) = (sample(), Space::default());
        let changed = with_coordinates(&genome, &space, &[1e9, 2.6, 0.0, 100.4, 1.0, 0.5]).unwrap();
        let values: Vec<f64> = coordinates(&changed, &space).iter().map(|c| c.value).collect();
        assert_eq!(values, [128.0, 3.0, 1.0, 100.0, 0.1, 0.8]);
    }

    #[test]
    fn positions_run_from_zero_to_one_on_the_scale() {
        for coordinate in coordinates(&sample(), &Space::default()) {
            assert!((coordinate.at(0.0) - coordinate.min).abs() < 1e-9 * coordinate.max);
            assert!((coordinate.at(1.0) - coordinate.max).abs() < 1e-9 * coordinate.max);
            let back = coordinate.at(coordinate.position());
            assert!((back - coordinate.value).abs() < 1e-9 * coordinate.value, "{coordinate:?}: {back}");
        }
    }

    #[test]
    fn a_wrong_vector_is_refused() {
        let (genome, space) = (sample(), Space::default());
        let expected = CoordinateError::Count { given: 1, expected: 6 };
        assert_eq!(with_coordinates(&genome, &space, &[1.0]), Err(expected));
        let broken = with_coordinates(&genome, &space, &[32.0, 3.0, 3.0, f64::NAN, 1e-3, 0.9]);
        assert!(broken.unwrap_err().to_string().starts_with("coordinate layer 3 units is NaN"));
    }
}
