//! Where this program keeps what is not the user's own and can be had again.

use std::path::PathBuf;

/// A path in the environment; empty is unset.
pub(crate) fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The user's cache directory for this program: `$XDG_CACHE_HOME/hatchery`, or `~/.cache/hatchery`. `None` where
/// neither variable is set.
pub fn user_cache() -> Option<PathBuf> {
    let cache =
        path_variable("XDG_CACHE_HOME").or_else(|| path_variable("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("hatchery"))
}
