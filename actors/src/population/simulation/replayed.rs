//! What every world's journal must allow: that its decisions are made again, and come out the same. And that whoever
//! meddles with it is found out, at the event where he did.

use super::weather::Weather;
use super::world::World;
use crate::journal::{End, EventRecord, History};
use crate::makers::Makers;
use crate::population::settings::Settings;
use crate::replay::{Decision, Difference, ReplayError, Report, Rules, replay};
use crate::testing::Drawing;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn replayed(world: &World, history: &History) -> Report {
    let settings = |experiment: &str| Ok(world.weather.settings_of(world.seed, experiment));
    replay(history, &Rules { makers: &|_| Arc::new(world.makers()), settings: &settings }).unwrap()
}

pub(super) fn whole(world: &World) -> History {
    world.journal.history().unwrap()
}

#[test]
fn every_world_can_be_replayed() {
    let (mut lives, mut differences) = (0, Vec::new());
    let mut counts: BTreeMap<Decision, u32> = BTreeMap::new();
    for seed in 0..150 {
        let drawn = Weather::drawn(&mut ChaCha8Rng::seed_from_u64(seed));
        let weather = Weather { kills: drawn.kills.max(u32::from(seed % 3 == 0) * 2), ..drawn };
        let (_, _, world) = World::new(seed, weather).run();
        let report = replayed(&world, &whole(&world));
        lives += report.lives;
        differences.extend(report.differences.iter().map(|difference| format!("seed {seed}: {difference}")));
        for (decision, (made_again, _)) in report.counts() {
            *counts.entry(decision).or_default() += made_again;
        }
    }
    assert!(
        differences.is_empty(),
        "{}: {:#?}",
        differences.len(),
        &differences[..differences.len().min(10)]
    );
    assert!(lives > 200, "only {lives} lives: the test tests little");
    for decision in Decision::ALL {
        if !matches!(decision, Decision::Record | Decision::HandOut) {
            assert!(counts.get(&decision).is_some_and(|count| *count > 20), "{decision:?}: {counts:?}");
        }
    }
}

#[test]
fn a_run_that_is_under_way_can_be_replayed_at_any_moment() {
    let mut world = World::new(7, Weather { deaths: 0.1, ..Weather::fair(3) });
    let mut moments = 0;
    while world.brain.end().is_none() {
        world.step();
        if world.journal.history().unwrap().events.len() / 20 > moments {
            moments += 1;
            let report = replayed(&world, &whole(&world));
            assert!(report.is_identical(), "{:?}", report.differences);
        }
    }
    assert!(moments > 10, "{moments}");
}

#[test]
fn a_run_that_was_stopped_and_resumed_can_be_replayed() {
    let mut world = World::new(3, Weather::fair(3));
    while world.brain.snapshot(world.now).evaluations < 10 {
        world.step();
    }
    world.tell(crate::protocol::Event::Stop);
    assert_eq!(world.brain.end(), Some(&End::Interrupted));
    assert!(replayed(&world, &whole(&world)).is_identical());
    world.kill();
    let (_, _, world) = world.run();
    let report = replayed(&world, &whole(&world));
    assert!(report.is_identical(), "{:?}", report.differences);
    assert_eq!(report.lives, 2);
}

#[test]
fn more_than_all_curves_that_are_compared_with_are_no_matter() {
    // Of more curves than are kept, the oldest leave: by arrival, and after a resumption by number.
    let weather = Weather { evaluations: Some(320), kills: 3, ..Weather::fair(8) };
    let (_, _, world) = World::new(11, weather).run();
    let report = replayed(&world, &whole(&world));
    assert!(report.is_identical(), "{:?}", report.differences);
    assert!(report.counts()[&Decision::EarlyStop].0 > 20, "{:?}", report.counts());
}

/// A world in which everything happens that is replayed, its history, and nobody has meddled with it yet.
fn eventful() -> (World, History) {
    let weather = Weather { genomes: 60, failures: 0.0, deaths: 0.1, kills: 2, ..Weather::fair(3) };
    let (_, _, world) = World::new(5, weather).run();
    let history = whole(&world);
    assert!(replayed(&world, &history).is_identical());
    for kind in ["advised", "discarded", "weights_dropped", "resumed", "crowned", "tested", "lost"] {
        assert!(history.events.iter().any(|event| event.kind == kind), "no {kind}");
    }
    (world, history)
}

/// The middle one of the events of this kind that are `such`.
fn some_event<'a>(history: &'a History, kind: &str, such: impl Fn(&EventRecord) -> bool) -> &'a EventRecord {
    let all: Vec<_> = history.events.iter().filter(|event| event.kind == kind && such(event)).collect();
    all[all.len() / 2]
}

fn first(report: &Report) -> &Difference {
    report.differences.first().expect("nothing was noticed")
}

#[test]
fn whoever_meddles_with_an_event_is_found_out_there() {
    type Case = (&'static str, &'static str, &'static str, Decision);
    let cases: [Case; 11] = [
        ("ordered", "$.maker", "'user'", Decision::Order),
        ("born", "$.parents", "json('[2,1]')", Decision::Birth),
        ("born", "$.operation", "'another'", Decision::Birth),
        ("discarded", "$.hash", "'ffff'", Decision::Discard),
        ("advised", "$.mark", "0.123", Decision::EarlyStop),
        ("advised", "$.score", "0.001", Decision::EarlyStop),
        ("leased", "$.seed", "1", Decision::Seed),
        ("finished", "$.score", "0.999", Decision::Score),
        ("crowned", "$.retrained", "json('false')", Decision::Winner),
        ("tested", "$.score", "0.999", Decision::Test),
        ("staged", "$.stage", "'search'", Decision::Stage),
    ];
    for (kind, path, value, decision) in cases {
        let (world, history) = eventful();
        let such = |event: &EventRecord| kind != "ordered" || !event.detail.contains("\"cross\"");
        let number = some_event(&history, kind, such).number;
        let set = format!(
            "UPDATE log SET detail = json_set((SELECT detail FROM events WHERE number = {number}), '{path}', {value})
             WHERE number = {number}"
        );
        assert_eq!(world.journal.tamper(&set), 1);
        let report = replayed(&world, &whole(&world));
        let found = first(&report);
        assert_eq!((found.event, found.decision), (Some(number), decision), "{kind} {path}: {found}");
    }
}

#[test]
fn whoever_meddles_with_a_table_is_found_out_at_the_event_that_it_belongs_to() {
    let cases = [
        ("UPDATE networks SET hash = 'ffff' WHERE id = ?", "born"),
        ("UPDATE networks SET parents = '[1,2]' WHERE id = ?", "born"),
        ("UPDATE networks SET genome = (SELECT genome FROM networks WHERE id = 1) WHERE id = ?", "born"),
        ("UPDATE networks SET parameters = parameters + 1 WHERE id = ?", "born"),
        ("UPDATE trials SET score = 0.999 WHERE individual = ?", "finished"),
        ("UPDATE trials SET curve = replace(curve, '1.0', '2.0'), loss = 7 WHERE individual = ?", "finished"),
    ];
    for (statement, kind) in cases {
        let (world, history) = eventful();
        let born = some_event(&history, "born", |_| true).individual.unwrap();
        let search = history.record.evaluations_of(born).next().unwrap().id;
        assert!(world.journal.tamper(&statement.replace('?', &born.to_string())) >= 1);
        let wanted = history.events.iter().find(|event| {
            event.kind == kind && (event.individual == Some(born) || event.evaluation == Some(search))
        });
        let report = replayed(&world, &whole(&world));
        let found = first(&report);
        assert_eq!(found.event, wanted.map(|event| event.number), "{statement}: {found}");
    }
}

#[test]
fn events_taken_out_and_tables_changed_behind_their_back_are_noticed() {
    for (statement, event) in [
        ("DELETE FROM log WHERE kind = 'discarded'", true),
        ("DELETE FROM log WHERE kind = 'advised'", true),
        ("DELETE FROM weights WHERE evaluation = (SELECT evaluation FROM final_result)", false),
        ("UPDATE final_result SET test_score = 1", false),
        ("UPDATE trials SET attempt = attempt + 1 WHERE id = 3", false),
        ("UPDATE trials SET individual = 4 WHERE id = 3", false),
        ("UPDATE log SET kind = 'unheard_of' WHERE kind = 'weights_kept'", false),
        ("UPDATE log SET detail = 'no JSON' WHERE kind = 'crowned'", true),
        ("UPDATE run SET stage = 'final'", false),
    ] {
        let (world, _) = eventful();
        assert!(world.journal.tamper(statement) >= 1);
        let report = replayed(&world, &whole(&world));
        assert!(!report.is_identical(), "{statement}");
        assert!(first(&report).event.is_some() || !event, "{statement}: {}", first(&report));
    }
}

#[test]
fn another_seed_is_another_run() {
    let (world, history) = eventful();
    let settings = |_: &str| Ok(world.weather.settings(world.seed + 1));
    let makers = |settings: &Settings| -> Arc<dyn Makers> {
        Arc::new(Drawing { seed: settings.seed, ..world.makers() })
    };
    let report = replay(&history, &Rules { makers: &makers, settings: &settings }).unwrap();
    assert!(report.differences_count > 50);
    assert!(first(&report).event.is_some_and(|number| number < 10), "{}", first(&report));
}

#[test]
fn a_journal_without_its_begin_cannot_be_replayed() {
    let (world, _) = eventful();
    world.journal.tamper("DELETE FROM log WHERE kind = 'begun'");
    let settings = |_: &str| Ok(world.weather.settings(world.seed));
    let rules = Rules { makers: &|_| Arc::new(world.makers()), settings: &settings };
    assert_eq!(replay(&whole(&world), &rules), Err(ReplayError::Incomplete));
    let (world, _) = eventful();
    let settings = |_: &str| Err("no experiment".to_owned());
    let rules = Rules { makers: &|_| Arc::new(world.makers()), settings: &settings };
    assert!(matches!(replay(&whole(&world), &rules), Err(ReplayError::Experiment { event: 1, .. })));
}
