//! A site's data folder, opened: its key, its log, its spaces.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, AuthorKey, SpaceId};
use tandem_protocol::membership::{Founding, MemberOp};
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, Schema, SchemaOp, ddl};
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::version::{Dot, VersionVector};

use crate::damage::Damage;
use crate::identity::Identity;
use crate::log::{SpaceLog, Storage};
use crate::open_error::{AddError, OpenError};
use crate::private;
use crate::refusal::Refusal;
use crate::site_check;
use crate::site_file::SiteFile;
use crate::site_folder::SiteFolder;
use crate::space::Space;
use crate::view::file::VIEW_FILE;

/// A site. Cheap to clone; the folder is held until the last clone is gone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What all clones of a store share.
struct Inner {
    identity: Identity,
    storage: Arc<Storage>,
    judge: Judge,
    site: Mutex<SiteFile>,
    spaces: Mutex<BTreeMap<String, Space>>,
    /// Spaces that could not be opened, by name, and why.
    unopened: Mutex<BTreeMap<String, Cause>>,
    /// Held while who this site is must not change, or changes.
    founding: Mutex<()>,
    /// Dropped last: whoever holds the folder next finds its log free.
    folder: SiteFolder,
}

impl Store {
    /// Opens the site in `folder`, creating it if there is none. `holder` is what another process
    /// is told that tries to open it meanwhile, for example `tandem start (process 4711)`.
    pub fn open(folder: &Path, holder: &str) -> Result<Self, OpenError> {
        Self::open_as(folder, holder, Judge::default())
    }

    /// Opens the site as a program that knows so much.
    pub(crate) fn open_as(path: &Path, holder: &str, judge: Judge) -> Result<Self, OpenError> {
        if SystemTime::now() < UNIX_EPOCH {
            return Err(OpenError::Clock);
        }
        let folder = SiteFolder::hold(path, holder)?;
        site_check::look(folder.path()).map_err(|error| error.of(path))?;
        let key = folder.key()?;
        let site = SiteFile::read(folder.path())?;
        site_check::look_for_log(folder.path(), site.as_ref()).map_err(|error| error.of(path))?;
        let store = Self(Arc::new(Inner {
            identity: Identity::new(key, former(site.as_ref())),
            storage: Arc::new(folder.storage()?),
            judge,
            site: Mutex::default(),
            spaces: Mutex::default(),
            unopened: Mutex::default(),
            founding: Mutex::default(),
            folder,
        }));
        let site = match site {
            Some(site) => site,
            None => store.remembered_by_the_log()?,
        };
        site.clone_into(&mut store.site());
        if let Err(error) = store.open_all(&site) {
            store.close();
            return Err(error.of(path));
        }
        if !store.is_read_only() {
            private::mend(store.0.folder.path());
        }
        Ok(store)
    }

    /// Opens the spaces of a site. One that cannot be opened keeps no other from it, unless it is for a
    /// reason that is not of one space alone.
    fn open_all(&self, site: &SiteFile) -> Result<(), OpenError> {
        for (name, id) in &site.spaces {
            let id: Result<SpaceId, _> =
                id.parse().map_err(|_| OpenError::space(name, Cause::new("space_id")));
            match id.and_then(|id| self.open_known(id, name)) {
                Ok(_) => {}
                Err(error) if matches!(error, OpenError::Damaged { .. }) || error.is_full_disk() => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::error!(space = name, %error, "a space could not be opened; the others can be used");
                    let mut unopened = self.0.unopened.lock().unwrap_or_else(PoisonError::into_inner);
                    unopened.insert(name.clone(), Cause::from(&error));
                }
            }
        }
        Ok(())
    }

    /// Whether a folder is that of a site, be it damaged.
    pub fn is_site(folder: &Path) -> bool {
        site_check::is_site(folder)
    }

    /// Whether nothing can be written where this site's folder lies: it can only be read.
    pub fn is_read_only(&self) -> bool {
        matches!(self.0.folder, SiteFolder::Copy(_))
    }

    fn writable(&self) -> Result<(), OpenError> {
        if self.is_read_only() { Err(OpenError::ReadOnly) } else { Ok(()) }
    }

    /// Who this site is. What it says can change at any time.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// This site's author, at present.
    pub fn author(&self) -> Author {
        self.0.identity.author()
    }

    /// This site's key at present, which is also its identity on the network.
    pub fn key(&self) -> AuthorKey {
        self.0.identity.key()
    }

    /// Gives this site another key, while it runs. What is being written meanwhile is of the old author
    /// or of the new one, each transaction whole; when this returns, nothing is signed with the old key
    /// any more. A space takes nothing of the new author before it is admitted there.
    pub fn change_key(&self, key: AuthorKey) -> Result<(), OpenError> {
        let SiteFolder::Own(folder) = &self.0.folder else { return Err(OpenError::ReadOnly) };
        let _nothing_is_founded = self.0.founding.lock().unwrap_or_else(PoisonError::into_inner);
        if key.author() == self.author() {
            return Ok(());
        }
        // First that it was another: who is interrupted here was that one, too.
        {
            let mut site = self.site();
            let mut after = site.clone();
            after.former.push(self.author().to_string());
            after.write(self.0.folder.path())?;
            *site = after;
        }
        folder.set_key(&key).map_err(|error| OpenError::io(folder.path(), error))?;
        self.0.identity.change(key);
        self.spaces().iter().for_each(Space::key_changed);
        Ok(())
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.0.folder.named()
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
    pub fn unopened(&self) -> BTreeMap<String, Cause> {
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
            return Err(Refusal::space_exists(name).into());
        }
        let schema: Vec<SchemaOp> =
            ddl::plan(schema.unwrap_or(""), &Schema::default()).map_err(|error| Refusal::of_ddl(&error))?;
        // The space's id is made of its founder's.
        let _author_stays = self.0.founding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| OpenError::from(io::Error::other(error.to_string())))?;
        let founding = MemberOp::Found(Founding::new(name, site_name, nonce));
        let time_ms = crate::now::now_ms();
        let id = founding_id(self.author(), &founding, &schema, time_ms);
        let space = self.open_space(id, name)?;
        if let Err(error) = space.found(founding, schema, time_ms) {
            space.close();
            self.opened().remove(name);
            return Err(error.into());
        }
        assert!(space.membership().is_founded(), "a space that is told of has a founder");
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
            return Err(Refusal::space_exists(name).into());
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
        let log = SpaceLog::open(Arc::clone(&self.0.storage), id)?;
        if log.end()?.0 == 0 && site_check::was_filled(&self.folder_of(id).join(VIEW_FILE)) {
            return Err(OpenError::damaged(self.folder(), Damage::LogEmptied));
        }
        self.open_space(id, name)
    }

    /// By its id, never by its name: what two names of one folder are differs between systems.
    fn folder_of(&self, id: SpaceId) -> PathBuf {
        self.0.folder.path().join("spaces").join(id.to_string())
    }

    fn open_space(&self, id: SpaceId, name: &str) -> Result<Space, OpenError> {
        let folder = self.folder_of(id);
        private::make_folder(&folder).map_err(|error| OpenError::io(&folder, error))?;
        let log = SpaceLog::open(Arc::clone(&self.0.storage), id)?;
        let space = Space::open(id, name.to_owned(), self.0.identity.clone(), log, folder, self.0.judge)?;
        self.opened().insert(name.to_owned(), space.clone());
        Ok(space)
    }

    fn remember(&self, site_name: &str, space: &str, id: SpaceId) -> Result<(), OpenError> {
        let mut site = self.site();
        if site.name.is_empty() {
            site_name.clone_into(&mut site.name);
        }
        site.spaces.insert(space.to_owned(), id.to_string());
        site.write(self.0.folder.path())
    }

    /// The list of spaces anew, of what their logs say. A space of which nothing has arrived is not
    /// among them.
    fn remembered_by_the_log(&self) -> Result<SiteFile, OpenError> {
        let mut site = SiteFile::default();
        for id in self.0.storage.spaces() {
            let log = SpaceLog::open(Arc::clone(&self.0.storage), id)?;
            let members = crate::writer::members_of(&log)?;
            let me = self.0.identity.authors().into_iter().rev().find_map(|author| members.member(&author));
            let Some(me) = me else { continue };
            if site.name.is_empty() {
                me.name.clone_into(&mut site.name);
            }
            let name = Some(members.space_name.clone()).filter(|name| check_name(name).is_ok());
            let name = name.filter(|name| !site.spaces.contains_key(name)).unwrap_or_else(|| id.to_string());
            site.spaces.insert(name, id.to_string());
        }
        if !site.spaces.is_empty() {
            tracing::warn!("site.json was missing or damaged, and has been made anew from the log");
            site.write(self.0.folder.path())?;
        }
        Ok(site)
    }

    fn site(&self) -> std::sync::MutexGuard<'_, SiteFile> {
        self.0.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Space>> {
        self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The authors a site was before.
fn former(site: Option<&SiteFile>) -> Vec<Author> {
    site.map_or_else(Vec::new, |site| site.former.iter().filter_map(|author| author.parse().ok()).collect())
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

/// Names of spaces are typed and become names of files here and there; and what cannot travel as a
/// name is none.
fn check_name(name: &str) -> Result<(), Refusal> {
    let told = |fault: Cause| Err(Refusal::name(name, fault));
    if let Err(fault) = tandem_protocol::name::check(name) {
        return told(Cause::from(&fault));
    }
    if name.starts_with('.')
        || name.ends_with('.')
        || name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|'])
    {
        return told(Cause::new("name_file"));
    }
    Ok(())
}
