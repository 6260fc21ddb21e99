//! How long the finale's trainings are: what they need at full length, how short they may be, and how a time is divided
//! between them. Pure arithmetic: it must not know who is trained.

/// Crown trainings of less than this share of the final's epochs are not worth their time.
const CROWN_SHARE_MIN: f64 = 0.5;

/// Crown trainings must leave the final at least this share of its epochs; where they cannot, theirs are handed over,
/// and are to be as long.
const FINAL_SHARE_MIN: f64 = 0.75;

/// More regularisation is worth it from so many epochs on: augmentation costs four tenths of a point on Fashion-MNIST
/// after 5 epochs, and brings as much and more after 10. Where regularised networks are compared, trainings are at least
/// so long.
pub const REGULARISED_EPOCHS_MIN: u32 = 10;

/// Seconds that the finale needs at full length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needs {
    /// Of the crown trainings, side by side as far as there are trainers.
    pub crown: f64,
    /// Of the final training.
    pub last: f64,
    /// Shares of these lengths that are worth their time, at least.
    pub shortest: Shares,
    /// How many times these lengths they may take, where there is time left: 1 or more.
    pub longest: f64,
}

/// How long crown trainings and the final training are looked for. Beyond full length they are as long as each other:
/// regularisation that pays in a long training may lose in a short comparison, and who needs none is not made better by
/// more epochs than it was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As long as they may be.
    Longest,
    /// Half as long as that, where it is more than full length.
    Half,
    /// As short as they are worth.
    Short,
    /// As short, and no final training: the weights of a crown training are handed over.
    CrownOnly,
}

/// Shares of the lengths of crown and final trainings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    crown: f64,
    last: f64,
}

impl Shares {
    /// Where all are as they were searched.
    pub const PLAIN: Self = Self { crown: CROWN_SHARE_MIN, last: FINAL_SHARE_MIN };

    /// Where more strongly regularised networks are compared, of trainings of so many epochs.
    pub fn regularised(epochs: u32) -> Self {
        let share = (f64::from(REGULARISED_EPOCHS_MIN) / f64::from(epochs.max(1))).min(1.0);
        Self { crown: share.max(CROWN_SHARE_MIN), last: share.max(FINAL_SHARE_MIN) }
    }
}

impl Needs {
    /// The least with which candidates are told apart, and the winner is trained as long as it is worth.
    fn least(&self) -> f64 {
        self.shortest.crown * self.crown + self.shortest.last * self.last
    }

    /// Whether so many seconds are enough for trainings of this length.
    pub fn fit(&self, seconds: f64, length: Length) -> bool {
        let beyond = |share: f64| share > 1.0 && seconds >= share * self.whole();
        match length {
            Length::Longest => beyond(self.longest),
            Length::Half => beyond(0.5 * self.longest),
            Length::Short => seconds >= self.least(),
            Length::CrownOnly => seconds >= self.shortest.last * self.crown,
        }
    }

    /// Seconds that it may take at most.
    pub fn most(&self) -> f64 {
        self.longest * self.whole()
    }

    /// Seconds at full length.
    fn whole(&self) -> f64 {
        self.crown + self.last
    }

    /// How many of so many seconds go to the crown trainings: between the least and full length as much as to the
    /// final training, and so beyond it; all where there are too few for that.
    pub fn crown_seconds(&self, seconds: f64) -> f64 {
        if !self.fit(seconds, Length::Short) {
            return seconds;
        }
        if seconds > self.whole() {
            return self.crown * (seconds / self.whole()).min(self.longest);
        }
        let room = (self.whole() - self.least()).max(f64::MIN_POSITIVE);
        let length = (seconds - self.least()) / room;
        self.crown * (self.shortest.crown + length * (1.0 - self.shortest.crown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_divided_between_crown_and_final_trainings() {
        let needs = Needs { crown: 100.0, last: 40.0, shortest: Shares::PLAIN, longest: 1.0 };
        assert!(!needs.fit(79.0, Length::Short) && needs.fit(80.0, Length::Short));
        assert_eq!(
            needs.crown_seconds(80.0),
            50.0,
            "half of their length, which leaves three quarters of the final's"
        );
        assert_eq!(needs.crown_seconds(110.0), 75.0);
        assert_eq!(needs.crown_seconds(140.0), 100.0, "all there is to train");
        assert_eq!(needs.crown_seconds(1000.0), 100.0);
        assert!(needs.fit(76.0, Length::CrownOnly) && !needs.fit(74.0, Length::CrownOnly));
        assert!(!needs.fit(1e9, Length::Longest) && !needs.fit(1e9, Length::Half), "it may not be longer");
        assert_eq!(needs.crown_seconds(76.0), 76.0, "no time for a final training");
    }

    #[test]
    fn where_time_is_left_trainings_are_longer() {
        let needs = Needs { crown: 100.0, last: 40.0, shortest: Shares::PLAIN, longest: 3.0 };
        assert_eq!(needs.crown_seconds(110.0), 75.0, "less than full length is divided as ever");
        assert_eq!(needs.crown_seconds(140.0), 100.0);
        assert_eq!(needs.crown_seconds(210.0), 150.0, "half as long again, each of them");
        assert_eq!(needs.crown_seconds(1000.0), 300.0);
        assert_eq!(needs.most(), 420.0);
        assert!(!needs.fit(419.0, Length::Longest) && needs.fit(420.0, Length::Longest));
        assert!(!needs.fit(209.0, Length::Half) && needs.fit(210.0, Length::Half));
        let nothing = Needs { crown: 0.0, last: 0.0, ..needs };
        assert_eq!((nothing.crown_seconds(10.0), nothing.crown_seconds(0.0)), (0.0, 0.0));
    }

    #[test]
    fn regularised_networks_are_trained_for_long_or_not_at_all() {
        let shortest = Shares::regularised;
        let needs = |epochs| Needs { crown: 100.0, last: 40.0, shortest: shortest(epochs), longest: 1.0 };
        let fit = |epochs, seconds| needs(epochs).fit(seconds, Length::Short);
        assert!(!fit(10, 139.0) && fit(10, 140.0), "all of ten epochs");
        assert_eq!(needs(10).crown_seconds(150.0), 100.0);
        assert!(!fit(16, 92.0) && fit(16, 93.0), "ten of sixteen, twelve for the final");
        assert_eq!(needs(16).crown_seconds(92.5), 62.5);
        assert_eq!(needs(100), Needs { shortest: Shares::PLAIN, ..needs(100) });
    }
}
