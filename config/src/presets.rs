//! Experiments that come with the program.

/// An embedded experiment.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// The experiment that is run when none is named.
pub const DEFAULT: &str = "digits";

/// Every preset, the default first.
pub const PRESETS: &[Preset] = &[
    Preset { name: "digits", text: include_str!("../presets/digits.toml") },
    Preset { name: "fashion-mnist", text: include_str!("../presets/fashion-mnist.toml") },
    Preset { name: "magic", text: include_str!("../presets/magic.toml") },
];

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
