//! What can go wrong, and what is mended.

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// A kind of thing that goes wrong, or merely happens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
        }

        impl FaultKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name, in plans.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    /// Two sites cannot reach each other for a while.
    Cut = "cut",
    /// Nothing passes from one site to another, but back.
    OneWay = "one-way",
    /// The sites fall into two groups.
    Split = "split",
    /// A connection breaks, and what was under way is lost.
    HangUp = "hang-up",
    /// A line becomes slow.
    SlowLine = "slow-line",
    /// A site crashes, and starts again later.
    Crash = "crash",
    /// A flush fails.
    BadFlush = "bad-flush",
    /// A disk is full for a while.
    DiskFull = "disk-full",
    /// A disk becomes slow.
    SlowDisk = "slow-disk",
    /// A clock is set.
    Clock = "clock",
    /// Transactions travel on a stick: out of order, twice, late.
    Stick = "stick",
    /// A site gets another name.
    Rename = "rename",
    /// Tables and columns are added.
    Schema = "schema",
    /// A view is built anew.
    Rebuild = "rebuild",
    /// Writes name an older basis.
    Basis = "basis",
    /// Requests are repeated.
    Retry = "retry",
    /// Conflicts are resolved.
    Resolve = "resolve",
    /// A site's folder is copied, and both copies are used.
    Fork = "fork",
    /// A newer program writes what this one does not know.
    Newer = "newer",
}

/// Where a site crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Between two groups.
    Idle,
    /// After the log was written, before it was flushed: nothing of it is left.
    BeforeFlush,
    /// The same, and some of it is left, the last of it torn.
    AmidFlush,
    /// After the flush, before the view is committed.
    AfterFlush,
    /// After the view was committed, before anybody is answered.
    BeforeAnswer,
}

impl Stop {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Idle, Self::BeforeFlush, Self::AmidFlush, Self::AfterFlush, Self::BeforeAnswer];

    /// Its name, in traces and scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::BeforeFlush => "before-flush",
            Self::AmidFlush => "amid-flush",
            Self::AfterFlush => "after-flush",
            Self::BeforeAnswer => "before-answer",
        }
    }
}

/// What is to be mended later.
#[derive(Clone, Copy, Debug)]
pub enum Mend {
    /// One reason less why nothing passes from the first to the second.
    Line(usize, usize),
    /// The line is as fast as before.
    Speed(usize, usize),
    /// The disk has room again.
    Room(usize),
    /// The disk is as fast as before.
    Disk(usize),
}
