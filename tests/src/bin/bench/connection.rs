//! HTTP/1.1 on one kept-alive connection, as thin as a client can be, so that what is measured is
//! the node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Connection {
    /// A connection to the node that runs on a data folder.
    pub fn open(data: &Path) -> Self {
        let running: Value = serde_json::from_slice(&std::fs::read(data.join("node.json")).unwrap()).unwrap();
        let host = running["http"].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(data.join("http.token")).unwrap().trim().to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), host, token }
    }

    /// The bytes of a request, made before the clock runs.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        )
        .into_bytes()
    }

    /// Sends a request and waits for its answer.
    pub fn send(&mut self, request: &[u8]) -> Value {
        self.stream.get_mut().write_all(request).unwrap();
        let (status, length) = self.head();
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!((200..300).contains(&status), "{status}: {body}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() }
    }

    pub fn get(&mut self, path: &str) -> Value {
        let request = self.request("GET", path, "");
        self.send(&request)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Value {
        let request = self.request("POST", path, &body.to_string());
        self.send(&request)
    }

    /// Turns the connection into a stream of events.
    pub fn events(mut self, path: &str) -> Events {
        let request = self.request("GET", path, "");
        self.stream.get_mut().write_all(&request).unwrap();
        let (status, _) = self.head();
        assert_eq!(status, 200);
        Events(self.stream)
    }

    fn head(&mut self) -> (u16, Option<usize>) {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status =
            line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                return (status, length);
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
        }
    }
}

/// Server-sent events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Waits for the next event whose data contains `text`.
    pub fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream of events ended");
            if line.starts_with("data:") && line.contains(text) {
                return;
            }
        }
    }
}
