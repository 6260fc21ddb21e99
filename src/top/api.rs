//! A run as its coordinator tells of it over HTTP. What an answer lacks is shown as unknown.

use super::view::{NodeView, Ranked, SlotView, View, course};
use crate::{
    cli::exit::{Exit, Failure, OrExit},
    records::client::{Client, ClientError},
};
use serde_json::Value;

/// The coordinator of a run.
#[derive(Debug)]
pub struct Api {
    client: Client,
    /// The best over time so far: the whole of it is asked for once.
    course: Option<Vec<(f64, f64)>>,
}

impl Api {
    pub fn new(address: &str, token: Option<String>) -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(address, token)?, course: None })
    }

    pub fn look(&mut self) -> Result<View, Failure> {
        let get = |path: &str| self.client.get(path).or_exit(Exit::Failed);
        let run = get("/api/v1/run")?;
        let nodes = get("/api/v1/nodes")?;
        let ranking = get("/api/v1/individuals?sort=-score&limit=10")?;
        if self.course.is_none() {
            self.course = Some(points(&get("/api/v1/points")?));
        }
        let course = self.course.get_or_insert_default();
        if let (Some(elapsed), Some(score)) = (run["elapsed_s"].as_f64(), run["best"]["score"].as_f64())
            && course.last().is_none_or(|(_, best)| score > *best)
        {
            course.push((elapsed, score));
        }
        Ok(View { course: course.clone(), ..view(&run, &nodes, &ranking) })
    }
}

fn points(points: &Value) -> Vec<(f64, f64)> {
    let column = |name: &str| points[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs = column("finished_s").iter().zip(column("scores"));
    course(pairs.filter_map(|(seconds, score)| Some((seconds.as_f64()?, score.as_f64()?))).collect())
}

fn view(run: &Value, nodes: &Value, ranking: &Value) -> View {
    let paused = if run["paused"] == true { ", paused" } else { "" };
    let ending = run["ending"].as_str().map(|ending| format!(", {ending}")).unwrap_or_default();
    let outcomes = run["outcomes"].as_object().into_iter().flatten();
    View {
        title: text(&run["name"]),
        state: format!("{}{paused}{ending}", text(&run["stage"])),
        elapsed_s: run["elapsed_s"].as_f64().unwrap_or(0.0),
        left_s: run["seconds_left"].as_f64(),
        evaluations: run["evaluations"].as_u64().unwrap_or(0),
        evaluations_max: run["evaluations_max"].as_u64(),
        per_hour: run["per_hour"].as_f64().unwrap_or(0.0),
        utilisation: run["utilisation"].as_f64().unwrap_or(0.0),
        score_name: text(&run["score_name"]),
        ranking: list(&ranking["items"])
            .iter()
            .filter(|item| item["score"].is_number())
            .map(ranked)
            .collect(),
        course: Vec::new(),
        outcomes: outcomes.filter_map(|(word, count)| Some((word.clone(), count.as_u64()?))).collect(),
        makers: list(&run["makers"]).iter().filter_map(maker).collect(),
        nodes: list(&nodes["nodes"]).iter().map(node).collect(),
        incidents: list(&run["incidents"]).iter().map(text).collect(),
    }
}

fn maker(item: &Value) -> Option<(String, u64)> {
    Some((text(&item["name"]), item["births"].as_u64()?))
}

fn ranked(item: &Value) -> Ranked {
    Ranked {
        id: item["id"].as_u64().unwrap_or(0),
        score: item["score"].as_f64(),
        parameters: item["parameters"].as_u64().unwrap_or(0),
        summary: text(&item["summary"]),
    }
}

fn node(item: &Value) -> NodeView {
    // Of a node that has come back, the reason is why it had left.
    let is_away = matches!(item["state"].as_str(), Some("gone" | "excluded"));
    let reason = item["reason"].as_str().filter(|_| is_away);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let busy = list(&item["slots"]).iter().filter(|slot| slot["evaluation"].is_u64());
    NodeView {
        name: text(&item["name"]),
        state: format!("{}{reason}", text(&item["state"])),
        evaluations: item["evaluations"].as_u64().unwrap_or(0),
        slots: busy.map(slot).collect(),
    }
}

fn slot(item: &Value) -> SlotView {
    SlotView {
        evaluation: item["evaluation"].as_u64().unwrap_or(0),
        epoch: item["epoch"].as_u64(),
        epochs: item["epochs"].as_u64().unwrap_or(0),
        seconds: item["seconds"].as_f64().unwrap_or(0.0),
        summary: text(&item["summary"]),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_understood() {
        let run = json!({"name": "digits", "stage": "search", "paused": true, "ending": null, "elapsed_s": 12.5,
            "evaluations": 7, "evaluations_max": 10, "per_hour": 100.0, "outcomes": {"completed": 7},
            "best": {"score": 0.9}, "makers": [{"name": "refiner", "share": 0.25, "births": 2}],
            "score_name": "accuracy", "incidents": ["one"]});
        let nodes = json!({"nodes": [{"name": "w", "state": "gone", "reason": "silent", "evaluations": 3, "slots": [
            {"slot": 0, "evaluation": 8, "epoch": 2, "epochs": 5, "seconds": 1.5, "summary": "s"},
            {"slot": 1, "evaluation": null}]}, {"name": "back", "state": "here", "reason": "silent"}]});
        let ranking = json!({"items": [{"id": 4, "score": 0.9, "parameters": 10, "summary": "best"},
            {"id": 5, "score": null}]});
        let view = view(&run, &nodes, &ranking);
        assert_eq!((view.state.as_str(), view.evaluations_max), ("search, paused", Some(10)));
        assert_eq!((view.nodes[0].state.as_str(), view.nodes[0].slots.len()), ("gone: silent", 1));
        assert_eq!((view.nodes[0].slots[0].epoch, view.ranking[0].id), (Some(2), 4));
        assert_eq!((view.nodes[1].state.as_str(), view.ranking.len()), ("here", 1));
        assert_eq!(view.makers, [("refiner".to_owned(), 2)]);
        assert_eq!(view.outcomes, [("completed".to_owned(), 7)]);
    }

    #[test]
    fn points_without_a_score_are_left_out() {
        let columns = json!({"finished_s": [1.0, null, 3.0, 2.0], "scores": [0.5, 0.9, 0.7, null]});
        assert_eq!(points(&columns), [(1.0, 0.5), (3.0, 0.7)]);
    }
}
