//! A node of its own for one test, on loopback and any free port.

use serde_json::Value;
use tandem_node::http::Token;
use tandem_node::{Node, Settings};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

pub const SCHEMA: &str =
    "CREATE TABLE pupils (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB, fee DECIMAL(8,2));";

/// A running node. Stops when dropped.
pub struct Site {
    pub url: String,
    pub token: String,
    pub agent: Agent,
    runtime: Runtime,
    node: Option<Node>,
    folder: Option<TempDir>,
}

impl Site {
    /// Without a space.
    pub fn bare() -> Self {
        Self::bare_on(Runtime::new().unwrap())
    }

    fn bare_on(runtime: Runtime) -> Self {
        Self::on(runtime, tempfile::tempdir().unwrap())
    }

    /// With the space `school`, and open to other PCs.
    pub fn open_to_others() -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        Self::with(Runtime::new().unwrap(), tempfile::tempdir().unwrap(), Some(any)).found()
    }

    /// Where other PCs reach it, and the fingerprint of its certificate.
    pub fn https(&self) -> (std::net::SocketAddr, String) {
        let https = self.node.as_ref().unwrap().https().unwrap();
        (https.address, https.fingerprint.clone().unwrap())
    }

    fn on(runtime: Runtime, folder: TempDir) -> Self {
        Self::with(runtime, folder, None)
    }

    fn with(runtime: Runtime, folder: TempDir, https: Option<std::net::SocketAddr>) -> Self {
        let settings = Settings {
            data: folder.path().to_owned(),
            http: "127.0.0.1:0".parse().unwrap(),
            https,
            certificate: None,
            listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
            peers: Vec::new(),
            mdns: false,
            deadlines: Default::default(),
        };
        let node = runtime.block_on(Node::start(settings)).unwrap();
        let token = Token::read(folder.path()).unwrap().as_str().to_owned();
        let agent = Agent::new_with_config(Agent::config_builder().http_status_as_error(false).build());
        Self { url: node.url(), token, agent, runtime, node: Some(node), folder: Some(folder) }
    }

    /// With the space `school`.
    pub fn with_school() -> Self {
        Self::bare().found()
    }

    /// With the space `school`, and so many threads for work that blocks.
    pub fn with_threads(count: usize) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Self::bare_on(runtime.enable_all().max_blocking_threads(count).build().unwrap()).found()
    }

    fn found(self) -> Self {
        let site = self;
        let new = serde_json::json!({ "name": "school", "site_name": "office", "schema": SCHEMA });
        assert_eq!(site.post("/v1/spaces", &new).0, 201);
        site
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Stopped, and started again on its folder.
    pub fn restarted(mut self) -> Self {
        self.stop();
        Self::on(Runtime::new().unwrap(), self.folder.take().unwrap())
    }

    fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            let stopped = self.runtime.block_on(node.stop());
            assert!(std::thread::panicking() || stopped.is_ok(), "{stopped:?}");
            assert!(!self.folder().join("node.json").exists());
        }
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        read(self.send("GET", path, &[], ""))
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.send("POST", path, &[], body.to_string()))
    }

    /// Writes one statement; the answer's status and JSON.
    pub fn write(&self, sql: &str) -> (u16, Value) {
        self.post("/v1/spaces/school/transactions", &serde_json::json!({ "statements": [sql] }))
    }

    /// The rows of a query.
    pub fn rows(&self, sql: &str) -> Value {
        let (status, answer) = self.post("/v1/spaces/school/queries", &serde_json::json!({ "sql": sql }));
        assert_eq!(status, 200, "{answer}");
        answer["rows"].clone()
    }

    /// A request with the token, and further headers.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Response<Body> {
        self.send_as(&self.token, method, path, headers, body)
    }

    /// The same with another token.
    pub fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if headers.iter().all(|(name, _)| *name != "authorization") {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.agent.run(request.body(body.into()).unwrap()).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn read(mut response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().unwrap();
    if status >= 400 {
        let kind = response.headers().get("content-type").unwrap();
        assert_eq!(kind, "application/problem+json", "{text}");
    }
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
