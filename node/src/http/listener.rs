//! The listener: connections let in, each with its place and its times, until the node stops.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tandem_protocol::cause::Cause;
use tandem_words::Language;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::caller::Caller;
use super::guard::{Guard, Hosts};
use super::routes;
use super::share::{CONNECTIONS, OF_ONE, Shares};
use super::site::Site;
use super::stall::Stalling;
use super::token::Token;
use super::waiting::stopped;
use crate::api::{Api, ApiError, Result, error_kind};

/// How long the head of a request may take, from when the connection is free for one.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES: usize = 64 << 10;
/// How long to wait when no connection can be accepted: most likely too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the other end may take to agree on how to encrypt.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A bound socket, not yet served.
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    /// For other PCs.
    encrypted: Option<TlsAcceptor>,
}

impl HttpListener {
    /// Takes the address; port 0 takes any free one.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => error_kind::port_taken.with("address", address),
            _ => network_failed(address, &error),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, encrypted: None })
    }

    /// The same for other PCs, encrypted.
    pub async fn open_encrypted(address: SocketAddr, config: Arc<ServerConfig>) -> Result<Self> {
        Ok(Self { encrypted: Some(config.into()), ..Self::open(address).await? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` turns true and those under way are answered.
    pub async fn serve(self, api: Api, token: Token, stop: watch::Receiver<bool>) -> Result<()> {
        let guard = match self.encrypted {
            None => Guard::Here { token, hosts: Hosts::of(self.address) },
            Some(_) => Guard::Elsewhere,
        };
        let guard = guard.into();
        let router = routes(Site { api, guard, stop: stop.clone() });
        let (shares, mut connections) = (Shares::default(), JoinSet::new());
        let mut stopping = pin!(stopped(stop.clone()));
        loop {
            tokio::select! {
                () = &mut stopping => break,
                Some(_ended) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => match shares.take(from.ip()) {
                        Some(share) => {
                            let caller = Caller::new(from, share);
                            let service = router.clone().layer(Extension(caller));
                            let encrypted = self.encrypted.clone();
                            connections.spawn(attend(stream, encrypted, service, stop.clone()));
                        }
                        // Who does not speak yet is not spoken to.
                        None if self.encrypted.is_some() => {}
                        None => turn_away(&stream),
                    },
                    Err(error) => bear(&error).await,
                },
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// A connection that failed before it was accepted is of no interest; anything else may last.
async fn bear(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        sleep(PAUSE).await;
    }
}

fn network_failed(address: SocketAddr, error: &std::io::Error) -> ApiError {
    let cause = Cause::new("network_listen").with("address", address);
    error_kind::network_failed.with("detail", cause.with("fault", Cause::from(error)))
}

/// Attends to one connection, encrypted if it is to be.
async fn attend(
    stream: TcpStream,
    encrypted: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    // Requests and answers are small and awaited: never hold one back to fill a packet.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may be held back by the system");
    }
    let stream = Stalling::new(stream);
    let Some(encrypted) = encrypted else {
        return converse(stream, router, stop).await;
    };
    let agreed = tokio::select! {
        agreed = timeout(HANDSHAKE, encrypted.accept(stream)) => agreed,
        () = stopped(stop.clone()) => return,
    };
    match agreed {
        Ok(Ok(stream)) => converse(stream, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "no agreement on how to encrypt"),
        Err(_) => tracing::debug!("no agreement on how to encrypt in time"),
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Says why and closes. Whoever does not hear it was not waiting for it.
fn turn_away(stream: &TcpStream) {
    // What it asks for, and in which language, is not read.
    let error = error_kind::connections_full.with("most", CONNECTIONS).with("each", OF_ONE);
    let body = serde_json::to_string(&error.problem(Language::English)).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _not_heard = stream.try_write(answer.as_bytes());
}
