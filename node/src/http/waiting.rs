//! Waiting: for a request that blocks, for an answer from another thread, for the end of the node.

use tandem_protocol::cause::Cause;
use tokio::sync::watch;

use crate::api::{Result, error_kind};

/// Waits until the node stops.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _stopping = stop.wait_for(|stop| *stop).await;
}

/// Runs a request that blocks where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    request: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(request).await {
        Ok(answer) => answer,
        Err(error) if error.is_cancelled() => Err(error_kind::stopping.error()),
        Err(error) => {
            Err(error_kind::failed.with("detail", Cause::new("task").with("said", error.to_string())))
        }
    }
}

/// Awaits a request that answers through a callback from another thread.
pub(super) async fn answered<T: Send + 'static>(
    request: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>),
) -> Result<T> {
    let (send, receive) = tokio::sync::oneshot::channel();
    request(Box::new(move |answer| {
        let _client_left = send.send(answer);
    }));
    receive.await.unwrap_or_else(|_| Err(error_kind::stopping.error()))
}
