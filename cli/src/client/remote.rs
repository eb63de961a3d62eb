//! The running node, over loopback HTTP.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use tandem_protocol::cause::Cause;

use super::Rows;
use crate::language;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tandem_node::Running;
use tandem_node::api::cell::Cell;
use tandem_node::api::event::TransactionEvent;
use tandem_node::api::query::Query;
use tandem_node::api::status::Status;
use tandem_node::api::transaction::{Transact, Transacted};
use tandem_node::api::{ApiError, Result, error_kind};
use tandem_node::http::{TOKEN_FILE, Token};
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body, SendBody};

/// How long a node on this very PC may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// How long it may take to show that it is the node it should be: that waits for nothing else.
const PROOF: Duration = Duration::from_secs(10);

/// How long a request may take until its answer begins. The longest are whole logs that are verified,
/// and bundles that are taken in; beyond, somebody should know.
const ANSWER: Duration = Duration::from_secs(15 * 60);

/// Bytes of a proof that are read.
const PROOF_BYTES: u64 = 1024;

/// A running node.
pub struct Remote {
    agent: Agent,
    url: String,
    token: String,
    pid: u32,
}

/// Who is where a data folder says that its node is.
pub enum Answered {
    /// The node.
    Node(Remote),
    /// Nothing listens there.
    Nobody,
    /// A program that is not that node, at this address. It was told nothing.
    Other(String),
}

impl Answered {
    /// The node, if it is one.
    pub fn node(self) -> Option<Remote> {
        match self {
            Self::Node(node) => Some(node),
            Self::Nobody | Self::Other(_) => None,
        }
    }
}

impl Remote {
    /// Looks who is where a folder says that its node runs. The token is for that node only, and is not
    /// said before it has shown that it knows it.
    pub fn of(folder: &Path, running: &Running) -> Result<Answered> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .max_redirects(0)
            .proxy(None)
            .user_agent(format!("tandem {} (process {})", env!("CARGO_PKG_VERSION"), std::process::id()))
            .build();
        let token = Token::read(folder)
            .map_err(|_| error_kind::token_unusable.with("path", folder.join(TOKEN_FILE).display()))?;
        let node = Self {
            agent: Agent::new_with_config(config),
            url: running.url(),
            token: token.as_str().to_owned(),
            pid: running.pid,
        };
        let mut question = [0; 16];
        getrandom::fill(&mut question).map_err(|error| failed("system", &error))?;
        let question: String = question.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = token.proof(&question, running.http.port());
        match node.asked_for_proof(&question) {
            Ok(proof) if proof.trim() == expected => Ok(Answered::Node(node)),
            Ok(_) => Ok(Answered::Other(running.http.to_string())),
            Err(ureq::Error::Timeout(_)) => Err(node.silent(PROOF)),
            Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound) => {
                Ok(Answered::Nobody)
            }
            Err(_) => Ok(Answered::Other(running.http.to_string())),
        }
    }

    fn asked_for_proof(&self, question: &str) -> std::result::Result<String, ureq::Error> {
        let request = self.agent.get(format!("{}/proof/{question}", self.url));
        let mut response = request.config().timeout_global(Some(PROOF)).build().call()?;
        response.body_mut().with_config().limit(PROOF_BYTES).read_to_string()
    }

    fn silent(&self, waited: Duration) -> ApiError {
        error_kind::node_silent.with("pid", self.pid).with("seconds", waited.as_secs())
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn status(&self) -> Result<Status> {
        self.get(&["status"])
    }

    pub fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        read(self.send(Method::GET, &self.address(path), SendBody::none())?)
    }

    /// As [`Remote::get`], with the fields of `query` that are set behind the `?`.
    pub fn get_with<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<T> {
        read(self.send(Method::GET, &(self.address(path) + &query_string(query)), SendBody::none())?)
    }

    pub fn post<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T> {
        self.post_as(None, path, body)
    }

    /// Writes; the idempotency key travels as a header.
    pub fn transact(&self, space: &str, request: &Transact) -> Result<Transacted> {
        request.check_key()?;
        self.post_as(request.idempotency_key.as_deref(), &["spaces", space, "transactions"], request)
    }

    /// Reads row by row.
    pub fn query_rows(&self, space: &str, request: &Query, rows: &mut dyn Rows) -> Result<()> {
        let bytes = serde_json::to_vec(request).map_err(|error| failed("json_made", &error))?;
        let body = SendBody::from_owned_reader(std::io::Cursor::new(bytes));
        let address = self.address(&["spaces", space, "queries"]);
        let response = self.send_with(Method::POST, &address, &[("accept", "application/x-ndjson")], body)?;
        let reader = BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader());
        for line in reader.lines() {
            let line = line.map_err(|error| unclear(&error))?;
            let flow = match serde_json::from_str(&line).map_err(|error| unclear(&error))? {
                Line::Row(row) => rows.row(&row),
                Line::Head { columns } => rows.columns(&columns),
                Line::Error { error } => return Err(error),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn post_as<T: DeserializeOwned>(
        &self,
        key: Option<&str>,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let bytes = serde_json::to_vec(body).map_err(|error| failed("json_made", &error))?;
        let body = SendBody::from_owned_reader(std::io::Cursor::new(bytes));
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        read(self.send_with(Method::POST, &self.address(path), &headers, body)?)
    }

    /// Sends a file's bytes.
    pub fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
        file: impl Read + 'static,
    ) -> Result<T> {
        let address = self.address(path) + &query_string(query);
        read(self.send(Method::POST, &address, SendBody::from_owned_reader(file))?)
    }

    /// Fetches bytes.
    pub fn download(&self, path: &[&str], query: &impl Serialize) -> Result<Box<dyn Read>> {
        let response =
            self.send(Method::GET, &(self.address(path) + &query_string(query)), SendBody::none())?;
        Ok(Box::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    pub fn delete(&self, path: &[&str]) -> Result<()> {
        self.send(Method::DELETE, &self.address(path), SendBody::none()).map(|_| ())
    }

    /// As [`Remote::delete`], with the fields of `query` that are set behind the `?`.
    pub fn delete_with(&self, path: &[&str], query: &impl Serialize) -> Result<()> {
        let address = self.address(path) + &query_string(query);
        self.send(Method::DELETE, &address, SendBody::none()).map(|_| ())
    }

    pub fn patch(&self, path: &[&str], body: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(body).map_err(|error| failed("json_made", &error))?;
        let body = SendBody::from_owned_reader(std::io::Cursor::new(bytes));
        self.send(Method::PATCH, &self.address(path), body).map(|_| ())
    }

    /// The transactions of a space from now on, as they happen; ends when the node stops.
    pub fn events(&self, space: &str) -> Result<impl Iterator<Item = Result<TransactionEvent>> + use<>> {
        let response =
            self.send(Method::GET, &self.address(&["spaces", space, "events"]), SendBody::none())?;
        let reader = BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader());
        let mut kind = String::new();
        Ok(reader.lines().filter_map(move |line| match line {
            Ok(line) => {
                if let Some(name) = line.strip_prefix("event:") {
                    name.trim().clone_into(&mut kind);
                }
                let data = line.strip_prefix("data:").filter(|_| kind == "transaction")?;
                Some(serde_json::from_str(data.trim()).map_err(|error| unclear(&error)))
            }
            Err(error) => Some(Err(unclear(&error))),
        }))
    }

    fn address(&self, path: &[&str]) -> String {
        let segments: String = path.iter().map(|segment| format!("/{}", escaped(segment))).collect();
        format!("{}/v1{segments}", self.url)
    }

    fn send(&self, method: Method, address: &str, body: SendBody<'static>) -> Result<Response<Body>> {
        self.send_with(method, address, &[], body)
    }

    fn send_with(
        &self,
        method: Method,
        address: &str,
        headers: &[(&str, &str)],
        body: SendBody<'static>,
    ) -> Result<Response<Body>> {
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept-language", language::current().code())
            .header("content-type", "application/json");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(body)
            .map_err(|error| failed("json_made", &error))?;
        let mut response = self.agent.run(request).map_err(|error| match error {
            ureq::Error::Timeout(_) => self.silent(ANSWER),
            error => unreached(&error),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let problem = response.body_mut().read_json::<ApiError>();
        Err(problem.unwrap_or_else(|error| unreached(&error)))
    }
}

/// A line of an answer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Row(Vec<Cell>),
    Head { columns: Vec<String> },
    Error { error: ApiError },
}

fn read<T: DeserializeOwned>(mut response: Response<Body>) -> Result<T> {
    let body = response.body_mut().with_config().limit(u64::MAX);
    body.read_json().map_err(|error| unreached(&error))
}

fn failed(code: &'static str, error: &dyn std::error::Error) -> ApiError {
    error_kind::failed.with("detail", Cause::new(code).with("said", error.to_string()))
}

/// An answer that broke off, or is none.
fn unclear(error: &(dyn std::error::Error + 'static)) -> ApiError {
    let cause = match error.downcast_ref::<std::io::Error>() {
        Some(error) => Cause::from(error),
        None => Cause::new("answer_unclear").with("said", error.to_string()),
    };
    error_kind::node_unreachable.with("detail", cause)
}

fn unreached(error: &ureq::Error) -> ApiError {
    match error {
        ureq::Error::Io(error) => unclear(error),
        ureq::Error::ConnectionFailed => {
            error_kind::node_unreachable.with("detail", Cause::new("connection_refused"))
        }
        other => unclear(other),
    }
}

fn query_string(query: &impl Serialize) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) else { return String::new() };
    let pairs: Vec<_> = fields
        .iter()
        .filter_map(|(name, value)| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(format!("{name}={}", escaped(text))),
            other => Some(format!("{name}={other}")),
        })
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Percent-encoded, but for letters, digits and `-._~`.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_node::api::log_entry::LogQuery;

    #[test]
    fn names_and_filters_survive_an_address() {
        assert_eq!(escaped("École 2/b"), "%C3%89cole%202%2Fb");
        let query = LogQuery { table: Some("a&b".into()), limit: Some(3), ..LogQuery::default() };
        assert_eq!(query_string(&query), "?table=a%26b&limit=3");
        assert_eq!(query_string(&LogQuery::default()), "");
    }
}
