//! Joining by files alone: a site writes a request, an admin's site admits it, and a bundle brings
//! it the space.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::join_file::JoinFile;
use tandem_protocol::membership::Candidate;
use tandem_protocol::public_key::PublicKeys;
use tandem_store::{WriteError, Written};

use super::error::Result;
use super::invitation::Invite;
use super::log_entry::site_name;
use super::space::typed_name;
use super::{Api, error_kind};

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

impl Api {
    /// Writes a request to join, signed by this site.
    pub fn request_join(&self, want: &WantJoin) -> Result<JoinRequest> {
        let site_name = typed_name(&want.site_name)?;
        self.holds_no_space()?;
        let file = JoinFile::new(&self.store().key(), site_name.clone(), PublicKeys::default());
        Ok(JoinRequest { request: file.to_string(), site: file.site().to_string(), site_name })
    }

    /// Admits the site that wrote a request. Blocks until that is durable. A member stays as it is.
    pub fn admit(&self, space: &str, request: &Admit) -> Result<Admitted> {
        let malformed = |error| error_kind::join_request_malformed.with("detail", Cause::from(&error));
        let file: JoinFile = request.request.parse().map_err(malformed)?;
        let role = Invite { role: request.role.clone() }.role()?;
        let space = self.space(space)?;
        let (site, members) = (file.site(), space.membership());
        if site == self.store().author() {
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
            site_name: site_name(&members, &site),
            role: member.role.to_string(),
            new,
        })
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
