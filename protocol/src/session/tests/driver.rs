//! What a session may rely on, whoever runs it.

use crate::identity::{Author, SpaceId};
use crate::session::message::{Hello, Message};
use crate::session::{
    Answer, CatchUpStep, Config, Host, Input, NotStored, Notice, Now, ReadDone, ReadRequest, SessionDriver,
    SessionEnd, Side, SpaceConfig, StoreDone, StoreRequest, greeting, name_of,
};
use crate::verify::SignedTransaction;
use crate::version::VersionVector;

const US: Author = Author([1; 32]);
const THEM: Author = Author([2; 32]);
const SPACES: [SpaceId; 2] = [SpaceId([7; 32]), SpaceId([8; 32])];

/// Writes down what it is asked, and answers at once or never.
struct Scribe {
    ms: u64,
    answers_at_once: bool,
    asked: Vec<String>,
    end: Option<SessionEnd>,
}

impl Scribe {
    fn new(answers_at_once: bool) -> Self {
        Self { ms: 1_000, answers_at_once, asked: Vec::new(), end: None }
    }

    fn answer<T>(&mut self, asked: &str, answer: T) -> Answer<T> {
        self.asked.push(asked.to_owned());
        if self.answers_at_once { Answer::Now(answer) } else { Answer::Later }
    }
}

impl Host for Scribe {
    fn now(&self) -> Now {
        Now { ms: self.ms, wall_ms: 0 }
    }
    fn send(&mut self, bytes: Vec<u8>) {
        let mut reader = crate::session::frame::FrameReader::default();
        reader.push(&bytes);
        self.asked.push(name_of(&reader.next_message().unwrap().unwrap()).to_owned());
    }
    fn check_member(&mut self, _: SpaceId, _: Option<SignedTransaction>) -> Answer<bool> {
        self.answer("member?", true)
    }
    fn find_admission(&mut self, _: SpaceId) -> Answer<Option<SignedTransaction>> {
        self.answer("admission?", None)
    }
    fn read(&mut self, _: ReadRequest) -> Answer<Result<ReadDone, String>> {
        self.answer("read", Ok(ReadDone { next: 9, ..ReadDone::default() }))
    }
    fn store(&mut self, _: StoreRequest) -> Answer<Result<StoreDone, NotStored>> {
        self.answer("store", Ok(StoreDone::default()))
    }
    fn catch_up(&mut self, _: SpaceId, _: CatchUpStep) -> Option<bool> {
        self.asked.push("catch up".to_owned());
        Some(true)
    }
    fn notice(&mut self, notice: Notice) {
        if let Notice::Peer(_) = notice {
            self.asked.push("peer".to_owned());
        }
    }
    fn end(&mut self, end: SessionEnd) {
        self.asked.push("end".to_owned());
        assert_eq!(self.end.replace(end), None, "it ends once");
    }
}

fn driver(side: Side) -> SessionDriver {
    let space = |id: &SpaceId| SpaceConfig { id: *id, vector: VersionVector::default(), end: 0 };
    let spaces = SPACES.iter().map(space).collect();
    SessionDriver::new(Config { side, local: US, peer: THEM, spaces, padding: [0; 32] })
}

fn hello() -> Vec<u8> {
    let tags = greeting::tags(SPACES.into_iter(), &THEM, &US, &[3; 32]);
    Message::Hello(Hello { min_version: 1, max_version: 1, clock_ms: 0, tags }).encode()
}

#[test]
fn what_is_answered_at_once_waits_for_the_rest_and_goes_before_everything_else() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(true));
    driver.run(&mut host);
    driver.receive(&hello());
    driver.receive(&Message::RequestAdmission(0).encode());
    driver.run(&mut host);
    // All that follows from HELLO comes before what follows from the first answer; and that before
    // what follows from the message behind it.
    let expected =
        ["WELCOME", "member?", "member?", "peer", "peer", "OPEN", "OPEN", "admission?", "ADMISSION"];
    assert_eq!(host.asked, expected);
}

#[test]
fn the_opening_comes_first_and_nothing_after_the_end() {
    let (mut driver, mut host) = (driver(Side::Opener), Scribe::new(true));
    driver.tell(Input::Leave);
    driver.tell(Input::Probe);
    driver.receive(&hello());
    assert!(!driver.is_over());
    driver.run(&mut host);
    assert_eq!(host.asked, ["HELLO", "end"]);
    assert_eq!(host.end, Some(SessionEnd::Left));
    assert!(driver.is_over());
    assert_eq!(driver.wake_ms(), None);
    driver.tell(Input::Probe);
    driver.receive(&hello());
    host.ms += 1_000_000;
    driver.run(&mut host);
    assert_eq!(host.asked, ["HELLO", "end"]);
}

#[test]
fn bytes_that_are_no_message_end_it() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(true));
    driver.receive(&[9, 0xff, 0xff, 0xff, 0xff]);
    driver.run(&mut host);
    assert_eq!(host.asked, ["end"]);
    assert!(host.end.is_some_and(|end| end.is_misconduct()));
}

#[test]
fn the_time_is_asked_for_and_what_is_due_is_done_by_running() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(true));
    assert_eq!(driver.wake_ms(), None, "it was never run");
    driver.run(&mut host);
    let wake_ms = driver.wake_ms().unwrap();
    assert!(wake_ms > host.ms);
    host.ms = wake_ms - 1;
    driver.run(&mut host);
    assert_eq!((driver.wake_ms(), host.end.clone()), (Some(wake_ms), None));
    host.ms = wake_ms;
    driver.run(&mut host);
    assert_eq!((driver.wake_ms(), host.end), (None, Some(SessionEnd::Silent)));
}

#[test]
fn what_takes_a_while_is_answered_later() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(false));
    driver.receive(&hello());
    driver.run(&mut host);
    assert_eq!(host.asked, ["WELCOME", "member?", "member?", "peer", "peer"]);
    driver.tell(Input::MemberChecked { space: SPACES[1], member: true });
    driver.run(&mut host);
    assert_eq!(host.asked.last().map(String::as_str), Some("OPEN"));
}

#[test]
#[should_panic(expected = "an answer (Member) to what was not asked")]
fn a_second_answer_stops_whoever_gives_it() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(false));
    driver.receive(&hello());
    driver.run(&mut host);
    driver.tell(Input::MemberChecked { space: SPACES[1], member: true });
    driver.tell(Input::MemberChecked { space: SPACES[1], member: true });
}

#[test]
#[should_panic(expected = "an answer (Read) to what was not asked")]
fn an_answer_to_what_was_not_asked_stops_whoever_gives_it() {
    let mut driver = driver(Side::Acceptor);
    driver.tell(Input::Read { space: SPACES[0], result: Ok(ReadDone::default()) });
}

#[test]
#[should_panic(expected = "the time of a session steps back")]
fn a_time_that_steps_back_stops_whoever_tells_it() {
    let (mut driver, mut host) = (driver(Side::Acceptor), Scribe::new(true));
    driver.run(&mut host);
    host.ms -= 1;
    driver.run(&mut host);
}
