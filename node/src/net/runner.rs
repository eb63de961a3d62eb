//! Runs the network as long as the node does: one driver after the other, each under one key.

use std::sync::Arc;
use std::time::Duration;

use libp2p_stream::Control;
use tandem_protocol::identity::Author;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::book::AddressBook;
use super::driver::{Command, Driver, Over, Scene};
use super::error::NetError;
use super::settings::NetSettings;
use super::{identity, swarm};
use crate::sync::{Hub, Invitations};

/// How long to wait where the network cannot begin anew at once: its ports may still be closing.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Runner {
    pub hub: Arc<Hub>,
    pub invitations: Arc<Invitations>,
    pub settings: NetSettings,
    pub scene: watch::Sender<Scene>,
    /// How to open streams at present.
    pub control: watch::Sender<Option<Control>>,
    /// Changes whenever the site's key has.
    pub key_changed: watch::Receiver<Author>,
}

impl Runner {
    /// A driver under the key that the site has now.
    pub fn driver(&mut self) -> Result<Driver, NetError> {
        self.key_changed.borrow_and_update();
        let store = self.hub.store();
        let keypair = identity::keypair(store.key().secret()).ok_or(NetError::Identity)?;
        let book = AddressBook::open(store.folder());
        let swarm = swarm::build(keypair, &self.settings, self.hub.clone())?;
        let (hub, invitations) = (self.hub.clone(), self.invitations.clone());
        let driver = Driver::new(swarm, hub, invitations, book, &self.settings.peers, self.scene.clone())?;
        self.control.send_replace(Some(driver.control()));
        Ok(driver)
    }

    /// Runs until told to stop, or until nobody is left to tell.
    pub async fn run(mut self, mut driver: Driver, mut commands: mpsc::UnboundedReceiver<Command>) {
        while let Over::KeyChanged = driver.run(&mut commands, &mut self.key_changed).await {
            tracing::info!(
                site = self.hub.author().short(),
                "the site has another key, and meets the others as that"
            );
            match self.begin_anew(&mut commands).await {
                Some(next) => driver = next,
                None => return,
            }
        }
    }

    async fn begin_anew(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>) -> Option<Driver> {
        loop {
            match self.driver() {
                Ok(driver) => return Some(driver),
                Err(error) => tracing::warn!(%error, "the network does not begin anew yet"),
            }
            tokio::select! {
                () = sleep(AGAIN) => {}
                command = commands.recv() => match command? {
                    Command::Stop(done) => {
                        let _nobody_waits = done.send(());
                        return None;
                    }
                    Command::Pause(paused) => self.scene.send_modify(|scene| scene.paused = paused),
                    Command::SpacesChanged => drop(self.hub.watch_spaces()),
                    // Whoever seeks gives up by itself.
                    Command::Seek(..) => {}
                },
            }
        }
    }
}
