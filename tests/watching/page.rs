//! The page in a real browser: `src/dashboard/tests/browser/real.mjs` looks at it and uses it.

use super::scene::{HOSTILE, Scene, is_installed};
use std::{path::Path, process::Command};

/// How the script ends where there is no browser.
const NO_BROWSER: i32 = 77;

#[test]
fn a_run_is_watched_in_a_browser_and_a_worker_that_dies_shows_and_returns() {
    if !is_installed("node") {
        eprintln!("skipped: there is no node, so no browser is driven");
        return;
    }
    let scene = Scene::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard/tests/browser/real.mjs");
    let (name, pid) = scene.worker();
    let mut command = Command::new("node");
    command.arg(script).args([scene.url(), name, pid.to_string(), HOSTILE.to_owned()]);
    let output = command.current_dir(scene.folder()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    match output.status.code() {
        Some(0) => {}
        Some(NO_BROWSER) => eprintln!("skipped: there is no Chromium, so no browser looks at the page"),
        code => panic!("{code:?}: {said}"),
    }
}
