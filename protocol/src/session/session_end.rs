//! Why a session ends.

use crate::codec::DecodeError;
use crate::verify;

/// Why a session ended. Nothing stored is ever lost by it: the next session goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnd {
    /// The two sites share no space; the other learnt nothing.
    #[error("the other site shares no space with this one")]
    Stranger,
    /// This site knows the space but not the other site as a member of it.
    #[error("the other site is not a member of a space here")]
    NotAMember,
    /// The other site does not know this one as a member.
    #[error("the other site does not know this one as a member yet")]
    Refused,
    /// No version of the messages is spoken by both.
    #[error("the other site speaks session versions {min}-{max}, this one {}-{}", super::limits::VERSIONS.0, super::limits::VERSIONS.1)]
    Version {
        /// Lowest it speaks.
        min: u16,
        /// Highest it speaks.
        max: u16,
    },
    /// A message could not be read.
    #[error("the other site sent bytes that are no message ({0})")]
    Garbled(&'static str),
    /// A message that may not come now.
    #[error("the other site sent {0} out of turn")]
    OutOfTurn(&'static str),
    /// More was sent than was granted.
    #[error("the other site sent more than it was granted")]
    Overrun,
    /// A block that cannot be verified and that its sender could have known to be wrong.
    #[error("the other site sent a block that is refused: {0}")]
    BadBlock(verify::BlockFault),
    /// Blocks keep coming before what they build on.
    #[error("the other site keeps sending transactions before what they build on")]
    Early,
    /// Nothing was heard for too long.
    #[error("nothing was heard of the other site for a while")]
    Silent,
    /// This site could not read or store.
    #[error("this site could not read or store: {0}")]
    Local(String),
    /// Who is a member changed so that the session must begin anew.
    #[error("the membership changed; the session begins anew")]
    Renew,
    /// This site stops or pauses.
    #[error("this site ended the session")]
    Left,
    /// The other site said goodbye.
    #[error("the other site ended the session: {0}")]
    Farewell(Farewell),
}

impl SessionEnd {
    /// The end that follows from a block in which this is wrong.
    pub(super) fn of_fault(fault: verify::BlockFault) -> Self {
        match fault {
            verify::BlockFault::Malformed(newer @ DecodeError::Newer { .. }) => {
                Self::Local(newer.to_string())
            }
            verify::BlockFault::NoBranches { .. } => Self::Local(fault.to_string()),
            fault => Self::BadBlock(fault),
        }
    }

    /// Whether the other side broke the protocol, which no honest program does.
    pub fn is_misconduct(&self) -> bool {
        match self {
            Self::Garbled(_) | Self::OutOfTurn(_) | Self::Overrun | Self::Early => true,
            // Who knows of a member this site has not heard of does no wrong.
            Self::BadBlock(fault) => !matches!(fault, verify::BlockFault::NotAMember { .. }),
            _ => false,
        }
    }

    /// What the other side is told, where it may know.
    pub(super) fn farewell(&self) -> Option<Farewell> {
        Some(match self {
            Self::NotAMember => Farewell::NotAMember,
            Self::Version { .. } => Farewell::Version,
            Self::Local(_) => Farewell::Trouble,
            Self::Renew => Farewell::Renew,
            end if end.is_misconduct() => Farewell::Misconduct,
            _ => return None,
        })
    }
}

/// What a site says when it ends a session with one that shares a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Farewell {
    /// It stops, or was asked to pause.
    #[error("it stops")]
    Leaving,
    /// The site spoken to is not a member.
    #[error("this site is not a member there")]
    NotAMember,
    /// No common version.
    #[error("no version of the protocol is spoken by both")]
    Version,
    /// It cannot read or store at the moment.
    #[error("it cannot read or store at the moment")]
    Trouble,
    /// It wants to begin anew.
    #[error("it begins anew")]
    Renew,
    /// It holds what this site sent to be wrong.
    #[error("it refuses what this site sent")]
    Misconduct,
    /// For a reason this program does not know.
    #[error("reason {0}")]
    Other(u8),
}

impl Farewell {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Leaving => 0,
            Self::NotAMember => 1,
            Self::Version => 2,
            Self::Trouble => 3,
            Self::Renew => 4,
            Self::Misconduct => 5,
            Self::Other(code) => code,
        }
    }

    pub(super) fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Leaving,
            1 => Self::NotAMember,
            2 => Self::Version,
            3 => Self::Trouble,
            4 => Self::Renew,
            5 => Self::Misconduct,
            code => Self::Other(code),
        }
    }
}
