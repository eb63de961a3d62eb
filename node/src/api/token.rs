//! Tokens for programs: given out by name, each for one space, with a right and the device that holds
//! it. The file `tokens.json` in the data folder keeps a hash of each, and no token.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_store::write_private;
use tokio::sync::watch;

use super::access::{Access, Granted, Right};
use super::error::Result;
use super::{Api, error_kind, now_ms, to_iso};
use crate::certificate::Certificate;

const FILE: &str = "tokens.json";

/// Tokens of one data folder.
const MOST: usize = 1000;

/// Bytes of a token's secret, which nobody guesses.
const SECRET_BYTES: usize = 20;

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is called here, to revoke it by.
    pub name: String,
    /// The space that it is for.
    pub space: String,
    /// What it allows.
    pub right: Right,
    /// What the log calls those who write with it; its name, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A token as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownToken {
    /// What it is called.
    pub name: String,
    /// The space that it is for; none, if that is not here any more.
    pub space: Option<String>,
    /// What it allows.
    pub right: Right,
    /// What the log calls those who write with it.
    pub device: String,
    /// When it was made, ISO 8601.
    pub created: String,
}

/// A token that was made. It is shown this once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddedToken {
    /// The token, as programs send it: a secret, and behind a point the fingerprint of this node's own
    /// certificate, if that is what other PCs know it by.
    pub token: String,
    /// What is listed of it.
    #[serde(flatten)]
    pub shown: ShownToken,
}

/// A token as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    name: String,
    /// The space's id.
    space: String,
    right: Right,
    device: String,
    created_ms: i64,
    /// BLAKE3 of the secret, in hexadecimal.
    hash: String,
}

/// A token in force.
struct Given {
    kept: Kept,
    revoked: watch::Sender<bool>,
}

/// All tokens of a data folder.
pub(super) struct Tokens {
    path: PathBuf,
    /// Read when first asked for.
    given: Mutex<Option<Vec<Given>>>,
}

impl Tokens {
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self { path: folder.join(FILE), given: Mutex::new(None) }
    }

    /// Does something with all tokens. While their file cannot be read, none is in force.
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Given>) -> Result<T>) -> Result<T> {
        let mut given: MutexGuard<'_, Option<Vec<Given>>> =
            self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.is_none() {
            *given = Some(self.read()?);
        }
        given.as_mut().map_or_else(|| Err(error_kind::stopping.error()), act)
    }

    fn read(&self) -> Result<Vec<Given>> {
        let unreadable = || error_kind::tokens_unreadable.with("path", self.path.display());
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(_) => return Err(unreadable()),
        };
        let kept: Vec<Kept> = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        Ok(kept.into_iter().map(Given::of).collect())
    }

    fn write(&self, given: &[Given]) -> Result<()> {
        let kept: Vec<&Kept> = given.iter().map(|given| &given.kept).collect();
        let made = serde_json::to_vec_pretty(&kept).map_err(io::Error::other);
        made.and_then(|bytes| write_private(&self.path, &bytes)).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => error_kind::disk_full.error(),
            io::ErrorKind::ReadOnlyFilesystem => error_kind::folder_read_only.error(),
            _ => error_kind::failed.with("detail", Cause::from(error)),
        })
    }

    fn add(&self, kept: Kept) -> Result<()> {
        self.with(|given| {
            if given.iter().any(|other| name::looks_same(&other.kept.name, &kept.name)) {
                return Err(error_kind::token_exists.with("name", kept.name));
            }
            if given.len() >= MOST {
                return Err(error_kind::tokens_full.with("most", MOST));
            }
            given.push(Given::of(kept));
            let written = self.write(given);
            if written.is_err() {
                given.pop();
            }
            written
        })
    }
}

impl Given {
    fn of(kept: Kept) -> Self {
        Self { kept, revoked: watch::Sender::new(false) }
    }
}

/// Requests about tokens for programs.
pub struct TokenRequests<'a>(&'a Api);

impl Api {
    /// Requests about tokens for programs.
    pub fn tokens(&self) -> TokenRequests<'_> {
        TokenRequests(self)
    }
}

impl TokenRequests<'_> {
    /// Makes a token.
    pub fn add(&self, request: NewToken) -> Result<AddedToken> {
        let space = self.0.space(&request.space)?;
        let token_name = name::composed(&request.name);
        let device = request.device.map_or_else(|| token_name.clone(), |device| name::composed(&device));
        for text in [&token_name, &device] {
            name::check(text).map_err(|fault| {
                error_kind::name_refused.with("name", format!("{text:?}")).with("detail", Cause::from(&fault))
            })?;
        }
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| {
            error_kind::failed.with("detail", Cause::new("system").with("said", error.to_string()))
        })?;
        let token = BASE32_NOPAD.encode(&secret).to_ascii_lowercase();
        let kept = Kept {
            name: token_name,
            space: space.id().to_string(),
            right: request.right,
            device,
            created_ms: now_ms(),
            hash: hash(&token),
        };
        let shown = self.shown(&kept);
        // Its owner brings it to another PC, and with it by what to know this one.
        let token = match self.0.inner.certificate_is_given.load(Ordering::Relaxed) {
            true => token,
            false => format!("{token}.{}", Certificate::of_folder(self.0.store().folder())?.fingerprint()),
        };
        self.0.inner.tokens.add(kept)?;
        Ok(AddedToken { token, shown })
    }

    /// All tokens in force, by name.
    pub fn list(&self) -> Result<Vec<ShownToken>> {
        self.0.inner.tokens.with(|given| {
            let mut shown: Vec<_> = given.iter().map(|given| self.shown(&given.kept)).collect();
            shown.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(shown)
        })
    }

    /// Ends a token: from now on it is none, and what runs with it is ended.
    pub fn revoke(&self, name: &str) -> Result<()> {
        self.0.inner.tokens.with(|given| {
            let at = given.iter().position(|given| name::looks_same(&given.kept.name, name));
            let at = at.ok_or_else(|| error_kind::token_unknown.with("name", name))?;
            let revoked = given.remove(at);
            if let Err(error) = self.0.inner.tokens.write(given) {
                given.insert(at, revoked);
                return Err(error);
            }
            revoked.revoked.send_replace(true);
            Ok(())
        })
    }

    /// What a token allows; none, if it is none.
    pub fn access(&self, token: &str) -> Option<Access> {
        let (secret, _fingerprint) = token.split_once('.').unwrap_or((token, ""));
        let hash = hash(secret);
        let found = self.0.inner.tokens.with(|given| {
            let found = given.iter().find(|given| given.kept.hash == hash);
            Ok(found.map(|Given { kept, revoked }| {
                let revoked = revoked.subscribe();
                let (space, right, device) = (kept.space.clone(), kept.right, kept.device.clone());
                Access::of(Granted { space, right, device, revoked })
            }))
        });
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "no token is in force");
            None
        })
    }

    fn shown(&self, kept: &Kept) -> ShownToken {
        let spaces = self.0.store().spaces();
        let space = spaces.iter().find(|space| space.id().to_string() == kept.space);
        ShownToken {
            name: kept.name.clone(),
            space: space.map(|space| space.name().to_owned()),
            right: kept.right,
            device: kept.device.clone(),
            created: to_iso(kept.created_ms),
        }
    }
}

/// How a token is kept. It is drawn at random, and long: no slow hash is needed.
fn hash(token: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("tandem token for programs, version 1");
    hasher.update(token.as_bytes()).finalize().to_hex().to_string()
}
