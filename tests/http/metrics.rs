//! What Prometheus reads: pages that parse, and hold what is promised.

use super::{
    common::{Living, hatchery, wait_until},
    scene::{Scene, ask},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use tempfile::tempdir;

/// A page of Prometheus's text format, understood.
#[derive(Debug, Default)]
struct Page {
    kinds: BTreeMap<String, String>,
    helped: BTreeSet<String>,
    /// Name with labels, and value.
    samples: BTreeMap<String, f64>,
}

impl Page {
    /// Understands a page; whatever is not of the format stops the test.
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, words) = rest.split_once(' ').unwrap();
                assert!(!words.is_empty() && page.helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(page.samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
                let name = series.split('{').next().unwrap();
                assert!(page.kinds.contains_key(&page.family(name)), "of no kind: {line}");
            }
        }
        assert_eq!(page.kinds.keys().collect::<Vec<_>>(), page.helped.iter().collect::<Vec<_>>());
        page
    }

    fn family(&self, name: &str) -> String {
        let part = |suffix| {
            name.strip_suffix(suffix)
                .filter(|name| self.kinds.get(*name).is_some_and(|kind| kind == "histogram"))
        };
        part("_bucket").or(part("_sum")).or(part("_count")).unwrap_or(name).to_owned()
    }

    fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {:?}", self.samples))
    }
}

/// What `docs/METRICS.md` promises of these sections, and whether it may be left out.
fn promised(sections: &[&str]) -> BTreeMap<String, String> {
    let page = include_str!("../../docs/METRICS.md");
    let mut section = "";
    let mut names = BTreeMap::new();
    for line in page.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [name, kind, ..] = cells.as_slice()
            && name.starts_with('`')
            && sections.contains(&section)
        {
            names.insert(name.replace('`', ""), (*kind).to_owned());
        }
    }
    assert!(names.len() > 10);
    names
}

/// Left out where there is nothing to tell.
const CONDITIONAL: [&str; 7] = [
    "hatchery_gpu_utilisation_ratio",
    "hatchery_gpu_memory_used_bytes",
    "hatchery_gpu_memory_total_bytes",
    "hatchery_run_seconds_left",
    "hatchery_evaluations_max",
    "hatchery_http_refused_total",
    "hatchery_http_requests_total",
];

fn holds_what_is_promised(page: &Page, sections: &[&str]) {
    let promised = promised(sections);
    for (name, kind) in promised.iter().filter(|(name, _)| !CONDITIONAL.contains(&name.as_str())) {
        assert_eq!(page.kinds.get(name), Some(kind), "{name}");
    }
    for name in page.kinds.keys() {
        assert!(promised.contains_key(name), "{name} is not on the list");
    }
}

#[test]
fn pages_of_a_real_run_parse_and_hold_what_is_promised() {
    let folder = tempdir().unwrap();
    let sets = [
        "--set=training.epochs=1",
        "--set=final.enabled=false",
        "--set=runtime.threads=1",
        "--set=budget.time=none",
    ];
    let fixed = ["run", "digits", "--out=run", "--evaluations=100000", "--workers=1", "--quiet"];
    let run = Living::start(folder.path(), &[&fixed[..], &sets].concat());
    let place = folder.path().join("run/http");
    wait_until("it says where it is to be seen", || {
        fs::read_to_string(&place).is_ok_and(|text| text.ends_with('\n'))
    });
    let url = fs::read_to_string(&place).unwrap().trim().to_owned();
    let page = |url: &str| {
        let answer = ask(url, "GET", "/metrics", None, None);
        assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Page::of(&answer.text())
    };
    let completed = "hatchery_evaluations_total{outcome=\"completed\"}";
    wait_until("evaluations are counted", || {
        page(&url).samples.get(completed).is_some_and(|count| *count >= 2.0)
    });
    wait_until("and what they have seen, and by whom", || {
        let page = page(&url);
        page.value("hatchery_cluster_training_images_total") > 0.0
            && page.value("hatchery_workers{state=\"here\"}") == 1.0
    });
    let coordinator = page(&url);
    holds_what_is_promised(&coordinator, &["Every node", "The coordinator"]);
    assert!(coordinator.value("hatchery_best_score") > 0.0);
    assert!(coordinator.value("hatchery_journal_commit_seconds_count") > 0.0);
    assert!(coordinator.value("hatchery_letters_received_total{letter=\"result\"}") >= 2.0);
    assert_eq!(coordinator.value("hatchery_workers{state=\"here\"}"), 1.0);
    assert_eq!(coordinator.value("hatchery_run_stage{stage=\"search\"}"), 1.0);
    assert_eq!(coordinator.value("hatchery_evaluations_max"), 100_000.0);
    assert!(coordinator.value("hatchery_heartbeat_age_seconds") < 60.0);
    assert!(coordinator.value("process_resident_memory_bytes") > 1e6);
    let targets = ask(&url, "GET", "/api/v1/targets", None, None).json();
    let target = |role: &str| {
        let found = targets.as_array().unwrap().iter().find(|target| target["labels"]["role"] == role);
        format!("http://{}", found.unwrap()["targets"][0].as_str().unwrap())
    };
    assert_eq!(target("coordinator"), url);
    let worker = page(&target("worker"));
    holds_what_is_promised(&worker, &["Every node", "Workers"]);
    let steps = worker.value("hatchery_training_steps_total");
    assert!(steps > 0.0 && worker.value("hatchery_training_images_total") > steps);
    assert!(worker.value("hatchery_training_step_seconds_sum") > 0.0);
    assert_eq!(worker.value("hatchery_worker_connected"), 1.0);
    assert_eq!(ask(&target("worker"), "GET", "/readyz", None, None).status, 200);
    assert_eq!(ask(&target("worker"), "GET", "/api/v1/run", None, None).status, 404);
    // Of a real training, the best network's weights are kept.
    let best = || ask(&url, "GET", "/api/v1/run", None, None).json()["best"]["id"].as_u64();
    wait_until("there is a best network", || best().is_some());
    let model =
        || ask(&url, "GET", &format!("/api/v1/individuals/{}/model.onnx", best().unwrap()), None, None);
    wait_until("its model is there", || model().status == 200);
    assert_eq!(model().headers["content-type"], "application/octet-stream");
    assert!(model().body.windows(b"hatchery.genome".len()).any(|bytes| bytes == b"hatchery.genome"));
    drop(run);
    let status = hatchery(folder.path(), &["status", "run", "--json"]).ok().json();
    assert!(status["evaluations"].as_u64() >= Some(2));
}

#[test]
fn a_coordinator_without_workers_has_metrics_too() {
    let scene = Scene::new(&["--evaluations=10"]);
    let page = Page::of(&scene.get("/metrics").text());
    assert_eq!(page.value("hatchery_workers{state=\"here\"}"), 0.0);
    assert!(!page.samples.contains_key("hatchery_best_score"), "nothing is known yet");
    assert_eq!(scene.get("/readyz").status, 200);
}
