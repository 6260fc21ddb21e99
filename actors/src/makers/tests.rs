use super::{Makers, Making, SearchingMakers};
use crate::protocol::{BreedOrder, Individual, IndividualId, Maker, Newborn, News, Verdict};
use crate::testing;
use hatchery_config::experiment::Experiment;
use hatchery_config::vocabulary::SearchStrategy;
use hatchery_models::genome::LayerGene;
use std::collections::BTreeSet;
use std::sync::Arc;

fn makers(strategy: SearchStrategy) -> SearchingMakers {
    let text = "name = \"test\"\n[data]\nsource = \"digits\"\n";
    let mut experiment = Experiment::parse(text, "test", &[]).unwrap();
    experiment.search.strategy = strategy;
    SearchingMakers::of(&experiment, testing::run_info().problem)
}

fn order(birth: u64, maker: Maker) -> BreedOrder {
    BreedOrder { birth: IndividualId(birth), draw: 0, maker, expected: None }
}

fn individual(newborn: Newborn, id: u64, maker: Maker) -> Arc<Individual> {
    Arc::new(Individual {
        id: IndividualId(id),
        genome: newborn.genome,
        summary: newborn.summary,
        hash: newborn.hash,
        parents: newborn.parents,
        operation: newborn.operation,
        maker,
        parameters: newborn.parameters,
        multiply_adds: newborn.multiply_adds,
    })
}

/// Small learning rates are good, and so is depth.
fn loss(individual: &Individual) -> f64 {
    individual.genome.training.learning_rate + 1.0 / (1.0 + individual.genome.layers.len() as f64)
}

/// A network that is no textbook's.
fn random_one(seed: u64) -> Newborn {
    let mut makers = makers(SearchStrategy::Random);
    (makers.seed, makers.search.textbook) = (seed, 0);
    makers.mind(Maker::Breeder).make(&order(1, Maker::Breeder)).unwrap()
}

struct Life {
    minds: [Box<dyn Making>; 2],
    born: Vec<Arc<Individual>>,
    news: Vec<News>,
}

impl Life {
    fn new(makers: &SearchingMakers) -> Self {
        let minds = [makers.mind(Maker::Breeder), makers.mind(Maker::Refiner)];
        Self { minds, born: Vec::new(), news: Vec::new() }
    }

    fn hear(&mut self, news: News) {
        self.minds.iter_mut().for_each(|mind| mind.hear(&news));
        self.news.push(news);
    }

    fn bear(&mut self, maker: Maker) -> Arc<Individual> {
        let birth = self.born.len() as u64 + 1;
        let newborn = self.minds[usize::from(maker == Maker::Refiner)].make(&order(birth, maker)).unwrap();
        let individual = individual(newborn, birth, maker);
        self.born.push(Arc::clone(&individual));
        self.hear(News::Born(Arc::clone(&individual)));
        self.hear(News::Ended(individual.id, Verdict::Judged(vec![loss(&individual)])));
        individual
    }
}

#[test]
fn every_strategy_makes_new_networks_and_knows_their_parents() {
    for &strategy in SearchStrategy::ALL {
        let mut life = Life::new(&makers(strategy));
        (0..70).for_each(|_| drop(life.bear(Maker::Breeder)));
        let hashes: BTreeSet<&str> = life.born.iter().map(|one| one.hash.as_str()).collect();
        assert_eq!(hashes.len(), 70, "{strategy}");
        for one in &life.born {
            assert!(one.parents.iter().all(|parent| parent.0 < one.id.0), "{strategy}");
            assert!(!one.operation.is_empty() && one.parameters > 0);
        }
        let bred = life.born.iter().filter(|one| !one.parents.is_empty()).count();
        assert_eq!(bred == 0, strategy == SearchStrategy::Random, "{strategy}: {bred} have parents");
    }
}

#[test]
fn a_search_begins_with_textbook_networks_behind_the_users_own() {
    for &strategy in SearchStrategy::ALL {
        let mut life = Life::new(&makers(strategy));
        let users = random_one(7);
        life.hear(News::Born(individual(users, 1, Maker::User)));
        let made: Vec<Newborn> =
            (2..=9).map(|birth| life.minds[0].make(&order(birth, Maker::Breeder)).unwrap()).collect();
        let textbook = made.iter().filter(|one| one.operation.starts_with("textbook: ")).count();
        assert_eq!(textbook, 5, "{strategy}");
        assert!(
            made[..5].iter().all(|one| one.operation.starts_with("textbook: ") && one.parents.is_empty())
        );
        assert_ne!(made[0].hash, made[1].hash);
    }
}

#[test]
fn textbook_networks_are_an_eighth_of_a_small_budget_and_none_where_none_are_wanted() {
    let textbook = |evaluations, textbook| {
        let mut makers = makers(SearchStrategy::Random);
        (makers.evaluations, makers.search.textbook) = (evaluations, textbook);
        let mut breeder = makers.mind(Maker::Breeder);
        let made = (1..=10).map(|birth| breeder.make(&order(birth, Maker::Breeder)).unwrap());
        made.filter(|one| one.operation.starts_with("textbook: ")).count()
    };
    assert_eq!(
        [textbook(Some(16), 5), textbook(Some(7), 5), textbook(None, 3), textbook(None, 0)],
        [2, 0, 3, 0]
    );
}

#[test]
fn a_textbook_network_that_is_known_already_is_followed_by_a_question_to_the_strategy() {
    let mut breeder = makers(SearchStrategy::Random).mind(Maker::Breeder);
    let first = breeder.make(&order(1, Maker::Breeder)).unwrap();
    breeder.hear(&News::Vain(order(1, Maker::Breeder)));
    let again = BreedOrder { draw: 1, ..order(1, Maker::Breeder) };
    assert_eq!(
        (first.operation.starts_with("textbook"), breeder.make(&again).unwrap().operation.as_str()),
        (true, "random")
    );
}

#[test]
fn the_refiner_keeps_the_structure_of_one_of_the_best() {
    let mut life = Life::new(&makers(SearchStrategy::Hatchery));
    assert!(life.minds[1].make(&order(1, Maker::Refiner)).unwrap_err().contains("refined"));
    (0..12).for_each(|_| drop(life.bear(Maker::Breeder)));
    let kinds = |one: &Individual| one.genome.layers.iter().map(LayerGene::kind).collect::<Vec<_>>();
    for _ in 0..15 {
        let refined = life.bear(Maker::Refiner);
        assert!(refined.operation.starts_with("refine: "), "{}", refined.operation);
        let parent = &life.born[refined.parents[0].0 as usize - 1];
        assert_eq!(kinds(parent), kinds(&refined), "{}", refined.summary);
    }
}

#[test]
fn what_is_under_way_can_be_a_parent_by_its_curve_so_far() {
    for strategy in [SearchStrategy::Hatchery, SearchStrategy::Aging, SearchStrategy::Steady] {
        let mut life = Life::new(&makers(strategy));
        for birth in 1..=60 {
            let newborn = life.minds[0].make(&order(birth, Maker::Breeder)).unwrap();
            let individual = individual(newborn, birth, Maker::Breeder);
            life.born.push(Arc::clone(&individual));
            life.hear(News::Born(Arc::clone(&individual)));
            // The first few have ended; all others are half way through.
            life.hear(if birth <= 5 {
                News::Ended(individual.id, Verdict::Judged(vec![2.0 + loss(&individual)]))
            } else {
                News::UnderWay(individual.id, vec![loss(&individual)])
            });
        }
        let parents = life.born[40..].iter().flat_map(|one| &one.parents);
        let young = parents.filter(|parent| parent.0 > 5).count();
        assert!(young > 0, "{strategy}: nobody comes from who is under way");
    }
}

#[test]
fn what_was_heard_decides_what_is_made() {
    for &strategy in SearchStrategy::ALL {
        let makers = makers(strategy);
        let mut life = Life::new(&makers);
        (0..25).for_each(|_| drop(life.bear(Maker::Breeder)));
        let again = || {
            let mut minds = [Maker::Breeder, Maker::Refiner].map(|maker| makers.mind(maker));
            minds.iter_mut().for_each(|mind| life.news.iter().for_each(|news| mind.hear(news)));
            let [breeder, refiner] = &mut minds;
            [breeder.make(&order(26, Maker::Breeder)), refiner.make(&order(27, Maker::Refiner))]
        };
        assert_eq!(again(), again(), "{strategy}");
    }
}

#[test]
fn where_no_network_fits_every_strategy_says_so_after_a_search_or_two() {
    for &strategy in SearchStrategy::ALL {
        let text = "name = \"test\"\n[data]\nsource = \"digits\"\n[limits]\nparameters = 1\n";
        let mut experiment = Experiment::parse(text, "test", &[]).unwrap();
        experiment.search.strategy = strategy;
        let makers = SearchingMakers::of(&experiment, testing::run_info().problem);
        // What takes more than a few searches takes minutes.
        let refused = makers.mind(Maker::Breeder).make(&order(1, Maker::Breeder)).unwrap_err();
        assert!(refused.starts_with("no network fits the space and the limits: "), "{strategy}: {refused}");
        assert!(refused.contains("limits.parameters = 1"), "{strategy}: {refused}");
    }
}

#[test]
fn what_is_not_wanted_is_not_made_again() {
    let makers = makers(SearchStrategy::Hatchery);
    let mut breeder = makers.mind(Maker::Breeder);
    let mut seen = BTreeSet::new();
    for draw in 0..10 {
        let order = BreedOrder { draw, ..order(1, Maker::Breeder) };
        assert!(seen.insert(breeder.make(&order).unwrap().hash));
        breeder.hear(&News::Vain(order));
    }
}
