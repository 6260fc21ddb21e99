//! How far the comparison of the best is, as those see it who watch.

use super::super::settings::Settings;
use super::weather::Weather;
use super::world::World;
use crate::journal::{EvaluationRecord, RunRecord, Stage};
use crate::protocol::LeaseKind;
use hatchery_config::vocabulary::Refinement;

/// Far more than such a search takes.
const STEPS_MAX: usize = 100_000;

#[test]
fn finalists_are_counted_while_the_best_are_compared_and_only_then() {
    let mut world = World::new(3, Weather { evaluations: Some(20), failures: 0.0, ..Weather::fair(2) });
    let mut seen = Vec::new();
    for _ in 0..STEPS_MAX {
        if world.brain.end().is_some() {
            break;
        }
        let progress = world.brain.snapshot(world.now);
        assert_eq!(progress.finalists.is_some(), progress.stage == Stage::Crown, "{:?}", progress.stage);
        seen.extend(progress.finalists);
        world.step();
    }
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert!(first.ended == 0 && first.of >= 2, "{first:?}");
    assert!(
        seen.windows(2).all(|pair| pair[0].ended <= pair[1].ended && pair[0].of == pair[1].of),
        "{seen:?}"
    );
    assert!(last.ended > 0 && last.ended < last.of, "with the last, the next stage begins: {last:?}");
}

/// Everyone who was trained at full length, in a world without a limit of time.
fn compared(world: World) -> (RunRecord, Vec<EvaluationRecord>) {
    let (_, record, _) = world.run();
    let crowns = record.evaluations.iter().filter(|one| one.kind == LeaseKind::Crown).cloned().collect();
    (record, crowns)
}

fn untimed(seed: u64) -> World {
    World::new(seed, Weather { failures: 0.0, ..Weather::fair(3) })
}

fn is_regularised(one: &&EvaluationRecord) -> bool {
    one.individual.operation == "regularise"
}

#[test]
fn the_best_are_compared_in_a_regularised_form_too_and_that_can_win() {
    let (mut seen, mut won) = (0, 0);
    for seed in 0..20 {
        let (record, crowns) = compared(untimed(seed));
        let regularised = crowns.iter().filter(is_regularised).count();
        assert_eq!(crowns.len() - regularised, 4, "seed {seed}: the four best as they are");
        assert!(regularised <= 2, "seed {seed}: {regularised}");
        let best: Vec<_> = record.ranking().iter().take(4).map(|one| one.individual.id).collect();
        for one in crowns.iter().filter(is_regularised) {
            assert!(best.contains(&one.individual.parents[0]), "seed {seed}: {one:?}");
            assert_eq!(record.evaluations_of(one.individual.id).next().unwrap().kind, LeaseKind::Crown);
            seen += 1;
            won += u32::from(record.final_result.as_ref().unwrap().individual == one.individual.id);
        }
    }
    assert!(seen > 20 && won > 5, "{seen} were compared, {won} have won");
}

#[test]
fn where_time_is_left_the_best_are_trained_for_longer_than_full_length() {
    let longest = |time: Option<f64>, epochs_max: Option<u32>| {
        let weather = Weather { evaluations: Some(20), time, failures: 0.0, ..Weather::fair(3) };
        let mut world = World::new(1, weather);
        world.brain.settings.final_training.epochs_max = epochs_max;
        let (_, record, _) = world.run();
        let longest = |kind| {
            let own = record.evaluations.iter().filter(|one| one.kind == kind);
            own.map(|one| one.curve.len()).max().unwrap()
        };
        (longest(LeaseKind::Crown), longest(LeaseKind::Final))
    };
    assert_eq!(longest(Some(10_000.0), None), (10, 10));
    assert_eq!(longest(Some(10_000.0), Some(25)), (25, 25));
    let (crown, last) = longest(Some(150.0), Some(1000));
    assert!((11..1000).contains(&crown) && (11..1000).contains(&last), "{crown} and {last}: as time allows");
    assert_eq!(longest(None, Some(25)), (10, 10), "without a limit of time, as is said");
}

#[test]
fn nobody_is_regularised_without_the_refiner_for_a_short_training_or_against_the_users_wish() {
    let changes: [fn(&mut Settings); 3] = [
        |settings| settings.search.refiner = Refinement::Off,
        |settings| settings.final_training.epochs = 9,
        |settings| settings.final_training.regularised = 0,
    ];
    for change in changes {
        let mut world = untimed(1);
        change(&mut world.brain.settings);
        let (_, crowns) = compared(world);
        assert_eq!((crowns.len(), crowns.iter().filter(is_regularised).count()), (4, 0));
    }
    let (_, crowns) = compared(untimed(1));
    assert!(crowns.iter().filter(is_regularised).count() > 0, "else it tests nothing");
}
