//! Invitations: how a site becomes a member.

use serde::{Deserialize, Serialize};
use tandem_protocol::membership::Role;

use super::error::Result;
use super::space::check_name;
use super::{Api, error_kind};

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

impl Api {
    /// Makes an invitation to a space.
    pub fn invite(&self, space: &str, request: &Invite) -> Result<Invitation> {
        let space = self.space(space)?;
        if let Some(role) = &request.role {
            role.parse::<Role>().map_err(|error| error_kind::request_malformed.with("detail", error))?;
        }
        self.peers().ok_or_else(|| error_kind::network_off.error())?.invite(&space.id(), request)
    }

    /// Follows an invitation; blocks until admitted or refused.
    pub fn join(&self, request: &Join) -> Result<Joined> {
        check_name(&request.site_name)?;
        self.peers().ok_or_else(|| error_kind::network_off.error())?.join(request)
    }
}
