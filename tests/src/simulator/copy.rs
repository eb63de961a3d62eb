//! A PC's folder is copied, and both copies are used under one key. Nobody can tell which of the two
//! is the real one; but that there are two is noticed at the first contact, and what the second one
//! wrote is taken in by nobody.

use tandem_store::simulated::{Answer, Request};
use tandem_store::{Edits, Params, Space, Statement, Write};

use super::ledger::{Amount, Delta};
use super::site::Site;
use super::story::Event;
use super::world::World;

/// How long the copy has to be noticed, in milliseconds.
const NOTICED_MS: u64 = 60_000;

/// How long it then goes on trying.
const GOES_ON_MS: u64 = 8_000;

/// Copies a site, and lets both write. The copy reaches nobody yet.
pub fn copy_site(world: &mut World) {
    let World { story, sites, users, folder, .. } = world;
    let writes = |site: &Site| site.space().is_some_and(|space| space.membership().may_write(&site.author));
    let able: Vec<usize> = (0..sites.len()).filter(|at| writes(&sites[*at])).collect();
    let original = able[story.below(able.len())];
    let copied = sites[original].store.clone_to(folder.join("copy"));
    let started = copied.map_err(|error| error.to_string()).and_then(|mut store| {
        store.start().map_err(|error| error.to_string())?;
        Ok(store)
    });
    let store = match started {
        Ok(store) => store,
        Err(error) => return story.fail(format!("a copied site does not start: {error}")),
    };
    story.say(|| format!("the folder of {} is copied", sites[original].name));
    let number = sites.len();
    let mut copy = Site::new(number, "the copy", store);
    (copy.copy_of, copy.admitted) = (Some(original), true);
    sites.push(copy);
    story.counts.one("fault: fork");
    let till = |units: i64| Write {
        edits: Edits::Sql(vec![Statement {
            sql: format!("UPDATE tills SET sold = sold + {units} WHERE id = 'a'"),
            params: Params::One(vec![]),
        }]),
        ..Write::default()
    };
    for _ in 0..1 + story.random.below(3) {
        let deltas = vec![Delta { till: "a", column: "sold", amount: Amount::Added(1) }];
        let _asked = users.ask_user(story, &mut sites[original], till(1), deltas);
    }
    for _ in 0..1 + story.random.below(3) {
        let wall_ms = sites[original].clock.at(story.now_ms) + 1_000;
        let answers = sites[number].store.run(vec![Request::Write(till(1_000))], wall_ms);
        if !matches!(answers[..], [Answer::Written(Ok(_))]) {
            return story.fail(format!("a copied site cannot write: {answers:?}"));
        }
    }
}

/// The copy comes onto the network, where all others hold the same.
pub fn bring_copy(world: &mut World) {
    let Some(copy) = world.sites.iter().position(|site| site.copy_of.is_some()) else { return };
    let before = world.sites[0].vector();
    for other in 0..copy {
        world.sessions.lines.join(copy, other);
        let when = world.story.random.below(2_000);
        world.story.later(when, Event::Dial(copy, other));
    }
    let mut until = world.story.now_ms + NOTICED_MS;
    while world.story.now_ms < until && !world.story.is_broken() {
        world.step();
        if world.sessions.forks > 0 {
            until = until.min(world.story.now_ms + GOES_ON_MS);
        }
    }
    let World { story, sites, sessions, .. } = world;
    if sessions.forks == 0 {
        story.fail("a copied site was not noticed");
    }
    let took = |site: &&Site| site.space().map(Space::vector).as_deref() != Some(&before);
    if let Some(site) = sites[..copy].iter().find(took) {
        story.fail(format!("{} took in what a copied site wrote", site.name));
    }
    for other in 0..copy {
        sessions.hang_up(story, sites, copy, other);
    }
}
