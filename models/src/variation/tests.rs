//! Offspring in bulk: whatever is drawn is viable, within bounds, canonical, and follows from the seed.
#![expect(clippy::print_stdout, reason = "property tests say their seeds")]

use super::{Habitat, Offspring, crossover, mutate, plausible, random, settle, textbook, within_bounds};
use crate::{
    data::Normalisation,
    expression::{
        Feed, Weights, blueprint, evaluation, inference, initial_parameters, initial_statistics,
        training_step, viable,
    },
    genome::{
        Genome, LayerGene, Pool, canonical,
        numeric::{coordinates, with_coordinates},
        structural_hash,
    },
    graph::ElementType,
    problem::{Problem, Task},
};
use hatchery_config::{
    experiment::Limits,
    space::{Range, Space},
    vocabulary::{Activation, LayerKind, Norm, Optimizer, Padding},
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashSet};

/// Offspring drawn in all.
const OFFSPRING: usize = 100_000;
/// Parents kept at a time.
const POPULATION: usize = 30;

struct Case {
    name: &'static str,
    space: Space,
    problem: Problem,
    limits: Limits,
}

fn problem(channels: u32, height: u32, width: u32, task: Task) -> Problem {
    Problem { channels, height, width, multi_view: false, task }
}

const TEN: Task = Task::Classification { classes: 10 };

fn narrow_space() -> Space {
    Space {
        layers: vec![LayerKind::Convolution, LayerKind::MaxPool, LayerKind::Dense, LayerKind::Dropout],
        depth: Range { min: 3, max: 6 },
        filters: Range { min: 4, max: 24 },
        kernel: Range { min: 2, max: 5 },
        padding: vec![Padding::Valid],
        depthwise: false,
        activations: vec![Activation::Relu],
        norms: vec![Norm::None],
        optimizers: vec![Optimizer::Sgd, Optimizer::Momentum],
        batch_size: vec![32],
        ..Space::default()
    }
}

fn wide_space() -> Space {
    Space {
        depth: Range { min: 1, max: 24 },
        filters: Range { min: 3, max: 500 },
        kernel: Range { min: 1, max: 11 },
        stride: Range { min: 1, max: 4 },
        dilation: Range { min: 1, max: 4 },
        groups: vec![1, 2, 3, 8],
        pool_kernel: Range { min: 1, max: 5 },
        pool_stride: Range { min: 1, max: 5 },
        units: Range { min: 1, max: 2000 },
        dropout: Range { min: 0.0, max: 0.9 },
        momentum: Range { min: 0.0, max: 0.99 },
        gradient_clip: Range { min: 0.01, max: 5.0 },
        weight_decay: Range { min: 1e-6, max: 1.0 },
        batch_size: vec![1, 8, 50, 500],
        flip: true,
        ..Space::default()
    }
}

fn cases() -> Vec<Case> {
    let limits = Limits::default();
    let case = |name, space, problem| Case { name, space, problem, limits: limits.clone() };
    let views = Problem { multi_view: true, ..problem(2, 100, 80, Task::Classification { classes: 8 }) };
    vec![
        case("8x8 grey", Space::default(), problem(1, 8, 8, TEN)),
        case("28x28 grey", Space::default(), problem(1, 28, 28, TEN)),
        case("32x32 colour", Space { flip: true, ..Space::default() }, problem(3, 32, 32, TEN)),
        case("table", Space::default(), problem(10, 1, 1, Task::Classification { classes: 2 })),
        case("two views", Space::default(), views),
        case("image regression", Space::default(), problem(1, 16, 24, Task::Regression { targets: 3 })),
        case("table regression", Space::default(), problem(13, 1, 1, Task::Regression { targets: 1 })),
        case("narrow space", narrow_space(), problem(1, 28, 28, TEN)),
        case("wide space", wide_space(), problem(3, 32, 32, Task::Classification { classes: 100 })),
        case("a row of pixels", Space::default(), problem(4, 1, 128, Task::Classification { classes: 3 })),
        Case {
            limits: Limits { parameters: 5_000, multiply_adds: 60_000, memory_mib: 8, ..Limits::default() },
            ..case("tight limits", Space::default(), problem(1, 12, 12, TEN))
        },
    ]
}

/// Breeds from a seed and hands every offspring, with how it came about, to `each`.
fn breed(case: &Case, count: usize, seed: u64, mut each: impl FnMut(&Offspring)) {
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut population: Vec<Genome> = Vec::with_capacity(POPULATION);
    for index in 0..count {
        let offspring = next(&habitat, &population, &mut rng);
        let offspring = offspring.unwrap_or_else(|barren| panic!("{}: seed {seed}: {barren}", case.name));
        each(&offspring);
        if population.len() < POPULATION {
            population.push(offspring.genome);
        } else {
            population[index % POPULATION] = offspring.genome;
        }
    }
}

fn next(
    habitat: &Habitat<'_>,
    population: &[Genome],
    rng: &mut impl Rng,
) -> Result<Offspring, super::Barren> {
    let draw = rng.random::<f64>();
    if population.len() < 10 || draw < 0.15 {
        return random(habitat, rng);
    }
    let parent = rng.random_range(0..population.len());
    if draw < 0.65 {
        return mutate(&population[parent], habitat, rng);
    }
    let other = rng.random_range(0..population.len());
    crossover(&population[parent], &population[other], habitat, rng)
}

fn assert_sound(case: &Case, offspring: &Offspring, context: &str) {
    let genome = &offspring.genome;
    let told = || format!("{context}: {} ({})", genome, offspring.operation);
    match viable(genome, &case.problem, &case.limits) {
        Ok(estimate) => assert_eq!(estimate, offspring.estimate, "{}", told()),
        Err(reason) => panic!("{}: not viable: {reason}", told()),
    }
    if let Err(reason) = within_bounds(genome, &case.space, &case.problem) {
        panic!("{}: out of bounds: {reason}", told());
    }
    assert_eq!(*genome, canonical(genome), "{}: not canonical", told());
    assert_eq!(*genome, settle(genome, &case.space, &case.problem), "{}: not settled", told());
    assert!(!offspring.operation.is_empty(), "{}: without words", told());
}

#[test]
fn offspring_are_viable_within_bounds_and_canonical() {
    let cases = cases();
    let each = OFFSPRING.div_ceil(cases.len());
    for (number, case) in cases.iter().enumerate() {
        let seed = 1000 + number as u64;
        println!("{}: seed {seed}", case.name);
        let (mut index, mut implausible) = (0, 0);
        breed(case, each, seed, |offspring| {
            assert_sound(case, offspring, &format!("{}, seed {seed}, offspring {index}", case.name));
            let blueprint = blueprint(&offspring.genome, &case.problem).unwrap();
            implausible += usize::from(plausible(&offspring.genome, &blueprint).is_err());
            index += 1;
        });
        assert_eq!(implausible, 0, "{}: implausible offspring of {each}", case.name);
    }
}

#[test]
fn textbook_designs_are_sound_and_distinct() {
    for case in cases() {
        let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
        let designs: Vec<Offspring> = (0..).map_while(|number| textbook(&habitat, number)).collect();
        for design in &designs {
            assert_sound(&case, design, &format!("{}, textbook", case.name));
        }
        let hashes: HashSet<String> =
            designs.iter().map(|one| structural_hash(&one.genome).to_string()).collect();
        assert_eq!(hashes.len(), designs.len(), "{}", case.name);
        // What is one pixel high is not pooled, and few designs can be as small as the tightest limits.
        let least = if ["a row of pixels", "tight limits"].contains(&case.name) { 1 } else { 3 };
        assert!(designs.len() >= least, "{}: {} designs", case.name, designs.len());
    }
}

/// A space that has lost some of its words, and parts of its ranges.
fn drawn_space(rng: &mut ChaCha8Rng) -> Space {
    fn some<T: Copy>(words: &[T], rng: &mut ChaCha8Rng) -> Vec<T> {
        let kept: Vec<T> = words.iter().copied().filter(|_| rng.random_bool(0.6)).collect();
        if kept.is_empty() { words[..1].to_vec() } else { kept }
    }
    fn part(range: Range<u32>, rng: &mut ChaCha8Rng) -> Range<u32> {
        let min = rng.random_range(range.min..=range.max);
        Range { min, max: rng.random_range(min..=range.max) }
    }
    let whole = if rng.random_bool(0.5) { wide_space() } else { Space::default() };
    Space {
        layers: some(&whole.layers, rng),
        depth: part(whole.depth, rng),
        filters: part(whole.filters, rng),
        kernel: part(whole.kernel, rng),
        stride: part(whole.stride, rng),
        dilation: part(whole.dilation, rng),
        padding: some(&whole.padding, rng),
        pool_kernel: part(whole.pool_kernel, rng),
        pool_stride: part(whole.pool_stride, rng),
        units: part(whole.units, rng),
        activations: some(&whole.activations, rng),
        norms: some(&whole.norms, rng),
        optimizers: some(&whole.optimizers, rng),
        schedules: some(&whole.schedules, rng),
        initializers: some(&whole.initializers, rng),
        batch_size: some(&whole.batch_size, rng),
        shift: part(whole.shift, rng),
        ..whole
    }
}

#[test]
fn textbook_designs_keep_to_any_space() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut designs, cases) = (0, cases());
    for round in 0..2_000 {
        let like = &cases[round % cases.len()];
        let case = Case {
            name: like.name,
            space: drawn_space(&mut rng),
            problem: like.problem,
            limits: like.limits.clone(),
        };
        let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
        for number in 0..8 {
            if let Some(design) = textbook(&habitat, number) {
                assert_sound(&case, &design, &format!("{}, space {round}", case.name));
                designs += 1;
            }
        }
    }
    assert!(designs > 100, "only {designs} designs");
}

#[test]
fn a_seed_fixes_every_offspring() {
    for case in cases() {
        let run = |seed| {
            let mut all = Vec::new();
            breed(&case, 300, seed, |offspring| all.push(offspring.clone()));
            all
        };
        assert_eq!(run(7), run(7), "{}", case.name);
        assert_ne!(run(7), run(8), "{}", case.name);
    }
}

#[test]
fn mutants_differ_from_their_parents_and_every_kind_of_change_happens() {
    let case = &cases()[2];
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut words = HashSet::new();
    for _ in 0..400 {
        let mut parent = random(&habitat, &mut rng).unwrap().genome;
        for _ in 0..10 {
            let child = mutate(&parent, &habitat, &mut rng).unwrap();
            assert_ne!(structural_hash(&child.genome), structural_hash(&parent), "{}", child.operation);
            words.extend(child.operation.split([' ', ';', ':']).map(str::to_owned));
            parent = child.genome;
        }
    }
    for expected in [
        "insert",
        "delete",
        "duplicate",
        "swap",
        "change",
        "flatten",
        "widen",
        "narrow",
        "kernel",
        "height",
        "width",
        "stride",
        "dilation",
        "split",
        "depthwise",
        "padding",
        "window",
        "ratio",
        "normalisation",
        "activation",
        "branch",
        "bottleneck",
        "learning",
        "optimizer",
        "schedule",
        "momentum",
        "decay",
        "batch",
        "smoothing",
        "clip",
        "initializer",
        "shift",
        "flip",
    ] {
        assert!(words.contains(expected), "no mutation said {expected:?}");
    }
}

#[test]
fn crossover_takes_from_both_parents() {
    let case = &cases()[1];
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut mixed, count) = (0, 300);
    for _ in 0..count {
        let first = random(&habitat, &mut rng).unwrap().genome;
        let second = random(&habitat, &mut rng).unwrap().genome;
        let child = crossover(&first, &second, &habitat, &mut rng).unwrap();
        let of = |parent: &Genome| child.genome.layers.iter().any(|gene| parent.layers.contains(gene));
        mixed += usize::from(child.operation.starts_with("crossover") && of(&first) && of(&second));
    }
    assert!(mixed > count / 4, "{mixed} of {count} have layers of both parents");
}

#[test]
fn spaces_without_spatial_blocks_breed_on_images() {
    use LayerKind::{AveragePool, Dense, Dropout, GlobalAveragePool, MaxPool, Normalisation};
    let [grey, large] = [problem(1, 28, 28, TEN), problem(3, 96, 64, TEN)];
    let views = Problem { multi_view: true, ..problem(2, 60, 60, TEN) };
    let spaces: [&[LayerKind]; 6] = [
        &[Dense],
        &[Dense, Normalisation, Dropout],
        &[MaxPool, Dense],
        &[AveragePool, Dense],
        &[MaxPool, GlobalAveragePool, Dense],
        &[MaxPool, AveragePool, Dense, Dropout],
    ];
    for (layers, problem) in
        spaces.into_iter().flat_map(|layers| [(layers, grey), (layers, large), (layers, views)])
    {
        let space = Space { layers: layers.to_vec(), ..Space::default() };
        let case = Case { name: "without blocks", space, problem, limits: Limits::default() };
        let mut kinds = HashSet::new();
        breed(&case, 300, 29, |offspring| {
            assert_sound(&case, offspring, &format!("{layers:?}"));
            let blueprint = blueprint(&offspring.genome, &problem).unwrap();
            assert_eq!(plausible(&offspring.genome, &blueprint), Ok(()), "{}", offspring.genome);
            kinds.extend(offspring.genome.layers.iter().map(LayerGene::kind));
        });
        let pools = [MaxPool, AveragePool].iter().any(|pool| layers.contains(pool));
        let pooled = kinds.contains(&MaxPool) || kinds.contains(&AveragePool);
        assert_eq!(pooled, pools && problem.height >= 48, "{layers:?}: small images are not pooled raw");
    }
}

#[test]
fn a_space_of_idle_layers_alone_breeds_heads_or_says_why() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    for kind in
        [LayerKind::Dropout, LayerKind::Normalisation, LayerKind::MaxPool, LayerKind::GlobalAveragePool]
    {
        for least in [1, 2] {
            let depth = Range { min: least, max: 4 };
            let space = Space { layers: vec![kind], depth, ..Space::default() };
            let (problem, limits) = (problem(1, 28, 28, TEN), Limits::default());
            let habitat = Habitat { space: &space, problem: &problem, limits: &limits };
            match random(&habitat, &mut rng) {
                Ok(offspring) => assert!(offspring.genome.layers.iter().all(|gene| gene.kind() == kind)),
                Err(barren) => {
                    assert!(barren.to_string().contains("layers are outside space.depth"), "{barren}")
                }
            }
        }
    }
}

#[test]
fn random_networks_spread_over_orders_of_magnitude_of_cost() {
    let case = &cases()[1];
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut decades: BTreeMap<u32, usize> = BTreeMap::new();
    let mut near_limit = 0;
    for _ in 0..1000 {
        let genome = random(&habitat, &mut rng).unwrap().genome;
        let cost = viable(&genome, &case.problem, &case.limits).unwrap();
        *decades.entry(cost.multiply_adds.ilog10()).or_default() += 1;
        near_limit += usize::from(cost.multiply_adds > case.limits.multiply_adds * 9 / 10);
    }
    println!("{decades:?}, {near_limit} near the limit");
    assert!(decades.values().filter(|&&count| count > 100).count() >= 2, "{decades:?}");
    assert!(near_limit < 100, "{near_limit} of 1000 within a tenth of the limit");
}

#[test]
fn random_image_networks_look_like_a_practitioners() {
    let case = &cases()[1];
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &case.limits };
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for _ in 0..500 {
        let genome = random(&habitat, &mut rng).unwrap().genome;
        assert!(genome.layers.iter().any(|gene| gene.is_weighted() && gene.is_spatial()), "{genome}");
        let flat = genome.layers.iter().position(|gene| matches!(gene, LayerGene::Dense(_)));
        let last_spatial = genome.layers.iter().rposition(LayerGene::is_spatial);
        assert!(flat.is_none_or(|flat| last_spatial.is_some_and(|last| last < flat)), "{genome}");
    }
}

#[test]
fn a_barren_habitat_says_why() {
    let case = &cases()[1];
    let limits = Limits { parameters: 10, ..Limits::default() };
    let habitat = Habitat { space: &case.space, problem: &case.problem, limits: &limits };
    let barren = random(&habitat, &mut ChaCha8Rng::seed_from_u64(1)).unwrap_err().to_string();
    assert!(barren.contains("limits.parameters = 10"), "{barren}");
}

#[test]
fn where_a_space_holds_nothing_plausible_what_is_viable_is_taken() {
    let case = &cases()[1];
    let slow = Range { min: 1e-7, max: 1e-6 };
    let space = Space { learning_rate: slow, ..Space::default() };
    let habitat = Habitat { space: &space, problem: &case.problem, limits: &case.limits };
    let offspring = random(&habitat, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    assert!(slow.contains(offspring.genome.training.learning_rate));
    assert!(viable(&offspring.genome, &case.problem, &case.limits).is_ok());
}

#[test]
fn every_offspring_can_be_wired_as_its_blueprint_says() {
    for case in cases() {
        let normalisation = normalisation(&case.problem);
        let feed = Feed { element: ElementType::F32, count: 1000 };
        breed(&case, 40, 17, |offspring| {
            let (genome, problem) = (&offspring.genome, &case.problem);
            let cost = viable(genome, problem, &case.limits).unwrap();
            let step = training_step(genome, problem, &feed, &normalisation);
            let step = step.unwrap_or_else(|error| panic!("{}: {genome}: {error:?}", case.name));
            assert_eq!(step.layout.parameters as u64, cost.parameters, "{genome}");
            let evaluated = evaluation(genome, problem, &feed, &normalisation, 7).unwrap();
            assert_eq!(evaluated.graph.cost().multiply_adds, 7 * cost.multiply_adds, "{genome}");
            let weights = Weights {
                parameters: initial_parameters(&step.layout, genome.training.initializer, 1),
                statistics: initial_statistics(&step.layout),
            };
            let product = inference(genome, problem, &normalisation, &weights).unwrap();
            let outputs = problem.task.outputs() as usize;
            for (name, outlet) in product.graph.outputs() {
                assert_eq!(product.graph.shape(*outlet), [1, outputs], "{genome}: {name}");
            }
        });
    }
}

fn normalisation(problem: &Problem) -> Normalisation {
    let channels = problem.channels as usize;
    let targets = match problem.task {
        Task::Classification { .. } => 0,
        Task::Regression { targets } => targets as usize,
    };
    Normalisation {
        mean: vec![0.0; channels],
        deviation: vec![1.0; channels],
        target_mean: vec![0.0; targets],
        target_deviation: vec![1.0; targets],
        encoding: None,
    }
}

#[test]
fn coordinates_of_every_offspring_read_back() {
    for case in cases() {
        breed(&case, 200, 19, |offspring| {
            let genome = &offspring.genome;
            let found = coordinates(genome, &case.space);
            for coordinate in &found {
                assert!(
                    coordinate.min <= coordinate.value && coordinate.value <= coordinate.max,
                    "{coordinate:?}"
                );
            }
            let values: Vec<f64> = found.iter().map(|coordinate| coordinate.value).collect();
            assert_eq!(with_coordinates(genome, &case.space, &values).as_ref(), Ok(genome));
            let lowest: Vec<f64> = found.iter().map(|coordinate| coordinate.min).collect();
            let lowered = with_coordinates(genome, &case.space, &lowest).unwrap();
            let values: Vec<f64> = coordinates(&lowered, &case.space).iter().map(|c| c.value).collect();
            assert_eq!(values, lowest, "{genome}");
        });
    }
}

#[test]
fn idle_genes_anywhere_leave_the_hash_as_it_is() {
    let idle = [
        LayerGene::Dropout { ratio: 0.0 },
        LayerGene::Normalisation { norm: Norm::None },
        LayerGene::MaxPool(Pool { kernel: 1, stride: 1, padding: Padding::Valid }),
    ];
    for case in cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(23);
        let mut hashes = HashSet::new();
        let mut genomes = Vec::new();
        breed(&case, 200, 23, |offspring| {
            let mut noisy = offspring.genome.clone();
            for _ in 0..3 {
                let place = rng.random_range(0..=noisy.layers.len());
                noisy.layers.insert(place, idle[rng.random_range(0..idle.len())].clone());
            }
            assert_eq!(structural_hash(&noisy), structural_hash(&offspring.genome), "{noisy}");
            assert_eq!(canonical(&canonical(&noisy)), canonical(&noisy));
            if !genomes.contains(&offspring.genome) {
                genomes.push(offspring.genome.clone());
                assert!(hashes.insert(structural_hash(&offspring.genome)), "{}", offspring.genome);
            }
        });
    }
}
