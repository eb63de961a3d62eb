//! One site of a simulation: the real writer, log and view of a space, without threads and without
//! a clock of its own. The caller says what happens and when; the log lies on a [`Disk`] in memory
//! that loses power as arranged, the view in a folder that should be in memory too.
//!
//! ```text
//! Site::run(requests, now) ──► Writer::run_group ──► Disk::flush ──► view ──► answers
//!                                                       └─ FlushFault: power cut, before or after
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel, sync_channel};

use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, AuthorKey, SpaceId};
use tandem_protocol::membership::{self, Candidate, MemberOp, Role};
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, Schema, ddl};

pub use crate::log::memory::{Disk, FlushFault, Survival};

use crate::identity::Identity;
use crate::log::{SpaceLog, Storage};
use crate::open_error::{AddError, OpenError};
use crate::published::Published;
use crate::receive::{ReceiveError, Received};
use crate::refusal::Refusal;
use crate::resolution::Resolution;
use crate::space::Space;
use crate::store::founding_id;
use crate::view::ViewError;
use crate::view::file::{self, VIEW_FILE};
use crate::write::{Write, WriteError, Written};
use crate::writer::{Job, LocalJob, LocalWork, RemoteJob, Writer};

/// What a site can be asked, as [`Space`]'s methods of these names do.
#[derive(Clone, Debug)]
pub enum Request {
    /// [`Space::write`].
    Write(Write),
    /// [`Space::apply_schema`].
    ApplySchema(String),
    /// [`Space::admit`], without an invitation.
    Admit {
        /// The new member.
        author: Author,
        /// Its site's name.
        name: String,
        /// What it may do.
        role: Role,
    },
    /// [`Space::rename`].
    Rename {
        /// The site.
        author: Author,
        /// Its new name.
        name: String,
    },
    /// [`Space::resolve`].
    Resolve(Resolution),
    /// Ops recorded as they are: what another version of the program could write.
    Record(Vec<Op>),
    /// [`Space::receive`].
    Receive(Vec<u8>),
    /// [`Space::receive_without`].
    ReceiveWithout(Vec<u8>, Withheld),
}

/// What became of a [`Request`].
#[derive(Debug)]
pub enum Answer {
    /// Of all others.
    Written(Result<Written, WriteError>),
    /// Of [`Request::Receive`] and [`Request::ReceiveWithout`].
    Received(Result<Received, ReceiveError>),
}

/// What a crash does to the view's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewLoss {
    /// Nothing: it is at its last commit.
    None,
    /// It is as it was when [`Site::remember_view`] was called last, if ever.
    Older,
    /// It is gone.
    Lost,
    /// It is no database any more.
    Damaged,
}

/// The founding of a space.
#[derive(Clone, Copy, Debug)]
pub struct Founding<'a> {
    /// The space's name.
    pub space: &'a str,
    /// The founder's site.
    pub site: &'a str,
    /// The tables, as DDL.
    pub schema: &'a str,
    /// What tells two spaces of one name apart.
    pub nonce: [u8; 16],
}

/// A site with one space.
pub struct Site {
    identity: Identity,
    id: SpaceId,
    disk: Disk,
    folder: PathBuf,
    judge: Judge,
    running: Option<Running>,
}

struct Running {
    writer: Writer,
    space: Space,
}

impl Site {
    /// Founds a space. `folder` is the site's alone.
    pub fn found(
        key: AuthorKey,
        folder: PathBuf,
        founding: Founding<'_>,
        now_ms: i64,
    ) -> Result<Self, AddError> {
        let Founding { space, site, schema, nonce } = founding;
        let schema = ddl::plan(schema, &Schema::default()).map_err(|error| Refusal::of_ddl(&error))?;
        let founding = MemberOp::Found(membership::Founding::new(space, site, nonce));
        let id = founding_id(key.author(), &founding, &schema, now_ms);
        let mut site = Self::adopt(key, folder, id)?;
        let work = LocalWork::Found(Box::new(founding), schema);
        site.found_by(work, now_ms)?;
        Ok(site)
    }

    /// A site that has a space of which it holds nothing yet.
    pub fn adopt(key: AuthorKey, folder: PathBuf, id: SpaceId) -> Result<Self, OpenError> {
        std::fs::create_dir_all(&folder).map_err(|error| OpenError::io(&folder, error))?;
        let (disk, judge) = (Disk::default(), Judge::default());
        let identity = Identity::new(key, Vec::new());
        let mut site = Self { identity, id, disk, folder, judge, running: None };
        site.start()?;
        Ok(site)
    }

    /// A copy of the whole site as it lies on its disk, under the same key. Not running.
    pub fn clone_to(&self, folder: PathBuf) -> std::io::Result<Self> {
        copy_view(&self.folder, &folder)?;
        Ok(Self {
            identity: Identity::new(self.identity.key(), self.identity.former()),
            id: self.id,
            disk: self.disk.copy(),
            folder,
            judge: self.judge,
            running: None,
        })
    }

    /// Puts another version of the program on the site, which knows other expressions. From its next
    /// start on.
    pub fn install(&mut self, judge: Judge) {
        self.judge = judge;
    }

    /// The site's author.
    pub fn me(&self) -> Author {
        self.identity.author()
    }

    /// The space's id.
    pub fn id(&self) -> SpaceId {
        self.id
    }

    /// Its log's disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The space, to read. Writing goes through [`Site::run`]. None while the site is stopped.
    pub fn space(&self) -> Option<&Space> {
        self.running.as_ref().map(|running| &running.space)
    }

    /// Does what is asked, as one group where it would be one. The answers are in the order of the
    /// requests; what was not answered (the site is stopped) is missing at the end.
    pub fn run(&mut self, requests: Vec<Request>, now_ms: i64) -> Vec<Answer> {
        let (answers, answered) = channel();
        let id = self.id;
        let job = |(at, request)| job(id, request, now_ms, at, answers.clone());
        let jobs = requests.into_iter().enumerate().map(job).collect();
        self.run_jobs(jobs);
        drop(answers);
        let mut all: Vec<(usize, Answer)> = answered.iter().collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, answer)| answer).collect()
    }

    fn found_by(&mut self, work: LocalWork, now_ms: i64) -> Result<Written, WriteError> {
        let (answer, answered) = channel();
        let reply = Box::new(move |result| drop(answer.send(result)));
        self.run_jobs(vec![Job::Local(LocalJob { work, home: None, now_ms, reply })]);
        answered.recv().unwrap_or(Err(WriteError::Closed))
    }

    fn run_jobs(&mut self, jobs: Vec<Job>) {
        if let Some(running) = &mut self.running {
            running.writer.run_group(jobs);
            running.writer.seal();
        }
    }

    /// [`Space::rebuild_view`].
    pub fn rebuild_view(&mut self) -> Result<(), ViewError> {
        self.running.as_mut().map_or(Ok(()), |running| running.writer.rebuild())
    }

    /// Keeps a copy of the view as it is now, for [`ViewLoss::Older`].
    pub fn remember_view(&self) -> std::io::Result<()> {
        copy_view(&self.folder, &self.folder.join("remembered"))
    }

    /// The site is gone from one moment to the next: what its disk has not flushed is lost up to
    /// `survival` (unless a [`FlushFault`] cut the power before), and its view as `view` says.
    pub fn crash(&mut self, survival: Survival, view: ViewLoss) -> std::io::Result<()> {
        self.running = None;
        if !self.disk.is_off() {
            self.disk.power_cut(survival);
        }
        let file = self.folder.join(VIEW_FILE);
        let remembered = self.folder.join("remembered");
        match view {
            ViewLoss::None => Ok(()),
            ViewLoss::Older if !remembered.exists() => Ok(()),
            ViewLoss::Older => file::remove(&file).and_then(|()| copy_view(&remembered, &self.folder)),
            ViewLoss::Lost => file::remove(&file),
            ViewLoss::Damaged => {
                file::remove(&file)?;
                std::fs::write(&file, b"no database, but long enough to be looked at as one: ".repeat(100))
            }
        }
    }

    /// Opens the site, for the first time or again.
    pub fn start(&mut self) -> Result<(), OpenError> {
        self.running = None;
        self.disk.power_on();
        let log = SpaceLog::open(Arc::new(Storage::Memory(self.disk.clone())), self.id)?;
        let published = Arc::new(Published::default());
        let view = self.folder.join(VIEW_FILE);
        let writer = Writer::open(
            self.id,
            self.identity.clone(),
            log.clone(),
            &view,
            Arc::clone(&published),
            self.judge,
        )
        .map_err(|error| OpenError::space("simulated", Cause::from(&error)))?;
        // Nobody listens: requests go straight to the writer.
        let (commands, _) = sync_channel(1);
        let (name, folder) = ("simulated".to_owned(), self.folder.clone());
        let space = Space::over(self.id, name, self.identity.clone(), log, folder, published, commands);
        self.running = Some(Running { writer, space });
        Ok(())
    }
}

fn job(id: SpaceId, request: Request, now_ms: i64, at: usize, answers: Sender<(usize, Answer)>) -> Job {
    let work = match request {
        Request::Write(write) => LocalWork::Sql(Box::new(write)),
        Request::ApplySchema(sql) => LocalWork::Schema(sql),
        Request::Admit { author, name, role } => {
            LocalWork::admit(id, Candidate::new(author, name), role, None)
        }
        Request::Rename { author, name } => LocalWork::rename(author, name),
        Request::Resolve(resolution) => LocalWork::Resolve(resolution),
        Request::Record(ops) => LocalWork::Ops(ops),
        Request::Receive(block) => return received(block, Withheld::default(), now_ms, at, answers),
        Request::ReceiveWithout(block, withheld) => return received(block, withheld, now_ms, at, answers),
    };
    let reply = Box::new(move |result| drop(answers.send((at, Answer::Written(result)))));
    Job::Local(LocalJob { work, home: None, now_ms, reply })
}

fn received(
    block: Vec<u8>,
    withheld: Withheld,
    now_ms: i64,
    at: usize,
    answers: Sender<(usize, Answer)>,
) -> Job {
    let reply = Box::new(move |result| drop(answers.send((at, Answer::Received(result)))));
    Job::Remote(RemoteJob::new(block, withheld, now_ms, None, reply))
}

/// Between two transactions of the one thread that writes to it, database and write-ahead log
/// together are the view.
fn copy_view(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    file::remove(&to.join(VIEW_FILE))?;
    for suffix in ["", "-wal"] {
        let name = format!("{VIEW_FILE}{suffix}");
        match std::fs::copy(from.join(&name), to.join(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
