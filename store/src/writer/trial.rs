//! A trial: blocks are taken in as ever, and taken back.

use tandem_protocol::fork::Withheld;

use super::Writer;
use super::commands::{Job, RemoteJob, TrialJob};
use super::failure::JobError;
use super::recording::Recording;
use super::run::Outcome;
use crate::effect::SharedEffect;
use crate::receive::{Blocks, ReceiveError, Trial};

impl Writer {
    /// Says what blocks would come to. Neither the log nor the view is another afterwards.
    pub(super) fn run_trial(&mut self, job: TrialJob) {
        let TrialJob { blocks, withheld, now_ms, reply } = job;
        let tried = self.try_blocks(blocks, withheld, now_ms);
        assert!(self.view.fold.position.next <= self.log.end, "a trial leaves nothing behind");
        reply(tried);
    }

    fn try_blocks(&mut self, blocks: Blocks, withheld: Withheld, now_ms: i64) -> Result<Trial, ReceiveError> {
        self.catch_up()?;
        let recording = Recording::begin(&mut self.log, &mut self.view, &self.published, false)?;
        try_blocks(recording, blocks, withheld, now_ms)
    }
}

/// Takes blocks in, into a recording that vanishes.
fn try_blocks(
    mut recording: Recording<'_>,
    blocks: Blocks,
    withheld: Withheld,
    now_ms: i64,
) -> Result<Trial, ReceiveError> {
    let mut trial = Trial { withheld, ..Trial::default() };
    let effect = SharedEffect::default();
    for block in blocks {
        let (withheld, effect) = (trial.withheld.clone(), Some(effect.clone()));
        let mut job = RemoteJob::new(block, withheld, now_ms, effect, Box::new(|_| ()));
        job.at_once = true;
        match recording.run(&mut Job::Remote(job), false) {
            Ok(Outcome::Received(received)) => {
                trial.transactions += received.transactions;
                trial.forks.extend(received.forks);
                trial.withheld.join(&received.withheld);
            }
            Err(JobError::Receive(ReceiveError::Fault(fault))) => {
                trial.fault = Some(fault);
                break;
            }
            Err(JobError::Receive(error)) => return Err(error),
            Err(JobError::View(error)) => return Err(error.into()),
            Ok(_) | Err(JobError::Refused(_) | JobError::Write(_) | JobError::Ended(_)) => {
                return Err(ReceiveError::Closed);
            }
        }
        recording.forget_bytes();
    }
    Ok(Trial { effect: effect.take(), ..trial })
}
