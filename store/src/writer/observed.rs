//! Records what was seen to change elsewhere.

use super::failure::JobError;
use super::labels::Labels;
use super::run::JobRun;
use crate::observed::ObservedChange;
use crate::view::Observation;
use crate::write::Written;

/// Records changes that another database made, as they were.
pub(super) fn record(
    run: &mut JobRun<'_>,
    changes: &[ObservedChange],
    labels: Labels,
) -> Result<Written, JobError> {
    let unseen = run.unseen(&labels)?;
    // As the transaction's header will say.
    let time_ms = run.clock.clone().next(run.now_ms);
    let ops = Observation { view: &mut run.view, unseen: &unseen, time_ms }.ops(changes)?;
    run.record(ops, Vec::new(), labels)
}
