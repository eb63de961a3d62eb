//! The two ends of a join stream.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tandem_protocol::identity::Author;
use tandem_protocol::invitation::Invitation;
use tandem_protocol::join::{self, Admitted, JoinRefused, JoinRequest};
use tandem_protocol::membership::Candidate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::hub::Hub;
use super::invitations::Invitations;

/// How long one exchange may take, the inviter's writing to disk included.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the inviter waits for the joiner to have taken note.
const NOTED: Duration = Duration::from_secs(5);

/// Why a join did not succeed at the inviter.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailure {
    /// The inviter refused.
    #[error(transparent)]
    Refused(#[from] JoinRefused),
    /// It could not be asked, or its answer not be understood.
    #[error("the exchange with the inviting site failed: {0}")]
    Broken(#[from] io::Error),
}

/// Asks the inviter to be admitted. The stream stays open: dropping it tells the inviter that
/// note was taken.
pub async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    invitation: &Invitation,
    joiner: Author,
    site_name: String,
) -> Result<Admitted, JoinFailure> {
    let candidate = Candidate::new(joiner, site_name);
    let request = JoinRequest::new(&invitation.secret, candidate, &invitation.inviter);
    let exchange = async {
        write(stream, &request.encode()).await?;
        read(stream).await
    };
    let answer =
        timeout(PATIENCE, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(join::decode_answer(&answer).map_err(invalid)??)
}

/// Answers one joiner. Gives whether it is a member now.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    hub: Arc<Hub>,
    invitations: Arc<Invitations>,
    joiner: Author,
) -> io::Result<bool> {
    let request =
        timeout(PATIENCE, read(stream)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let request = JoinRequest::decode(&request).map_err(invalid)?;
    let now_ms = hub.now().wall_ms;
    let redeem = move || invitations.redeem(&request, joiner, now_ms, |id| hub.space(id));
    let answer = tokio::task::spawn_blocking(redeem).await.unwrap_or(Err(JoinRefused::Trouble));
    match &answer {
        Ok(admitted) => tracing::info!(site = joiner.short(), space = admitted.space_name, "admitted"),
        Err(refused) => tracing::warn!(site = joiner.short(), %refused, "not admitted"),
    }
    write(stream, &join::encode_answer(&answer)).await?;
    // The joiner closes when it holds the space: only then does a sync session make sense.
    let mut nothing = [0; 1];
    let _closed_or_late = timeout(NOTED, stream.read(&mut nothing)).await;
    Ok(answer.is_ok())
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, message: &[u8]) -> io::Result<()> {
    let len = u32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&len.to_le_bytes()).await?;
    stream.write_all(message).await?;
    stream.flush().await
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).await?;
    let len = u32::from_le_bytes(len) as usize;
    if len > join::MESSAGE_BYTES {
        return Err(invalid("a message longer than allowed"));
    }
    // Grows with what arrives, not with what was announced.
    let mut message = Vec::new();
    stream.take(len as u64).read_to_end(&mut message).await?;
    if message.len() == len { Ok(message) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
