//! What the rest of the node tells one session.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tandem_protocol::identity::SpaceId;
use tandem_protocol::session::Input;
use tandem_protocol::version::VersionVector;
use tokio::sync::Notify;

/// Inputs waiting for a session's task. Bounded: news of commits replace each other, and of
/// everything else only as much waits as the session asked for.
#[derive(Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    grown: BTreeMap<SpaceId, Growth>,
    inputs: VecDeque<Input>,
}

struct Growth {
    end: u64,
    vector: Arc<VersionVector>,
    local: bool,
}

impl Inbox {
    /// Transactions became durable. Called from the writer's thread; never waits.
    pub fn log_grew(&self, space: SpaceId, end: u64, vector: Arc<VersionVector>, local: bool) {
        self.with(|waiting| {
            let growth =
                waiting.grown.entry(space).or_insert(Growth { end: 0, vector: vector.clone(), local });
            growth.local |= local;
            if end >= growth.end {
                debug_assert_eq!(
                    growth.vector.ahead_of(&vector),
                    0,
                    "a later commit holds what earlier ones did"
                );
                (growth.end, growth.vector) = (end, vector);
            }
        });
        self.arrived.notify_one();
    }

    /// Anything else.
    pub fn push(&self, input: Input) {
        self.with(|waiting| waiting.inputs.push_back(input));
        self.arrived.notify_one();
    }

    /// Returns once something has arrived since the last [`Inbox::take`].
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// All that waits: what was committed first, for the rest may build on it.
    pub fn take(&self) -> Vec<Input> {
        let Waiting { grown, inputs } = self.with(std::mem::take);
        let grown = grown.into_iter().map(|(space, Growth { end, vector, local })| {
            let vector = Arc::unwrap_or_clone(vector);
            Input::LogGrew { space, end, vector, local }
        });
        grown.chain(inputs).collect()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_of_commits_replace_each_other_and_come_first() {
        let inbox = Inbox::default();
        inbox.push(Input::Probe);
        for end in 1..=3 {
            inbox.log_grew(SpaceId([1; 32]), end, Arc::default(), end == 2);
        }
        inbox.arrived().await;
        let taken = inbox.take();
        assert!(matches!(taken[..], [Input::LogGrew { end: 3, local: true, .. }, Input::Probe]), "{taken:?}");
        assert!(inbox.take().is_empty());
    }
}
