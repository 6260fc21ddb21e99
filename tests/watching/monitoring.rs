//! Prometheus with what `config/deploy` has for it, at a real run: it finds all nodes by asking the coordinator, every
//! expression of the Grafana dashboard has an answer, every alert's expression is sound, and the alerts go off when
//! they should.

use super::{
    common::{Living, finish, wait_until},
    scene::{Scene, is_installed},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What stands in the configuration for the coordinator of a run.
const ADDRESS: &str = "http://127.0.0.1:9117";

/// Expressions of these metrics may have no answer: a machine has no GPU, a journal no trouble.
const MAY_BE_EMPTY: [&str; 1] = ["hatchery_gpu_"];

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/deploy").join(file)
}

fn is_skipped() -> bool {
    let is_missing = !is_installed("prometheus") || !is_installed("promtool");
    if is_missing {
        eprintln!("skipped: there are no prometheus and promtool, so config/deploy is not tried");
    }
    is_missing
}

fn promtool(arguments: &[&str], file: &Path) {
    finish(Command::new("promtool").args(arguments).arg(file)).ok();
}

#[test]
fn the_configuration_is_sound_and_the_alerts_go_off_when_they_should() {
    if is_skipped() {
        return;
    }
    promtool(&["check", "config"], &deploy("prometheus.yml"));
    promtool(&["check", "rules"], &deploy("hatchery.rules.yml"));
    promtool(&["test", "rules"], &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watching/alerts.yml"));
}

#[test]
fn whatever_is_asked_about_exists() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md")).unwrap();
    let rules = fs::read_to_string(deploy("hatchery.rules.yml")).unwrap();
    let mut asked = metrics_in(&rules);
    for expression in expressions(&grafana()) {
        asked.extend(metrics_in(&expression));
    }
    assert!(asked.len() > 20, "{asked:?}");
    for name in asked {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/METRICS.md");
    }
}

#[test]
fn prometheus_finds_all_nodes_and_answers_every_expression_of_the_dashboard() {
    if is_skipped() {
        return;
    }
    let scene = Scene::start();
    let prometheus = Prometheus::start(&scene);
    wait_until("coordinator and workers are found and answer", || prometheus.nodes_up() == 3);
    let dashboard = grafana();
    for expression in expressions(&dashboard) {
        let may_be_empty = MAY_BE_EMPTY.iter().any(|name| expression.contains(name));
        wait_until(&expression, || prometheus.has_answer(&expression) || may_be_empty);
    }
    for (metric, label) in variables(&dashboard) {
        wait_until(&label, || prometheus.has_values(&metric, &label));
    }
    assert_eq!(prometheus.unsound_rules(), Vec::<String>::new());
}

fn grafana() -> Value {
    serde_json::from_slice(&fs::read(deploy("grafana.json")).unwrap()).unwrap()
}

/// Every expression of the dashboard, as Grafana would send it for all experiments and all nodes.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let found: Vec<String> = targets.map(|target| filled_in(target["expr"].as_str().unwrap())).collect();
    assert!(found.len() > 40, "only {} expressions", found.len());
    found
}

fn filled_in(expression: &str) -> String {
    let filled =
        expression.replace("$__rate_interval", "30s").replace("$experiment", ".*").replace("$node", ".*");
    assert!(!filled.contains('$'), "a variable that this test does not know: {filled}");
    filled
}

/// Metric and label of each variable of the dashboard that is asked from Prometheus.
fn variables(dashboard: &Value) -> Vec<(String, String)> {
    let all = dashboard["templating"]["list"].as_array().unwrap().iter();
    let asked = all.filter_map(|variable| variable["query"]["query"].as_str());
    let parts = asked.map(|query| {
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (metric, label) = inside.rsplit_once(", ").unwrap();
        (filled_in(metric), label.to_owned())
    });
    parts.collect()
}

/// Names of metrics in a text; those of histograms without what stands for their parts.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let named = words.filter(|word| word.starts_with("hatchery_") || word.starts_with("process_"));
    let whole = |word: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned()
    };
    named.map(whole).collect()
}

/// A Prometheus that watches a run with the configuration that we ship, only sooner.
struct Prometheus {
    url: String,
    _process: Living,
}

impl Prometheus {
    fn start(scene: &Scene) -> Self {
        let shipped = fs::read_to_string(deploy("prometheus.yml")).unwrap();
        assert!(shipped.contains(ADDRESS), "{shipped}");
        let config = shipped
            .replace(ADDRESS, &scene.url())
            .replace("15s", "1s")
            .replace("hatchery.rules.yml", deploy("hatchery.rules.yml").to_str().unwrap());
        let file = scene.folder().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", scene.folder().join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let prometheus =
            Self { url: format!("http://127.0.0.1:{port}"), _process: Living(command.spawn().unwrap()) };
        wait_until("Prometheus is ready", || prometheus.text("/-/ready", &[]).is_some());
        prometheus
    }

    fn text(&self, path: &str, query: &[(&str, &str)]) -> Option<String> {
        let mut request = ureq::get(format!("{}{path}", self.url));
        for (name, value) in query {
            request = request.query(*name, *value);
        }
        request.call().ok()?.body_mut().read_to_string().ok()
    }

    fn data(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let mut answer: Value = serde_json::from_str(&self.text(path, query)?).ok()?;
        Some(answer["data"].take())
    }

    /// How many nodes have answered of late.
    fn nodes_up(&self) -> usize {
        let up = self.data("/api/v1/query", &[("query", "count(up{job=\"hatchery\"} == 1)")]);
        let value = up.and_then(|data| data["result"][0]["value"][1].as_str().map(str::to_owned));
        value.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Whether an expression has an answer now, of which at least one is a number.
    fn has_answer(&self, expression: &str) -> bool {
        let answer = self.text("/api/v1/query", &[("query", expression)]);
        let data: Value = answer.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let results = data["data"]["result"].as_array().cloned().unwrap_or_default();
        let number = |result: &Value| result["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        results.iter().filter_map(number).any(f64::is_finite)
    }

    fn has_values(&self, metric: &str, label: &str) -> bool {
        let values = self.data(&format!("/api/v1/label/{label}/values"), &[("match[]", metric)]);
        values.is_some_and(|values| values.as_array().is_some_and(|values| !values.is_empty()))
    }

    /// Alerts that were not evaluated without an error.
    fn unsound_rules(&self) -> Vec<String> {
        let rules = || {
            let groups = self.data("/api/v1/rules", &[]).unwrap_or_default();
            let groups = groups["groups"].as_array().cloned().unwrap_or_default();
            groups
                .iter()
                .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        wait_until("all rules have been evaluated", || {
            let rules = rules();
            rules.len() > 10 && rules.iter().all(|rule| rule["health"] != "unknown")
        });
        rules().iter().filter(|rule| rule["health"] != "ok").map(Value::to_string).collect()
    }
}
