//! MLflow's REST API (2.0), as far as it is used, within its limits.

use crate::records::client::{Client, ClientError};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Metrics of one request, at most; MLflow's limit.
const METRICS_MAX: usize = 1000;
/// Parameters of one request, at most; MLflow's limit.
const PARAMETERS_MAX: usize = 100;
/// Characters of a parameter's value, at most; MLflow's limit.
const PARAMETER_CHARS_MAX: usize = 6000;
/// Characters of a tag's value, at most: MLflow's databases keep 8000 bytes or more.
const TAG_CHARS_MAX: usize = 5000;
/// Runs of one page.
const PAGE_MAX: usize = 1000;

/// How MLflow says where a run stands.
pub mod status {
    /// Under way.
    pub const RUNNING: &str = "RUNNING";
    /// Ended well.
    pub const FINISHED: &str = "FINISHED";
    /// Ended badly.
    pub const FAILED: &str = "FAILED";
    /// Was ended.
    pub const KILLED: &str = "KILLED";
}

/// What is logged to one run.
#[derive(Debug, Default)]
pub struct Batch {
    /// Parameters: name and value.
    pub parameters: Vec<(String, String)>,
    /// Metrics, as MLflow writes them.
    pub metrics: Vec<Value>,
}

/// A run that the server has.
#[derive(Debug)]
pub struct Known {
    /// MLflow's name of it.
    pub id: String,
    /// Whether it was logged to its end.
    pub ended: bool,
}

/// A server, and the experiment there.
#[derive(Debug)]
pub struct Server {
    client: Client,
    experiment: String,
}

impl Server {
    /// Finds or makes the experiment.
    ///
    /// # Errors
    /// Where the server cannot be reached or refuses.
    pub fn open(client: Client, name: &str) -> Result<Self, ClientError> {
        let found =
            client.get(&format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={}", escaped(name)));
        let answer = match found {
            Ok(answer) => answer["experiment"]["experiment_id"].clone(),
            Err(ClientError::Refused { status: 404, .. }) => client
                .post("/api/2.0/mlflow/experiments/create", &json!({"name": name}))?["experiment_id"]
                .clone(),
            Err(error) => return Err(error),
        };
        let experiment = word(&answer, "/api/2.0/mlflow/experiments")?;
        Ok(Self { client, experiment })
    }

    /// The runs with this tag, by the value of another one.
    pub fn known(&self, tag: &str, value: &str, by: &str) -> Result<HashMap<String, Known>, ClientError> {
        let mut known = HashMap::new();
        let mut page = Value::Null;
        loop {
            let mut body = json!({
                "experiment_ids": [self.experiment],
                "filter": format!("tags.`{tag}` = '{}'", value.replace('\'', "''")),
                "max_results": PAGE_MAX,
            });
            if page.is_string() {
                body["page_token"] = page;
            }
            let answer = self.client.post("/api/2.0/mlflow/runs/search", &body)?;
            for run in answer["runs"].as_array().into_iter().flatten() {
                let id = word(&run["info"]["run_id"], "/api/2.0/mlflow/runs/search")?;
                let ended = run["info"]["status"].as_str().is_some_and(|status| status != status::RUNNING);
                let tags = run["data"]["tags"].as_array().into_iter().flatten();
                let found = tags.filter(|one| one["key"] == by).find_map(|one| one["value"].as_str());
                known.extend(found.map(|found| (found.to_owned(), Known { id, ended })));
            }
            page = answer["next_page_token"].clone();
            if page.as_str().is_none_or(str::is_empty) {
                return Ok(known);
            }
        }
    }

    /// Begins a run; says what MLflow calls it.
    pub fn begin(&self, name: &str, unix_ms: i64, tags: &[(String, String)]) -> Result<String, ClientError> {
        let tags: Vec<Value> =
            tags.iter().map(|(key, value)| json!({"key": key, "value": cut(value, TAG_CHARS_MAX)})).collect();
        let body = json!({
            "experiment_id": self.experiment, "run_name": name, "start_time": unix_ms, "tags": tags,
        });
        let answer = self.client.post("/api/2.0/mlflow/runs/create", &body)?;
        word(&answer["run"]["info"]["run_id"], "/api/2.0/mlflow/runs/create")
    }

    /// Logs parameters and metrics. What is logged twice is there once.
    pub fn log(&self, run: &str, batch: &Batch) -> Result<(), ClientError> {
        let send = |body: Value| self.client.post("/api/2.0/mlflow/runs/log-batch", &body).map(drop);
        for parameters in batch.parameters.chunks(PARAMETERS_MAX) {
            let parameters: Vec<Value> = parameters
                .iter()
                .map(|(key, value)| json!({"key": key, "value": cut(value, PARAMETER_CHARS_MAX)}))
                .collect();
            send(json!({"run_id": run, "params": parameters}))?;
        }
        for metrics in batch.metrics.chunks(METRICS_MAX) {
            send(json!({"run_id": run, "metrics": metrics}))?;
        }
        Ok(())
    }

    /// Says where a run stands, and when it ended.
    pub fn set_status(&self, run: &str, status: &str, ended_ms: Option<i64>) -> Result<(), ClientError> {
        let mut body = json!({"run_id": run, "status": status});
        if let Some(ended_ms) = ended_ms {
            body["end_time"] = json!(ended_ms);
        }
        self.client.post("/api/2.0/mlflow/runs/update", &body).map(drop)
    }
}

fn word(value: &Value, address: &str) -> Result<String, ClientError> {
    value.as_str().map(str::to_owned).ok_or_else(|| ClientError::NoJson { address: address.to_owned() })
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// A text as part of a query.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_in_addresses() {
        assert_eq!(escaped("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
