//! A site's data folder, opened: its key, its log, its spaces.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tandem_protocol::identity::{Author, AuthorKey, SpaceId};
use tandem_protocol::membership::{Founding, MemberOp};
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, Schema, SchemaOp, ddl};
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::version::{Dot, VersionVector};

use crate::copy::Copy;
use crate::damage::{self, Damage};
use crate::folder::{Folder, write_private};
use crate::log::{LogError, Medium, SpaceLog};
use crate::private;
use crate::space::{Space, VIEW_FILE};
use crate::write::{Refusal, WriteError};

/// Why a data folder cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data folder {} is in use by {holder}", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// What its holder says of itself.
        holder: String,
    },
    /// The operating system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The folder was a site's, and lacks what makes it one.
    #[error("the data folder {} is damaged: {} is missing or cannot be read", folder.display(), damage.file())]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What of it.
        damage: Damage,
    },
    /// Nothing can be written where the folder lies.
    #[error("nothing can be written where the data folder lies")]
    ReadOnly,
    /// This PC's clock says that it is before 1970, when the count of time begins.
    #[error("this PC's clock says that it is before 1970")]
    Clock,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A space cannot be opened.
    #[error("the space {name} cannot be opened: {reason}")]
    Space {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    pub(crate) fn damaged(folder: &Path, damage: Damage) -> Self {
        Self::Damaged { folder: folder.to_owned(), damage }
    }

    fn is_full_disk(&self) -> bool {
        match self {
            Self::Io { error, .. } | Self::Log(LogError::Io(error)) => {
                error.kind() == io::ErrorKind::StorageFull
            }
            _ => false,
        }
    }

    pub(crate) fn space(name: &str, reason: &str) -> Self {
        Self::Space { name: name.to_owned(), reason: reason.to_owned() }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Why a space could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The name, schema or founding was refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The space could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<Refusal> for AddError {
    fn from(refusal: Refusal) -> Self {
        Self::Write(refusal.into())
    }
}

/// A site. Cheap to clone; the folder is held until the last clone is gone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    key: AuthorKey,
    medium: Arc<Medium>,
    judge: Judge,
    site: Mutex<Site>,
    spaces: Mutex<BTreeMap<String, Space>>,
    /// Spaces that could not be opened, by name, and why.
    unopened: Mutex<BTreeMap<String, String>>,
    /// Dropped last: whoever holds the folder next finds its log free.
    place: Place,
}

/// Where the files of a site are.
enum Place {
    /// In its folder.
    Folder(Folder),
    /// In a copy of it, for nothing can be written there.
    Copy(Copy),
}

/// `site.json`: what a site is called and which spaces it has.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Site {
    name: String,
    pub(crate) spaces: BTreeMap<String, String>,
}

impl Store {
    /// Opens the site in `folder`, creating it if there is none. `holder` is what another process
    /// is told that tries to open it meanwhile, for example `tandem start (process 4711)`.
    pub fn open(folder: &Path, holder: &str) -> Result<Self, OpenError> {
        Self::open_as(folder, holder, Judge::default())
    }

    /// Opens the site as a program that knows so much.
    pub(crate) fn open_as(folder: &Path, holder: &str, judge: Judge) -> Result<Self, OpenError> {
        if SystemTime::now() < UNIX_EPOCH {
            return Err(OpenError::Clock);
        }
        let place = match Folder::hold(folder, holder) {
            Ok(held) => Place::Folder(held),
            Err(OpenError::Io { error, .. }) if cannot_write(&error) && damage::is_site(folder) => {
                Place::Copy(Copy::of(folder)?)
            }
            Err(error) => return Err(error),
        };
        let path = place.path().to_owned();
        damage::look(&path).map_err(|error| error.of(folder))?;
        let key = match &place {
            Place::Folder(held) => held.key()?,
            Place::Copy(copy) => copy.key().map_err(|error| error.of(folder))?,
        };
        let site = read_site(&path)?;
        damage::look_for_log(&path, site.as_ref()).map_err(|error| error.of(folder))?;
        let log = path.join("log");
        let medium = match &place {
            Place::Folder(_) => Medium::on_disk(&log)?,
            Place::Copy(_) => Medium::on_copy(&log)?,
        };
        let store = Self(Arc::new(Inner {
            key,
            medium: Arc::new(medium),
            judge,
            site: Mutex::default(),
            spaces: Mutex::default(),
            unopened: Mutex::default(),
            place,
        }));
        let site = match site {
            Some(site) => site,
            None => store.remembered_by_the_log()?,
        };
        site.clone_into(&mut store.site());
        // One that cannot be opened keeps no other from it.
        for (name, id) in &site.spaces {
            let id: Result<SpaceId, _> =
                id.parse().map_err(|_| OpenError::space(name, "its id is not valid"));
            match id.and_then(|id| store.open_known(id, name)) {
                Ok(_) => {}
                // These are not of one space alone.
                Err(error) if matches!(error, OpenError::Damaged { .. }) || error.is_full_disk() => {
                    store.close();
                    return Err(error.of(folder));
                }
                Err(error) => {
                    tracing::error!(space = name, %error, "a space could not be opened; the others can be used");
                    let mut unopened = store.0.unopened.lock().unwrap_or_else(PoisonError::into_inner);
                    unopened.insert(name.clone(), error.to_string());
                }
            }
        }
        if let Place::Folder(_) = store.0.place {
            private::mend(&path);
        }
        Ok(store)
    }

    /// Whether a folder is that of a site, be it damaged.
    pub fn is_site(folder: &Path) -> bool {
        damage::is_site(folder)
    }

    /// Whether nothing can be written where this site's folder lies: it can only be read.
    pub fn is_read_only(&self) -> bool {
        matches!(self.0.place, Place::Copy(_))
    }

    fn writable(&self) -> Result<(), OpenError> {
        if self.is_read_only() { Err(OpenError::ReadOnly) } else { Ok(()) }
    }

    /// This site's author.
    pub fn author(&self) -> Author {
        self.0.key.author()
    }

    /// This site's key, which is also its identity on the network.
    pub fn key(&self) -> &AuthorKey {
        &self.0.key
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        match &self.0.place {
            Place::Folder(folder) => folder.path(),
            Place::Copy(copy) => copy.original(),
        }
    }

    /// Bytes that may still be written before writing stops for want of room.
    pub fn free_bytes(&self) -> std::io::Result<u64> {
        crate::log::engine::free_bytes(self.folder())
    }

    /// What the site is called; empty before it has a space.
    pub fn site_name(&self) -> String {
        self.site().name.clone()
    }

    /// All spaces, by name.
    pub fn spaces(&self) -> Vec<Space> {
        self.opened().values().cloned().collect()
    }

    /// The space of that name.
    pub fn space(&self, name: &str) -> Option<Space> {
        self.opened().get(name).cloned()
    }

    /// The spaces of this site that could not be opened, by name, and why.
    pub fn unopened(&self) -> BTreeMap<String, String> {
        self.0.unopened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has(&self, name: &str) -> bool {
        self.space(name).is_some() || self.unopened().contains_key(name)
    }

    /// Founds a new space on this site, with the tables `schema` (DDL) declares.
    pub fn create_space(&self, name: &str, site_name: &str, schema: Option<&str>) -> Result<Space, AddError> {
        self.writable()?;
        check_name(name)?;
        check_name(site_name)?;
        if self.has(name) {
            return Err(refused("space_exists", format!("this site already has a space named {name}")).into());
        }
        let schema: Vec<SchemaOp> =
            ddl::plan(schema.unwrap_or(""), &Schema::default()).map_err(|error| Refusal::of_ddl(&error))?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| OpenError::from(io::Error::other(error.to_string())))?;
        let founding = MemberOp::Found(Founding::new(name, site_name, nonce));
        let time_ms = crate::space::now_ms();
        let id = founding_id(self.author(), &founding, &schema, time_ms);
        let space = self.open_space(id, name)?;
        if let Err(error) = space.found(founding, schema, time_ms) {
            space.close();
            self.opened().remove(name);
            return Err(error.into());
        }
        self.remember(site_name, name, id)?;
        Ok(space)
    }

    /// Adds a space that other sites have; what it holds comes by sync.
    pub fn adopt_space(&self, id: SpaceId, name: &str, site_name: &str) -> Result<Space, AddError> {
        self.writable()?;
        check_name(name)?;
        check_name(site_name)?;
        if let Some(known) = self.spaces().into_iter().find(|space| space.id() == id) {
            return Ok(known);
        }
        if self.has(name) {
            let message = format!("this site already has another space named {name}");
            return Err(refused("space_exists", message).into());
        }
        let space = self.open_space(id, name)?;
        self.remember(site_name, name, id)?;
        Ok(space)
    }

    /// Ends the statements of users that run, and those to come: the store is about to be closed.
    pub fn interrupt(&self) {
        self.spaces().iter().for_each(Space::interrupt);
    }

    /// Finishes all writes and closes all spaces. Handles that are left refuse.
    pub fn close(&self) {
        self.spaces().iter().for_each(Space::close);
    }

    /// Opens a space that was here before.
    fn open_known(&self, id: SpaceId, name: &str) -> Result<Space, OpenError> {
        let log = SpaceLog::open(Arc::clone(&self.0.medium), id)?;
        if log.end()?.0 == 0 && damage::was_filled(&self.folder_of(id).join(VIEW_FILE)) {
            return Err(OpenError::damaged(self.folder(), Damage::LogEmptied));
        }
        self.open_space(id, name)
    }

    /// By its id, never by its name: what two names of one folder are differs between systems.
    fn folder_of(&self, id: SpaceId) -> PathBuf {
        self.0.place.path().join("spaces").join(id.to_string())
    }

    fn open_space(&self, id: SpaceId, name: &str) -> Result<Space, OpenError> {
        let folder = self.folder_of(id);
        private::make_folder(&folder).map_err(|error| OpenError::io(&folder, error))?;
        let log = SpaceLog::open(Arc::clone(&self.0.medium), id)?;
        let space = Space::open(id, name.to_owned(), self.0.key.clone(), log, folder, self.0.judge)?;
        self.opened().insert(name.to_owned(), space.clone());
        Ok(space)
    }

    fn remember(&self, site_name: &str, space: &str, id: SpaceId) -> Result<(), OpenError> {
        let mut site = self.site();
        if site.name.is_empty() {
            site_name.clone_into(&mut site.name);
        }
        site.spaces.insert(space.to_owned(), id.to_string());
        self.write_site(&site)
    }

    fn write_site(&self, site: &Site) -> Result<(), OpenError> {
        let path = self.0.place.path().join(SITE_FILE);
        let text =
            serde_json::to_vec_pretty(site).map_err(|error| OpenError::io(&path, io::Error::other(error)))?;
        write_private(&path, &text).map_err(|error| OpenError::io(&path, error))
    }

    /// The list of spaces anew, of what their logs say. A space of which nothing has arrived is not
    /// among them.
    fn remembered_by_the_log(&self) -> Result<Site, OpenError> {
        let mut site = Site::default();
        for id in self.0.medium.spaces() {
            let log = SpaceLog::open(Arc::clone(&self.0.medium), id)?;
            let members = crate::writer::members_of(&log)?;
            let Some(me) = members.member(&self.author()) else { continue };
            if site.name.is_empty() {
                me.name.clone_into(&mut site.name);
            }
            let name = Some(members.space_name.clone()).filter(|name| check_name(name).is_ok());
            let name = name.filter(|name| !site.spaces.contains_key(name)).unwrap_or_else(|| id.to_string());
            site.spaces.insert(name, id.to_string());
        }
        if !site.spaces.is_empty() {
            tracing::warn!("site.json was missing or damaged, and has been made anew from the log");
            self.write_site(&site)?;
        }
        Ok(site)
    }

    fn site(&self) -> std::sync::MutexGuard<'_, Site> {
        self.0.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Space>> {
        self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash its genesis transaction will have, which is the space's id.
pub(crate) fn founding_id(author: Author, founding: &MemberOp, schema: &[SchemaOp], time_ms: i64) -> SpaceId {
    let header = Header {
        dot: Dot::new(author, 1),
        time_ms,
        context: VersionVector::default(),
        basis: None,
        key: None,
        by: None,
        message: None,
    };
    let ops = std::iter::once(Op::Member(founding.clone())).chain(schema.iter().cloned().map(Op::Schema));
    let bytes = Transaction { header, ops: ops.collect() }.encode();
    SpaceId(transaction::hash(Previous::GENESIS, &bytes).0)
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Copy(copy) => copy.path(),
        }
    }
}

impl OpenError {
    /// The same, of the folder that was asked for and not of its copy.
    fn of(self, folder: &Path) -> Self {
        match self {
            Self::Damaged { damage, .. } => Self::damaged(folder, damage),
            other => other,
        }
    }
}

/// Whether it is the medium, or the rights on it, that let nothing be written.
fn cannot_write(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

const SITE_FILE: &str = "site.json";

/// The list of spaces; none if there is none that can be read. It only repeats what the log says.
fn read_site(folder: &Path) -> Result<Option<Site>, OpenError> {
    let path = folder.join(SITE_FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(&path, error)),
    };
    serde_json::from_slice(&text).map(Some).or_else(|error| {
        tracing::warn!(%error, path = %path.display(), "the list of spaces cannot be read");
        Ok(None)
    })
}

/// Names of spaces are typed and become names of files here and there; and what cannot travel as a
/// name is none.
fn check_name(name: &str) -> Result<(), Refusal> {
    let told = |why: &str| Err(refused("invalid_name", format!("{name:?} is not a usable name: {why}")));
    if let Err(fault) = tandem_protocol::name::check(name) {
        return told(&fault.to_string());
    }
    if name.starts_with('.')
        || name.ends_with('.')
        || name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|'])
    {
        return told("no file can be called so");
    }
    Ok(())
}

fn refused(code: &'static str, message: String) -> Refusal {
    Refusal { code, message, hint: None, params: Vec::new() }
}
