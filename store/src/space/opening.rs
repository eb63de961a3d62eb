//! A space is opened, with its writer on a thread of its own, and closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::SpaceId;
use tandem_protocol::schema::Judge;

use super::Space;
use super::parts::Parts;
use crate::identity::Identity;
use crate::log::{LogError, SpaceLog};
use crate::open_error::OpenError;
use crate::published::Published;
use crate::view::file::VIEW_FILE;
use crate::view::reader::Readers;
use crate::writer::{Command, OpenFailure, Writer, read_log, serve_without_view};

/// Commands that may wait for the writer; more wait in their callers.
const WAITING: usize = 1024;

impl Space {
    /// Opens the space in `folder` and starts its writer.
    pub(crate) fn open(
        id: SpaceId,
        name: String,
        identity: Identity,
        log: SpaceLog,
        folder: PathBuf,
        judge: Judge,
    ) -> Result<Self, OpenError> {
        let view_path = folder.join(VIEW_FILE);
        let published = Arc::new(Published::default());
        let (commands, inbox) = sync_channel(WAITING);
        let (opened, report) = sync_channel(1);
        let writer_log = log.clone();
        let writer_identity = identity.clone();
        let (writer_published, writer_view) = (Arc::clone(&published), view_path.clone());
        // The writer's connection is opened on the thread that uses it.
        std::thread::Builder::new().name(format!("tandem-writer-{name}")).spawn(move || {
            let (log, published) = (writer_log.clone(), Arc::clone(&writer_published));
            let opening =
                Writer::open(id, writer_identity, writer_log, &writer_view, writer_published, judge);
            match opening.and_then(|writer| writer.with_aside(&writer_view)) {
                Ok(writer) => {
                    // Whoever hears that the writer has stopped may open the log again at once.
                    drop((log, published));
                    let _opener_waits = opened.send(Ok(()));
                    writer.serve(inbox);
                }
                Err(error @ (OpenFailure::View(_) | OpenFailure::Io(_))) => {
                    // The log can be read, verified and exported without its view.
                    let read = read_log(id, &log, &published, judge, Cause::from(&error));
                    let is_read = read.is_ok();
                    drop((log, published));
                    let _opener_waits = opened.send(read);
                    if is_read {
                        serve_without_view(&inbox, &Cause::from(&error));
                    }
                }
                Err(error) => {
                    let _opener_waits = opened.send(Err(error));
                }
            }
        })?;
        match report.recv() {
            Ok(Ok(())) => {}
            Ok(Err(OpenFailure::Log(error @ LogError::Io(_)))) => return Err(error.into()),
            Ok(Err(error)) => return Err(OpenError::space(&name, Cause::from(&error))),
            Err(_) => return Err(OpenError::space(&name, Cause::new("writer_stopped"))),
        }
        Ok(Self::over(id, name, identity, log, folder, published, commands))
    }

    /// The handle of a space whose writer takes `commands` and publishes in `published`.
    pub(crate) fn over(
        id: SpaceId,
        name: String,
        identity: Identity,
        log: SpaceLog,
        folder: PathBuf,
        published: Arc<Published>,
        commands: SyncSender<Command>,
    ) -> Self {
        let readers = Readers::new(&folder.join(VIEW_FILE));
        Self(Arc::new(Parts { id, name, identity, folder, log, readers, published, commands }))
    }

    /// Ends the statements of users that run, and those to come: the space is about to be closed.
    pub(crate) fn interrupt(&self) {
        self.0.published.stopping.store(true, Ordering::Relaxed);
    }

    /// Finishes what was asked before, and closes the space: a statement of a user that runs is ended,
    /// and nothing of it was recorded. Handles that are left refuse.
    pub(crate) fn close(&self) {
        self.interrupt();
        let written = self.0.log.acknowledged(self.0.id);
        if let Err(error) = written.and_then(|tree| self.0.published.acknowledged.write(&tree)) {
            tracing::warn!(%error, "what other sites hold could not be noted; it is said again at the next contact");
        }
        let (done, wait) = sync_channel(1);
        self.send(Command::Stop(Box::new(move || {
            let _caller_waits = done.send(());
        })));
        let _closed_either_way = wait.recv();
        self.0.readers.close();
    }
}
