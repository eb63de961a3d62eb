//! How a site becomes a member: by an invitation; or by files alone, where a site writes a request, an
//! admin's site admits it, and a bundle brings it the space.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::invitation::Invitation as Token;
use tandem_protocol::join_file::JoinFile;
use tandem_protocol::membership::Candidate;
use tandem_protocol::public_key::PublicKeys;
use tandem_store::{WriteError, Written};

use super::error::Result;
use super::invitation::{GOOD_FOR_MS, Invitation, Invite, Join, Joined};
use super::space::typed_name;
use super::{Api, error_kind, now_ms, to_iso};
use crate::sync::Invitations;

/// Asks this site, which has no space yet, for a request to join one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantJoin {
    /// What this site wants to be called in the space.
    pub site_name: String,
}

/// A request to join, for an admin of any space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// What to carry to an admin's site; no secret.
    pub request: String,
    /// Id of the site that wants to join.
    pub site: String,
    /// What it wants to be called.
    pub site_name: String,
}

/// Admits the site that wrote a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admit {
    /// What that site wrote.
    pub request: String,
    /// `admin`, `member` or `reader`; `member` when not said.
    #[serde(default)]
    pub role: Option<String>,
}

/// A site that is a member now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Admitted {
    /// Its id.
    pub site: String,
    /// Its name.
    pub site_name: String,
    /// `admin`, `member` or `reader`.
    pub role: String,
    /// Whether it became a member just now; if not, nothing was changed.
    pub new: bool,
}

/// What can be asked of a site about who is let in, here and elsewhere.
pub struct AdmissionRequests<'a>(pub(super) &'a Api);

impl Api {
    /// Requests about who is let in.
    pub fn admission(&self) -> AdmissionRequests<'_> {
        AdmissionRequests(self)
    }

    /// A site joins a space only while it has none: it could never merge the two.
    pub(super) fn holds_no_space(&self) -> Result<()> {
        let held = self.store().spaces();
        if held.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = held.iter().map(tandem_store::Space::name).collect();
        Err(error_kind::two_spaces.with("own", names.join(", ")))
    }
}

impl AdmissionRequests<'_> {
    /// Writes a request to join, signed by this site.
    pub fn request_join(&self, want: &WantJoin) -> Result<JoinRequest> {
        let site_name = typed_name(&want.site_name)?;
        self.0.holds_no_space()?;
        let file = JoinFile::new(&self.0.store().key(), site_name.clone(), PublicKeys::default());
        Ok(JoinRequest { request: file.to_string(), site: file.site().to_string(), site_name })
    }

    /// Admits the site that wrote a request. Blocks until that is durable. A member stays as it is.
    pub fn admit(&self, space: &str, request: &Admit) -> Result<Admitted> {
        let malformed = |error| error_kind::join_request_malformed.with("detail", Cause::from(&error));
        let file: JoinFile = request.request.parse().map_err(malformed)?;
        let role = Invite { role: request.role.clone() }.role()?;
        let space = self.0.space(space)?;
        let (site, members) = (file.site(), space.membership());
        if site == self.0.store().author() {
            return Err(error_kind::join_request_refused.with("detail", Cause::new("request_own")));
        }
        let new = members.member(&site).is_none();
        if new {
            let name = typed_name(file.name())?;
            if let Some(other) = members.called(&name, None) {
                let cause = Cause::new("name_taken").with("name", &other.name);
                return Err(error_kind::join_request_refused.with("detail", cause));
            }
            let candidate = Candidate { author: site, name, keys: file.keys().clone() };
            space.wait::<Written, WriteError>(|reply| space.admit(candidate, role, None, reply))?;
        }
        let members = space.membership();
        let member = members.member(&site).ok_or_else(|| error_kind::stopping.error())?;
        Ok(Admitted {
            site: site.to_string(),
            site_name: members.shown_name(&site),
            role: member.role.to_string(),
            new,
        })
    }
}

impl AdmissionRequests<'_> {
    /// Makes an invitation to a space. Without a running node it names no address: the site that
    /// joins then finds this one by itself, once a node runs here.
    pub fn invite(&self, space: &str, request: &Invite) -> Result<Invitation> {
        let (space, role) = (self.0.space(space)?, request.role()?);
        if let Some(peers) = self.0.peers() {
            return peers.invite(&space.id(), request);
        }
        if self.0.store().is_read_only() {
            return Err(error_kind::folder_read_only.error());
        }
        let failed = |error: std::io::Error| error_kind::folder_unusable.with("detail", Cause::from(error));
        let given =
            Invitations::open(self.0.store().folder(), self.0.store().identity().clone()).map_err(failed)?;
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
        let shared = self.0.store().spaces().into_iter().find_map(|space| {
            space.membership().member(&token.inviter)?;
            Some((space.name().to_owned(), space.membership().shown_name(&token.inviter)))
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
        self.0.peers().ok_or_else(|| error_kind::network_off.error())?.join(&request)
    }
}
