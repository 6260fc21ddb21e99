#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]
//! The journal against cut-off runs, foreign and damaged files, other owners, and full disks.

use super::*;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind};
use crate::testing;
use hatchery_models::training::outcome::{EpochReport, Outcome, Weights};
use std::sync::Arc;
use tempfile::TempDir;

const TRAINER: &str = "node/0";

fn info() -> RunInfo {
    testing::run_info()
}

fn born(id: u64) -> Entry {
    let individual: Individual = testing::individual(id, &[]);
    Entry::Born(Arc::new(individual))
}

fn queued(id: u64) -> Entry {
    Entry::Queued { evaluation: EvaluationId(id), individual: IndividualId(id), kind: LeaseKind::Search }
}

fn leased(id: u64, attempt: u32) -> Entry {
    Entry::Leased {
        evaluation: EvaluationId(id),
        attempt,
        trainer: TRAINER.to_owned(),
        epochs: 4,
        seed: 7,
        inherits: None,
    }
}

fn finished(id: u64, attempt: u32, score: f64) -> Entry {
    Entry::Finished(Box::new(Finished {
        evaluation: EvaluationId(id),
        attempt,
        outcome: Outcome::Completed,
        score: Some(score),
        loss: Some(1.0 - score),
        curve: vec![EpochReport {
            epoch: 1,
            training_loss: 0.5,
            validation_loss: 0.25,
            validation_score: score,
            seconds: 1.0,
        }],
        seconds: 2.0,
        build_seconds: 0.5,
        latency_seconds: Some(0.001),
        steps: 10,
        images: 320,
        message: String::new(),
    }))
}

fn whole(id: u64, score: f64) -> [Entry; 4] {
    [born(id), queued(id), leased(id, 1), finished(id, 1, score)]
}

fn run_in(parent: &TempDir) -> (PathBuf, Journal) {
    let dir = parent.path().join("run");
    let journal = Journal::create(&dir, &info()).unwrap();
    (dir, journal)
}

#[test]
fn what_is_committed_is_read_back() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    let weights = Weights { parameters: vec![1.5, -2.0, f32::MIN_POSITIVE], statistics: vec![0.25] };
    journal.commit(1.0, &whole(1, 0.75)).unwrap();
    journal
        .commit(
            2.0,
            &[
                Entry::WeightsKept { evaluation: EvaluationId(1), weights: Arc::new(weights.clone()) },
                Entry::Staged { stage: Stage::Final, reason: "budget".into() },
                Entry::Crowned { individual: IndividualId(1), evaluation: EvaluationId(1), retrained: true },
                Entry::Tested { score: 0.5, loss: Some(0.6) },
                Entry::Ended { end: End::Completed },
            ],
        )
        .unwrap();
    let live = record::read(&dir).unwrap();
    assert_eq!(live, journal.record().unwrap());
    assert_eq!((live.info.clone(), live.elapsed_seconds, live.stage), (info(), 2.0, Stage::Final));
    assert_eq!(live.end, Some(End::Completed));
    let evaluation = &live.evaluations[0];
    assert_eq!(*evaluation.individual, testing::individual(1, &[]));
    assert_eq!((evaluation.score, evaluation.images, evaluation.has_weights), (Some(0.75), 320, true));
    assert_eq!(evaluation.curve[0].validation_score, 0.75);
    let last = live.final_result.as_ref().unwrap();
    assert_eq!((last.test_score, last.retrained, last.individual), (Some(0.5), true, IndividualId(1)));
    assert_eq!(record::weights(&dir, EvaluationId(1)).unwrap(), Some(weights));
    assert_eq!(record::weights(&dir, EvaluationId(2)).unwrap(), None);
    let events = record::events(&dir, 0, 100).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds[..6], ["begun", "born", "queued", "leased", "finished", "weights_kept"]);
    assert_eq!(record::events(&dir, events[3].number, 2).unwrap(), events[4..6]);
    let history = record::history(&dir).unwrap();
    assert_eq!((history.record, history.events), (live, events));
}

#[test]
fn weights_that_are_not_those_that_were_written_are_damage() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    journal.commit(1.0, &whole(1, 0.75)).unwrap();
    let weights = Arc::new(Weights { parameters: vec![1.5, -2.0], statistics: vec![0.25] });
    let evaluation = EvaluationId(1);
    journal.commit(2.0, &[Entry::WeightsKept { evaluation, weights: Arc::clone(&weights) }]).unwrap();
    let change = |sql: &str| assert_eq!(journal.connection.execute(sql, []).unwrap(), 1);
    change("UPDATE weights SET parameters = x'0000c03f000000c1'");
    let error = record::weights(&dir, evaluation).unwrap_err();
    assert!(error.to_string().contains("the weights of evaluation 1 are not those"), "{error}");
    change("UPDATE weights SET digest = NULL");
    let of_before = record::weights(&dir, evaluation).unwrap().unwrap();
    assert_eq!(of_before.parameters, [1.5, -8.0], "journals up to version 4 have no digests");
}

#[test]
fn weights_of_a_training_that_came_to_a_score_stand_for_a_network() {
    let parent = TempDir::new().unwrap();
    let (_, mut journal) = run_in(&parent);
    journal.commit(1.0, &whole(1, 0.75)).unwrap();
    let search = journal.record().unwrap().evaluations.remove(0);
    let later = |id, kind, outcome, score| EvaluationRecord {
        id: EvaluationId(id),
        kind,
        outcome: Some(outcome),
        score,
        has_weights: true,
        ..search.clone()
    };
    let kept = EvaluationRecord { has_weights: true, ..search.clone() };
    let crown = later(2, LeaseKind::Crown, Outcome::Completed, Some(0.8));
    let hopeless = later(3, LeaseKind::Crown, Outcome::Degenerate, None);
    let last = later(4, LeaseKind::Final, Outcome::Completed, None);
    let diverged = later(5, LeaseKind::Final, Outcome::Diverged, None);
    let chosen = |own: &[&EvaluationRecord]| {
        EvaluationRecord::weightiest(own.iter().copied()).map(|evaluation| evaluation.id.0)
    };
    assert_eq!(chosen(&[&search]), None, "no weights were kept");
    assert_eq!(chosen(&[&kept, &crown]), Some(2));
    assert_eq!(chosen(&[&kept, &hopeless]), Some(1), "a training without a score stands for nothing");
    assert_eq!(chosen(&[&kept, &crown, &last]), Some(4), "nothing is left to score the final training on");
    assert_eq!(chosen(&[&kept, &crown, &diverged]), Some(2));
}

#[test]
fn a_copy_of_the_files_of_a_running_run_can_be_resumed() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    for id in 1..=20 {
        journal.commit(id as f64, &whole(id, 0.5)).unwrap();
    }
    journal.commit(21.0, &[born(21), queued(21), leased(21, 1)]).unwrap();
    // What a kill -9 leaves: the files as they lie, with the log not folded in.
    let copy = parent.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        std::fs::copy(dir.join(name), copy.join(name)).unwrap();
    }
    let mut resumed = Journal::resume(&copy).unwrap();
    assert_eq!(resumed.record().unwrap(), journal.record().unwrap());
    resumed
        .commit(
            22.0,
            &[
                Entry::Lost { evaluation: EvaluationId(21), attempt: 1, reason: "killed".into() },
                leased(21, 2),
                finished(21, 2, 0.9),
            ],
        )
        .unwrap();
    let evaluation = &resumed.record().unwrap().evaluations[20];
    assert_eq!((evaluation.attempt, evaluation.losses, evaluation.score), (2, 1, Some(0.9)));
}

#[test]
fn a_log_cut_off_anywhere_keeps_whole_batches_only() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    for id in 1..=10 {
        journal.commit(id as f64, &whole(id, 0.5)).unwrap();
    }
    let log = std::fs::read(dir.join("journal.sqlite-wal")).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for (number, cut) in (0..log.len()).step_by(log.len() / 40).enumerate() {
        let copy = parent.path().join(format!("cut-{number}"));
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(dir.join("journal.sqlite"), copy.join("journal.sqlite")).unwrap();
        std::fs::write(copy.join("journal.sqlite-wal"), &log[..cut]).unwrap();
        match Journal::resume(&copy) {
            Ok(resumed) => {
                let record = resumed.record().unwrap();
                assert!(record.evaluations.iter().all(|e| e.state == EvaluationState::Finished));
                assert_eq!(record.individuals.len(), record.evaluations.len());
                seen.insert(record.evaluations.len());
            }
            // Cut before the run itself was recorded.
            Err(error) => assert!(matches!(error, JournalError::Corrupt { .. }), "{error}"),
        }
    }
    assert!(seen.len() > 5, "the cuts fall between batches: {seen:?}");
}

#[test]
fn entries_that_contradict_the_record_are_refused_whole() {
    let parent = TempDir::new().unwrap();
    let (_, mut journal) = run_in(&parent);
    journal.commit(1.0, &whole(1, 0.5)).unwrap();
    journal.commit(1.0, &[born(2), queued(2), leased(2, 1)]).unwrap();
    let before = journal.record().unwrap();
    let wrong: [&[Entry]; 7] = [
        &[finished(1, 1, 0.9)],
        &[finished(2, 2, 0.9)],
        &[born(3), queued(3), leased(3, 1), leased(3, 2)],
        &[leased(2, 2)],
        &[Entry::Tested { score: 0.5, loss: None }],
        &[queued(9)],
        &[Entry::Lost { evaluation: EvaluationId(2), attempt: 2, reason: String::new() }],
    ];
    for entries in wrong {
        let error = journal.commit(2.0, entries).unwrap_err();
        assert!(matches!(error, JournalError::Contradiction { .. }), "{entries:?}: {error}");
        assert_eq!(journal.record().unwrap(), before);
    }
    let mut twin = testing::individual(4, &[]);
    twin.hash = testing::individual(1, &[]).hash;
    assert!(journal.commit(2.0, &[Entry::Born(Arc::new(twin))]).is_err(), "a structural hash occurs once");
}

#[test]
fn the_winner_is_tested_once() {
    let parent = TempDir::new().unwrap();
    let (_, mut journal) = run_in(&parent);
    let crowned =
        Entry::Crowned { individual: IndividualId(1), evaluation: EvaluationId(1), retrained: false };
    let tested = Entry::Tested { score: 0.5, loss: None };
    journal.commit(1.0, &whole(1, 0.5)).unwrap();
    journal.commit(1.0, &[crowned.clone(), tested.clone()]).unwrap();
    assert!(journal.commit(1.0, &[tested]).is_err());
    assert!(journal.commit(1.0, &[crowned]).is_err());
}

#[test]
fn a_run_directory_has_one_owner() {
    let parent = TempDir::new().unwrap();
    let (dir, journal) = run_in(&parent);
    let mine = Some(std::process::id());
    for error in [Journal::resume(&dir).unwrap_err(), Journal::create(&dir, &info()).unwrap_err()] {
        assert!(matches!(&error, JournalError::InUse { pid, .. } if *pid == mine), "{error}");
        assert!(error.to_string().contains(&std::process::id().to_string()));
    }
    assert_eq!(lock::holder(&dir), Some(mine));
    drop(journal);
    assert_eq!(lock::holder(&dir), None);
    Journal::resume(&dir).unwrap();
}

#[test]
fn a_new_run_harms_nothing_that_is_there() {
    let parent = TempDir::new().unwrap();
    let (dir, journal) = run_in(&parent);
    drop(journal);
    assert!(matches!(Journal::create(&dir, &info()), Err(JournalError::Exists { .. })));
    let other = parent.path().join("photos");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("cat.png"), "meow").unwrap();
    assert!(matches!(Journal::create(&other, &info()), Err(JournalError::Exists { .. })));
    assert!(matches!(Journal::create(&other.join("cat.png"), &info()), Err(JournalError::Exists { .. })));
    assert!(matches!(Journal::resume(&other), Err(JournalError::Missing { .. })));
    assert!(matches!(record::read(&parent.path().join("nowhere")), Err(JournalError::Missing { .. })));
    let logged = parent.path().join("logged");
    std::fs::create_dir_all(logged.join("log")).unwrap();
    Journal::create(&logged, &info()).unwrap();
}

#[test]
fn damaged_and_foreign_files_are_named() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    for id in 1..=200 {
        journal.commit(id as f64, &whole(id, 0.5)).unwrap();
    }
    drop(journal);
    let path = dir.join(JOURNAL_FILE);
    let sound = std::fs::read(&path).unwrap();
    let mut torn = sound.clone();
    for byte in &mut torn[4096..sound.len() / 2] {
        *byte = 0xa5;
    }
    let truncated = sound[..sound.len() / 2].to_vec();
    let text = b"this is no database, only a text that is a little longer than a header of a hundred bytes .........".to_vec();
    for (what, bytes) in [("torn", torn), ("truncated", truncated), ("text", text), ("empty", Vec::new())] {
        std::fs::write(&path, bytes).unwrap();
        let error = Journal::resume(&dir).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{what}: {error}");
        assert!(error.to_string().contains("journal.sqlite"), "{what}: {error}");
    }
    std::fs::write(&path, sound).unwrap();
    assert_eq!(Journal::resume(&dir).unwrap().record().unwrap().evaluations.len(), 200);
}

#[test]
fn another_schema_version_is_refused() {
    let parent = TempDir::new().unwrap();
    let (dir, journal) = run_in(&parent);
    drop(journal);
    let connection = Connection::open(dir.join(JOURNAL_FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for error in [Journal::resume(&dir).unwrap_err(), record::read(&dir).unwrap_err()] {
        assert!(
            matches!(error, JournalError::WrongVersion { found: 99, expected: schema::SCHEMA_VERSION, .. }),
            "{error}"
        );
    }
}

/// The tables as versions up to 3 had them, filled from the views of the same names.
const BACK_TO_VERSION_3: &str = "
CREATE TABLE old_individuals (id INTEGER PRIMARY KEY, genome TEXT NOT NULL, summary TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE, parents TEXT NOT NULL, operation TEXT NOT NULL, maker TEXT NOT NULL,
    parameters INTEGER NOT NULL, multiply_adds INTEGER NOT NULL, born_ms INTEGER NOT NULL);
INSERT INTO old_individuals SELECT * FROM individuals;
CREATE TABLE old_evaluations (id INTEGER PRIMARY KEY, individual INTEGER NOT NULL REFERENCES old_individuals (id),
    kind TEXT NOT NULL, epochs INTEGER NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
    losses INTEGER NOT NULL, trainer TEXT, outcome TEXT, score REAL, loss REAL, curve TEXT, seconds REAL,
    build_seconds REAL, steps INTEGER, images INTEGER, message TEXT, queued_ms INTEGER NOT NULL, started_ms INTEGER,
    finished_ms INTEGER, latency_s REAL, inherits INTEGER);
INSERT INTO old_evaluations SELECT * FROM evaluations;
CREATE TABLE old_events (number INTEGER PRIMARY KEY AUTOINCREMENT, unix_ms INTEGER NOT NULL, elapsed_s REAL NOT NULL,
    kind TEXT NOT NULL, evaluation INTEGER, individual INTEGER, detail TEXT NOT NULL);
INSERT INTO old_events SELECT * FROM events;
DROP VIEW individuals; DROP VIEW evaluations; DROP VIEW events;
DROP TABLE final_result; DROP TABLE weights; DROP TABLE trials; DROP TABLE networks; DROP TABLE log; DROP TABLE moments;
ALTER TABLE old_individuals RENAME TO individuals;
ALTER TABLE old_evaluations RENAME TO evaluations;
ALTER TABLE old_events RENAME TO events;
CREATE TABLE weights (evaluation INTEGER PRIMARY KEY REFERENCES evaluations (id), parameters BLOB NOT NULL,
    statistics BLOB NOT NULL);
CREATE TABLE final_result (id INTEGER PRIMARY KEY CHECK (id = 1), individual INTEGER NOT NULL REFERENCES individuals (id),
    evaluation INTEGER NOT NULL REFERENCES evaluations (id), retrained INTEGER NOT NULL, crowned_ms INTEGER NOT NULL,
    test_score REAL, test_loss REAL, tested_ms INTEGER);
";

/// What SQLite's own tools show.
#[test]
fn the_views_say_in_full_what_the_tables_say_in_short() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    let mut genuine = testing::individual(1, &[]);
    genuine.hash = "0123456789abcdef".repeat(4);
    let entries = [&[Entry::Born(Arc::new(genuine.clone()))], &whole(1, 0.5)[1..]].concat();
    journal.commit(1.0, &entries).unwrap();
    let cell = |query: &str| journal.connection.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(cell("SELECT genome FROM individuals"), genuine.genome.json());
    assert!(cell("SELECT genome FROM networks").len() < cell("SELECT genome FROM individuals").len());
    assert_eq!(cell("SELECT hash FROM individuals"), genuine.hash);
    assert_eq!(cell("SELECT json_extract(curve, '$[0].validation_score') || '' FROM evaluations"), "0.5");
    for event in record::events(&dir, 0, 100).unwrap() {
        let shown = cell(&format!("SELECT detail FROM events WHERE number = {}", event.number));
        let of = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(of(&shown), of(&event.detail), "{}", event.kind);
    }
    assert_eq!(journal.record().unwrap().individuals, [Arc::new(genuine)]);
}

/// Kinds and subjects of all milestones, read by pages of so many events.
fn milestones(dir: &Path, page: u32) -> Vec<(i64, String, Option<EvaluationId>, Option<IndividualId>)> {
    let reader = Reader::open(dir).unwrap();
    let (mut found, mut last) = (Vec::new(), 0);
    loop {
        let milestones = reader.milestones(last, page).unwrap();
        found.extend(milestones.events.into_iter().map(|event| {
            let EventRecord { number, kind, evaluation, individual, .. } = event;
            (number, kind, evaluation, individual)
        }));
        assert!(milestones.last > last || !milestones.is_full);
        last = milestones.last;
        if !milestones.is_full {
            return found;
        }
    }
}

/// The events that somebody counts, among all.
fn counted(events: &[EventRecord]) -> Vec<(i64, String, Option<EvaluationId>, Option<IndividualId>)> {
    let counts = |event: &&EventRecord| !matches!(event.kind.as_str(), "ordered" | "leased" | "weights_kept");
    let parts = |event: &EventRecord| (event.number, event.kind.clone(), event.evaluation, event.individual);
    let found: Vec<_> = events.iter().filter(counts).map(parts).collect();
    assert!(found.len() < events.len());
    found
}

#[test]
fn journals_of_older_versions_are_read_as_they_are_and_brought_up_to_date_when_they_go_on() {
    for older in [1, 2, 3] {
        let parent = TempDir::new().unwrap();
        let (dir, mut journal) = run_in(&parent);
        journal.commit(1.0, &whole(1, 0.5)).unwrap();
        journal.commit(1.5, &[born(3), queued(3), leased(3, 1)]).unwrap();
        let events = journal.history().unwrap().events;
        drop(journal);
        let connection = Connection::open(dir.join(JOURNAL_FILE)).unwrap();
        connection.execute_batch(BACK_TO_VERSION_3).unwrap();
        if older < 3 {
            let columns =
                "ALTER TABLE evaluations DROP COLUMN latency_s; ALTER TABLE evaluations DROP COLUMN inherits;
                 ALTER TABLE individuals DROP COLUMN maker;";
            connection.execute_batch(columns).unwrap();
        }
        if older == 1 {
            connection.execute_batch("DROP TABLE workers").unwrap();
        }
        connection.pragma_update(None, "user_version", older).unwrap();
        drop(connection);
        let history = record::history(&dir).unwrap();
        let (read, old_events) = (history.record, history.events);
        let latency = Some(0.001).filter(|_| older == 3);
        assert_eq!((read.evaluations[0].score, read.evaluations[0].latency_seconds), (Some(0.5), latency));
        assert_eq!(record::events(&dir, 1, 3).unwrap(), old_events[1..4]);
        assert_eq!(milestones(&dir, 4), counted(&old_events));
        let mut journal = Journal::resume(&dir).unwrap();
        assert_eq!(journal.record().unwrap().evaluations, read.evaluations);
        assert_eq!(journal.history().unwrap().events, old_events, "nothing that was said is said otherwise");
        let happened = |events: &[EventRecord]| -> Vec<Happened> {
            events.iter().map(|event| event.happened().unwrap()).collect()
        };
        assert_eq!(happened(&old_events), happened(&events));
        assert_eq!(milestones(&dir, 4), counted(&events));
        let twin = Entry::Born(Arc::new(Individual { id: IndividualId(9), ..testing::individual(1, &[]) }));
        assert!(journal.commit(2.0, &[twin]).is_err(), "a structural hash occurs once");
        let inherits = Some(EvaluationId(1));
        let Entry::Leased { evaluation, attempt, trainer, epochs, seed, .. } = leased(2, 1) else { panic!() };
        let heir = Entry::Leased { evaluation, attempt, trainer, epochs, seed, inherits };
        journal.commit(2.0, &[born(2), queued(2), heir, finished(2, 1, 0.6)]).unwrap();
        let record = journal.record().unwrap();
        let heir = record.evaluations.iter().find(|of| of.id == EvaluationId(2)).unwrap();
        assert_eq!((heir.latency_seconds, heir.inherits), (Some(0.001), inherits));
        drop(journal);
        assert_eq!(workers::workers(&dir).unwrap(), []);
    }
}

#[test]
fn a_full_disk_records_nothing_and_passes() {
    let parent = TempDir::new().unwrap();
    let (_, mut journal) = run_in(&parent);
    journal.commit(1.0, &whole(1, 0.5)).unwrap();
    journal.limit_pages(journal.pages() + 4);
    let weights = Arc::new(Weights { parameters: vec![1.0; 1 << 16], statistics: Vec::new() });
    let batch = [born(2), queued(2), Entry::WeightsKept { evaluation: EvaluationId(2), weights }];
    let before = journal.record().unwrap();
    let error = journal.commit(2.0, &batch).unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }) && error.may_pass(), "{error}");
    assert_eq!(journal.record().unwrap(), before);
    journal.limit_pages(1 << 20);
    journal.commit(2.0, &batch).unwrap();
    assert!(journal.record().unwrap().evaluations[1].has_weights);
}

#[test]
fn a_directory_that_has_gone_records_nothing() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    journal.commit(1.0, &whole(1, 0.5)).unwrap();
    let before = journal.record().unwrap();
    let elsewhere = parent.path().join("elsewhere");
    std::fs::rename(&dir, &elsewhere).unwrap();
    let error = journal.commit(2.0, &[born(2), queued(2)]).unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("put it back"), "{error}");
    std::fs::rename(&elsewhere, &dir).unwrap();
    assert_eq!(journal.record().unwrap(), before);
    journal.commit(2.0, &[born(2), queued(2)]).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let error = journal.commit(3.0, &[born(3), queued(3)]).unwrap_err();
    assert!(!error.may_pass() && error.to_string().contains("deleted"), "{error}");
}

#[test]
fn a_directory_without_rights_is_named() {
    let parent = TempDir::new().unwrap();
    let (dir, journal) = run_in(&parent);
    drop(journal);
    let before = std::fs::metadata(&dir).unwrap().permissions();
    let mut rights = before.clone();
    rights.set_readonly(true);
    std::fs::set_permissions(&dir, rights).unwrap();
    std::fs::remove_file(dir.join("run.lock")).ok();
    if std::fs::write(dir.join("probe"), "x").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let errors =
        (Journal::resume(&dir).unwrap_err(), Journal::create(&dir.join("new"), &info()).unwrap_err());
    let read = record::read(&dir).map(|record| record.evaluations);
    std::fs::set_permissions(&dir, before).unwrap();
    assert!(matches!(errors, (JournalError::ReadOnly { .. }, JournalError::ReadOnly { .. })), "{errors:?}");
    assert_eq!(read.unwrap(), Vec::new());
}

#[test]
fn a_run_cannot_be_put_where_the_system_refuses() {
    let dir = Path::new("/sys/hatchery-test-run");
    if !Path::new("/sys/kernel").exists() {
        println!("skipped: no /sys here");
        return;
    }
    let error = Journal::create(dir, &info()).unwrap_err();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error}");
}

#[test]
fn ten_thousand_evaluations_fit() {
    let parent = TempDir::new().unwrap();
    let (dir, mut journal) = run_in(&parent);
    let ids: Vec<u64> = (1..=10_000).collect();
    for chunk in ids.chunks(100) {
        let entries: Vec<Entry> = chunk.iter().flat_map(|&id| whole(id, id as f64 / 10_000.0)).collect();
        journal.commit(chunk[0] as f64, &entries).unwrap();
    }
    let record = record::read(&dir).unwrap();
    assert_eq!(record.evaluations.len(), 10_000);
    assert_eq!(record.ranking()[0].id, EvaluationId(10_000));
    assert_eq!(record.outcomes(), vec![(Outcome::Completed, 10_000)]);
    assert_eq!(record.individual(IndividualId(77)).unwrap().id, IndividualId(77));
}

#[tokio::test]
async fn the_writer_gives_entries_back_that_it_could_not_record() {
    let parent = TempDir::new().unwrap();
    let (dir, journal) = run_in(&parent);
    let writer = writer::JournalWriter::start(journal).unwrap();
    writer.commit(1.0, whole(1, 0.5).to_vec()).await.unwrap();
    let (error, entries) = writer.commit(2.0, vec![finished(1, 1, 0.6)]).await.unwrap_err();
    assert!(matches!(error, JournalError::Contradiction { .. }));
    assert_eq!(entries, vec![finished(1, 1, 0.6)]);
    drop(writer);
    assert!(!dir.join("journal.sqlite-wal").exists(), "the log is folded in at the end");
    assert_eq!(record::read(&dir).unwrap().evaluations[0].score, Some(0.5));
}

#[test]
fn a_disk_full_at_the_begin_leaves_a_directory_to_begin_in() {
    let parent = TempDir::new().unwrap();
    let (absent, empty) = (parent.path().join("absent"), parent.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    for dir in [&absent, &empty] {
        let full = |connection: &Connection| {
            connection.pragma_update(None, "max_page_count", 3).unwrap();
        };
        let error = Journal::create_with(dir, &info(), full).unwrap_err();
        assert!(matches!(error, JournalError::FullAtBegin { .. }), "{error}");
        assert!(!error.to_string().contains("--resume"), "{error}");
    }
    assert!(!absent.exists(), "what was created is removed");
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
    Journal::create(&empty, &info()).unwrap();
}

/// Names in the first column of the table under this heading of docs/JOURNAL.md.
fn documented_columns(heading: &str) -> Vec<String> {
    let page = include_str!("../../../docs/JOURNAL.md");
    let (_, section) = page.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_column_of_the_views_is_documented_and_no_other() {
    let dir = TempDir::new().unwrap();
    drop(Journal::create(dir.path(), &info()).unwrap());
    let (connection, _) = record::open(dir.path()).unwrap();
    for view in ["individuals", "evaluations", "events"] {
        let statement = connection.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns: Vec<&str> = statement.column_names().collect();
        assert_eq!(documented_columns(view), columns, "docs/JOURNAL.md, {view}");
    }
}
