//! Whether this PC's network cards have a link. Without one, a card with a fixed address keeps it.

use std::net::IpAddr;

/// The addresses of this PC's cards that have no link: the cable is out, the Wi-Fi is off.
pub(super) fn addresses_without() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(cards) => cards.iter().filter(|card| !card.is_oper_up()).map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::debug!(%error, "the network cards cannot be looked at");
            Vec::new()
        }
    }
}
