//! `/proof/{question}`: a node shows that it is the one of a data folder, before it is trusted with
//! the token. Another program may have taken the address after a node was killed.

use axum::extract::{Path, State};

use super::Site;
use crate::api::{Result, error_kind};

/// Letters of a question, at most.
const QUESTION: usize = 64;

pub(super) async fn prove(State(site): State<Site>, Path(question): Path<String>) -> Result<String> {
    if question.len() > QUESTION {
        return Err(error_kind::request_malformed.with("detail", "a question has at most 64 letters"));
    }
    Ok(site.guard.token.proof(&question, site.guard.hosts.port()))
}
