//! `[search] seeds`: networks designed by hand, read from files.
//!
//! A file holds one genome, as `hatchery show --json` and `best.json` print it (JSON), or the same as TOML. What it does
//! not say of a layer or of the training has the usual value (docs/SEEDS.md lists all, a test holds the two together); a
//! key that does not exist is refused. It must not know what becomes of it.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    output::note,
};
use anyhow::{Context, anyhow, bail, ensure};
use hatchery_actors::{makers::by_hand, protocol::Newborn};
use hatchery_config::Experiment;
use hatchery_models::{
    genome::{Genome, LayerGene, TrainingGenes},
    problem::Problem,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Reads the experiment's seeds. Where a run goes on they are in its journal already: files that are gone since are
/// passed over.
pub fn read(experiment: &Experiment, problem: Problem, resume: bool) -> Result<Vec<Newborn>, Failure> {
    let mut seeds = Vec::new();
    for file in &experiment.search.seeds {
        match seed(Path::new(file), experiment, problem) {
            Ok(seed) => seeds.push(seed),
            Err(error) if resume => note(format_args!("warning: {error:#}; it is not needed to go on")),
            Err(error) => return Err(error).or_exit(Exit::Experiment),
        }
    }
    Ok(seeds)
}

fn seed(file: &Path, experiment: &Experiment, problem: Problem) -> anyhow::Result<Newborn> {
    let place = format!("`search.seeds`: {}", file.display());
    let text = std::fs::read_to_string(file).with_context(|| format!("{place} cannot be read"))?;
    let genome = genome(file, &text).with_context(|| place.clone())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    by_hand(genome, &name, problem, &experiment.limits).map_err(|message| anyhow!("{place}: {message}"))
}

fn genome(file: &Path, text: &str) -> anyhow::Result<Genome> {
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut value: Value = if is_json { serde_json::from_str(text)? } else { toml::from_str(text)? };
    // `best.json` holds the genome among other things.
    if let Some(inner) = value.get_mut("genome") {
        value = inner.take();
    }
    completed(value)
}

/// With the usual values for all that is not said.
fn completed(value: Value) -> anyhow::Result<Genome> {
    let Value::Object(mut genome) = value else { bail!("this is no genome: it has no `layers`") };
    let Some(Value::Array(layers)) = genome.remove("layers") else {
        bail!("this is no genome: `layers` has to be a list, one `[[layers]]` for each layer");
    };
    let training = genome.remove("training").unwrap_or_else(|| json!({}));
    if let Some(key) = genome.keys().next() {
        bail!("a genome has no key `{key}`; it has `layers` and `training`");
    }
    let layers: anyhow::Result<Vec<LayerGene>> = layers.into_iter().enumerate().map(layer).collect();
    let training = filled(training, usual_training(), "training")?;
    Ok(Genome { layers: layers?, training: typed::<TrainingGenes>(training, usual_training(), "training")? })
}

fn layer((place, mut layer): (usize, Value)) -> anyhow::Result<LayerGene> {
    let kind = layer.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let place = format!("layer {} ({kind})", place + 1);
    let usual = usual_layer(&kind)
        .with_context(|| format!("{place} has no `kind` that exists; there are {}", KINDS.join(", ")))?;
    if kind == "convolution" {
        spell_out(&mut layer);
    }
    typed(filled(layer, usual.clone(), &place)?, usual, &place)
}

/// A whole number stands for a square kernel, and for so many groups.
fn spell_out(layer: &mut Value) {
    if let Some(kernel) = layer.get_mut("kernel").filter(|kernel| kernel.is_u64()) {
        *kernel = json!([kernel, kernel]);
    }
    if let Some(groups) = layer.get_mut("groups").filter(|groups| groups.is_u64()) {
        *groups = json!({"count": groups});
    }
}

/// What an object with all its keys says. Where it is not of its type, the key that is to blame is the one that is
/// refused among usual values, too.
fn typed<T: DeserializeOwned>(object: Value, usual: Value, place: &str) -> anyhow::Result<T> {
    let error = match T::deserialize(&object) {
        Ok(typed) => return Ok(typed),
        Err(error) => error,
    };
    let mut usual = with_examples(usual);
    if let Some(kind) = object.get("kind") {
        usual["kind"] = kind.clone();
    }
    let alone = object.as_object().into_iter().flatten().find_map(|(key, value)| {
        let mut usual = usual.clone();
        usual[key] = value.clone();
        Some((key, T::deserialize(usual).err()?))
    });
    match alone {
        Some((key, error)) => Err(anyhow!("{place}, {key}: {error}")),
        None => Err(anyhow!("{place}: {error}")),
    }
}

/// Usual values with an example of each that has to be said.
fn with_examples(mut usual: Value) -> Value {
    for (key, value) in usual.as_object_mut().into_iter().flatten().filter(|(_, value)| value.is_null()) {
        *value = if key == "branches" { json!([1, 1, 1, 1]) } else { json!(1) };
    }
    usual
}

/// An object with the usual values for what it lacks. What is `null` among the usual values has to be said.
fn filled(object: Value, usual: Value, place: &str) -> anyhow::Result<Value> {
    let (Value::Object(object), Value::Object(mut filled)) = (object, usual) else {
        bail!("{place} is no table of keys and values");
    };
    for (key, value) in object {
        ensure!(
            key == "kind" || filled.contains_key(&key),
            "{place} has no key `{key}`; it has {}",
            keys(&filled)
        );
        filled.insert(key, value);
    }
    if let Some((key, _)) = filled.iter().find(|(_, value)| value.is_null()) {
        bail!("{place} lacks `{key}`");
    }
    Ok(Value::Object(filled))
}

fn keys(object: &Map<String, Value>) -> String {
    let keys: Vec<&str> = object.keys().map(String::as_str).filter(|key| *key != "kind").collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

const KINDS: [&str; 10] = [
    "convolution",
    "max_pool",
    "average_pool",
    "global_average_pool",
    "inception",
    "residual",
    "dense",
    "normalisation",
    "dropout",
    "merge",
];

/// A layer's usual values; `null` for what has none. `None` for a kind that does not exist.
fn usual_layer(kind: &str) -> Option<Value> {
    Some(match kind {
        "convolution" => json!({
            "filters": null, "kernel": [3, 3], "stride": 1, "dilation": 1, "groups": {"count": 1}, "padding": "same",
            "norm": "batch", "activation": "relu",
        }),
        "max_pool" | "average_pool" => json!({"kernel": 2, "stride": 2, "padding": "same"}),
        "inception" => json!({"branches": null, "bottleneck": null, "norm": "batch", "activation": "relu"}),
        "residual" => json!({"filters": null, "stride": 1, "norm": "batch", "activation": "relu"}),
        "dense" => json!({"units": null, "norm": "none", "activation": "relu"}),
        "normalisation" => json!({"norm": "batch"}),
        "dropout" => json!({"ratio": 0.25}),
        "global_average_pool" | "merge" => json!({}),
        _ => return None,
    })
}

fn usual_training() -> Value {
    json!({
        "optimizer": "adamw", "learning_rate": 1e-3, "schedule": "cosine", "momentum": 0.9, "weight_decay": 1e-4,
        "batch_size": 64, "label_smoothing": 0.0, "gradient_clip": 0.0, "initializer": "he_normal", "shift": 0,
        "flip": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_models::genome::Groups;

    fn read(text: &str) -> Result<Genome, String> {
        genome(Path::new("mine.toml"), text).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn every_kind_of_layer_can_be_written_in_a_few_words() {
        let needed = |kind: &str| match kind {
            "convolution" | "residual" => "filters = 8",
            "dense" => "units = 8",
            "inception" => "branches = [8, 8, 8, 8]\nbottleneck = 4",
            _ => "",
        };
        for kind in KINDS {
            let text = format!("[[layers]]\nkind = \"{kind}\"\n{}\n", needed(kind));
            let genome = read(&text).unwrap();
            let written = serde_json::to_value(&genome).unwrap();
            assert_eq!(written["layers"][0]["kind"], kind);
            let again = toml::to_string(&genome).unwrap();
            assert_eq!(read(&again).unwrap(), genome, "{again}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let dense = "[[layers]]\nkind = \"dense\"\nunits = 8\n";
        let cases = [
            ("layers = 3", "`layers` has to be a list"),
            (
                "[[layers]]\nkind = \"dens\"\n",
                "layer 1 (dens) has no `kind` that exists; there are convolution",
            ),
            ("[[layers]]\nkind = \"dense\"\n", "layer 1 (dense) lacks `units`"),
            ("[[layers]]\nkind = \"dense\"\nunit = 8\n", "layer 1 (dense) has no key `unit`; it has"),
            (&format!("{dense}[training]\nrate = 1\n"), "training has no key `rate`"),
            (&format!("{dense}[tuning]\n"), "no key `tuning`"),
            (
                &format!("{dense}[training]\noptimizer = \"best\"\n"),
                "training, optimizer: unknown variant `best`",
            ),
            (
                &format!("{dense}[training]\nbatch_size = 6.5\n"),
                "training, batch_size: invalid type: floating point `6.5`, expected u32",
            ),
            (
                &format!("{dense}[[layers]]\nkind = \"convolution\"\nfilters = 8\nkernel = \"7\"\n"),
                "layer 2 (convolution), kernel: invalid type: string \"7\", expected an array of length 2",
            ),
            (
                "[[layers]]\nkind = \"inception\"\nbranches = [1, 2]\nbottleneck = 4\n",
                "layer 1 (inception), branches: invalid length 2",
            ),
            (
                "[[layers]]\nkind = \"dense\"\nunits = -8\n",
                "layer 1 (dense), units: invalid value: integer `-8`, expected u32",
            ),
            (
                "[[layers]]\nkind = \"max_pool\"\nkernel = [2, 2]\n",
                "layer 1 (max_pool), kernel: invalid type",
            ),
        ];
        for (text, expected) in cases {
            let message = read(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_whole_number_is_a_square_kernel_or_a_number_of_groups() {
        let genome =
            read("[[layers]]\nkind = \"convolution\"\nfilters = 8\nkernel = 7\ngroups = 2\n").unwrap();
        let LayerGene::Convolution(genes) = &genome.layers[0] else { panic!("{genome}") };
        assert_eq!((genes.kernel, genes.groups), ([7, 7], Groups::Count(2)));
    }

    /// The lines of the tables of docs/SEEDS.md: first cell, key and usual value. A cell that is empty goes on with the
    /// one above.
    fn documented() -> Vec<[String; 3]> {
        let mut first = String::new();
        let mut lines = Vec::new();
        for line in include_str!("../docs/SEEDS.md").lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim()).collect();
            if !cells[0].is_empty() {
                cells[0].clone_into(&mut first);
            }
            let bare = |cell: &str| cell.replace('`', "");
            lines.push([bare(&first), bare(cells[1]), bare(cells[2])]);
        }
        lines
    }

    #[test]
    fn every_key_is_documented_with_its_usual_value() {
        let mut expected = Vec::new();
        let groups = KINDS.iter().map(|kind| (*kind, usual_layer(kind).unwrap()));
        for (name, usual) in groups.chain([("training", usual_training())]) {
            for (key, value) in usual.as_object().unwrap() {
                let value = match value {
                    Value::Null => "needed".to_owned(),
                    Value::String(word) => format!("\"{word}\""),
                    Value::Object(count) => count["count"].to_string(),
                    other => other.to_string().replace(',', ", "),
                };
                expected.push([name.to_owned(), key.clone(), value]);
            }
        }
        let documented = documented();
        for line in &expected {
            assert!(documented.contains(line), "docs/SEEDS.md lacks {line:?}");
        }
        for line in documented.iter().filter(|line| !["key", "-"].contains(&line[1].as_str())) {
            assert!(expected.contains(line), "docs/SEEDS.md has {line:?}, which nobody reads");
        }
        for kind in KINDS {
            assert!(documented.iter().any(|line| line[0] == kind), "docs/SEEDS.md lacks {kind}");
        }
    }
}
