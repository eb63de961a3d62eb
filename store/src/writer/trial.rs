//! A trial: blocks are taken in as ever, and taken back.

use tandem_protocol::fork::Withheld;

use super::Writer;
use super::commands::{RemoteJob, TrialJob};
use super::group::{JobError, Pending};
use crate::effect::SharedEffect;
use crate::receive::{Blocks, ReceiveError, Trial};

impl Writer {
    /// Says what blocks would come to. Neither the log nor the view is another afterwards.
    pub(super) fn run_trial(&mut self, job: TrialJob) {
        let TrialJob { blocks, withheld, now_ms, reply } = job;
        if let Err(error) = self.catch_up().and_then(|()| self.view.begin()) {
            return reply(Err(error.into()));
        }
        let (memory, clock, stale) = (self.view.memory.clone(), self.clock.clone(), self.view.stale);
        let tried = self.try_blocks(blocks, withheld, now_ms);
        self.view.rollback(memory);
        (self.clock, self.view.stale) = (clock, stale);
        reply(tried);
    }

    fn try_blocks(&mut self, blocks: Blocks, withheld: Withheld, now_ms: i64) -> Result<Trial, ReceiveError> {
        let mut pending = Pending::default();
        let mut trial = Trial { withheld, ..Trial::default() };
        let effect = SharedEffect::default();
        for block in blocks {
            let (withheld, effect) = (trial.withheld.clone(), Some(effect.clone()));
            let mut job = RemoteJob::new(block, withheld, now_ms, effect, Box::new(|_| ()));
            job.at_once = true;
            match self.run_remote(&mut job, &mut pending) {
                Ok(received) => {
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
                Err(JobError::Refused(_) | JobError::Write(_) | JobError::Ended(_)) => {
                    return Err(ReceiveError::Closed);
                }
            }
            pending.forget_bytes();
        }
        Ok(Trial { effect: effect.take(), ..trial })
    }
}
