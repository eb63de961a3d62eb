//! The exchange of one space within a session: is the peer a member, what does each side
//! hold, what is on its way.

use super::catch_up_slot::CatchUpSlot;
use super::cursor::Cursor;
use super::event::Output;
use super::host::{CatchUpStep, NotStored, Notice, Now, ReadDone, ReadRequest, StoreDone, StoreRequest};
use super::intake::Intake;
use super::known_forks::KnownForks;
use super::limits;
use super::membership_check::{CheckOutcome, MembershipCheck};
use super::message::{Digest, Handle, Message, digest};
use super::opening::Opening;
use super::outbox::{Outbox, say};
use super::peer_report::PeerReport;
use super::session_end::SessionEnd;
use crate::fork::{Fork, Withheld};
use crate::identity::SpaceId;
use crate::verify::{self, SignedTransaction};
use crate::version::VersionVector;

/// The exchange of one space with one peer, as far as this side has come.
pub(super) struct SpaceSession {
    handle: Handle,
    space: SpaceId,
    local: VersionVector,
    end: u64,
    check: MembershipCheck,
    ours: Option<Opening>,
    theirs: Option<Digest>,
    refused_by_peer: bool,
    cursor: Cursor,
    intake: Intake,
    slot: CatchUpSlot,
    forks: KnownForks,
    reported: PeerReport,
}

impl SpaceSession {
    /// A space both sides know; asks first of all whether the peer is a member.
    pub fn new(handle: Handle, space: SpaceId, (local, end): (VersionVector, u64), out: &mut Outbox) -> Self {
        out.push(Output::CheckMember { space, proof: None });
        Self {
            handle,
            space,
            local,
            end,
            check: MembershipCheck::default(),
            ours: None,
            theirs: None,
            refused_by_peer: false,
            cursor: Cursor::default(),
            intake: Intake::default(),
            slot: CatchUpSlot::default(),
            forks: KnownForks::default(),
            reported: PeerReport::default(),
        }
    }

    /// Whether both sides hold each other for members.
    pub fn is_open(&self) -> bool {
        self.ours.is_some() && self.theirs.is_some() && !self.is_dead()
    }

    /// Whether nothing can be exchanged in this session any more.
    pub fn is_dead(&self) -> bool {
        self.refused_by_peer || self.check.is_refused()
    }

    /// Whether it was the peer that refused.
    pub fn is_refused_by_peer(&self) -> bool {
        self.refused_by_peer
    }

    /// The answer to a question about the peer.
    pub fn checked(&mut self, member: bool, now: Now, out: &mut Outbox) -> Result<(), SessionEnd> {
        match self.check.checked(member) {
            CheckOutcome::Nothing => {}
            CheckOutcome::Open => {
                assert!(self.ours.is_none(), "a space is opened twice in a session");
                let ours = Opening::new(&self.local, self.end);
                say(out, Message::Open(self.handle, ours.digest));
                self.ours = Some(ours);
                self.begin(now, out);
            }
            CheckOutcome::RequestAdmission => say(out, Message::RequestAdmission(self.handle)),
            CheckOutcome::Refuse => self.refuse(out),
            CheckOutcome::Renew => return Err(SessionEnd::Renew),
        }
        Ok(())
    }

    /// Who is a member changed: the question is asked again.
    pub fn members_changed(&self, out: &mut Outbox) {
        out.push(Output::CheckMember { space: self.space, proof: self.check.proof() });
    }

    /// This site's own admission was found, or not.
    pub fn show_admission(&self, proof: Option<SignedTransaction>, out: &mut Outbox) {
        say(out, Message::Admission(self.handle, proof));
    }

    /// Something became durable here.
    pub fn log_grew(&mut self, end: u64, vector: VersionVector, local: bool, now: Now) {
        self.local.join(&vector);
        self.end = self.end.max(end);
        if self.is_open() {
            let wait = if local { 0 } else { limits::RELAY_AFTER_MS };
            self.cursor.grew(now.ms + wait);
            if !local {
                self.intake.announce(&self.local, now.ms);
            }
        }
    }

    /// A read is done.
    pub fn read_done(&mut self, done: ReadDone, out: &mut Outbox) {
        let ReadDone { block, next, last, withheld, forks } = done;
        assert_eq!(block.is_some(), !last.is_empty(), "a block is read with the newest of each chain in it");
        self.hold_back(&withheld, &forks, out);
        self.cursor.read_done(next);
        if let Some(block) = block.filter(|_| self.is_open()) {
            self.intake.tell_more(&last);
            self.cursor.sent(block.len() as u64, last.clone());
            say(out, Message::Frame(self.handle, last, block));
        }
    }

    /// A block of the peer's is durable here, or was refused.
    pub fn stored(
        &mut self,
        result: Result<StoreDone, NotStored>,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionEnd> {
        match result {
            Ok(taken) if taken.left_out => {
                let news = self.hold_back(&taken.withheld, &taken.forks, out);
                let grew = !self.local.covers_all(&taken.vector);
                self.local.join(&taken.vector);
                self.slot.stored(now.ms);
                self.intake.left_out(news || grew)?;
                self.decline(out);
                Ok(())
            }
            Ok(taken) => {
                self.hold_back(&taken.withheld, &taken.forks, out);
                self.local.join(&taken.vector);
                self.slot.stored(now.ms);
                let heads = self.intake.stored();
                self.acknowledge(&heads, out);
                self.acknowledge_held(out);
                Ok(())
            }
            Err(NotStored::Fault(
                verify::BlockFault::Gap { .. } | verify::BlockFault::MissingContext { .. },
            )) => {
                self.intake.came_early()?;
                self.decline(out);
                Ok(())
            }
            // It was on its way when the fork was found: it follows another branch.
            Err(NotStored::Fault(verify::BlockFault::BadSignature { dot }))
                if self.forks.withheld().is_about(dot.chain()) =>
            {
                self.intake.came_early()?;
                self.decline(out);
                Ok(())
            }
            Err(NotStored::Fault(fault)) => Err(SessionEnd::of_fault(fault)),
            Err(NotStored::Local(error)) => Err(SessionEnd::Local(error)),
        }
    }

    /// Whether the peer may fill the gap here.
    pub fn catch_up(&mut self, granted: bool, now: Now, out: &mut Outbox) {
        if granted && self.cursor.offers_nothing(&self.local, self.forks.withheld()) {
            self.release_slot(out);
        } else if let Some(window) = self.slot.set(granted, now.ms) {
            self.say_window(window, out);
        }
    }

    /// The peer sent something.
    pub fn heard(&mut self, now: Now) {
        self.slot.heard(now.ms);
    }

    /// The peer spoke about this space.
    pub fn message(&mut self, message: Message, now: Now, out: &mut Outbox) -> Result<(), SessionEnd> {
        match message {
            Message::RequestAdmission(_) => {
                if self.check.own_asked() {
                    out.push(Output::FindAdmission(self.space));
                }
            }
            Message::Refuse(_) => self.refused_by_peer = true,
            // What was under way when one side refused the other has no meaning any more.
            _ if self.is_dead() => {}
            Message::Admission(_, proof) => match self.check.shown(proof) {
                Some(true) => self.members_changed(out),
                Some(false) => self.refuse(out),
                None => {}
            },
            Message::Open(_, digest) if self.theirs.is_none() => {
                self.theirs = Some(digest);
                self.begin(now, out);
            }
            message if self.is_open() => self.exchange(message, now, out)?,
            message => return Err(SessionEnd::OutOfTurn(message.name())),
        }
        Ok(())
    }

    fn exchange(&mut self, message: Message, now: Now, out: &mut Outbox) -> Result<(), SessionEnd> {
        match message {
            Message::Vector(_, vector, ask) => {
                self.notice_forks(&vector, out);
                self.cursor.state(vector, now.ms);
                if ask {
                    self.say_vector(false, out);
                }
            }
            Message::Window(_, bytes) => self.cursor.open_window(bytes.min(limits::CATCH_UP_WINDOW_BYTES)),
            Message::Frame(_, heads, block) => {
                self.notice_forks(&heads, out);
                self.cursor.learn(&heads);
                if self.intake.arrived(block.len() as u64, heads, &self.local)? {
                    let withheld = self.forks.withheld().clone();
                    out.push(Output::Store(StoreRequest { space: self.space, block, withheld }));
                } else {
                    self.acknowledge_held(out);
                }
            }
            Message::Stored(_, grown) => {
                self.cursor.acknowledged()?;
                self.notice_forks(&grown, out);
                self.cursor.learn(&grown);
            }
            Message::Declined(_) => self.cursor.declined()?,
            Message::Have(_, grown) => {
                self.notice_forks(&grown, out);
                self.cursor.learn(&grown);
            }
            Message::Forked(_, chain, head) => {
                if self.forks.hear(chain, head.seq) {
                    out.push(Output::Notice(Notice::Forked { space: self.space, chain, head }));
                }
            }
            Message::Withheld(_, withheld) => drop(self.forks.add(&withheld, &[])),
            // While something is on its way the two differ for a good reason.
            Message::Digest(_, theirs) if self.is_idle() && theirs != digest(&self.local) => {
                self.say_vector(true, out);
            }
            Message::Digest(..) => {}
            message => return Err(SessionEnd::OutOfTurn(message.name())),
        }
        Ok(())
    }

    /// Does what has become possible or due.
    pub fn poll(&mut self, now: Now, out: &mut Outbox) {
        if !self.is_open() {
            self.report(out);
            return;
        }
        if let Some(wanted) = self.cursor.poll(&self.local, self.end, now.ms) {
            let (from, have, max_bytes) = (wanted.from, wanted.have, wanted.max_bytes);
            let (space, withheld) = (self.space, self.forks.withheld().clone());
            out.push(Output::Read(ReadRequest { space, from, have, withheld, max_bytes }));
        }
        if self.intake.wake_ms().is_some_and(|at| at <= now.ms) {
            self.say_have(out);
        }
        if self.cursor.offers_nothing(&self.local, self.forks.withheld()) {
            self.release_slot(out);
        }
        if self.slot.has_stalled(now.ms) {
            out.push(Output::CatchUp { space: self.space, step: CatchUpStep::Stalled });
        }
        self.report(out);
    }

    /// Says in short what is held.
    pub fn say_digest(&self, out: &mut Outbox) {
        if self.is_open() {
            say(out, Message::Digest(self.handle, digest(&self.local)));
        }
    }

    /// When [`Self::poll`] will have something to do by the passing of time alone.
    pub fn wake_ms(&self, now: Now) -> Option<u64> {
        let timers = [self.cursor.wake_ms(now.ms), self.intake.wake_ms(), self.slot.wake_ms()];
        timers.into_iter().flatten().min().filter(|_| self.is_open())
    }

    /// Both have said OPEN: equal sites have nothing more to say.
    fn begin(&mut self, now: Now, out: &mut Outbox) {
        let (Some(ours), Some(theirs)) = (&self.ours, self.theirs) else { return };
        if ours.digest == theirs {
            self.cursor.start_level(ours.vector.clone(), ours.end);
            self.intake.tell(ours.vector.clone());
            self.cursor.grew(now.ms);
        } else {
            self.say_vector(false, out);
            self.slot.claim();
            out.push(Output::CatchUp { space: self.space, step: CatchUpStep::Claim });
        }
    }

    fn acknowledge(&mut self, heads: &VersionVector, out: &mut Outbox) {
        self.intake.tell_more(heads);
        let grown = self.intake.untold(&self.local);
        if self.is_open() {
            say(out, Message::Stored(self.handle, grown));
        }
    }

    fn acknowledge_held(&mut self, out: &mut Outbox) {
        while let Some(heads) = self.intake.next_held() {
            self.acknowledge(&heads, out);
        }
    }

    fn say_vector(&mut self, ask: bool, out: &mut Outbox) {
        say(out, Message::Vector(self.handle, self.local.clone(), ask));
        self.intake.tell(self.local.clone());
    }

    fn refuse(&mut self, out: &mut Outbox) {
        say(out, Message::Refuse(self.handle));
        self.release_slot(out);
    }

    fn release_slot(&mut self, out: &mut Outbox) {
        let (claimed, window) = self.slot.release();
        if claimed {
            out.push(Output::CatchUp { space: self.space, step: CatchUpStep::Release });
        }
        if let Some(window) = window.filter(|_| self.is_open()) {
            self.say_window(window, out);
        }
    }

    /// A peer that had to wait must not send what others have brought meanwhile.
    fn say_window(&mut self, window: u64, out: &mut Outbox) {
        self.say_have(out);
        say(out, Message::Window(self.handle, window));
    }

    fn say_have(&mut self, out: &mut Outbox) {
        let grown = self.intake.untold(&self.local);
        if !grown.is_empty() {
            say(out, Message::Have(self.handle, grown));
        }
    }

    fn notice_forks(&mut self, theirs: &VersionVector, out: &mut Outbox) {
        let forks = KnownForks::between(&self.local, theirs);
        self.hold_back(&Withheld::default(), &forks, out);
    }

    /// Remembers what does not pass, and tells the peer and this site what is new of it. Whether
    /// anything is.
    fn hold_back(&mut self, withheld: &Withheld, forks: &[Fork], out: &mut Outbox) -> bool {
        let news = self.forks.add(withheld, forks);
        for fork in news.forks {
            let (space, chain, head) = (self.space, fork.chain(), fork.other_head());
            out.push(Output::Notice(Notice::Forked { space, chain, head }));
            if self.is_open() {
                say(out, Message::Forked(self.handle, chain, fork.held_head()));
            }
        }
        let is_news = !news.withheld.is_empty();
        if is_news && self.is_open() {
            say(out, Message::Withheld(self.handle, news.withheld));
        }
        is_news
    }

    /// The oldest frame was not taken as it is: the peer starts over from what is held.
    fn decline(&mut self, out: &mut Outbox) {
        if self.is_open() {
            say(out, Message::Declined(self.handle));
            self.say_vector(false, out);
        }
        self.acknowledge_held(out);
    }

    fn is_idle(&self) -> bool {
        self.cursor.is_idle() && self.intake.is_idle()
    }

    fn report(&mut self, out: &mut Outbox) {
        let news = self.reported.news(self.space, self.is_open(), &self.cursor);
        out.extend(news.map(|state| Output::Notice(Notice::Peer(state))));
    }
}
