//! Which GPUs this machine has: what wheel is fetched and where is trained both follow from it.
//!
//! It must not know what they are used for, nor whether a library can use them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where the NVIDIA driver lists its GPUs, a folder each.
const DRIVER: &str = "/proc/driver/nvidia/gpus";
/// GPUs that are looked at, at most: no machine has as many.
const GPUS_MAX: usize = 64;

/// Names of this machine's NVIDIA GPUs, as the driver lists them; where it shows no such list (some containers,
/// WSL), as NVIDIA's own tool does.
pub fn gpus() -> Vec<String> {
    let listed = listed_by_driver(Path::new(DRIVER));
    if listed.is_empty() { listed_by_tool() } else { listed }
}

fn listed_by_driver(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).take(GPUS_MAX).collect();
    // Folders are named by bus address.
    folders.sort();
    folders.iter().map(|folder| model(folder)).collect()
}

fn model(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("information")).unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("Model:"));
    model.map_or_else(|| "unknown model".to_owned(), |model| model.trim().to_owned())
}

fn listed_by_tool() -> Vec<String> {
    let mut tool = Command::new("nvidia-smi");
    tool.args(["--query-gpu=name", "--format=csv,noheader"]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = tool.output().ok().filter(|output| output.status.success());
    output.map(|output| names(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

/// One name a line.
fn names(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(GPUS_MAX).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_lists_a_folder_a_gpu() {
        let driver = tempfile::tempdir().unwrap();
        assert_eq!(listed_by_driver(&driver.path().join("nowhere")), Vec::<String>::new());
        for (address, information) in [
            ("0000:1b:00.0", "Model: \t\t NVIDIA H200\nIRQ: 1\n"),
            ("0000:0a:00.0", "Model: NVIDIA A100\n"),
            ("0000:2c:00.0", ""),
        ] {
            let folder = driver.path().join(address);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("information"), information).unwrap();
        }
        assert_eq!(listed_by_driver(driver.path()), ["NVIDIA A100", "NVIDIA H200", "unknown model"]);
    }

    #[test]
    fn the_tool_writes_a_line_a_gpu() {
        assert_eq!(names("NVIDIA H200\nNVIDIA H200 \n\n"), ["NVIDIA H200", "NVIDIA H200"]);
        assert_eq!(names(""), Vec::<String>::new());
    }
}
