//! Invitations: how a site becomes a member.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::invitation::Invitation as Token;
use tandem_protocol::membership::Role;

use super::error::Result;
use super::log_entry::site_name;
use super::space::typed_name;
use super::{Api, error_kind, now_ms, to_iso};
use crate::sync::Invitations;

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

impl Api {
    /// Makes an invitation to a space. Without a running node it names no address: the site that
    /// joins then finds this one by itself, once a node runs here.
    pub fn invite(&self, space: &str, request: &Invite) -> Result<Invitation> {
        let (space, role) = (self.space(space)?, request.role()?);
        if let Some(peers) = self.peers() {
            return peers.invite(&space.id(), request);
        }
        if self.store().is_read_only() {
            return Err(error_kind::folder_read_only.error());
        }
        let failed = |error: std::io::Error| error_kind::folder_unusable.with("detail", Cause::from(error));
        let given =
            Invitations::open(self.store().folder(), self.store().identity().clone()).map_err(failed)?;
        let now = now_ms();
        let invitation = given.invite(&space, role, (now, now + GOOD_FOR_MS), Vec::new())?;
        Ok(Invitation { token: invitation.to_string(), expires: to_iso(invitation.expires_ms) })
    }

    /// Refuses what need not be tried: an invitation into a space of which this site is a member.
    pub fn check_join(&self, request: &Join) -> Result<()> {
        typed_name(&request.site_name)?;
        let token: Token = request
            .token
            .parse()
            .map_err(|error| error_kind::invitation_malformed.with("detail", Cause::from(&error)))?;
        // The invitation does not name the space, but who gave it.
        let shared = self.store().spaces().into_iter().find_map(|space| {
            space.membership().member(&token.inviter)?;
            Some((space.name().to_owned(), site_name(&space.membership(), &token.inviter)))
        });
        match shared {
            None => Ok(()),
            Some((space, site)) => Err(error_kind::already_member.with("space", space).with("site", site)),
        }
    }

    /// Follows an invitation; blocks until admitted or refused.
    pub fn join(&self, request: &Join) -> Result<Joined> {
        self.check_join(request)?;
        let request = Join { site_name: typed_name(&request.site_name)?, ..request.clone() };
        self.peers().ok_or_else(|| error_kind::network_off.error())?.join(&request)
    }
}
