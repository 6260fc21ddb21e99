//! A small search with two workers that goes on until the test is done with it.

use super::common::{Living, children, wait_until};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::{TempDir, tempdir};

/// What a user's file may be called: a page must show it, and not run it.
pub const HOSTILE: &str = "<script>window.ran=true</script>.csv";

/// Small networks on a small table; time is limited, so that there is a time left to show.
const EXPERIMENT: &str = r#"
name = "watched"

[data]
source = "csv:<script>window.ran=true</script>.csv"
task = "classification"

[budget]
evaluations = 1_000_000
time = "1h"

[runtime]
threads = 1

[training]
epochs = 12

[space]
layers = ["dense", "normalisation", "dropout"]
depth = [1, 4]
"#;

/// A run in a folder of its own. All its processes end with it.
pub struct Scene {
    folder: TempDir,
    supervisor: Living,
}

impl Scene {
    pub fn start() -> Self {
        let folder = tempdir().unwrap();
        let data = folder.path().join(HOSTILE);
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(&data, rings()).unwrap();
        fs::write(folder.path().join("watched.toml"), EXPERIMENT).unwrap();
        let options = ["run", "watched.toml", "--workers=2", "--out=run", "--offline", "--quiet"];
        let supervisor = Living::start(folder.path(), &options);
        let mut scene = Self { folder, supervisor };
        wait_until("the run serves its page", || {
            assert!(scene.supervisor.is_alive(), "the run has ended");
            fs::read_to_string(scene.root().join("http")).is_ok_and(|text| text.ends_with('\n'))
        });
        scene
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Where its coordinator is to be asked, without a slash at the end.
    pub fn url(&self) -> String {
        let text = fs::read_to_string(self.root().join("http")).unwrap();
        text.trim().trim_end_matches('/').to_owned()
    }

    /// One of its workers: what it is called, and its process.
    pub fn worker(&self) -> (String, u32) {
        let name = |pid: u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let name = line.split('\0').find_map(|argument| argument.strip_prefix("--name="));
            name.map(|name| (name.to_owned(), pid))
        };
        let mut found = None;
        wait_until("a worker is there", || {
            found = children(self.supervisor.pid()).into_iter().find_map(name);
            found.is_some()
        });
        found.unwrap()
    }
}

/// A table of three rings about each other, which is learnt, but not by everybody.
fn rings() -> String {
    let mut text = String::from("x,y,ring\n");
    for sample in 0..600_u32 {
        let ring = sample % 3;
        let angle = f64::from(sample) * 0.7;
        let radius = f64::from(ring) + 0.9 * (f64::from(sample) * 0.37).sin();
        _ = writeln!(text, "{:.4},{:.4},ring{ring}", radius * angle.cos(), radius * angle.sin());
    }
    text
}

/// Whether a program can be started.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    let status =
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
