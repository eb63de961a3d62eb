//! The session itself: greeting, shared spaces, time.

use std::collections::BTreeMap;

use super::event::{Event, Input, Output};
use super::host::{Notice, Now};
use super::keepalive::Keepalive;
use super::message::{Handle, Hello, Listing, Message, Welcome};
use super::outbox::{Outbox, say};
use super::session_end::{Farewell, SessionEnd};
use super::space_session::SpaceSession;
use super::{greeting, limits};
use crate::identity::{Author, SpaceId};
use crate::version::VersionVector;

/// Which side opened the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This one.
    Opener,
    /// The other one.
    Acceptor,
}

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which side opened the stream.
    pub side: Side,
    /// This site.
    pub local: Author,
    /// The other site, as the channel has proved it.
    pub peer: Author,
    /// The spaces of this site.
    pub spaces: Vec<SpaceConfig>,
    /// Random bytes, fresh for each session: they hide how many spaces there are.
    pub padding: [u8; 32],
}

/// A space of this site.
#[derive(Debug, Clone)]
pub struct SpaceConfig {
    /// The space.
    pub id: SpaceId,
    /// What is held of it, durably.
    pub vector: VersionVector,
    /// The arrival number after the last transaction held.
    pub end: u64,
}

/// How far a session has come.
#[derive(PartialEq, Eq)]
enum Stage {
    /// The acceptor waits for HELLO, the opener for WELCOME.
    Greeting,
    /// There are shared spaces.
    Sharing,
    /// Nothing comes any more.
    Over,
}

/// What is decided in a session with one peer. See the module for what it does.
///
/// Nobody but [`super::SessionDriver`] runs one, and it keeps to what a session relies on: every
/// event as it happens, [`Event::Connected`] first; the outputs of one carried out in order before
/// the next; every question answered exactly once; nothing after [`Output::Close`].
pub(super) struct Session {
    config: Config,
    stage: Stage,
    spaces: BTreeMap<Handle, SpaceSession>,
    handles: BTreeMap<SpaceId, Handle>,
    keepalive: Keepalive,
    started_ms: u64,
    digest_ms: u64,
    addresses: Option<Vec<Listing>>,
    addresses_told: bool,
    wake_ms: Option<u64>,
    outbox: Outbox,
}

impl Session {
    /// A session on a stream that is about to be [`Event::Connected`].
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stage: Stage::Greeting,
            spaces: BTreeMap::new(),
            handles: BTreeMap::new(),
            keepalive: Keepalive::default(),
            started_ms: 0,
            digest_ms: 0,
            addresses: None,
            addresses_told: false,
            wake_ms: None,
            outbox: Vec::new(),
        }
    }

    /// Takes in what happened; gives what is to be done.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Output> {
        if self.stage != Stage::Over {
            let result = self.step(event, now).and_then(|()| self.pursue(now));
            self.wake_ms = None;
            match result {
                Ok(()) => self.wake_ms = Some(self.next_wake_ms(now)),
                Err(end) => self.end(end),
            }
            if self.outbox.iter().any(|output| matches!(output, Output::Send(_))) {
                self.keepalive.sent(now.ms);
            }
        }
        std::mem::take(&mut self.outbox)
    }

    /// When it wants an [`Event::Tick`], if nothing happens before.
    pub fn wake_ms(&self) -> Option<u64> {
        self.wake_ms
    }

    fn step(&mut self, event: Event, now: Now) -> Result<(), SessionEnd> {
        match event {
            Event::Connected => self.connected(now),
            Event::Message(bytes) => {
                self.keepalive.heard(now.ms);
                let message = Message::decode(&bytes)?;
                return self.message(message, now);
            }
            Event::Heard => {
                self.keepalive.heard(now.ms);
                self.spaces.values_mut().for_each(|shared| shared.heard(now));
            }
            Event::Told(input) => return self.told(input, now),
            Event::Tick => {}
        }
        Ok(())
    }

    fn told(&mut self, input: Input, now: Now) -> Result<(), SessionEnd> {
        match input {
            Input::LogGrew { space, end, vector, local } => match self.handles.get(&space) {
                Some(handle) => {
                    if let Some(shared) = self.spaces.get_mut(handle) {
                        shared.log_grew(end, vector, local, now);
                    }
                }
                None => self.update_config(space, end, vector),
            },
            Input::Read { space, result } => {
                let done = result.map_err(SessionEnd::Local)?;
                self.with_space(space, |shared, out| shared.read_done(done, out));
            }
            Input::Stored { space, result } => {
                let stored = self.with_space(space, |shared, out| shared.stored(result, now, out));
                return stored.unwrap_or(Ok(()));
            }
            Input::MemberChecked { space, member } => {
                let checked = self.with_space(space, |shared, out| shared.checked(member, now, out));
                return checked.unwrap_or(Ok(()));
            }
            Input::Admission { space, proof } => {
                self.with_space(space, |shared, out| shared.show_admission(proof, out));
            }
            Input::MembersChanged(space) => {
                self.with_space(space, |shared, out| shared.members_changed(out));
            }
            Input::CatchUp { space, granted } => {
                self.with_space(space, |shared, out| shared.catch_up(granted, now, out));
            }
            Input::Addresses(listings) => {
                if self.addresses.as_ref() != Some(&listings) {
                    self.addresses = Some(listings);
                    self.addresses_told = false;
                }
            }
            Input::Probe if self.stage == Stage::Sharing => {
                say(&mut self.outbox, Message::Ping(true));
                self.keepalive.asked(now.ms);
            }
            Input::Probe => {}
            Input::Leave => {
                if self.stage == Stage::Sharing {
                    say(&mut self.outbox, Message::Bye(Farewell::Leaving));
                }
                return Err(SessionEnd::Left);
            }
        }
        Ok(())
    }

    fn connected(&mut self, now: Now) {
        assert!(self.stage == Stage::Greeting && self.spaces.is_empty(), "a stream is opened once");
        self.started_ms = now.ms;
        self.digest_ms = now.ms + limits::DIGEST_EVERY_MS;
        self.keepalive.start(now.ms);
        if self.config.side == Side::Opener {
            let Config { local, peer, padding, spaces, .. } = &self.config;
            let (min_version, max_version) = limits::VERSIONS;
            let tags = greeting::tags(spaces.iter().map(|space| space.id), local, peer, padding);
            let hello = Hello { min_version, max_version, clock_ms: now.wall_ms, tags };
            say(&mut self.outbox, Message::Hello(hello));
        }
    }

    fn message(&mut self, message: Message, now: Now) -> Result<(), SessionEnd> {
        let greeting = self.stage == Stage::Greeting;
        match message {
            Message::Unknown => {}
            Message::Hello(hello) if greeting && self.config.side == Side::Acceptor => {
                return self.welcome(&hello, now);
            }
            Message::Welcome(welcome) if greeting && self.config.side == Side::Opener => {
                return self.welcomed(&welcome, now);
            }
            message if greeting => return Err(SessionEnd::OutOfTurn(message.name())),
            Message::Ping(true) => say(&mut self.outbox, Message::Ping(false)),
            Message::Ping(false) => {}
            Message::Clock(clock_ms) => self.compare_clocks(clock_ms, now),
            Message::Addresses(listings) => {
                if self.spaces.values().any(SpaceSession::is_open) {
                    self.outbox.push(Output::Notice(Notice::Addresses(listings)));
                }
            }
            Message::Bye(Farewell::NotAMember) => return Err(SessionEnd::Refused),
            Message::Bye(farewell) => return Err(SessionEnd::Farewell(farewell)),
            message => return self.space_message(message, now),
        }
        Ok(())
    }

    fn space_message(&mut self, message: Message, now: Now) -> Result<(), SessionEnd> {
        let name = message.name();
        let shared = message.handle().and_then(|handle| self.spaces.get_mut(&handle));
        let shared = shared.ok_or(SessionEnd::OutOfTurn(name))?;
        shared.heard(now);
        shared.message(message, now, &mut self.outbox)
    }

    /// The acceptor's half of the greeting. A stranger gets not one byte.
    fn welcome(&mut self, hello: &Hello, now: Now) -> Result<(), SessionEnd> {
        let ids: Vec<SpaceId> = self.config.spaces.iter().map(|space| space.id).collect();
        let shared = greeting::recognise(&hello.tags, &ids, &self.config.peer, &self.config.local);
        if shared.is_empty() {
            return Err(SessionEnd::Stranger);
        }
        self.stage = Stage::Sharing;
        let version = common_version(hello.min_version, hello.max_version)?;
        self.compare_clocks(hello.clock_ms, now);
        self.outbox.push(Output::Greeted);
        let answer = shared.iter().map(|(handle, (_, tag))| (*handle, *tag)).collect();
        let welcome = Welcome { version, clock_ms: now.wall_ms, shared: answer };
        say(&mut self.outbox, Message::Welcome(welcome));
        self.begin_spaces(shared.into_iter().map(|(handle, (at, _))| (handle, at)));
        Ok(())
    }

    /// The opener's half of the greeting.
    fn welcomed(&mut self, welcome: &Welcome, now: Now) -> Result<(), SessionEnd> {
        let Config { local, peer, spaces, .. } = &self.config;
        let confirmed: BTreeMap<Handle, usize> = welcome
            .shared
            .iter()
            .filter_map(|(handle, tag)| {
                Some((*handle, usize::from(*handle), tag, spaces.get(usize::from(*handle))?))
            })
            .filter(|(_, _, tag, space)| greeting::confirms(tag, &space.id, local, peer))
            .map(|(handle, at, _, _)| (handle, at))
            .collect();
        if confirmed.is_empty() {
            return Err(SessionEnd::Stranger);
        }
        self.stage = Stage::Sharing;
        common_version(welcome.version, welcome.version)?;
        self.compare_clocks(welcome.clock_ms, now);
        self.outbox.push(Output::Greeted);
        self.begin_spaces(confirmed.into_iter());
        Ok(())
    }

    fn begin_spaces(&mut self, shared: impl Iterator<Item = (Handle, usize)>) {
        for (handle, at) in shared {
            let space = &self.config.spaces[at];
            let held = (space.vector.clone(), space.end);
            let shared = SpaceSession::new(handle, space.id, held, &mut self.outbox);
            self.spaces.insert(handle, shared);
            self.handles.insert(space.id, handle);
        }
        // A repeated tag names a space once, whoever repeats it.
        assert_eq!(self.spaces.len(), self.handles.len(), "a shared space has one handle");
    }

    /// What follows from the step, and what the time asks for.
    fn pursue(&mut self, now: Now) -> Result<(), SessionEnd> {
        for shared in self.spaces.values_mut() {
            shared.poll(now, &mut self.outbox);
        }
        let open = self.spaces.values().any(SpaceSession::is_open);
        if self.stage == Stage::Sharing && self.spaces.values().all(SpaceSession::is_dead) {
            let refused = self.spaces.values().any(SpaceSession::is_refused_by_peer);
            return Err(if refused { SessionEnd::Refused } else { SessionEnd::NotAMember });
        }
        if self.keepalive.is_silent(now.ms) || (!open && now.ms >= self.greeting_ends_ms()) {
            return Err(SessionEnd::Silent);
        }
        if open
            && !self.addresses_told
            && let Some(listings) = &self.addresses
        {
            say(&mut self.outbox, Message::Addresses(listings.clone()));
            self.addresses_told = true;
        }
        if open && now.ms >= self.digest_ms {
            self.digest_ms = now.ms + limits::DIGEST_EVERY_MS;
            self.spaces.values().for_each(|shared| shared.say_digest(&mut self.outbox));
            say(&mut self.outbox, Message::Clock(now.wall_ms));
        }
        if open && self.keepalive.ping_is_due(now.ms) {
            say(&mut self.outbox, Message::Ping(false));
            self.keepalive.sent(now.ms);
        }
        Ok(())
    }

    fn end(&mut self, end: SessionEnd) {
        // A site that shares no space is told nothing, not even that.
        if self.stage == Stage::Sharing
            && let Some(farewell) = end.farewell()
        {
            say(&mut self.outbox, Message::Bye(farewell));
        }
        self.stage = Stage::Over;
        self.outbox.push(Output::Close(end));
    }

    fn next_wake_ms(&self, now: Now) -> u64 {
        let open = self.spaces.values().any(SpaceSession::is_open);
        let session =
            if open { self.keepalive.wake_ms().min(self.digest_ms) } else { self.greeting_ends_ms() };
        let spaces = self.spaces.values().filter_map(|shared| shared.wake_ms(now)).min();
        spaces.map_or(session, |spaces| spaces.min(session))
    }

    fn greeting_ends_ms(&self) -> u64 {
        self.started_ms + limits::GREETING_WITHIN_MS
    }

    fn compare_clocks(&mut self, theirs_ms: i64, now: Now) {
        let offset_ms = theirs_ms.saturating_sub(now.wall_ms);
        self.outbox.push(Output::Notice(Notice::ClockOffset(offset_ms)));
    }

    fn update_config(&mut self, space: SpaceId, end: u64, vector: VersionVector) {
        if let Some(config) = self.config.spaces.iter_mut().find(|config| config.id == space) {
            config.end = config.end.max(end);
            config.vector.join(&vector);
        }
    }

    fn with_space<T>(
        &mut self,
        space: SpaceId,
        act: impl FnOnce(&mut SpaceSession, &mut Outbox) -> T,
    ) -> Option<T> {
        let shared = self.spaces.get_mut(self.handles.get(&space)?)?;
        Some(act(shared, &mut self.outbox))
    }
}

/// The highest version both speak.
fn common_version(min: u16, max: u16) -> Result<u16, SessionEnd> {
    let (own_min, own_max) = limits::VERSIONS;
    let version = max.min(own_max);
    if version >= min && version >= own_min { Ok(version) } else { Err(SessionEnd::Version { min, max }) }
}
