//! How the system and people ask a process to end.

/// Waits until the user or the system asks this process to end: Ctrl-C, a window that is closed, a
/// session that ends, a service that is stopped. It hears from the call on, not from when it is first
/// waited for. To be called within a runtime.
pub fn asked_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let asked = unix();
    #[cfg(windows)]
    let asked = windows();
    asked
}

#[cfg(unix)]
fn unix() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    let listen = |kind: SignalKind| match signal(kind) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(%error, signal = kind.as_raw_value(), "this signal ends the node at once");
            None
        }
    };
    let mut interrupt = listen(SignalKind::interrupt());
    let mut terminate = listen(SignalKind::terminate());
    // Who is started to outlive its terminal (`nohup`) was told not to hear it.
    let mut hangup = if hangup_is_ignored() { None } else { listen(SignalKind::hangup()) };
    async fn heard(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => {
                let _asked = signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    async move {
        tokio::select! {
            () = heard(&mut interrupt) => {}
            () = heard(&mut terminate) => {}
            () = heard(&mut hangup) => {}
        }
    }
}

/// Whether this process was started with SIGHUP ignored.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    const SIGHUP: u32 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (SIGHUP - 1) != 0)
}

#[cfg(windows)]
fn windows() -> impl Future<Output = ()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};

    let heard = (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_logoff(), ctrl_shutdown());
    async move {
        let (Ok(mut c), Ok(mut break_), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) = heard else {
            tracing::warn!("only Ctrl-C stops this node");
            let _asked = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = c.recv() => {}
            _ = break_.recv() => {}
            _ = close.recv() => {}
            _ = logoff.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
}
