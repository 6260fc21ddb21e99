//! Features as a kernel likes them: numbers alone.
//!
//! A word becomes as many numbers as there are words, one of which is not 0. Each of them has a weight of its own in
//! the kernel, so that a model can learn that two words are alike and a third is not.

use crate::search::domain::Scale;

/// What stands for a word that is present: two different words are then at squared distance 1.
const PRESENT: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// How many numbers an encoding has.
pub fn width(scales: &[Scale]) -> usize {
    scales.iter().map(|scale| numbers(*scale)).sum()
}

fn numbers(scale: Scale) -> usize {
    match scale {
        Scale::Ordered => 1,
        Scale::Words(count) => usize::from(count),
    }
}

/// Features as numbers. A word that is absent is no word at all.
pub fn encode(scales: &[Scale], features: &[f32]) -> Vec<f32> {
    let mut encoded = Vec::with_capacity(width(scales));
    for (scale, &feature) in scales.iter().zip(features) {
        match scale {
            Scale::Ordered => encoded.push(feature),
            Scale::Words(count) => {
                encoded
                    .extend((0..*count).map(|word| if f32::from(word) == feature { PRESENT } else { 0.0 }));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::domain::ABSENT;

    #[test]
    fn words_become_as_many_numbers_and_absence_is_none_of_them() {
        let scales = [Scale::Ordered, Scale::Words(3)];
        assert_eq!(width(&scales), 4);
        assert_eq!(encode(&scales, &[0.25, 1.0]), [0.25, 0.0, PRESENT, 0.0]);
        assert_eq!(encode(&scales, &[ABSENT, ABSENT]), [ABSENT, 0.0, 0.0, 0.0]);
    }
}
