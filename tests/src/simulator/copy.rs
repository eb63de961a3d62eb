//! A PC's folder is copied, and both copies are used under one key. Nobody can tell which of the two
//! is the real one; but that there are two is noticed at the first contact, and what the second one
//! wrote is taken in by nobody.

use tandem_store::simulated::{Answer, Request};
use tandem_store::{Edits, Params, Space, Statement, Write};

use super::ledger::{Amount, Delta};
use super::line::Line;
use super::site::Site;
use super::world::{Event, World};

/// How long the copy has to be noticed, in milliseconds.
const NOTICED_MS: u64 = 60_000;

/// How long it then goes on trying.
const GOES_ON_MS: u64 = 8_000;

impl World {
    /// Copies a site, and lets both write. The copy reaches nobody yet.
    pub fn copy_site(&mut self) {
        let writes =
            |site: &Site| site.space().is_some_and(|space| space.membership().may_write(&site.author));
        let able: Vec<usize> = (0..self.sites.len()).filter(|at| writes(&self.sites[*at])).collect();
        let original = able[self.below(able.len())];
        let copied = self.sites[original].store.clone_to(self.folder.join("copy"));
        let started = copied.map_err(|error| error.to_string()).and_then(|mut store| {
            store.start().map_err(|error| error.to_string())?;
            Ok(store)
        });
        let store = match started {
            Ok(store) => store,
            Err(error) => return self.fail(format!("a copied site does not start: {error}")),
        };
        self.say(|world| format!("the folder of {} is copied", world.sites[original].name));
        let mut copy = Site::new("the copy", store);
        (copy.copy_of, copy.admitted) = (Some(original), true);
        self.sites.push(copy);
        self.counts.one("fault: fork");
        let till = |units: i64| Write {
            edits: Edits::Sql(vec![Statement {
                sql: format!("UPDATE tills SET sold = sold + {units} WHERE id = 'a'"),
                params: Params::One(vec![]),
            }]),
            ..Write::default()
        };
        for _ in 0..1 + self.random.below(3) {
            let deltas = vec![Delta { till: "a", column: "sold", amount: Amount::Added(1) }];
            let _asked = self.ask_user(original, till(1), deltas);
        }
        for _ in 0..1 + self.random.below(3) {
            let wall_ms = self.sites[original].clock.at(self.now_ms) + 1_000;
            let copy = self.sites.len() - 1;
            let answers = self.sites[copy].store.run(vec![Request::Write(till(1_000))], wall_ms);
            if !matches!(answers[..], [Answer::Written(Ok(_))]) {
                return self.fail(format!("a copied site cannot write: {answers:?}"));
            }
        }
    }

    /// The copy comes onto the network, where all others hold the same.
    pub fn bring_copy(&mut self) {
        let Some(copy) = self.sites.iter().position(|site| site.copy_of.is_some()) else { return };
        let before = self.sites[0].vector();
        for other in 0..copy {
            for pair in [(copy, other), (other, copy)] {
                self.lines.insert(pair, Line::new(1));
            }
            let when = self.random.below(2_000);
            self.later(when, Event::Dial(copy, other));
        }
        let mut until = self.now_ms + NOTICED_MS;
        while self.now_ms < until && !self.is_broken() {
            self.step();
            if self.forks > 0 {
                until = until.min(self.now_ms + GOES_ON_MS);
            }
        }
        if self.forks == 0 {
            self.fail("a copied site was not noticed");
        }
        let taken = self.sites[..copy]
            .iter()
            .find(|site| site.space().map(Space::vector).as_deref() != Some(&before));
        if let Some(site) = taken {
            self.fail(format!("{} took in what a copied site wrote", site.name));
        }
        self.drop_copy(copy);
    }

    fn drop_copy(&mut self, copy: usize) {
        for other in 0..copy {
            self.hang_up(copy, other);
        }
    }
}
