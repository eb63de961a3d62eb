//! What other PCs reach: encrypted, with tokens of their own, within the same bounds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::site::Site;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection of a program that trusts the certificate in the data folder.
fn connect(site: &Site) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(site.folder().join("https.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TcpStream::connect(site.https().0).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// Sends a request and reads what comes until the node closes.
fn ask(site: &Site, token: &str, request: &str, body: &str) -> String {
    let mut stream = connect(site);
    let head = format!(
        "{request} HTTP/1.1\r\nhost: till.example\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn token(site: &Site) -> String {
    let new = json!({ "name": "till 2", "space": "school", "right": "write" });
    site.post("/v1/tokens", &new).1["token"].as_str().unwrap().to_owned()
}

/// What a connection in the clear hears until it is closed.
fn in_the_clear(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may be closed before all is said.
    let _either_way = stream.write_all(bytes);
    let mut heard = Vec::new();
    let _closed_either_way = stream.read_to_end(&mut heard);
    heard
}

#[test]
fn other_pcs_are_let_in_encrypted_and_with_a_token_of_their_own_only() {
    let site = Site::open_to_others();
    let token = token(&site);
    let (address, fingerprint) = site.https();
    // What the token says behind its point is what the connection shows.
    assert_eq!(token.split_once('.').unwrap().1, fingerprint);
    let mut stream = connect(&site);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(stream.read(&mut [0; 16]).unwrap() > 0);
    let shown = stream.conn.peer_certificates().unwrap()[0].clone();
    assert_eq!(data_encoding::HEXLOWER.encode(&Sha256::digest(&shown)), fingerprint);

    let write = json!({ "statements": ["INSERT INTO pupils (name) VALUES ('Ada')"] }).to_string();
    let transactions = "POST /v1/spaces/school/transactions";
    let written = ask(&site, &token, transactions, &write);
    assert!(written.starts_with("HTTP/1.1 200"), "{written}");
    assert_eq!(site.rows("SELECT name FROM pupils"), json!([["Ada"]]));
    // The token of the data folder is for this PC alone.
    for (refused, request, status) in [
        (site.token.as_str(), transactions, 401),
        ("", transactions, 401),
        (&token, "GET /v1/status", 403),
        (&token, "GET /proof/question", 404),
    ] {
        let answer = ask(&site, refused, request, &write);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let heard = in_the_clear(address, request.as_bytes());
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP"), "in the clear nothing is answered: {heard:?}");
    // On this PC, the same token does what it does there.
    assert_eq!(site.send_as(&token, "GET", "/v1/spaces/school/log", &[], "").status(), 200);
}

#[test]
fn who_does_not_agree_on_how_to_encrypt_is_not_waited_for_and_keeps_nobody_out() {
    let site = Site::open_to_others();
    let (address, _) = site.https();
    for garbage in
        [&[0; 100][..], &[0xff; 5000], b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01"]
    {
        in_the_clear(address, garbage);
    }
    // As many as are let in say nothing, or begin and do not go on; those beyond are closed at once.
    let silent: Vec<TcpStream> = (0..80)
        .map(|at| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            if at % 2 == 0 {
                let _either_way = stream.write_all(b"\x16\x03\x01\x02\x00\x01");
            }
            stream
        })
        .collect();
    // Programs of this PC have connections of their own.
    assert_eq!(site.rows("SELECT 1"), json!([[1]]));
    for mut stream in silent {
        let mut heard = Vec::new();
        let _closed_either_way = stream.read_to_end(&mut heard);
        assert!(heard.len() < 100, "nothing but an alert: {heard:?}");
    }
    let token = token(&site);
    let answer = ask(&site, &token, "POST /v1/spaces/school/queries", r#"{"sql": "SELECT 41 + 1"}"#);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("42"), "{answer}");
}

#[test]
fn an_encrypted_stream_ends_with_its_token_and_with_the_node() {
    let site = Site::open_to_others();
    let token = token(&site);
    let listen = || {
        let mut stream = connect(&site);
        let head = format!(
            "GET /v1/spaces/school/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut begun = [0; 15];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200 OK");
        stream
    };
    let mut first = listen();
    site.write("INSERT INTO pupils (name) VALUES ('Ada')");
    let (mut heard, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while !heard.windows(5).any(|part| part == b"data:") {
        assert!(Instant::now() < deadline);
        let mut piece = [0; 512];
        let length = first.read(&mut piece).unwrap();
        heard.extend_from_slice(&piece[..length]);
    }
    assert_eq!(site.send("DELETE", "/v1/tokens/till%202", &[], "").status(), 204);
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).unwrap();

    let new = json!({ "name": "till 3", "space": "school", "right": "read" });
    let other: Value = site.post("/v1/tokens", &new).1;
    let mut second = connect(&site);
    let head = format!(
        "GET /v1/spaces/school/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        other["token"].as_str().unwrap()
    );
    second.write_all(head.as_bytes()).unwrap();
    assert!(second.read(&mut [0; 15]).unwrap() > 0);
    drop(site);
    second.read_to_end(&mut rest).unwrap();
}
