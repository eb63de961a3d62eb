//! Invitations: how a site becomes a member.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::membership::Role;

use super::error::Result;
use super::error_kind;

/// Asks for an invitation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Invite {
    /// `admin`, `member` or `reader`; `member` when not said.
    pub role: Option<String>,
}

/// An invitation, good for one site and for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// What to type on the other site.
    pub token: String,
    /// Until when it is good, ISO 8601.
    pub expires: String,
}

/// Follows an invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// What `invite` printed.
    pub token: String,
    /// Name of this site in the space.
    pub site_name: String,
    /// Addresses of the inviter, beside those found by itself.
    #[serde(default)]
    pub peers: Vec<String>,
}

/// This site is a member now; what the space holds arrives from here on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// Name of the space.
    pub space: String,
    /// Id of the space.
    pub id: String,
}

/// How long an invitation is good: long enough to walk over to the other PC, or to mail it.
pub const GOOD_FOR_MS: i64 = 24 * 3600 * 1000;

impl Invite {
    /// The role asked for.
    pub fn role(&self) -> Result<Role> {
        let role = self.role.as_deref().map_or(Ok(Role::Member), str::parse);
        role.map_err(|_| error_kind::request_malformed.with("detail", Cause::new("role")))
    }
}
