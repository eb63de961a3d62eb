//! Runs a session: the only way to one.
//!
//! ```text
//!            tell(input)   receive(bytes)             wake_ms()
//!                 │              │                        ▲
//!   ┌─────────────▼──────────────▼────────────────────────┴──────┐
//!   │ answers, then inputs, then messages, then the time          │
//!   │        │ one event                                          │
//!   │        ▼                                                    │
//!   │     Session ──► its outputs, in order ──► Host ──► answers  │
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! What the session relies on holds by the shape of this file:
//!
//! - One event at a time, and its outputs are carried out, in order, before the next one. A host has
//!   no way to the driver that calls it, so nothing comes in between; what it answers at once waits
//!   for the other outputs, and goes before everything else.
//! - The stream's opening comes first, and nothing after the end.
//! - The time is never pushed: who runs a driver asks [`SessionDriver::wake_ms`] when to run it
//!   again. A driver that was run asks for a time that is still to come, so nobody runs in circles.
//! - What was asked is answered once. Whoever answers what was not asked has a defect, and is
//!   stopped right there; no bytes of a peer lead to that.

use std::collections::{BTreeMap, VecDeque};

use super::event::{Event, Input, Output};
use super::frame::FrameReader;
use super::host::{Answer, Host, Now};
use super::session::{Config, Session};
use super::session_end::SessionEnd;
use crate::identity::SpaceId;

/// A session with one peer, to be run by whoever has a stream to it. See the module.
pub struct SessionDriver {
    session: Session,
    frames: FrameReader,
    /// Whether the stream brought something that nobody has looked at.
    brought: bool,
    /// What waits to be taken in, in order of arrival.
    waiting: VecDeque<Event>,
    /// What the host answered at once.
    answers: VecDeque<Input>,
    owed: Owed,
    now_ms: u64,
    over: bool,
}

impl SessionDriver {
    /// The session on a stream that has just been opened. Says nothing before it is run.
    pub fn new(config: Config) -> Self {
        Self {
            session: Session::new(config),
            frames: FrameReader::default(),
            brought: false,
            waiting: [Event::Connected].into(),
            answers: VecDeque::new(),
            owed: Owed::default(),
            now_ms: 0,
            over: false,
        }
    }

    /// Takes note of what happened at the site. To be run afterwards.
    ///
    /// # Panics
    ///
    /// Where an answer is given to what was not asked.
    pub fn tell(&mut self, input: Input) {
        if !self.over {
            self.owed.pay(&input);
            self.waiting.push_back(Event::Told(input));
        }
    }

    /// Takes note of what the stream brought. To be run afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !self.over {
            self.frames.push(bytes);
            self.brought = true;
        }
    }

    /// When to run again, on the clock of [`Now::ms`], if nothing happens before: to be asked after
    /// every run. `None`: never, it is over.
    pub fn wake_ms(&self) -> Option<u64> {
        if self.over { None } else { self.session.wake_ms() }
    }

    /// Whether the session has ended.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Takes in all that waits and all that is due, and has the host carry out what follows.
    ///
    /// # Panics
    ///
    /// Where the host's time steps back.
    pub fn run(&mut self, host: &mut impl Host) {
        while !self.over {
            let now = host.now();
            assert!(now.ms >= self.now_ms, "the time of a session steps back");
            self.now_ms = now.ms;
            match self.next(now) {
                Ok(Some(event)) => self.handle(event, now, host),
                Ok(None) => return,
                // Not even the session can read it.
                Err(end) => self.end(end, host),
            }
        }
    }

    /// What the session is to take in now.
    fn next(&mut self, now: Now) -> Result<Option<Event>, SessionEnd> {
        if let Some(answer) = self.answers.pop_front() {
            return Ok(Some(Event::Told(answer)));
        }
        if let Some(event) = self.waiting.pop_front() {
            return Ok(Some(event));
        }
        if let Some(message) = self.frames.next_message()? {
            return Ok(Some(Event::Message(message)));
        }
        if std::mem::take(&mut self.brought) && self.frames.is_amid() {
            return Ok(Some(Event::Heard));
        }
        Ok(self.wake_ms().filter(|at_ms| *at_ms <= now.ms).map(|_| Event::Tick))
    }

    fn handle(&mut self, event: Event, now: Now, host: &mut impl Host) {
        if let Event::Message(message) = &event {
            host.arrived(message);
        }
        for output in self.session.handle(event, now) {
            assert!(!self.over, "a session goes on after its end");
            self.carry_out(output, host);
        }
        assert!(self.wake_ms().is_none_or(|at_ms| at_ms > now.ms), "a session is to be woken in the past");
    }

    fn carry_out(&mut self, output: Output, host: &mut impl Host) {
        match output {
            Output::Send(bytes) => host.send(bytes),
            Output::Greeted => self.frames.greeted(),
            Output::CheckMember { space, proof } => match host.check_member(space, proof) {
                Answer::Now(member) => self.answers.push_back(Input::MemberChecked { space, member }),
                Answer::Later => self.owed.ask(Question::Member, space),
            },
            Output::FindAdmission(space) => match host.find_admission(space) {
                Answer::Now(proof) => self.answers.push_back(Input::Admission { space, proof }),
                Answer::Later => self.owed.ask(Question::Admission, space),
            },
            Output::Read(request) => {
                let space = request.space;
                assert!(!self.owed.owes(Question::Read, space), "a session reads twice at a time");
                match host.read(request) {
                    Answer::Now(result) => self.answers.push_back(Input::Read { space, result }),
                    Answer::Later => self.owed.ask(Question::Read, space),
                }
            }
            Output::Store(request) => {
                let space = request.space;
                match host.store(request) {
                    Answer::Now(result) => self.answers.push_back(Input::Stored { space, result }),
                    Answer::Later => self.owed.ask(Question::Store, space),
                }
            }
            Output::CatchUp { space, step } => {
                let granted = host.catch_up(space, step);
                self.answers.extend(granted.map(|granted| Input::CatchUp { space, granted }));
            }
            Output::Notice(notice) => host.notice(notice),
            Output::Close(end) => self.end(end, host),
        }
    }

    fn end(&mut self, end: SessionEnd, host: &mut impl Host) {
        assert!(!self.over, "a session ends twice");
        self.over = true;
        self.waiting.clear();
        self.answers.clear();
        self.frames = FrameReader::default();
        host.end(end);
    }
}

/// What the host will answer later.
#[derive(Default)]
struct Owed(BTreeMap<(SpaceId, Question), usize>);

/// What a session can ask of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Member,
    Admission,
    Read,
    Store,
}

impl Owed {
    fn ask(&mut self, question: Question, space: SpaceId) {
        *self.0.entry((space, question)).or_default() += 1;
    }

    fn owes(&self, question: Question, space: SpaceId) -> bool {
        self.0.contains_key(&(space, question))
    }

    /// Takes note of an answer, where the input is one.
    fn pay(&mut self, input: &Input) {
        let (question, space) = match input {
            Input::MemberChecked { space, .. } => (Question::Member, *space),
            Input::Admission { space, .. } => (Question::Admission, *space),
            Input::Read { space, .. } => (Question::Read, *space),
            Input::Stored { space, .. } => (Question::Store, *space),
            _ => return,
        };
        let owed = self.0.remove(&(space, question));
        assert!(owed.is_some(), "an answer ({question:?}) to what was not asked, or for the second time");
        if let Some(more) = owed.filter(|owed| *owed > 1) {
            self.0.insert((space, question), more - 1);
        }
    }
}
