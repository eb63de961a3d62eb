//! Who is let in: requests addressed to this node, carrying its token.

use std::net::{IpAddr, SocketAddr};

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;

use tandem_protocol::cause::{Cause, Param};

use super::body;
use super::site::Site;
use super::token::Token;
use crate::api::access::{Access, Right};
use crate::api::{ApiError, Result, error_kind};

/// Whom a listener lets in.
pub(super) enum Guard {
    /// Programs of this PC: this account with the token of the data folder, others with their own.
    Here { token: Token, hosts: Hosts },
    /// Those of other PCs, encrypted, with tokens of their own. They may call this node by any name: a
    /// page that makes a browser do so has no certificate for that name, and no token.
    Elsewhere,
}

/// The names under which this node may be addressed.
///
/// A web page can make a browser send requests to any address under a name of its own choosing;
/// such requests carry that name, and are refused.
#[derive(Clone, Copy, Debug)]
pub struct Hosts {
    bound: SocketAddr,
}

impl Hosts {
    /// The names of a node bound to that address.
    pub fn of(bound: SocketAddr) -> Self {
        Self { bound }
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.bound.port()
    }

    /// Whether a `Host` header names this node.
    pub fn admit(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else {
            return self.bound.port() == 80 && self.admits_name(host);
        };
        if host.ends_with(']') {
            return self.bound.port() == 80 && self.admits_name(host);
        }
        port == self.bound.port().to_string() && self.admits_name(name)
    }

    fn admits_name(&self, name: &str) -> bool {
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match bare.parse::<IpAddr>() {
            // An address cannot be made to mean another PC. Bound to all interfaces, it has many.
            Ok(ip) => ip.is_loopback() || ip == self.bound.ip() || self.bound.ip().is_unspecified(),
            Err(_) => false,
        }
    }
}

pub(super) async fn check_host(State(site): State<Site>, request: Request, next: Next) -> Result<Response> {
    let Guard::Here { hosts, .. } = &*site.guard else {
        return Ok(next.run(request).await);
    };
    let in_header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let host = in_header.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    match host {
        Some(host) if hosts.admit(host) => Ok(next.run(request).await),
        _ => {
            let host = host.map_or_else(|| Cause::new("http_no_host").into(), Param::from);
            let error = error_kind::host_refused.with("host", host);
            refuse(request, error).await
        }
    }
}

/// Lets in who carries a token, and tells the handlers what it allows.
pub(super) async fn check_token(
    State(site): State<Site>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let access = token.and_then(|given| match &*site.guard {
        Guard::Here { token, .. } if token.matches(given) => Some(Access::whole()),
        _ => site.api.tokens().access(given),
    });
    let Some(access) = access else {
        return refuse(request, error_kind::unauthorized.error()).await;
    };
    request.extensions_mut().insert(access.clone());
    if !access.is_revocable() {
        return Ok(next.run(request).await);
    }
    // What is asked with a token ends with it: the request that runs, and the stream that answers it.
    let response = tokio::select! {
        response = next.run(request) => response,
        () = access.clone().revoked() => return Err(error_kind::unauthorized.error()),
    };
    if response.body().size_hint().exact().is_some() {
        return Ok(response);
    }
    let until =
        |body: Body| Body::from_stream(body.into_data_stream().take_until(Box::pin(access.revoked())));
    Ok(response.map(until))
}

/// Lets through who has a right on the space that is asked about.
pub(super) async fn check_right(
    State((site, needed)): State<(Site, Right)>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let access = parts.extensions.get::<Access>().cloned();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    let space = params.ok().and_then(|params| {
        params.iter().find(|(name, _)| *name == "space").map(|(_, space)| space.to_owned())
    });
    // An address that is no text names no space.
    let space = space.unwrap_or_default();
    let allowed = match access {
        Some(access) if access.is_revocable() => access.check(needed, &space, &site.api.space(&space)),
        Some(_) => Ok(()),
        None => Err(error_kind::unauthorized.error()),
    };
    match allowed {
        Ok(()) => Ok(next.run(request).await),
        Err(error) => refuse(request, error).await,
    }
}

/// As [`check_right`], for what is read with one method and changed with others.
pub(super) async fn check_schema_right(
    State(site): State<Site>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let needed = if request.method() == Method::GET { Right::Read } else { Right::Admin };
    check_right(State((site, needed)), request, next).await
}

/// Lets through who holds the token of the data folder.
pub(super) async fn check_whole(request: Request, next: Next) -> Result<Response> {
    let access = request.extensions().get::<Access>();
    match access.map_or_else(|| Err(error_kind::unauthorized.error()), Access::check_whole) {
        Ok(()) => Ok(next.run(request).await),
        Err(error) => refuse(request, error).await,
    }
}

/// Bytes of a refused request that are still read.
const HEARD_OUT_BYTES: usize = 1 << 20;

/// Refuses a request after hearing it out: who is still sending when the connection is closed gets
/// to know of that alone, and not why.
pub(super) async fn refuse(request: Request, error: ApiError) -> Result<Response> {
    let mut heard = 0;
    let mut pieces = body::pieces(request.into_body());
    while heard < HEARD_OUT_BYTES
        && let Some(Ok(piece)) = pieces.next().await
    {
        heard += piece.len();
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_node_is_meant() {
        let hosts = Hosts::of("127.0.0.1:7117".parse().unwrap());
        for own in ["127.0.0.1:7117", "localhost:7117", "LOCALHOST:7117", "[::1]:7117", "127.0.0.2:7117"] {
            assert!(hosts.admit(own), "{own}");
        }
        for other in [
            "",
            "evil.example:7117",
            "127.0.0.1",
            "127.0.0.1:7118",
            "localhost",
            "192.168.1.2:7117",
            "127.0.0.1.evil.example:7117",
            ":7117",
            "[::1]",
            "[::2]:7117",
        ] {
            assert!(!hosts.admit(other), "{other}");
        }
        let everywhere = Hosts::of("0.0.0.0:80".parse().unwrap());
        assert!(
            everywhere.admit("192.168.1.2") && everywhere.admit("[::1]") && everywhere.admit("10.0.0.1:80")
        );
        assert!(!everywhere.admit("evil.example"));
    }
}
