//! Lengths of time as people write them: `90s`, `10m`, `1h30m`, or plain seconds.
//!
//! It must not know what the time is spent on.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units, their letters and their lengths in seconds; `ms` must come before `m`.
const UNITS: [(&str, f64); 5] = [("ms", 1e-3), ("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];

/// A length of time, written `90s`, `10m`, `1h30m`, or as a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no length of time between 0s and 10 years; write it like 90s, 10m, 1h30m or 110 (seconds)"
)]
pub struct DurationError {
    /// What was written.
    pub text: String,
}

impl Duration {
    /// Longest time that an experiment may ask for, in seconds: ten years. Guards arithmetic on instants.
    pub const SECONDS_MAX: f64 = 10.0 * 365.0 * 86_400.0;

    /// A length in seconds.
    ///
    /// # Errors
    /// Where `seconds` is negative, not a number, or longer than ten years.
    pub fn from_seconds(seconds: f64) -> Result<Self, DurationError> {
        if (0.0..=Self::SECONDS_MAX).contains(&seconds) {
            Ok(Self(std::time::Duration::from_secs_f64(seconds)))
        } else {
            Err(DurationError { text: seconds.to_string() })
        }
    }

    /// The length in seconds.
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl std::str::FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || DurationError { text: text.to_owned() };
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse::<f64>() {
            return Self::from_seconds(seconds).map_err(|_| error());
        }
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
            let count: f64 = rest[..digits].parse().map_err(|_| error())?;
            let (letters, length) =
                UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit)).ok_or_else(error)?;
            seconds += count * length;
            rest = &rest[digits + letters.len()..];
        }
        if text.trim().is_empty() {
            return Err(error());
        }
        Self::from_seconds(seconds).map_err(|_| error())
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = self.0.as_secs();
        if self.0.subsec_nanos() != 0 || whole == 0 {
            return write!(formatter, "{}s", self.seconds());
        }
        let parts = [(whole / 3600, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(formatter, "{count}{unit}")?;
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Self::from_seconds(seconds),
            Written::Text(text) => text.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("10m", 600.0),
            ("1h30m", 5400.0),
            ("110", 110.0),
            ("1.5", 1.5),
            ("250ms", 0.25),
            ("2d", 172_800.0),
            (" 1h2m3s ", 3723.0),
            ("0.5h", 1800.0),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "m", "10x", "-5s", "nan", "inf", "ten", "1h30", "99999d"] {
            let message = text.parse::<Duration>().unwrap_err().to_string();
            assert!(message.contains("1h30m"), "{text}: {message}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [0.0, 0.25, 1.0, 59.0, 60.0, 3600.0, 5400.5, 7325.0] {
            let duration = Duration::from_seconds(seconds).unwrap();
            assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }
        assert_eq!(Duration::from_seconds(5400.0).unwrap().to_string(), "1h30m");
    }
}
