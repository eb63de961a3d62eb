//! A node's HTTP interface, as a program uses it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use ureq::{Agent, SendBody};

/// No request of a test takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

const TRANSACTIONS: &str = "/v1/spaces/school/transactions";

/// A client of one node. Its connections belong to the network on which they are opened, so it is
/// made and used [inside](crate::lan::Host::inside) the node's host.
pub struct Http {
    agent: Agent,
    url: String,
    token: String,
}

/// An answer: the status and what it carried.
pub type Reply = (u16, Value);

/// No answer came: what was asked may have happened or not.
#[derive(Debug)]
pub struct NoAnswer(pub String);

impl Http {
    /// A client of the node that runs on a data folder.
    pub fn of_folder(data: &Path) -> Result<Self, NoAnswer> {
        let running = std::fs::read(data.join("node.json")).map_err(|error| NoAnswer(error.to_string()))?;
        let running: Value = serde_json::from_slice(&running).map_err(|error| NoAnswer(error.to_string()))?;
        let token =
            std::fs::read_to_string(data.join("http.token")).map_err(|error| NoAnswer(error.to_string()))?;
        let http = running["http"].as_str().ok_or_else(|| NoAnswer(running.to_string()))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            url: format!("http://{http}"),
            token: token.trim().to_owned(),
        })
    }

    /// The same node, asked with another token.
    pub fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it answers `/healthz`.
    pub fn healthy(&self) -> bool {
        self.agent.get(format!("{}/healthz", self.url)).call().is_ok_and(|reply| reply.status() == 200)
    }

    /// Asks.
    pub fn get(&self, path: &str) -> Result<Reply, NoAnswer> {
        let request = ureq::http::Request::get(format!("{}{path}", self.url));
        self.send(request, SendBody::none())
    }

    /// Sends JSON.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Reply, NoAnswer> {
        self.post_bytes(path, serde_json::to_vec(body).unwrap())
    }

    /// Sends any bytes.
    pub fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Reply, NoAnswer> {
        self.send(self.posting(path), SendBody::from_owned_reader(std::io::Cursor::new(body)))
    }

    /// Writes one transaction of these statements into the space `school`.
    pub fn transact(&self, statements: &impl Serialize) -> Result<Reply, NoAnswer> {
        self.post(TRANSACTIONS, &json!({ "statements": statements }))
    }

    /// The same, as the request of that `Idempotency-Key`.
    pub fn transact_once(&self, key: &str, statements: &impl Serialize) -> Result<Reply, NoAnswer> {
        let body = serde_json::to_vec(&json!({ "statements": statements })).unwrap();
        let request = self.posting(TRANSACTIONS).header("idempotency-key", key);
        self.send(request, SendBody::from_owned_reader(std::io::Cursor::new(body)))
    }

    /// Writes one transaction as made when `basis` was read.
    pub fn transact_on(&self, basis: &str, statements: &impl Serialize) -> Result<Reply, NoAnswer> {
        self.post(TRANSACTIONS, &json!({ "statements": statements, "basis": basis }))
    }

    /// The version token of the space `school` as this site shows it.
    pub fn version(&self) -> Result<String, NoAnswer> {
        let (status, answer) = self.post("/v1/spaces/school/queries", &json!({ "sql": "SELECT 1" }))?;
        assert_eq!(status, 200, "{answer}");
        Ok(answer["version"].as_str().unwrap().to_owned())
    }

    fn posting(&self, path: &str) -> ureq::http::request::Builder {
        let url = format!("{}{path}", self.url);
        ureq::http::Request::post(url).header("content-type", "application/json")
    }

    fn send(
        &self,
        request: ureq::http::request::Builder,
        body: SendBody<'static>,
    ) -> Result<Reply, NoAnswer> {
        let request = request.header("authorization", format!("Bearer {}", self.token)).body(body).unwrap();
        let mut reply = self.agent.run(request).map_err(|error| NoAnswer(error.to_string()))?;
        let status = reply.status().as_u16();
        let text = reply.body_mut().with_config().limit(u64::MAX).read_to_string();
        let text = text.map_err(|error| NoAnswer(error.to_string()))?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}
