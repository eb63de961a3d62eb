//! The school's data, entered over HTTP as any program would.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use serde_json::json;
use tandem_node::api::error_kind;
use tandem_node::api::transaction::Transacted;
use tandem_protocol::cause::Cause;
use tandem_school::School;

use crate::client::Remote;
use crate::failure::Failure;
use crate::progress::Progress;

/// Always the same school.
const SEED: u64 = 7;

/// Enters a school year. Gives the number of rows entered.
pub fn load(node: &Remote, space: &str, title: &str, rows: usize, stop: &Stop) -> Result<u64, Failure> {
    let school = School::generate(SEED, rows);
    let total: usize = school.counts().iter().map(|(_, count)| count).sum();
    let mut progress = Progress::new();
    let mut done = 0;
    for batch in school.batches() {
        check(stop)?;
        progress.bar(title, done, total as u64);
        done += batch.rows.len() as u64;
        let message = format!("tandem demo: {}", batch.table);
        let request = json!({ "statements": [batch], "message": message });
        let _: Transacted = node.post(&["spaces", space, "transactions"], &request)?;
    }
    Ok(done)
}

/// Says so once the user asks the demo to end.
pub type Stop = Receiver<()>;

/// Listens for Ctrl-C.
pub fn stop_signal() -> Result<Stop, Failure> {
    let (send, receive) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error_kind::failed.with("detail", Cause::from(error)))?;
    std::thread::spawn(move || {
        runtime.block_on(async { tandem_node::asked_to_stop().await });
        let _demo_ended = send.send(());
    });
    Ok(receive)
}

/// Fails once the user asks the demo to end.
pub fn check(stop: &Stop) -> Result<(), Failure> {
    match stop.try_recv() {
        Err(TryRecvError::Empty) => Ok(()),
        _ => Err(error_kind::failed.with("detail", Cause::new("interrupted")).into()),
    }
}
