//! What the system says of this process.

use super::text::Text;
use hatchery_actors::trainer::guard::memory;
use std::{fs, path::Path};

/// Clock ticks a second in `/proc`: the same on every Linux that is in use.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/self/stat` after the name, which may hold anything: user and system time, and when it began.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const STARTED_TICKS: usize = 19;

/// Writes what is known; nothing where the system says nothing, as anywhere but on Linux.
pub fn write(text: &mut Text) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let field = |place| field(&stat, place);
    if let (Some(user), Some(system)) = (field(USER_TICKS), field(SYSTEM_TICKS)) {
        text.put("process_cpu_seconds_total", &[], (user + system) / TICKS_PER_SECOND);
    }
    if let Some(memory) = memory::of_process() {
        text.put("process_resident_memory_bytes", &[], memory.resident_bytes as f64);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // The one that counts is open meanwhile.
        text.put("process_open_fds", &[], entries.count().saturating_sub(1) as f64);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        text.put("process_max_fds", &[], most as f64);
    }
    if let (Some(booted), Some(started)) = (boot_time(Path::new("/proc/stat")), field(STARTED_TICKS)) {
        text.put("process_start_time_seconds", &[], booted + started / TICKS_PER_SECOND);
    }
}

fn field(stat: &str, place: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(place)?.parse().ok()
}

fn boot_time(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name_whatever_it_is() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4 1 2 3 4 250 50 0 0 20 0 1 0 12345 1 1";
        assert_eq!(field(stat, USER_TICKS), Some(250.0));
        assert_eq!(field(stat, SYSTEM_TICKS), Some(50.0));
        assert_eq!(field(stat, STARTED_TICKS), Some(12345.0));
        assert_eq!(field("", 0), None);
    }
}
