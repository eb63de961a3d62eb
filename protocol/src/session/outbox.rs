//! What a session wants done, gathered while it takes in one event.

use super::event::Output;
use super::message::Message;

/// What is to be done, in order.
pub(super) type Outbox = Vec<Output>;

/// Puts a message into the outbox.
pub(super) fn say(out: &mut Outbox, message: Message) {
    out.push(Output::Send(message.encode()));
}
