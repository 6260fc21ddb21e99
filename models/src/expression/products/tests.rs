//! The graphs have the inputs, outputs, shapes and costs that they are said to have.

use super::*;
use crate::{
    data::{CategoryFeature, Encoding, GapFeature},
    expression::{estimate, initial_parameters, initial_statistics, suite},
    graph::ElementType,
};

fn normalisation(problem: &Problem) -> Normalisation {
    let (channels, targets) = (problem.channels as usize, problem.task.outputs() as usize);
    let targets = if matches!(problem.task, Task::Regression { .. }) { targets } else { 0 };
    Normalisation {
        mean: vec![0.5; channels],
        deviation: vec![0.25; channels],
        target_mean: vec![3.0; targets],
        target_deviation: vec![2.0; targets],
        encoding: None,
    }
}

const FEED: Feed = Feed { element: ElementType::U8, count: 500 };

fn names(graph: &Graph) -> (Vec<String>, Vec<String>) {
    let inputs = graph.inputs().iter().map(|(name, _)| (*name).to_owned()).collect();
    (inputs, graph.outputs().iter().map(|(name, _)| name.clone()).collect())
}

#[test]
fn wired_steps_have_the_shapes_of_the_blueprint_and_its_cost() {
    for network in suite::networks() {
        let plan = normalisation(&network.problem);
        let plan = Plan::new(&network.genome, &network.problem, &plan).unwrap();
        let batch = 3;
        let mut graph = Graph::new();
        let input = graph.input("input", Fact::f32(&plan.sample().batched(batch)));
        let (parameters, statistics) = plan.state(&mut graph);
        let tensors = wiring::split(&mut graph, &plan.layout, parameters, statistics).unwrap();
        let seed = graph.input("seed", Fact::i64(&[]));
        let mode = Mode::Training { seed };
        let wired = wiring::wire(&mut graph, &plan.blueprint, &tensors, input, mode).unwrap();
        for (step, outlet) in plan.blueprint.steps.iter().zip(&wired.steps) {
            assert_eq!(graph.shape(*outlet), step.shape.batched(batch), "{}: {step:?}", network.name);
        }
        let expected = estimate(&network.genome, &plan.blueprint).multiply_adds * batch as u64;
        assert_eq!(graph.cost().multiply_adds, expected, "{}", network.name);
    }
}

#[test]
fn a_training_step_hands_on_what_it_takes() {
    for network in suite::networks() {
        let normalisation = normalisation(&network.problem);
        let product = training_step(&network.genome, &network.problem, &FEED, &normalisation).unwrap();
        assert_eq!(product.batch, network.genome.training.batch_size as usize);
        let (graph, inputs) = (&product.graph, product.graph.inputs());
        let input = |name: &str| inputs.iter().find(|(known, _)| *known == name).map(|(_, outlet)| *outlet);
        let outputs: Vec<&(String, Outlet)> = graph.outputs().iter().collect();
        assert_eq!(graph.shape(outputs[0].1), [0; 0], "{}: the loss is a scalar", network.name);
        let mut handed_on = 0;
        for (name, outlet) in outputs {
            if let Some(state) = name.strip_prefix("next_") {
                assert_eq!(graph.fact(input(state).unwrap()), graph.fact(*outlet), "{name}");
                handed_on += 1;
            }
        }
        assert_eq!(handed_on, 1 + product.layout.moments + usize::from(product.layout.statistics > 0));
    }
}

#[test]
fn inputs_and_outputs_have_their_names() {
    let network = suite::networks().into_iter().find(|network| network.name == "residual").unwrap();
    let normalisation = normalisation(&network.problem);
    let (genome, problem) = (&network.genome, &network.problem);
    let (inputs, outputs) = names(&training_step(genome, problem, &FEED, &normalisation).unwrap().graph);
    let expected = "samples targets index learning_rate step seed parameters statistics moment_1";
    assert_eq!(inputs.join(" "), expected);
    assert_eq!(outputs.join(" "), "loss next_parameters next_moment_1 next_statistics");
    let evaluated = evaluation(genome, problem, &FEED, &normalisation, 100).unwrap();
    let (inputs, outputs) = names(&evaluated.graph);
    assert_eq!(inputs.join(" "), "samples targets index weight parameters statistics");
    assert_eq!(outputs.join(" "), "correct counts loss_sum");
    let layout = evaluated.layout;
    let weights = Weights {
        parameters: initial_parameters(&layout, genome.training.initializer, 1),
        statistics: initial_statistics(&layout),
    };
    let product = inference(genome, problem, &normalisation, &weights).unwrap();
    assert_eq!(names(&product.graph), (vec!["input".into()], vec!["logits".into(), "probabilities".into()]));
}

#[test]
fn regression_predicts_in_the_targets_units() {
    let network = suite::networks().into_iter().find(|network| network.name == "mlp").unwrap();
    let problem = Problem { task: Task::Regression { targets: 2 }, ..network.problem };
    let normalisation = normalisation(&problem);
    let evaluated = evaluation(&network.genome, &problem, &FEED, &normalisation, 50).unwrap();
    assert_eq!(names(&evaluated.graph).1, ["squares", "loss_sum"]);
    let alone = Problem { task: Task::Regression { targets: 1 }, ..problem };
    let of_one =
        Normalisation { target_mean: vec![3.0], target_deviation: vec![2.0], ..normalisation.clone() };
    let evaluated_alone = evaluation(&network.genome, &alone, &FEED, &of_one, 50).unwrap();
    assert_eq!(names(&evaluated_alone.graph).1, ["loss_sum"], "of one target, that is its squared error");
    let parameters = initial_parameters(&evaluated.layout, network.genome.training.initializer, 1);
    let weights = Weights { parameters, statistics: Vec::new() };
    let product = inference(&network.genome, &problem, &normalisation, &weights).unwrap();
    assert_eq!(names(&product.graph).1, ["prediction"]);
    assert!(training_step(&network.genome, &problem, &FEED, &normalisation).is_ok());
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let network = suite::networks().into_iter().find(|network| network.name == "digits").unwrap();
    let (genome, problem) = (&network.genome, &network.problem);
    let normalisation = normalisation(problem);
    let other = Normalisation { mean: vec![0.0; 3], ..normalisation.clone() };
    let message = training_step(genome, problem, &FEED, &other).unwrap_err().to_string();
    assert_eq!(message, "3 channel means were given, the network has 1");
    let weights = Weights { parameters: vec![0.0; 7], statistics: Vec::new() };
    let message = inference(genome, problem, &normalisation, &weights).unwrap_err().to_string();
    assert!(message.starts_with("7 parameters were given"), "{message}");
    let empty = Feed { count: 0, ..FEED };
    assert!(evaluation(genome, problem, &empty, &normalisation, 10).is_err());
}

/// A table of three columns, a number with gaps, one without and one of two categories, that become five features.
fn of_mixed_table() -> (Problem, Normalisation) {
    let category = |code, occurs| CategoryFeature { column: 1, code, occurs };
    let encoding = Encoding {
        columns: 3,
        numbers: vec![0, 2],
        categories: vec![category(0, true), category(1, true)],
        gaps: vec![GapFeature { column: 0, occurs: true }],
    };
    let task = Task::Classification { classes: 3 };
    let problem = Problem { channels: 5, height: 1, width: 1, multi_view: false, task };
    let plain = normalisation(&Problem { channels: 2, ..problem });
    (problem, Normalisation { encoding: Some(encoding), ..plain })
}

#[test]
fn graphs_of_encoded_tables_take_raw_rows() {
    let mlp = suite::networks().into_iter().find(|network| network.name == "mlp").unwrap().genome;
    let (problem, normalisation) = of_mixed_table();
    let shape = |graph: &Graph, name: &str| {
        let inputs = graph.inputs();
        let (_, outlet) = inputs.iter().find(|(known, _)| *known == name).unwrap();
        graph.shape(*outlet).to_vec()
    };
    let feed = Feed { element: ElementType::F32, count: 500 };
    let step = training_step(&mlp, &problem, &feed, &normalisation).unwrap();
    assert_eq!(shape(&step.graph, "samples"), [500, 3]);
    assert_eq!(
        shape(&evaluation(&mlp, &problem, &feed, &normalisation, 10).unwrap().graph, "samples"),
        [500, 3]
    );
    let parameters = initial_parameters(&step.layout, mlp.training.initializer, 1);
    let weights = Weights { parameters, statistics: initial_statistics(&step.layout) };
    let model = inference(&mlp, &problem, &normalisation, &weights).unwrap();
    assert_eq!(shape(&model.graph, "input"), [1, 3]);
    // Limits and costs count what the network sees.
    let wide = Problem { channels: 6, ..problem };
    let message = training_step(&mlp, &wide, &feed, &normalisation).unwrap_err().to_string();
    assert_eq!(message, "5 encoded features were given, the network has 6");
}
