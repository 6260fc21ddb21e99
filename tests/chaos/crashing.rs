//! An evaluation that takes its worker process down each time: set aside with the evidence, and the search goes on.

use super::{
    common::{children, is_gone, signal},
    journal::Journal,
    scene::{Scene, call},
};
use rustix::process::Signal;
use std::time::Duration;

/// The evaluation that does it.
const VICTIM: i64 = 12;
/// As the preset says.
const CRASHES_MAX: i64 = 3;

/// The process that is at the evaluation.
fn at_it(scene: &Scene) -> Option<u32> {
    let journal = Journal::open(&scene.root())?;
    let query = "SELECT trainer FROM evaluations WHERE id = ?1 AND state = 'running'";
    let trainer: String = journal.cell(query, [VICTIM])?;
    let (node, _) = trainer.rsplit_once('/').unwrap();
    journal.cell("SELECT pid FROM workers WHERE node = ?1 ORDER BY id DESC LIMIT 1", [node])
}

#[test]
fn a_network_that_crashes_its_worker_is_set_aside_and_the_search_goes_on() {
    let scene = Scene::new();
    let evaluations = 30;
    let mut run = scene.run("run", &call("run", scene.options(evaluations, 20, &["--workers=2"])));
    while run.is_alive() {
        if let Some(pid) = at_it(&scene).filter(|pid| children(run.pid()).contains(pid)) {
            // The first segmentation fault that comes from outside is taken for one of the language's own making.
            while !is_gone(pid) && signal(pid, Signal::SEGV) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let done = scene.end("run", run).ok();
    scene.assert_whole(evaluations);
    let journal = scene.journal();
    let cell = |column: &str| {
        journal.cell::<String>(&format!("SELECT {column} FROM evaluations WHERE id = ?1"), [VICTIM]).unwrap()
    };
    let (outcome, message) = (cell("outcome"), cell("message"));
    eprintln!("{outcome}: {message}");
    assert_eq!(outcome, "crashed");
    assert!(message.contains("crashed 3 times") && message.contains("segmentation fault"), "{message}");
    let evidence = "SELECT count(*) FROM workers WHERE crashed = 1 AND evidence LIKE '%signal 11%'";
    assert_eq!(journal.cell::<i64>(evidence, []), Some(CRASHES_MAX), "{}", done.stdout);
    let others =
        "SELECT count(*) FROM evaluations WHERE kind = 'search' AND id != ?1 AND outcome = 'crashed'";
    assert_eq!(journal.cell::<i64>(others, [VICTIM]), Some(0), "nobody else is to blame");
    assert!(done.stdout.contains("1 crashed") && done.stdout.contains("incidents"), "{}", done.stdout);
}
