//! Writing a bundle.

use std::io::Write;

use tandem_protocol::bounds::BLOCK_TARGET_BYTES;
use tandem_protocol::bundle::{BundleHeader, BundleWriter};
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::Author;
use tandem_protocol::version::VersionVector;
use tandem_store::{LogError, Space};

use super::bundle::BundleRequests;
use super::error::{ApiError, Result};
use super::{now_ms, site};

/// A bundle about to be written.
pub struct Export {
    space: Space,
    header: BundleHeader,
    end: u64,
}

impl BundleRequests<'_> {
    /// Prepares a bundle with everything, or with what one site is not known to hold.
    pub fn export(&self, space: &str, for_site: Option<&str>) -> Result<Export> {
        let space = self.0.space(space)?;
        let membership = space.membership();
        let to = for_site.map(|name| site::find(&membership, name)).transpose()?;
        let from = self.0.store().author();
        let (end, until) = (space.end(), (*space.vector()).clone());
        let header = BundleHeader {
            space: space.id(),
            space_name: space.name().to_owned(),
            from,
            from_name: membership.shown_name(&from),
            to,
            since: to.map(|site| self.held_by(&space, &site)).unwrap_or_default(),
            until,
            created_ms: now_ms(),
        };
        Ok(Export { space, header, end })
    }

    /// What a site is known to hold: what it told over the network, and what its transactions
    /// show.
    fn held_by(&self, space: &Space, site: &Author) -> VersionVector {
        let mut held = space.shown_by(site);
        if let Some(peers) = self.0.peers() {
            // Where it is connected, it says more.
            held.join(&peers.held(&space.id(), site));
        }
        held
    }
}

/// Why a bundle could not be written: a full stick is no full disk of this PC.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Where it is written to.
    #[error("{0}")]
    Target(std::io::Error),
    /// What it is made of.
    #[error("{0}")]
    Log(#[from] ApiError),
}

impl From<LogError> for ExportError {
    fn from(error: LogError) -> Self {
        Self::Log(error.into())
    }
}

impl Export {
    /// Writes the bundle.
    pub fn write(self, out: impl Write) -> std::result::Result<(), ExportError> {
        let failed = ExportError::Target;
        self.space.forks().compare_all(&self.header.since);
        let mut writer = BundleWriter::new(out, &self.header).map_err(failed)?;
        let mut from = 0;
        let mut withheld = Withheld::default();
        while from < self.end {
            let chunk =
                self.space.chunks().read_without(from, &self.header.since, withheld, BLOCK_TARGET_BYTES)?;
            withheld = chunk.withheld;
            if let Some(block) = chunk.block {
                writer.block(&block).map_err(failed)?;
            }
            assert!(chunk.next > from, "what is exported is read on to its end");
            from = chunk.next;
        }
        writer.finish().map_err(failed).map(drop)
    }
}
