//! The course of a run: all begins well, people work while things go wrong, everything is mended,
//! and what then must be true is looked at.

use tandem_protocol::version::VersionVector;
use tandem_store::Space;

use super::copy;
use super::fault::FaultKind;
use super::site::{DISK_MS, Site};
use super::story::Event;
use super::world::{DIAL_MS, World};

/// How long all may take to become equal once everything is mended, in milliseconds.
const HEALING_MS: u64 = 20 * 60_000;

/// How long the writing may take, in milliseconds: a disk may be full, but not for ever.
const WORKING_MS: u64 = 4 * 3_600_000;

/// From beginning to end.
pub fn run(world: &mut World) {
    begin(world);
    work(world);
    if world.story.has(FaultKind::Fork) && !world.story.is_broken() {
        copy::copy_site(world);
    }
    heal(world);
    if !world.story.is_broken() {
        copy::bring_copy(world);
    }
    if !world.story.is_broken() {
        world.check(|checks| checks.all());
    }
}

/// Founder and first members, before anything goes wrong.
fn begin(world: &mut World) {
    world.sites[0].admitted = true;
    world.users.prepare_tables(&mut world.story, &mut world.sites);
    let (sites, early) = (world.sites.len(), world.sites.len() - world.story.plan.late);
    for at in 1..early {
        world.admit(at);
        settle(world, at);
    }
    let World { story, sites: all, .. } = world;
    for at in early..sites {
        let when = story.random.below(story.plan.pace_ms * 40);
        story.later(when, Event::Admit(at));
    }
    for (one, other) in story.plan.pairs() {
        let when = story.random.below(DIAL_MS);
        story.later(when, Event::Dial(one, other));
    }
    for (at, site) in all.iter_mut().enumerate() {
        let when = story.random.below(story.plan.pace_ms);
        story.later(when, Event::Write(at));
        if story.has(FaultKind::Clock) {
            let offset = story.random.below(240) as i64 - 120;
            site.clock.offset_ms = offset * [1, 100, 1000][story.below(3)];
            site.clock.drift_ppm = story.random.below(200) as i64 - 100;
        }
    }
    story.later(story.plan.trouble_ms, Event::Trouble);
}

/// Lets a disk do all that waits for it.
fn settle(world: &mut World, asked: usize) {
    for at in [0, asked] {
        while world.sites[at].busy && !world.story.is_broken() {
            let boot = world.sites[at].boot;
            world.disk(at, boot);
        }
    }
}

/// Until enough is written.
fn work(world: &mut World) {
    while world.users.ledger.recorded() < world.story.plan.transactions && !world.story.is_broken() {
        if world.story.now_ms > WORKING_MS {
            return world.story.fail("the sites do not get on with their work");
        }
        world.step();
    }
}

/// Everything is mended, nobody writes any more; until all hold the same.
fn heal(world: &mut World) {
    world.story.say(|| "everything is mended".to_owned());
    world.story.healing = true;
    let World { story, sites, sessions, .. } = world;
    for (from, to) in sessions.lines.ways() {
        sessions.lines.mend_wholly(from, to);
        sessions.release(story, sites, from, to);
    }
    for at in 0..world.sites.len() {
        let site = &mut world.sites[at];
        site.disk_ms = DISK_MS;
        site.doom = None;
        site.store.disk().set_full(false);
        site.store.disk().mend();
        world.start(at);
        world.admit(at);
    }
    let until = world.story.now_ms + HEALING_MS;
    while !world.story.is_broken() && !are_equal(&world.sites) {
        if world.story.now_ms > until {
            let holds = |site: &Site| format!("{} holds {:?}", site.name, short(&site.vector()));
            let held: Vec<String> = world.sites.iter().map(holds).collect();
            return world.story.fail(format!("the sites do not become equal: {}", held.join(", ")));
        }
        world.step();
    }
    world.story.counts.many("virtual seconds", world.story.now_ms / 1000);
}

fn are_equal(sites: &[Site]) -> bool {
    let first = sites[0].space().map(Space::vector);
    sites
        .iter()
        .filter(|site| site.copy_of.is_none())
        .all(|site| site.admitted && site.waiting.is_empty() && site.space().map(Space::vector) == first)
}

fn short(vector: &VersionVector) -> Vec<String> {
    vector.heads().map(|(chain, head)| format!("{chain:?}:{}", head.seq)).collect()
}
