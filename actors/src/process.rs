//! What the operating system says about this process.

/// Bytes of a page on the machines that we run on; where it is larger, the figure is too small.
const PAGE_BYTES: u64 = 4096;

/// Resident memory in bytes; 0 where the system does not say.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}
