//! Bytes that wait to be put onto a stream.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// While more than this waits, nothing more is read from the stream: who does not take answers may
/// not ask on.
const FULL_BYTES: usize = 24 << 20;
/// Room that is kept when all is written.
const KEPT_BYTES: usize = 64 << 10;

/// See the module.
#[derive(Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    unflushed: bool,
}

impl Outgoing {
    /// These, too, behind all others.
    pub fn push(&mut self, bytes: &[u8]) {
        debug_assert!(self.written == 0 || self.written < self.bytes.len(), "what is written makes room");
        self.bytes.extend_from_slice(bytes);
        self.unflushed = true;
    }

    /// Whether there is something to write or to flush.
    pub fn waits(&self) -> bool {
        self.unflushed
    }

    /// Whether the other side does not take what it is sent.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// Writes some of them and says how many, flushes where there are none and says 0; then
    /// [`Self::wrote`] is to be told. May be dropped at any time without losing count.
    pub async fn put(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<usize> {
        let rest = &self.bytes[self.written..];
        if rest.is_empty() {
            return stream.flush().await.map(|()| 0);
        }
        match stream.write(rest).await? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }

    /// So many were written; none: all are flushed.
    pub fn wrote(&mut self, bytes: usize) {
        if bytes == 0 {
            assert!(self.bytes.is_empty(), "what waits is written before it counts as flushed");
            self.unflushed = false;
        }
        self.written += bytes;
        assert!(self.written <= self.bytes.len(), "no more is written than waited");
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
            self.written = 0;
        }
    }

    /// Writes all, and closes the stream.
    pub async fn finish(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        stream.write_all(&self.bytes[self.written..]).await?;
        stream.flush().await?;
        stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn all_is_written_in_order_then_flushed_and_its_room_given_back() {
        let (mut here, mut there) = tokio::io::duplex(1000);
        let mut outgoing = Outgoing::default();
        assert!(!outgoing.waits());
        let long: Vec<u8> = (0..KEPT_BYTES * 3).map(|at| at as u8).collect();
        outgoing.push(&long[..10]);
        outgoing.push(&long[10..]);
        let mut got = Vec::new();
        while outgoing.waits() {
            let wrote = outgoing.put(&mut here).await.unwrap();
            outgoing.wrote(wrote);
            let at = got.len();
            got.resize(at + wrote, 0);
            there.read_exact(&mut got[at..]).await.unwrap();
        }
        assert_eq!(got, long);
        assert!(outgoing.bytes.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn who_takes_nothing_fills_it() {
        let mut outgoing = Outgoing::default();
        outgoing.push(&vec![0; FULL_BYTES - 1]);
        assert!(!outgoing.is_full());
        outgoing.push(&[0]);
        assert!(outgoing.is_full());
    }
}
