//! Where the sync sessions of [`tandem_protocol::session`] run: one task per peer ([`link`]), what it
//! does for its session (`link_host`), and what they share ([`Hub`]): the store, the news of commits,
//! who is there.

mod hub;
mod inbox;
mod invitations;
pub mod join;
pub mod link;
mod link_host;
mod outgoing;
mod peer;
mod sync_report;

pub use hub::Hub;
pub use inbox::Inbox;
pub use invitations::{Invitations, InviteError};
pub use link::LinkEnd;
pub use peer::{PeerStatus, SharedSpace};
