//! What is to be written, on its way: while one batch is written, the next is read and compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use tandem_node::api::error_kind;
use tandem_node::api::rows::EditRows;

use super::writing::Target;
use crate::failure::{Failure, Outcome};

/// Writes that belong to one batch, in order.
#[derive(Default)]
pub struct Batched {
    /// The writes.
    pub requests: Vec<EditRows>,
    /// Of each sheet the row that they bring it to.
    pub until: Vec<u64>,
}

/// See the module.
pub struct Pipe<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    target: Target<'env>,
    running: Option<(SyncSender<Batched>, ScopedJoinHandle<'scope, Outcome>)>,
    /// Of each sheet that is written now, the rows that are.
    until: Arc<[AtomicU64]>,
}

impl<'scope, 'env> Pipe<'scope, 'env> {
    /// Nothing is on its way.
    pub fn new(scope: &'scope Scope<'scope, 'env>, target: Target<'env>) -> Self {
        Self { scope, target, running: None, until: Arc::new([]) }
    }

    /// Sends a batch on its way, behind those before it.
    pub fn send(&mut self, batch: Batched) -> Outcome {
        let (target, until) = (self.target, self.until.clone());
        let (sender, _) = self.running.get_or_insert_with(|| {
            // One is written, and one waits.
            let (sender, receiver) = sync_channel::<Batched>(1);
            let writer = self.scope.spawn(move || {
                for batch in receiver {
                    for request in batch.requests {
                        target.client.edit_rows(target.space, request)?;
                    }
                    for (until, reached) in until.iter().zip(batch.until) {
                        let before = until.swap(reached, Ordering::Relaxed);
                        assert!(before <= reached, "batches are written in the order of their rows");
                    }
                }
                Ok(())
            });
            (sender, writer)
        });
        match sender.send(batch) {
            Ok(()) => Ok(()),
            // Its writer has ended, and says why.
            Err(_) => self.drain(),
        }
    }

    /// Waits until all of it is written.
    pub fn drain(&mut self) -> Outcome {
        let Some((sender, writer)) = self.running.take() else { return Ok(()) };
        drop(sender);
        let stopped = |_| Err(Failure::from(error_kind::stopping.error()));
        writer.join().unwrap_or_else(stopped)
    }

    /// Of each sheet the rows that are written.
    pub fn until(&self) -> Vec<u64> {
        self.until.iter().map(|until| until.load(Ordering::Relaxed)).collect()
    }

    /// So many other sheets are written from now on.
    pub fn begin(&mut self, sheets: usize) {
        assert!(self.running.is_none(), "sheets begin when those before them are written");
        self.until = (0..sheets).map(|_| AtomicU64::new(0)).collect();
    }

    /// So many rows of a sheet are here already.
    pub fn begin_sheet(&self, sheet: usize, before: u64) {
        self.until[sheet].store(before, Ordering::Relaxed);
    }
}
