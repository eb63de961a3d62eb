//! The invitations this site has given out: `invitations.json` in the data folder.
//!
//! That an invitation is good once is decided by the log (the admission names it); the file only
//! keeps the secrets, and how long they hold.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::invitation::{Invitation, Secret};
use tandem_protocol::join::{Admitted, JoinRefused, JoinRequest};
use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::name;
use tandem_store::{Identity, Space, WriteError, write_private};

const FILE: &str = "invitations.json";
/// Given out and not expired at the same time, at most: each is looked at when someone joins.
const OPEN: usize = 256;
/// How long an expired one is remembered, so that it can be called expired and not invalid.
const REMEMBERED_MS: i64 = 7 * 24 * 3600 * 1000;

/// See the module.
pub struct Invitations {
    path: PathBuf,
    inviter: Identity,
    given: Mutex<Vec<Given>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Given {
    /// Base32 of the 16 secret bytes.
    secret: String,
    space: String,
    role: String,
    expires_ms: i64,
}

/// Why no invitation was made.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// Only an admin can admit others.
    #[error("only an admin of the space can invite; ask one of them: {0}")]
    NotAdmin(String),
    /// Too many are open.
    #[error("{0} invitations are open already; wait until some expire")]
    TooMany(usize),
    /// The file could not be written, or there is no randomness.
    #[error("the invitation could not be kept, so it was not made: {0}")]
    Io(#[from] io::Error),
}

impl Invitations {
    /// Those kept in a data folder.
    pub fn open(folder: &std::path::Path, inviter: Identity) -> io::Result<Self> {
        let path = folder.join(FILE);
        let given = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, file = FILE, "the invitations given out cannot be read; they are no longer valid");
                Vec::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, inviter, given: Mutex::new(given) })
    }

    /// Makes an invitation to `space`, good until `expires_ms` on this PC's clock.
    pub fn invite(
        &self,
        space: &Space,
        role: Role,
        (now_ms, expires_ms): (i64, i64),
        addresses: Vec<String>,
    ) -> Result<Invitation, InviteError> {
        let (inviter, members) = (self.inviter.author(), space.membership());
        if members.member(&inviter).is_none_or(|member| member.role != Role::Admin) {
            let admins = members.members().filter(|member| member.role == Role::Admin);
            let names: Vec<String> = admins.map(|member| members.shown_name(&member.author)).collect();
            return Err(InviteError::NotAdmin(names.join(", ")));
        }
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = given.clone();
        after.retain(|one| one.expires_ms + REMEMBERED_MS > now_ms);
        if after.iter().filter(|one| one.expires_ms > now_ms).count() >= OPEN {
            return Err(InviteError::TooMany(OPEN));
        }
        after.push(Given {
            secret: data_encoding::BASE32_NOPAD.encode(&secret),
            space: space.id().to_string(),
            role: role.to_string(),
            expires_ms,
        });
        let text = serde_json::to_vec_pretty(&after).map_err(io::Error::other)?;
        write_private(&self.path, &text)?;
        *given = after;
        Ok(Invitation { inviter, secret: Secret(secret), expires_ms, addresses })
    }

    /// Admits who proves to have an invitation. Blocks until the admission is durable. The same
    /// site asking again (its answer was lost) gets the same admission.
    pub fn redeem(
        &self,
        request: &JoinRequest,
        joiner: Author,
        now_ms: i64,
        space: impl FnOnce(&SpaceId) -> Option<Space>,
    ) -> Result<Admitted, JoinRefused> {
        let (given, id) = self.proved(request, &joiner).ok_or(JoinRefused::Invalid)?;
        let space = space(&id).ok_or(JoinRefused::Invalid)?;
        let members = space.membership();
        if members.member(&joiner).is_none() {
            let invitation = request.invitation;
            if members.is_used(&self.inviter.author(), &invitation) {
                return Err(JoinRefused::Used);
            }
            if given.expires_ms <= now_ms {
                return Err(JoinRefused::Expired);
            }
            let name = name::composed(request.site_name.trim());
            if name::check(&name).is_err() || members.called(&name, None).is_some() {
                return Err(JoinRefused::Name);
            }
            let role = given.role.parse().map_err(|_| JoinRefused::Trouble)?;
            let candidate = Candidate { author: joiner, name, keys: request.keys.clone() };
            let admitted = space.wait(|reply| space.admit(candidate, role, Some(invitation), reply));
            admitted.map_err(|error: WriteError| match error {
                // Who asked twice at the same moment is admitted by the first of the two.
                WriteError::Refused(_) if space.membership().member(&joiner).is_some() => JoinRefused::Used,
                WriteError::Refused(_) if space.membership().is_used(&self.inviter.author(), &invitation) => {
                    JoinRefused::Used
                }
                WriteError::Refused(_) => JoinRefused::NotAllowed,
                error => {
                    tracing::error!(%error, "an admission could not be written");
                    JoinRefused::Trouble
                }
            })?;
        }
        debug_assert!(space.membership().member(&joiner).is_some(), "who is admitted is a member");
        let admission = space.log().admission_of(&joiner).ok().flatten().ok_or(JoinRefused::Trouble)?;
        let space_name = space.membership().space_name.clone();
        Ok(Admitted { space: space.id(), space_name, admission })
    }

    /// The invitation the request proves, and its space.
    fn proved(&self, request: &JoinRequest, joiner: &Author) -> Option<(Given, SpaceId)> {
        let inviter = self.inviter.author();
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().find_map(|one| {
            let bytes = data_encoding::BASE32_NOPAD.decode(one.secret.as_bytes()).ok()?;
            let secret = Secret(bytes.try_into().ok()?);
            let space: SpaceId = one.space.parse().ok()?;
            request.proves(&secret, joiner, &inviter).then(|| (one.clone(), space))
        })
    }
}
