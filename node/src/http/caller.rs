//! Who is at the other end of a connection.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use tandem_store::Owner;

use super::share::Share;
use crate::api::Result;

/// Characters of what a program calls itself.
const PROGRAM: usize = 60;

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Caller {
    from: SocketAddr,
    share: Share,
}

impl Caller {
    pub fn new(from: SocketAddr, share: Share) -> Self {
        Self { from, share }
    }

    /// What people are told of it: its program, if that says its name, and its address.
    pub fn name(&self, headers: &HeaderMap) -> String {
        let address = self.from.ip().to_canonical();
        let program = headers.get(header::USER_AGENT).and_then(|program| program.to_str().ok());
        match program.map(str::trim).filter(|program| !program.is_empty()) {
            Some(program) => format!("{}, {address}", program.chars().take(PROGRAM).collect::<String>()),
            None => address.to_string(),
        }
    }

    /// It only listens from now on.
    pub fn listens(&self) -> Result<()> {
        self.share.becomes_stream()
    }
}

/// Somebody who waits for a statement: dropped when the connection is closed, and the statement ends.
pub(super) struct Waits(Option<Owner>);

impl Waits {
    pub fn new(owner: Owner) -> Self {
        Self(Some(owner))
    }

    /// It has its answer.
    pub fn no_longer(mut self) {
        self.0 = None;
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(owner) = &self.0 {
            owner.leave();
        }
    }
}
