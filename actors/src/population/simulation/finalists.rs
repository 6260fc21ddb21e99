//! How far the comparison of the best is, as those see it who watch.

use super::world::{Weather, World};
use crate::journal::Stage;

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
