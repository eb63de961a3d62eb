//! One session with one peer: a stream, and the driver that is run whenever something happens.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::Author;
use tandem_protocol::session::{Config, Host, Listing, SessionDriver, SessionEnd, Side};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::hub::Hub;
use super::inbox::Inbox;
use super::link_host::LinkHost;

/// Bytes read from the stream at once.
const READ_BYTES: usize = 64 << 10;
/// How long the last words may take to get out.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long after the last block a sync counts as come to rest.
const REST: Duration = Duration::from_millis(500);

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum LinkEnd {
    /// The session says so.
    #[error(transparent)]
    Session(#[from] SessionEnd),
    /// The stream broke or could not be opened.
    #[error("the connection broke ({0})")]
    Broken(#[from] io::Error),
}

impl From<&LinkEnd> for Cause {
    fn from(end: &LinkEnd) -> Self {
        match end {
            LinkEnd::Session(end) => end.into(),
            LinkEnd::Broken(error) => Self::new("session_broken").with("fault", Self::from(error)),
        }
    }
}

/// What peers say of where sites can be reached: by whom, and what.
pub type PeerAddresses = mpsc::Sender<(Author, Vec<Listing>)>;

/// Runs a session until it is over, between two sites as the stream has proved them: this one, and
/// its peer. `id` tells it from others with the same peer.
pub async fn run<S>(
    hub: Arc<Hub>,
    (local, peer): (Author, Author),
    side: Side,
    id: u64,
    stream: S,
    peer_addresses: PeerAddresses,
) -> LinkEnd
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let inbox = Arc::new(Inbox::default());
    // First listen, then look: nothing committed in between is missed.
    hub.enter(peer, id, &inbox);
    let mut padding = [0; 32];
    if getrandom::fill(&mut padding).is_err() {
        let error = io::Error::other("the operating system gives no randomness");
        hub.leave(peer, id, Some(Cause::from(&error)));
        return error.into();
    }
    let config = Config { side, local, peer, spaces: hub.space_configs(), padding };
    let (reading, writing) = tokio::io::split(stream);
    let mut link = Link {
        hub: hub.clone(),
        peer,
        driver: SessionDriver::new(config),
        host: LinkHost::new(hub.clone(), (local, peer), inbox.clone(), peer_addresses),
        inbox,
    };
    // A defect that stops a session must not stop the dealings with its peer: what it holds is given
    // back all the same.
    let served = tokio::spawn(async move {
        let end = link.serve(reading, writing).await;
        link.host.report();
        end
    });
    let (end, trouble) = match served.await {
        Ok(end) => {
            let trouble = Cause::from(&end);
            (end, trouble)
        }
        Err(defect) => {
            tracing::error!(peer = peer.short(), %defect, "a session was stopped by a defect of this program");
            (io::Error::other("a defect of this program").into(), Cause::new("session_defect"))
        }
    };
    hub.leave(peer, id, Some(trouble));
    end
}

struct Link {
    hub: Arc<Hub>,
    peer: Author,
    driver: SessionDriver,
    host: LinkHost,
    inbox: Arc<Inbox>,
}

impl Link {
    async fn serve<S>(&mut self, mut reading: ReadHalf<S>, mut writing: WriteHalf<S>) -> LinkEnd
    where
        S: AsyncRead + AsyncWrite,
    {
        let mut chunk = vec![0; READ_BYTES];
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut alarm_ms = None;
        let mut rest = pin!(sleep_until(Instant::now()));
        let mut resting = true;
        loop {
            self.driver.run(&mut self.host);
            if let Some(end) = self.host.over.take() {
                let _too_late = timeout(FAREWELL, self.host.outgoing.finish(&mut writing)).await;
                return end.into();
            }
            if alarm_ms != self.driver.wake_ms() {
                alarm_ms = self.driver.wake_ms();
                let wait_ms = alarm_ms.map_or(0, |wake_ms| wake_ms.saturating_sub(self.host.now().ms));
                alarm.as_mut().reset(Instant::now() + Duration::from_millis(wait_ms));
            }
            let inbox = self.inbox.clone();
            tokio::select! {
                biased;
                wrote = self.host.outgoing.put(&mut writing), if self.host.outgoing.waits() => match wrote {
                    Ok(bytes) => self.wrote(bytes),
                    Err(error) => return error.into(),
                },
                () = inbox.arrived() => {
                    inbox.take().into_iter().for_each(|input| self.driver.tell(input));
                    if self.host.has_news() {
                        rest.as_mut().reset(Instant::now() + REST);
                        resting = false;
                    }
                }
                read = reading.read(&mut chunk), if !self.host.outgoing.is_full() => match read {
                    Ok(0) => return io::Error::from(io::ErrorKind::UnexpectedEof).into(),
                    Ok(bytes) => self.received(&chunk[..bytes]),
                    Err(error) => return error.into(),
                },
                // The driver sees for itself what is due.
                () = &mut alarm, if alarm_ms.is_some() => alarm_ms = None,
                () = &mut rest, if !resting => {
                    resting = true;
                    self.host.report();
                }
            }
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        let count = bytes.len() as u64;
        self.hub.note(self.peer, |status| status.bytes_received += count);
        self.driver.receive(bytes);
    }

    fn wrote(&mut self, bytes: usize) {
        self.hub.note(self.peer, |status| status.bytes_sent += bytes as u64);
        self.host.outgoing.wrote(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;
    use tandem_store::Store;
    use tokio::io::ReadBuf;

    /// A stream with a defect.
    struct Defect;

    impl AsyncRead for Defect {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            panic!("a defect, played")
        }
    }

    impl AsyncWrite for Defect {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_defect_ends_its_session_and_gives_back_what_it_held() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a test").unwrap();
        let hub = Hub::new(store.clone());
        let (peer, peer_addresses) = (Author([7; 32]), mpsc::channel(1).0);
        let end = run(hub.clone(), (hub.author(), peer), Side::Acceptor, 1, Defect, peer_addresses).await;
        assert!(matches!(end, LinkEnd::Broken(_)), "{end}");
        assert!(hub.inbox(&peer).is_none(), "it is still taken for running");
        assert_eq!(hub.peer(&peer).trouble, Some(Cause::new("session_defect")));
        store.close();
    }
}
