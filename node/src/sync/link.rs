//! One session with one peer: drives [`Session`] with a stream, the store and the time.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::session::{
    Config, Fault, FrameReader, Input, Listing, Output, Refusal, Session, Side, Taken,
};
use tandem_protocol::version::VersionVector;
use tandem_store::{Chunk, ReceiveError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::hub::Hub;
use super::inbox::Inbox;
use super::tally::Tally;

/// Bytes read from the stream at once.
const READ_BYTES: usize = 64 << 10;
/// While more than this waits to be written, nothing more is read: who does not take answers may
/// not ask on.
const UNWRITTEN_BYTES: usize = 24 << 20;
/// How long the last words may take to get out.
const FAREWELL: Duration = Duration::from_secs(1);
/// A read of no more transactions than this is done at once; a longer one elsewhere, so that it
/// does not hold up other sessions.
const SHORT_READ: u64 = 64;
/// How long after the last block a sync counts as come to rest.
const REST: Duration = Duration::from_millis(500);

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum LinkEnd {
    /// The session says so.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The stream broke or could not be opened.
    #[error("the connection broke ({0})")]
    Broken(#[from] io::Error),
}

/// What peers say of where sites can be reached: by whom, and what.
pub type Hearsay = mpsc::Sender<(Author, Vec<Listing>)>;

/// Runs a session until it is over. `id` tells it from others with the same peer.
pub async fn run<S>(hub: Arc<Hub>, peer: Author, side: Side, id: u64, stream: S, hearsay: Hearsay) -> LinkEnd
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let inbox = Arc::new(Inbox::default());
    // First listen, then look: nothing committed in between is missed.
    hub.enter(peer, id, &inbox);
    let mut padding = [0; 32];
    if getrandom::fill(&mut padding).is_err() {
        let error = io::Error::other("the operating system gives no randomness");
        hub.leave(peer, id, Some(error.to_string()));
        return error.into();
    }
    let config = Config { side, local: hub.author(), peer, spaces: hub.space_configs(), padding };
    let (reading, writing) = tokio::io::split(stream);
    let mut link = Link {
        hub: hub.clone(),
        peer,
        session: Session::new(config),
        inbox,
        frames: FrameReader::default(),
        unwritten: Vec::new(),
        written: 0,
        unflushed: false,
        wake_ms: None,
        tally: Arc::default(),
        hearsay,
        over: None,
    };
    let end = link.serve(reading, writing).await;
    link.report();
    hub.leave(peer, id, Some(end.to_string()));
    end
}

struct Link {
    hub: Arc<Hub>,
    peer: Author,
    session: Session,
    inbox: Arc<Inbox>,
    frames: FrameReader,
    unwritten: Vec<u8>,
    written: usize,
    unflushed: bool,
    wake_ms: Option<u64>,
    /// Filled from the writer's thread.
    tally: Arc<Mutex<Tally>>,
    hearsay: Hearsay,
    over: Option<Fault>,
}

impl Link {
    async fn serve<S>(&mut self, mut reading: ReadHalf<S>, mut writing: WriteHalf<S>) -> LinkEnd
    where
        S: AsyncRead + AsyncWrite,
    {
        self.give(Input::Connected);
        let mut chunk = vec![0; READ_BYTES];
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut rest = pin!(sleep_until(Instant::now()));
        let mut resting = true;
        loop {
            if let Some(fault) = self.over.take() {
                let _too_late = timeout(FAREWELL, self.write_rest(&mut writing)).await;
                return fault.into();
            }
            if let Some(wake_ms) = self.wake_ms.take() {
                let wait = wake_ms.saturating_sub(self.hub.now().ms);
                alarm.as_mut().reset(Instant::now() + Duration::from_millis(wait));
            }
            let inbox = self.inbox.clone();
            tokio::select! {
                biased;
                wrote = put(&mut writing, &self.unwritten[self.written..]), if self.unflushed => match wrote {
                    Ok(0) => self.unflushed = false,
                    Ok(bytes) => self.wrote(bytes),
                    Err(error) => return error.into(),
                },
                () = inbox.arrived() => {
                    for input in inbox.take() {
                        self.give(input);
                    }
                    if !self.tally().is_empty() {
                        rest.as_mut().reset(Instant::now() + REST);
                        resting = false;
                    }
                }
                read = reading.read(&mut chunk), if self.unwritten.len() < UNWRITTEN_BYTES => match read {
                    Ok(0) => return io::Error::from(io::ErrorKind::UnexpectedEof).into(),
                    Ok(bytes) => self.received(&chunk[..bytes]),
                    Err(error) => return error.into(),
                },
                () = &mut alarm => {
                    // Never twice for one alarm, even where the session asks for no other.
                    alarm.as_mut().reset(Instant::now() + Duration::from_secs(1));
                    self.give(Input::Tick);
                }
                () = &mut rest, if !resting => {
                    resting = true;
                    self.report();
                }
            }
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        let count = bytes.len() as u64;
        self.hub.note(self.peer, |status| status.bytes_received += count);
        self.frames.push(bytes);
        while self.over.is_none() {
            match self.frames.next_message() {
                Ok(Some(message)) => self.give(Input::Message(message)),
                Ok(None) => break,
                Err(fault) => self.over = Some(fault),
            }
        }
        if self.over.is_none() && self.frames.is_amid() {
            self.give(Input::Heard);
        }
    }

    fn give(&mut self, input: Input) {
        let now = self.hub.now();
        let outputs: Vec<Output> = self.session.handle(input, now).collect();
        for output in outputs {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send(bytes) => {
                self.unwritten.extend_from_slice(&bytes);
                self.unflushed = true;
            }
            Output::Greeted => self.frames.greeted(),
            Output::Judge { space, proof } => {
                let member = self.hub.is_member(&space, &self.peer, proof.as_ref());
                self.give(Input::Judged { space, member });
            }
            Output::FindAdmission(space) => self.find_admission(space),
            Output::Read { space, from, have, withheld, max_bytes } => {
                self.read(space, from, have, withheld, max_bytes);
            }
            Output::Store { space, block, withheld } => self.store(space, block, withheld),
            Output::Bulk { space, step } => {
                if let Some(granted) = self.hub.bulk(space, self.peer, step) {
                    self.give(Input::Bulk { space, granted });
                }
            }
            Output::PeerState(state) => self.hub.note_state(self.peer, state),
            Output::ClockOffset(offset_ms) => {
                self.hub.note(self.peer, |status| status.clock_offset_ms = Some(offset_ms));
            }
            Output::Addresses(listings) => {
                // A hint: where the node is too busy to take it, the next session brings it again.
                let _dropped_when_busy = self.hearsay.try_send((self.peer, listings));
            }
            Output::Forked { space, chain, head } => {
                if let Some(held) = self.hub.space(&space) {
                    // Noting it waits for the disk.
                    tokio::task::spawn_blocking(move || held.compare(chain, head));
                }
            }
            Output::WakeAt(wake_ms) => self.wake_ms = Some(wake_ms),
            Output::Close(fault) => self.over = Some(fault),
        }
    }

    fn find_admission(&mut self, space: SpaceId) {
        let Some(held) = self.hub.space(&space) else {
            return self.give(Input::Admission { space, proof: None });
        };
        let (inbox, author) = (self.inbox.clone(), self.hub.author());
        tokio::task::spawn_blocking(move || {
            let proof = held.admission_of(&author).unwrap_or_else(|error| {
                tracing::warn!(%error, "this site's admission cannot be read from the log");
                None
            });
            inbox.push(Input::Admission { space, proof });
        });
    }

    fn read(&mut self, space: SpaceId, from: u64, have: VersionVector, withheld: Withheld, max_bytes: usize) {
        let Some(held) = self.hub.space(&space) else {
            return self.give(Input::ReadFailed { space, error: "the space is gone".to_owned() });
        };
        let short = held.end().saturating_sub(from) <= SHORT_READ;
        let read = move || match held.read_without(from, &have, withheld, max_bytes) {
            Ok(Chunk { block, next, heads: last, withheld, forks }) => {
                Input::ReadDone { space, block, next, last, withheld, forks }
            }
            Err(error) => Input::ReadFailed { space, error: error.to_string() },
        };
        if short {
            self.give(read());
        } else {
            let inbox = self.inbox.clone();
            tokio::task::spawn_blocking(move || inbox.push(read()));
        }
    }

    fn store(&mut self, space: SpaceId, block: Vec<u8>, withheld: Withheld) {
        let Some(held) = self.hub.space(&space) else {
            let result = Err(Refusal::Local("the space is gone".to_owned()));
            return self.give(Input::Stored { space, result });
        };
        let (inbox, tally) = (self.inbox.clone(), self.tally.clone());
        held.receive_without(block, withheld, move |result| {
            if let Ok(received) = &result {
                tally.lock().unwrap_or_else(PoisonError::into_inner).add(space, received);
            }
            let result = result.map(Taken::from).map_err(|error| match error {
                ReceiveError::Fault(fault) => Refusal::Fault(fault),
                error => Refusal::Local(error.to_string()),
            });
            inbox.push(Input::Stored { space, result });
        });
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) {
        let mut tally = self.tally();
        if !tally.is_empty() {
            tally.report(&self.peer);
        }
    }

    fn wrote(&mut self, bytes: usize) {
        self.hub.note(self.peer, |status| status.bytes_sent += bytes as u64);
        self.written += bytes;
        if self.written == self.unwritten.len() {
            self.unwritten.clear();
            self.unwritten.shrink_to(READ_BYTES);
            self.written = 0;
        }
    }

    async fn write_rest<S: AsyncWrite>(&mut self, writing: &mut WriteHalf<S>) -> io::Result<()> {
        writing.write_all(&self.unwritten[self.written..]).await?;
        writing.flush().await?;
        writing.shutdown().await
    }
}

/// Writes some of `bytes` and says how many; flushes where there are none and says 0. May be
/// dropped at any time without losing count.
async fn put<S: AsyncWrite>(writing: &mut WriteHalf<S>, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return writing.flush().await.map(|()| 0);
    }
    match writing.write(bytes).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
