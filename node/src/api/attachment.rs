//! The database beside a space: attached, looked at, compared and detached.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_bridge::{Attachment, Bridge, BridgeError, BridgeStatus, Comparison, FirstDay, Plan, Wishes};
use tandem_protocol::identity::SpaceId;
use tandem_store::Space;

use super::error::{ApiError, Result};
use super::{Api, error_kind};

/// A database to attach, and what is wanted of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// Where it is: `postgres://user:password@host:port/database`.
    pub url: String,
    /// Only these of its tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Columns (`table.column`) of which all additions count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counter: Vec<String>,
    /// Columns that are a time of last change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamp: Vec<String>,
    /// Columns whose concurrent edits are not worth telling.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<String>,
}

/// Which database a space is attached to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownAttachment {
    /// Where it is, without the password; none: the space is attached to none.
    pub database: Option<String>,
    /// The tables that both have, by their names here.
    pub tables: Vec<String>,
    /// How it goes; none while no node runs.
    pub status: Option<BridgeStatus>,
}

/// How an attachment is ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detach {
    /// The database is gone for good, and is not to be waited for.
    #[serde(default)]
    pub gone: bool,
}

/// The bridges that run, while a node does.
#[derive(Default)]
pub(super) struct Bridges(Mutex<Option<BTreeMap<SpaceId, Bridge>>>);

impl Bridges {
    fn running(&self) -> MutexGuard<'_, Option<BTreeMap<SpaceId, Bridge>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, space: &Space, attachment: Attachment) -> std::result::Result<(), BridgeError> {
        if let Some(running) = &mut *self.running() {
            running.insert(space.id(), Bridge::start(space, attachment)?);
        }
        Ok(())
    }

    fn stop(&self, space: &Space) {
        let stopped = self.running().as_mut().and_then(|running| running.remove(&space.id()));
        drop(stopped);
    }
}

impl Attach {
    fn wishes(&self) -> Wishes {
        let Self { tables, exclude, counter, stamp, quiet, .. } = self.clone();
        Wishes { tables, exclude, counter, stamp, quiet }
    }
}

impl Api {
    /// From now on databases are kept in step with their spaces: a node runs.
    pub fn start_bridges(&self) {
        *self.inner.bridges.running() = Some(BTreeMap::new());
        for space in self.store().spaces() {
            let started = match Attachment::of_folder(space.folder()) {
                Ok(Some(attachment)) => self.inner.bridges.start(&space, attachment),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = started {
                tracing::error!(space = space.name(), %error, "the database beside is not kept in step");
            }
        }
    }

    /// Databases are kept in step no more. Waits for what is under way.
    pub fn stop_bridges(&self) {
        let stopped = self.inner.bridges.running().take();
        drop(stopped);
    }

    /// The databases beside its spaces.
    pub fn attachments(&self) -> Attachments<'_> {
        Attachments { api: self }
    }

    pub(super) fn shown_attachment(
        &self,
        space: &Space,
    ) -> std::result::Result<ShownAttachment, BridgeError> {
        self.attachments().of(space)
    }
}

/// What can be asked of the databases beside the spaces of a site.
pub struct Attachments<'a> {
    api: &'a Api,
}

impl Attachments<'_> {
    /// What attaching a database would do.
    pub fn plan(&self, space: &str, request: &Attach) -> Result<Plan> {
        Ok(tandem_bridge::plan(&self.api.space(space)?, &request.url, &request.wishes())?)
    }

    /// Attaches a database to a space.
    pub fn attach(&self, space: &str, request: &Attach) -> Result<FirstDay> {
        let _one_at_a_time = self.api.inner.setting_up.lock().unwrap_or_else(PoisonError::into_inner);
        let space = self.api.space(space)?;
        let day = tandem_bridge::attach(&space, &request.url, &request.wishes())?;
        if let Some(attachment) = Attachment::of_folder(space.folder())? {
            self.api.inner.bridges.start(&space, attachment)?;
        }
        Ok(day)
    }

    /// Which database a space is attached to.
    pub fn show(&self, space: &str) -> Result<ShownAttachment> {
        Ok(self.of(&self.api.space(space)?)?)
    }

    fn of(&self, space: &Space) -> std::result::Result<ShownAttachment, BridgeError> {
        let attachment = Attachment::of_folder(space.folder())?;
        let running = self.api.inner.bridges.running();
        let bridge = running.as_ref().and_then(|running| running.get(&space.id()));
        let tables = attachment.iter().flat_map(|one| one.tables.iter().map(|table| table.here.clone()));
        Ok(ShownAttachment {
            database: attachment.as_ref().map(Attachment::shown),
            tables: tables.collect(),
            status: bridge.map(Bridge::status),
        })
    }

    /// Whether the database holds what the space shows.
    pub fn compare(&self, space: &str) -> Result<Comparison> {
        let space = self.api.space(space)?;
        Ok(tandem_bridge::compare(&space, &attached(&space)?)?)
    }

    /// Ends an attachment: nothing of tandem is left in the database.
    pub fn detach(&self, space: &str, request: &Detach) -> Result<()> {
        let space = self.api.space(space)?;
        let attachment = attached(&space)?;
        self.api.inner.bridges.stop(&space);
        let detached = tandem_bridge::detach(&space, &attachment, request.gone);
        if detached.is_err() {
            self.api.inner.bridges.start(&space, attachment)?;
        }
        Ok(detached?)
    }
}

fn attached(space: &Space) -> Result<Attachment> {
    Attachment::of_folder(space.folder())?.ok_or_else(|| error_kind::not_attached.error())
}

impl From<BridgeError> for ApiError {
    fn from(error: BridgeError) -> Self {
        match error {
            BridgeError::Waits(detail) | BridgeError::Busy(detail) => {
                error_kind::database_waits.with("detail", detail)
            }
            BridgeError::Refused(detail) | BridgeError::Stopped(detail) => {
                error_kind::database_refused.with("detail", detail)
            }
        }
    }
}
