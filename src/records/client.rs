//! A small client for servers that speak JSON over HTTP: coordinators, MLflow.
//!
//! Without TLS: those servers stand on the same machine or behind a tunnel, and a proxy in front of them may speak it.

use serde_json::Value;
use std::time::Duration;
use ureq::{Agent, http::Uri};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long one request may take that is made in passing.
const HASTY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Of what a server says that is no answer, so many characters are quoted.
const QUOTE_CHARS_MAX: usize = 200;

/// A server.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    root: String,
    token: Option<String>,
}

/// A server did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{address:?} is no address of a server: http://HOST:PORT is wanted")]
    Address {
        /// What was given.
        address: String,
    },
    /// TLS is wanted.
    #[error(
        "{address} asks for TLS, which is not spoken here: use http://, through a tunnel (ssh -L) where the network \
         between is not trusted"
    )]
    Tls {
        /// What was given.
        address: String,
    },
    /// Nobody answers.
    #[error("{address} cannot be reached: {reason}; is the server running?")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// It refuses.
    #[error("{address} answers {status}: {message}")]
    Refused {
        /// Where.
        address: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// It answers something else.
    #[error("{address} does not answer with JSON: is it the right server?")]
    NoJson {
        /// Where.
        address: String,
    },
}

impl Client {
    /// A server at this address; `token` is sent along where there is one.
    ///
    /// # Errors
    /// Where the address is none, or asks for TLS.
    pub fn new(address: &str, token: Option<String>) -> Result<Self, ClientError> {
        Self::patient(address, token, TIMEOUT)
    }

    /// The same, for questions that can do without an answer.
    ///
    /// # Errors
    /// As `new`.
    pub fn hasty(address: &str, token: Option<String>) -> Result<Self, ClientError> {
        Self::patient(address, token, HASTY_TIMEOUT)
    }

    fn patient(address: &str, token: Option<String>, timeout: Duration) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address { address: address.to_owned() };
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), _) => return Err(ClientError::Tls { address: address.to_owned() }),
            (Some("http"), Some(host)) if !host.is_empty() => {}
            _ => return Err(wrong()),
        }
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .build();
        Ok(Self { agent: config.into(), root: address.trim_end_matches('/').to_owned(), token })
    }

    /// Asks.
    ///
    /// # Errors
    /// Where the server cannot be reached, refuses, or answers something else.
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        let address = format!("{}{path}", self.root);
        let mut request = self.agent.get(&address);
        if let Some(token) = &self.token {
            request = request.header("Authorization", &format!("Bearer {token}"));
        }
        self.understand(&address, request.call())
    }

    /// Tells.
    ///
    /// # Errors
    /// As `get`.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let address = format!("{}{path}", self.root);
        let mut request = self.agent.post(&address).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", &format!("Bearer {token}"));
        }
        self.understand(&address, request.send(body.to_string()))
    }

    fn understand(
        &self,
        address: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, ClientError> {
        let address = address.split('?').next().unwrap_or(address).to_owned();
        let unreachable = |error: ureq::Error| ClientError::Unreachable {
            address: self.root.clone(),
            reason: error.to_string(),
        };
        let mut answer = answer.map_err(unreachable)?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(unreachable)?;
        let json = serde_json::from_str::<Value>(&text).ok();
        if !answer.status().is_success() {
            let said = json.as_ref().and_then(message).unwrap_or(&text);
            let message = said.chars().take(QUOTE_CHARS_MAX).collect();
            return Err(ClientError::Refused { address, status: answer.status().as_u16(), message });
        }
        json.ok_or(ClientError::NoJson { address })
    }
}

/// What a server says is wrong: MLflow's way, or a coordinator's.
fn message(answer: &Value) -> Option<&str> {
    answer["message"].as_str().or_else(|| answer["error"]["message"].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_before_anything_is_sent() {
        let wrong = |address: &str| Client::new(address, None).unwrap_err().to_string();
        assert!(wrong("https://localhost:5000").contains("tunnel"));
        for address in ["localhost:5000", "", "ftp://x", "http://", "http://a b"] {
            assert!(wrong(address).contains("http://HOST:PORT"), "{address}");
        }
        assert_eq!(Client::new("http://localhost:5000/", None).unwrap().root, "http://localhost:5000");
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let client = Client::new("http://127.0.0.1:1", None).unwrap();
        let message = client.get("/x").unwrap_err().to_string();
        assert!(
            message.contains("http://127.0.0.1:1") && message.contains("is the server running"),
            "{message}"
        );
    }
}
