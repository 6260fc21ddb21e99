//! How much memory this process has, as the system says.

/// Memory of this process that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMemory {
    /// All of it: the resident set.
    pub resident_bytes: u64,
    /// What belongs to no file: what was allocated. Libraries that are loaded late, as CUDA's are, do not count.
    pub anonymous_bytes: u64,
}

/// The memory of this process now; `None` where the system does not say, as anywhere but on Linux.
pub fn of_process() -> Option<ProcessMemory> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `/proc/self/status` says the same as `statm`, in units that are the same everywhere.
fn parse(status: &str) -> Option<ProcessMemory> {
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1 << 10)
    };
    Some(ProcessMemory { resident_bytes: bytes("VmRSS:")?, anonymous_bytes: bytes("RssAnon:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_understood() {
        let status =
            "Name:\tcat\nVmPeak:\t 9000 kB\nVmRSS:\t    1676 kB\nRssAnon:\t     116 kB\nRssFile:\t 1560 kB\n";
        let memory = ProcessMemory { resident_bytes: 1676 << 10, anonymous_bytes: 116 << 10 };
        assert_eq!(parse(status), Some(memory));
        assert_eq!(parse("VmRSS:\t 1 kB\n"), None);
        assert_eq!(parse("VmRSS:\t x kB\nRssAnon:\t 1 kB\n"), None);
    }
}
