//! Messages out of a stream of bytes: `kind (1) · length (LEB128) · body`.

use super::limits;
use super::message_kind;
use super::session_end::SessionEnd;
use crate::codec::put_varint;

/// Longest `kind · length`: a length is at most four bytes, for nothing is larger than 32 MiB.
const PREFIX_BYTES: usize = 5;

/// Cuts a stream into messages. Never holds more than one message that is still incomplete, and
/// never makes room on the strength of a length alone.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    greeted: bool,
}

impl FrameReader {
    /// Lifts the small limit that holds until the other side has shown that it knows a space.
    pub fn greeted(&mut self) {
        self.greeted = true;
    }

    /// Takes in what the stream brought.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, as the session takes it: its kind, then its body.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, SessionEnd> {
        let rest = &self.buffer[self.start..];
        let Some((&kind, lengths)) = rest.split_first() else { return Ok(None) };
        let Some((len, used)) = length(lengths)? else { return Ok(None) };
        if len > self.limit(kind) {
            return Err(SessionEnd::Garbled("a message longer than allowed"));
        }
        let body_at = 1 + used;
        let Some(body) = rest.get(body_at..body_at + len) else { return Ok(None) };
        let mut message = Vec::with_capacity(1 + len);
        message.push(kind);
        message.extend_from_slice(body);
        self.start += body_at + len;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            // One large frame should not keep its memory for the rest of the session.
            self.buffer.shrink_to(limits::MESSAGE_BYTES);
        }
        Ok(Some(message))
    }

    /// Whether a message has begun to arrive and is not complete.
    pub fn is_amid(&self) -> bool {
        self.start < self.buffer.len()
    }

    fn limit(&self, kind: u8) -> usize {
        match kind {
            _ if !self.greeted => limits::GREETING_BYTES,
            message_kind::FRAME => limits::FRAME_BYTES,
            _ => limits::MESSAGE_BYTES,
        }
    }
}

/// The length at the front, and how many bytes it took; `None` while it is incomplete.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, SessionEnd> {
    let mut len = 0usize;
    for (at, byte) in bytes.iter().take(PREFIX_BYTES - 1).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((len, at + 1)));
        }
    }
    if bytes.len() < PREFIX_BYTES - 1 { Ok(None) } else { Err(SessionEnd::Garbled("a length")) }
}

/// A message as it goes onto the stream.
pub(super) fn envelope(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + PREFIX_BYTES);
    bytes.push(kind);
    put_varint(&mut bytes, body.len() as u64);
    assert!(bytes.len() <= PREFIX_BYTES, "a length takes more than the four bytes that are read of it");
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_alone_makes_no_room() {
        let mut reader = FrameReader::default();
        reader.greeted();
        reader.push(&[message_kind::FRAME, 0xff, 0xff, 0xff, 0x07]);
        assert_eq!(reader.next_message(), Ok(None));
        assert!(reader.buffer.capacity() < 1024);
        let mut reader = FrameReader::default();
        reader.push(&[message_kind::FRAME, 0xff, 0xff, 0xff, 0xff]);
        assert!(reader.next_message().is_err());
    }

    #[test]
    fn before_the_greeting_only_small_messages_are_taken() {
        let long = envelope(message_kind::FRAME, &vec![0; limits::GREETING_BYTES + 1]);
        let mut reader = FrameReader::default();
        reader.push(&long);
        assert!(reader.next_message().is_err());
        let mut reader = FrameReader::default();
        reader.greeted();
        reader.push(&long);
        assert!(matches!(reader.next_message(), Ok(Some(_))));
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_messages(
            bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..8),
            step in 1usize..70,
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|(kind, body)| envelope(*kind, body)).collect();
            let mut reader = FrameReader::default();
            reader.greeted();
            let mut got = Vec::new();
            for piece in stream.chunks(step) {
                reader.push(piece);
                while let Some(message) = reader.next_message().unwrap() {
                    got.push((message[0], message[1..].to_vec()));
                }
            }
            prop_assert_eq!(got, bodies);
            prop_assert!(!reader.is_amid());
        }
    }
}
