//! The bridge of one space: a thread that runs cycles as long as the node runs, and tries again what fails.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tandem_protocol::cause::Cause;
use tandem_protocol::schema::Schema;
use tandem_protocol::value::Key;
use tandem_protocol::version::VersionVector;
use tandem_store::Space;

use crate::attachment::Attachment;
use crate::catalogue::{self, Layout};
use crate::comparison::{self, Comparison};
use crate::cycle::Cycle;
use crate::dirty::Dirty;
use crate::engine::{Engine, Outcome};
use crate::error::BridgeError;
use crate::ids::ordinal_of;
use crate::migration;
use crate::mirror::Mirror;
use crate::paired::PairedTable;
use crate::postgres::Postgres;
use crate::repair;
use crate::status::{BridgeState, BridgeStatus, ParkedRow, SharedStatus};

/// How often the outbox is looked at while something goes on, and else.
const SOON: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(200);
/// How long something goes on after the last change.
const GOES_ON: Duration = Duration::from_secs(10);
/// How often it is looked whether the tables changed.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether the triggers are there, and rows that were refused are tried again.
const ROUND: Duration = Duration::from_secs(10);
/// How long is waited after a failure: at first, and at most.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// See the module.
pub struct Bridge {
    dirty: Arc<Dirty>,
    status: Arc<SharedStatus>,
    thread: Option<JoinHandle<()>>,
}

impl Bridge {
    /// Starts it for a space that is attached.
    pub fn start(space: &Space, attachment: Attachment) -> Result<Self, BridgeError> {
        let (dirty, status) = (Arc::new(Dirty::default()), Arc::new(SharedStatus::default()));
        let heard = Arc::clone(&dirty);
        space.subscribe(move |commit| heard.hear(commit));
        let mut worker = Worker {
            space: space.clone(),
            attachment,
            dirty: Arc::clone(&dirty),
            status: Arc::clone(&status),
        };
        let thread = std::thread::Builder::new().name("tandem-bridge".into());
        let thread = Some(thread.spawn(move || worker.work())?);
        Ok(Self { dirty, status, thread })
    }

    /// How it goes.
    pub fn status(&self) -> BridgeStatus {
        let mut status = self.status.get();
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            status.state = BridgeState::Stopped { reason: Cause::new("bridge_ended") };
        }
        status
    }

    /// Ends it; a cycle that runs is ended first.
    pub fn stop(&mut self) {
        self.dirty.stop();
        if let Some(thread) = self.thread.take() {
            let _ended_either_way = thread.join();
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread works with.
struct Worker {
    space: Space,
    attachment: Attachment,
    dirty: Arc<Dirty>,
    status: Arc<SharedStatus>,
}

/// One connection to the database, and what is known of it.
struct Connected {
    engine: Postgres,
    tables: Vec<PairedTable>,
    mirror: Mirror,
    applied: i64,
    vector: Arc<VersionVector>,
    ordinal: u16,
    schema: Arc<Schema>,
    layout: Layout,
}

impl Worker {
    fn work(&mut self) {
        let mut pause = PAUSE;
        while !self.dirty.is_stopping() {
            let begun = Instant::now();
            let Err(error) = self.connect().and_then(|connected| self.exchange(connected)) else { continue };
            if error.cause().code == "bridge_migrated" {
                tracing::info!(space = self.space.name(), "the tables changed; they are looked at again");
                continue;
            }
            let reason = error.cause().clone();
            tracing::warn!(space = self.space.name(), %reason, "the database beside is not in step");
            let state = match error {
                BridgeError::Stopped(reason) => BridgeState::Stopped { reason },
                BridgeError::Waits(reason) | BridgeError::Busy(reason) | BridgeError::Refused(reason) => {
                    BridgeState::Waiting { reason }
                }
            };
            self.status.change(|status| status.state = state);
            // What went well for a while fails for another reason.
            pause = if begun.elapsed() > LONGEST_PAUSE { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            self.dirty.pause(pause);
        }
    }

    fn connect(&mut self) -> Outcome<Connected> {
        let mut engine = Postgres::connect(&self.attachment.url)?;
        let mirror = Mirror::open(&Attachment::mirror(self.space.folder()))?;
        let installed = engine.installed()?.ok_or_else(|| BridgeError::stopped("bridge_not_installed"))?;
        if installed.incarnation != self.attachment.incarnation {
            return Err(BridgeError::stopped("bridge_other_attachment"));
        }
        let hash = engine.layout()?;
        let mut attachment = self.attachment.clone();
        let mut tables = catalogue::paired(&mut engine, &attachment, &self.space.schema())?;
        let had = mirror.layout()?.unwrap_or_default();
        let has_changed = had != Layout::of(hash.clone(), &tables);
        if has_changed {
            migration::declare_added(&mut engine, &self.space, &mut attachment)?;
            tables = catalogue::paired(&mut engine, &attachment, &self.space.schema())?;
        }
        let (schema, layout) = (self.space.schema(), Layout::of(hash, &tables));
        let (applied, ordinal) = (mirror.applied()?, ordinal_of(&self.space)?);
        self.dirty.listen(attachment.tables.iter().map(|table| table.here.clone()).collect());
        let vector = Arc::default();
        let mut connected = Connected { engine, tables, mirror, applied, vector, ordinal, schema, layout };
        if installed.cycles < connected.mirror.cycles()? {
            tracing::warn!(space = self.space.name(), "the database is older than it was: it was restored");
            repair::mirror(&mut self.cycle(&mut connected), installed.cycles)?;
        }
        connected.applied = applied.max(installed.applied);
        repair::ids(&mut self.cycle(&mut connected))?;
        if has_changed {
            migration::take_in_added(&mut self.cycle(&mut connected), &had)?;
            attachment.save(self.space.folder())?;
            self.attachment = attachment;
            connected.mirror.note_layout(&connected.layout)?;
        }
        self.dirty.begin(self.space.vector());
        Ok(connected)
    }

    /// Runs cycles until one fails, or nothing is to be done any more.
    fn exchange(&self, mut connected: Connected) -> Outcome {
        let (mut last_change, mut last_look, mut last_round) =
            (Instant::now(), Instant::now(), None::<Instant>);
        while !self.dirty.is_stopping() {
            // Columns that another site added.
            if !Arc::ptr_eq(&connected.schema, &self.space.schema()) {
                return Ok(());
            }
            if last_look.elapsed() >= LOOK {
                if connected.engine.layout()? != connected.layout.hash {
                    return Ok(());
                }
                last_look = Instant::now();
            }
            if last_round.is_none_or(|last| last.elapsed() >= ROUND) {
                self.round(&mut connected)?;
                last_round = Some(Instant::now());
            }
            let did = self.cycle(&mut connected).run()?;
            self.status.change(|status| status.state = BridgeState::Running);
            if did {
                last_change = Instant::now();
                self.tell_parked(&connected)?;
            } else {
                self.dirty.wait(if last_change.elapsed() < GOES_ON { SOON } else { IDLE });
            }
        }
        Ok(())
    }

    fn cycle<'a>(&'a self, connected: &'a mut Connected) -> Cycle<'a> {
        Cycle {
            space: &self.space,
            engine: &mut connected.engine,
            tables: &connected.tables,
            incarnation: &self.attachment.incarnation,
            layout: &connected.layout.hash,
            mirror: &connected.mirror,
            dirty: &self.dirty,
            status: &self.status,
            applied: &mut connected.applied,
            vector: &mut connected.vector,
            ordinal: connected.ordinal,
        }
    }

    /// What is looked at now and then.
    fn round(&self, connected: &mut Connected) -> Outcome {
        repair::triggers(&mut self.cycle(connected))?;
        connected.mirror.forget_replaced()?;
        for (table, key, _) in self.tell_parked(connected)? {
            self.dirty.put(table, &key);
        }
        Ok(())
    }

    /// Tells which rows one side does not take; all of them.
    fn tell_parked(&self, connected: &Connected) -> Outcome<Vec<(usize, Key, ParkedRow)>> {
        let parked = connected.mirror.parked()?;
        let told: Vec<ParkedRow> = parked.iter().map(|(_, _, row)| row.clone()).collect();
        self.status.change(|status| status.parked = told);
        Ok(parked)
    }
}

/// Compares the database of an attachment with what the space shows.
pub fn compare(space: &Space, attachment: &Attachment) -> Result<Comparison, BridgeError> {
    let mut engine = Postgres::connect(&attachment.url)?;
    let tables = catalogue::paired(&mut engine, attachment, &space.schema())?;
    comparison::compare(space, &mut engine, &tables)
}

/// Takes everything out of the database that was put there, and forgets the attachment. Where the database
/// cannot be reached, `is_gone` says that it is not to be waited for.
pub fn detach(space: &Space, attachment: &Attachment, is_gone: bool) -> Result<(), BridgeError> {
    let there = Postgres::connect(&attachment.url).and_then(|mut engine| {
        let installed = engine.installed()?;
        if installed.as_ref().is_some_and(|installed| installed.incarnation != attachment.incarnation) {
            return Err(BridgeError::stopped("bridge_other_attachment"));
        }
        if installed.is_some() {
            take_last(space, attachment, &mut engine)
        } else {
            engine.begin()?;
            engine.uninstall(&catalogue::named(attachment))?;
            engine.commit()
        }
    });
    match there {
        Err(error) if !is_gone => Err(error),
        _ => Attachment::remove(space.folder()),
    }
}

/// Takes in what the outbox still holds, and everything out of the database that was put there, both or
/// neither.
fn take_last(space: &Space, attachment: &Attachment, engine: &mut Postgres) -> Outcome {
    let mirror = Mirror::open(&Attachment::mirror(space.folder()))?;
    let tables = catalogue::paired(engine, attachment, &space.schema())?;
    let (mut applied, mut vector, hash) = (mirror.applied()?, Arc::default(), engine.layout()?);
    let (dirty, status, ordinal) = (Dirty::default(), SharedStatus::default(), ordinal_of(space)?);
    let mut cycle = Cycle {
        space,
        engine,
        tables: &tables,
        incarnation: &attachment.incarnation,
        layout: &hash,
        mirror: &mirror,
        dirty: &dirty,
        status: &status,
        applied: &mut applied,
        vector: &mut vector,
        ordinal,
    };
    cycle.in_transaction(|cycle| {
        cycle.engine.close_tables(&tables)?;
        cycle.drain()?;
        cycle.engine.uninstall(&tables)
    })
}
