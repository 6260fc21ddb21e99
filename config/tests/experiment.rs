//! Reading experiments: what is right is read back unchanged, what is wrong is named precisely.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests stop the test")]

use hatchery_config::{
    experiment::{Duration, Experiment},
    presets::PRESETS,
    schema,
    space::Space,
};
use std::collections::BTreeSet;

const MINIMAL: &str = "name = \"tiny\"\n[data]\nsource = \"digits\"\n";

fn parse(text: &str, sets: &[&str]) -> Result<Experiment, String> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Experiment::parse(text, "tiny.toml", &sets).map_err(|error| error.to_string())
}

fn refusal(text: &str, sets: &[&str]) -> String {
    parse(text, sets).expect_err("must be refused")
}

fn full() -> Experiment {
    let mut experiment = parse(MINIMAL, &[]).unwrap();
    experiment.data.label = Some("class".to_owned());
    experiment.data.ignore = vec!["id".to_owned(), "7".to_owned()];
    experiment.data.categorical = vec!["zip".to_owned(), "2".to_owned()];
    experiment.data.search_samples = Some(10);
    experiment.data.search_valid_samples = Some(5);
    experiment.budget.time = Some(Duration::from_seconds(5400.5).unwrap());
    experiment.training.seconds = Some(1.5);
    experiment.limits.host_memory_mib = Some(4096);
    experiment.limits.gpu_memory_mib = Some(8192);
    experiment.retry.exclude_node = vec!["*uncorrectable ECC*".to_owned(), "Xid, 79".to_owned()];
    experiment.final_training.epochs_max = Some(120);
    experiment.runtime.library = Some("/lib/libonnxruntime.so".into());
    experiment.runtime.device = Some("cuda:1".to_owned());
    experiment.runtime.workers = Some(3);
    experiment.runtime.packing = Some(1);
    experiment.runtime.threads = Some(2);
    experiment.runtime.cuda_graphs = true;
    experiment
}

#[test]
fn the_table_of_keys_and_the_types_hold_together() {
    let table: toml::Table = full().to_toml().unwrap().parse().unwrap();
    let mut written = BTreeSet::new();
    for (name, value) in &table {
        match value {
            toml::Value::Table(section) => written.extend(section.keys().map(|key| format!("{name}.{key}"))),
            _ => _ = written.insert(name.clone()),
        }
    }
    let known: BTreeSet<String> = schema::KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(written, known);
}

#[test]
fn what_is_written_is_read_back() {
    for experiment in [full(), parse(MINIMAL, &[]).unwrap(), parse(MINIMAL, &["budget.time=10m"]).unwrap()] {
        let text = experiment.to_toml().unwrap();
        assert_eq!(parse(&text, &[]).unwrap(), experiment, "{text}");
        experiment.validate().unwrap();
    }
}

#[test]
fn presets_are_right_and_come_back_from_a_file() {
    for preset in PRESETS {
        let sets = vec!["data.source=digits".to_owned()];
        let experiment = Experiment::load(preset.name, &sets).unwrap();
        assert_eq!(experiment.name, preset.name);
        let again = Experiment::parse(&experiment.to_toml().unwrap(), "again", &[]).unwrap();
        assert_eq!(again, experiment);
    }
}

#[test]
fn presets_without_data_ask_for_it() {
    let message = Experiment::load("fashion-mnist", &[]).unwrap_err().to_string();
    assert!(message.contains("data.source") && message.contains("--set data.source=idx:DIR"), "{message}");
}

#[test]
fn an_unknown_key_names_file_line_and_the_nearest() {
    let message = refusal(&format!("{MINIMAL}\n[training]\nepoch = 3\n"), &[]);
    assert_eq!(message, "tiny.toml, line 6: unknown key `training.epoch`; did you mean `training.epochs`?");
    let message = refusal(&format!("{MINIMAL}[trainig]\nepochs = 3\n"), &[]);
    assert!(message.contains("line 4") && message.contains("`training`"), "{message}");
    let message = refusal(MINIMAL, &["search.tournement=3"]);
    assert!(
        message.contains("--set search.tournement=3") && message.contains("`search.tournament`"),
        "{message}"
    );
    let message = refusal(MINIMAL, &["search.qqqqqqqqq=3"]);
    assert!(message.contains("population"), "lists the keys there are: {message}");
}

#[test]
fn a_value_out_of_range_names_place_value_and_bounds() {
    let message = refusal(&format!("{MINIMAL}valid_fraction = 1.5\n"), &[]);
    assert!(message.contains("tiny.toml, line 4"), "{message}");
    assert!(message.contains("`data.valid_fraction` = 1.5"), "{message}");
    assert!(message.contains("between 0 and 1"), "{message}");
    for (set, expected) in [
        ("training.epochs=0", "from 1 to"),
        ("training.epochs=many", "from 1 to"),
        ("training.epochs=2.5", "from 1 to"),
        ("data.test_fraction=nan", "between 0 and 1"),
        ("space.depth=[0,3]", "from 1 to 64"),
        ("space.depth=[5,3]", "the smaller first"),
        ("space.depth=[5]", "the smaller first"),
        ("space.learning_rate=[0.0,0.1]", "from 0.00000001 to 10"),
        ("space.batch_size=[]", "at least one"),
        ("space.batch_size=16,0", "from 1 to 65536"),
        ("space.optimizers=[adm]", "did you mean \"adam\"?"),
        ("space.layers=", "at least one"),
        ("data.task=guessing", "\"classification\", \"regression\""),
        ("budget.time=soon", "90s, 10m"),
        ("budget.time=0", "90s, 10m"),
        ("runtime.device=gpu", "`cuda:N`"),
        ("name=../../x", "letters, digits"),
        ("seed=-1", "at least 0"),
        ("search.tournament=31", "`search.population` = 30"),
        ("search.crossover=1.5", "from 0 to 1"),
        ("search.strategy=hatchry", "did you mean \"hatchery\"?"),
        ("search.refiner=always", "\"shared\", \"off\", \"only\""),
        ("search.stopping=medain", "did you mean \"median\"?"),
        ("search.objectives=[error,size]", "\"parameters\""),
        ("search.objectives=[parameters,error]", "must be \"error\""),
        ("search.objectives=[error,latency,latency]", "\"latency\" twice"),
        ("search.seeds=[\"\"]", "list of texts"),
        ("space.flip=yes", "true or false"),
        ("retry.crashed=0", "from 1 to"),
        ("retry.failed=-1", "from 0 to"),
        ("retry.never=**", "not alone"),
        ("retry.exclude_node=[7]", "not alone"),
        ("limits.hang_seconds=0.5", "from 1 to"),
        ("limits.host_memory_mib=0", "from 1 to"),
    ] {
        let message = refusal(MINIMAL, &[set]);
        assert!(message.contains(expected), "{set}: {message}");
        assert!(message.contains(set), "names the option: {set}: {message}");
    }
}

#[test]
fn recorded_steps_and_several_trainers_in_a_process_are_refused_together() {
    let several = refusal(MINIMAL, &["runtime.cuda_graphs=true", "runtime.packing=4"]);
    assert!(several.contains("`runtime.packing` = 4") && several.contains("`runtime.workers`"), "{several}");
    for fine in
        [["runtime.cuda_graphs=true", "runtime.packing=1"], ["runtime.cuda_graphs=true", "runtime.workers=4"]]
    {
        assert!(parse(MINIMAL, &fine).unwrap().runtime.cuda_graphs, "{fine:?}");
    }
}

#[test]
fn what_cannot_be_reproduced_is_refused() {
    let refused = |more: &str| {
        let message = refusal(MINIMAL, &["search.reproducible=true", "budget.evaluations=9", more]);
        assert!(message.contains("--set search.reproducible=true"), "{message}");
        message
    };
    assert!(refused("budget.time=1m").contains("a budget that is counted"));
    assert!(refused("search.objectives=error,latency").contains("measured times differ"));
    assert!(refused("training.inherit=true").contains("whose weights are kept"));
    let counted = ["search.reproducible=true", "budget.evaluations=9", "budget.time=none"];
    assert!(parse(MINIMAL, &counted).unwrap().search.reproducible);
}

#[test]
fn more_seeds_than_evaluations_are_refused() {
    let message = refusal(MINIMAL, &["search.seeds=a.toml,b.toml", "budget.evaluations=1"]);
    assert!(message.contains("2 networks") && message.contains("`budget.evaluations` = 1"), "{message}");
}

#[test]
fn syntax_errors_name_the_line() {
    let message = refusal("name = \"x\"\n[data\n", &[]);
    assert!(message.contains("tiny.toml, line 2") && message.contains("TOML"), "{message}");
    let message = refusal("name = \"x\"\nname = \"y\"\n", &[]);
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn missing_and_misplaced_things_are_named() {
    assert!(refusal("[data]\nsource = \"digits\"\n", &[]).contains("`name` is missing"));
    assert!(refusal("name = \"x\"\n", &[]).contains("`data.source` is missing"));
    assert!(refusal("name = \"x\"\ndata = \"digits\"\n", &[]).contains("a section: [data]"));
    assert!(refusal(&format!("{MINIMAL}[budget]\n"), &[]).contains("never end"));
    assert!(refusal(MINIMAL, &["training.epochs"]).contains("section.key=value"));
}

#[test]
fn set_understands_what_shells_leave() {
    let experiment = parse(
        MINIMAL,
        &[
            "data.source=idx:/some where/data",
            "data.label=3",
            "budget.time=1h30m",
            "budget.evaluations=none",
            "space.optimizers=adam,sgd",
            "space.layers=[\"dense\", dropout]",
            "space.depth=1,4",
            "space.flip=true",
            "training.seconds=2",
        ],
    )
    .unwrap();
    assert_eq!(experiment.data.source, "idx:/some where/data");
    assert_eq!(experiment.data.label.as_deref(), Some("3"));
    assert_eq!(experiment.budget.time.unwrap().seconds(), 5400.0);
    assert_eq!(experiment.budget.evaluations, None);
    assert_eq!(experiment.space.optimizers.len(), 2);
    assert_eq!(experiment.space.layers.len(), 2);
    assert_eq!((experiment.space.depth.min, experiment.space.depth.max), (1, 4));
    assert!(experiment.space.flip);
    assert_eq!(experiment.training.seconds, Some(2.0));
}

#[test]
fn the_last_set_wins_over_the_file() {
    let text = format!("{MINIMAL}[training]\nepochs = 3\n");
    assert_eq!(parse(&text, &["training.epochs=4", "training.epochs=5"]).unwrap().training.epochs, 5);
}

#[test]
fn a_list_of_labels_is_answered_by_how_they_are_written() {
    let error = parse(&format!("{MINIMAL}label = [\"t1\", \"t2\"]\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("data.label") && error.contains("as in \"t1,t2\""), "{error}");
}

#[test]
fn a_label_may_be_a_number_in_the_file() {
    assert_eq!(parse(&format!("{MINIMAL}label = 10\n"), &[]).unwrap().data.label.as_deref(), Some("10"));
}

#[test]
fn a_misspelt_preset_and_a_missing_file_are_told_apart_from_nothing() {
    let message = Experiment::load("fashion-mnst", &[]).unwrap_err().to_string();
    assert!(message.contains("did you mean fashion-mnist?"), "{message}");
    let message = Experiment::load("/nowhere/x.toml", &[]).unwrap_err().to_string();
    assert!(message.contains("/nowhere/x.toml") && message.contains("digits"), "{message}");
    let message = Experiment::load("/", &[]).unwrap_err().to_string();
    assert!(message.contains("directory"), "{message}");
}

#[test]
fn defaults_are_allowed_by_their_own_table() {
    let mut experiment = parse(MINIMAL, &[]).unwrap();
    experiment.space = Space::default();
    experiment.validate().unwrap();
    experiment.space.batch_size.clear();
    assert!(experiment.validate().unwrap_err().to_string().contains("space.batch_size"));
    experiment.space = Space::default();
    experiment.seed = u64::MAX;
    assert!(experiment.to_toml().is_err());
}

#[test]
fn retries_and_machine_limits_have_defaults_and_can_be_set() {
    let plain = parse(MINIMAL, &[]).unwrap();
    let retry = &plain.retry;
    assert_eq!((retry.crashed, retry.lost), (3, 8));
    assert_eq!((retry.out_of_memory, retry.timed_out, retry.failed), (0, 0, 0));
    assert!(retry.exclude_node.is_empty() && retry.never.is_empty());
    assert_eq!(plain.limits.hang_seconds, 120.0);
    assert_eq!((plain.limits.host_memory_mib, plain.limits.gpu_memory_mib), (None, None));
    let experiment = parse(
        &format!("{MINIMAL}[retry]\nnever = [\"no kernel image, *\"]\nlost = 20\n"),
        &[
            "retry.failed=2",
            "retry.exclude_node=*uncorrectable ECC*,fallen off the bus",
            "limits.host_memory_mib=6000",
            "limits.hang_seconds=30",
        ],
    )
    .unwrap();
    assert_eq!((experiment.retry.lost, experiment.retry.failed), (20, 2));
    assert_eq!(experiment.retry.never, ["no kernel image, *"]);
    assert_eq!(experiment.retry.exclude_node, ["*uncorrectable ECC*", "fallen off the bus"]);
    assert_eq!(experiment.limits.host_memory_mib, Some(6000));
    assert_eq!(experiment.limits.hang_seconds, 30.0);
    let quoted = parse(MINIMAL, &["retry.never=[\"a, b\", \"c\"]"]).unwrap();
    assert_eq!(quoted.retry.never, ["a, b", "c"]);
    assert!(parse(MINIMAL, &["retry.never=[]"]).unwrap().retry.never.is_empty());
    assert!(parse(MINIMAL, &["retry.never="]).unwrap().retry.never.is_empty());
}
