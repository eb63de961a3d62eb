//! Whether this PC's network cards have a link. Without one, a card with a fixed address keeps it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what was seen of the cards is taken for true. The system takes longer to list its cards than the node
/// to say all else of its state, and a program may ask for that many times a second.
const FRESH: Duration = Duration::from_millis(500);

/// This PC's network cards, looked at when somebody asks.
#[derive(Default)]
pub(super) struct Cards(Mutex<Option<Look>>);

/// What was seen of the cards at one moment.
struct Look {
    at: Instant,
    without_link: Vec<IpAddr>,
}

impl Cards {
    /// The addresses of the cards that have no link: the cable is out, the Wi-Fi is off.
    pub(super) fn addresses_without(&self) -> Vec<IpAddr> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let look = match last.take() {
            Some(look) if now.duration_since(look.at) < FRESH => look,
            _ => Look { at: now, without_link: look() },
        };
        last.insert(look).without_link.clone()
    }
}

fn look() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(cards) => cards.iter().filter(|card| !card.is_oper_up()).map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::debug!(%error, "the network cards cannot be looked at");
            Vec::new()
        }
    }
}
