//! How fast a network trains, and how much training a time has room for: pure arithmetic, used by whoever plans.

/// Plans assume that things take this much longer than they did.
pub const CAUTION: f64 = 1.15;

/// What is known of how fast an individual trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Seconds from genome to first step.
    pub build_seconds: f64,
    /// Seconds per training sample, its share of the validation included.
    pub seconds_per_image: f64,
}

impl Pace {
    /// The pace of an evaluation that took so long for so many samples; `None` where it trained nothing.
    pub fn measured(seconds: f64, build_seconds: f64, images: u64) -> Option<Self> {
        let seconds_per_image = (seconds - build_seconds).max(0.0) / images as f64;
        (images > 0 && seconds_per_image.is_finite()).then_some(Self { build_seconds, seconds_per_image })
    }

    /// Seconds of a training of so many epochs of `images` samples.
    pub fn seconds(&self, images: u64, epochs: u32) -> f64 {
        self.build_seconds + self.seconds_per_image * images as f64 * f64::from(epochs)
    }

    /// How many epochs of `images` samples fit into `seconds`, at most `wanted` and at least one.
    pub fn epochs_within(&self, seconds: Option<f64>, images: u64, wanted: u32) -> u32 {
        let Some(seconds) = seconds else { return wanted };
        let epoch_seconds = self.seconds_per_image * images as f64 * CAUTION;
        if epoch_seconds <= 0.0 {
            return wanted;
        }
        let fitting = ((seconds - self.build_seconds * CAUTION) / epoch_seconds).floor();
        // A float beyond u32 saturates; what is below 1 is lifted.
        (fitting as u32).clamp(1, wanted.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_cut_to_fit() {
        let pace = Pace::measured(11.0, 1.0, 10_000).unwrap();
        assert_eq!(pace.epochs_within(None, 2_000, 40), 40);
        assert_eq!(pace.epochs_within(Some(1000.0), 2_000, 40), 40);
        // 2.3 s an epoch, 1.15 s to build.
        assert_eq!(pace.epochs_within(Some(24.2), 2_000, 40), 10);
        assert_eq!(pace.epochs_within(Some(0.0), 2_000, 40), 1);
        assert_eq!(Pace::measured(1.0, 1.0, 0), None);
    }
}
