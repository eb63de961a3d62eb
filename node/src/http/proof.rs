//! `/proof/{question}`: a node shows that it is the one of a data folder, before it is trusted with
//! the token. Another program may have taken the address after a node was killed.

use axum::extract::{Path, State};

use tandem_protocol::cause::Cause;

use super::guard::Guard;
use super::site::Site;
use super::unreadable::malformed;
use crate::api::{Result, error_kind};

/// Letters of a question, at most.
pub(super) const QUESTION: usize = 64;

pub(super) async fn prove(State(site): State<Site>, Path(question): Path<String>) -> Result<String> {
    if question.len() > QUESTION {
        return Err(malformed(Cause::new("http_question")));
    }
    match &*site.guard {
        Guard::Here { token, hosts } => Ok(token.proof(&question, hosts.port())),
        Guard::Elsewhere => Err(error_kind::route_unknown.error()),
    }
}
