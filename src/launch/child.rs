//! What a process does that was started by a supervisor: it ends with it, however that ends.

use rustix::process::{Pid, getppid};

/// Name of the process in lists of processes; it is started by a path that says nothing.
const NAME: &str = "hatchery";

/// Binds this process to the supervisor with this process number. The very first thing to do.
///
/// # Errors
/// Where the supervisor has ended already, or the system cannot do this.
pub fn bind(supervisor: u32) -> anyhow::Result<()> {
    end_with_parent()?;
    // It may have ended before.
    let parent = getppid().map(Pid::as_raw_pid);
    anyhow::ensure!(
        parent == i32::try_from(supervisor).ok(),
        "--supervised-by {supervisor}: that process did not start this one, or has ended"
    );
    // Only for whoever looks.
    _ = std::fs::write("/proc/self/comm", NAME);
    Ok(())
}

/// The system kills this process when the thread that started it ends.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn end_with_parent() -> anyhow::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// This system has no such service: a thread looks whether the parent is still the same.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn end_with_parent() -> anyhow::Result<()> {
    use crate::cli::exit::Exit;
    const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(200);
    let parent = getppid();
    let watch = move || {
        while getppid() == parent {
            std::thread::sleep(LOOK_EVERY);
        }
        std::process::exit(Exit::Interrupted as i32);
    };
    std::thread::Builder::new().name("parent watch".to_owned()).spawn(watch)?;
    Ok(())
}
