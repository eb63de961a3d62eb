//! What is wrong with a name, a member, an invitation, or what another site sent.

use super::Cause;
use crate::bounds;
use crate::bundle::BundleError;
use crate::chain::BranchFault;
use crate::codec::DecodeError;
use crate::invitation::InvalidInvitation;
use crate::join::JoinRefused;
use crate::join_file::InvalidJoinFile;
use crate::membership::VoidReason;
use crate::name::NameFault;
use crate::verify::BlockFault;
use crate::version::Dot;

impl From<&NameFault> for Cause {
    fn from(fault: &NameFault) -> Self {
        match fault {
            NameFault::Empty => Self::new("name_empty"),
            NameFault::TooLong => Self::new("name_long").with("most", bounds::NAME_BYTES),
            NameFault::Character(code) => Self::new("name_hidden").with("character", format!("U+{code:04X}")),
            NameFault::NotComposed => Self::new("name_not_composed"),
            NameFault::Reserved => Self::new("name_reserved"),
        }
    }
}

impl From<&VoidReason> for Cause {
    fn from(void: &VoidReason) -> Self {
        match void {
            VoidReason::AlreadyFounded => Self::new("member_founded"),
            VoidReason::NotAllowed => Self::new("member_not_allowed"),
            VoidReason::Unknown => Self::new("member_none"),
            VoidReason::AlreadyMember => Self::new("member_already"),
            VoidReason::InvitationUsed => Self::new("member_invitation_used"),
            VoidReason::Ordinals => Self::new("member_ordinals"),
            VoidReason::NameTaken => Self::new("member_name_taken"),
            VoidReason::Name(fault) => Self::new("member_name").with("fault", Self::from(fault)),
        }
    }
}

impl From<&JoinRefused> for Cause {
    fn from(refused: &JoinRefused) -> Self {
        Self::new(match refused {
            JoinRefused::Invalid => "invitation_invalid",
            JoinRefused::Expired => "invitation_expired",
            JoinRefused::Used => "invitation_used",
            JoinRefused::NotAllowed => "inviter_may_not_admit",
            JoinRefused::Name => "site_name_refused",
            JoinRefused::Trouble | JoinRefused::Other(_) => "inviter_in_trouble",
        })
    }
}

impl From<&InvalidInvitation> for Cause {
    fn from(error: &InvalidInvitation) -> Self {
        Self::new(match error {
            InvalidInvitation::Mistyped => "token_incomplete",
            InvalidInvitation::Newer => "made_by_newer",
        })
    }
}

impl From<&InvalidJoinFile> for Cause {
    fn from(error: &InvalidJoinFile) -> Self {
        Self::new(match error {
            InvalidJoinFile::Other => "request_other",
            InvalidJoinFile::Changed => "request_damaged",
            InvalidJoinFile::Newer => "made_by_newer",
        })
    }
}

impl From<&DecodeError> for Cause {
    fn from(error: &DecodeError) -> Self {
        match error {
            DecodeError::Malformed(_) => Self::new("bytes_malformed"),
            DecodeError::Newer { version, .. } => Self::new("format_newer").with("version", *version),
            DecodeError::TooLarge(_) => Self::new("bytes_large"),
        }
    }
}

impl From<&BlockFault> for Cause {
    fn from(fault: &BlockFault) -> Self {
        let of = |code: &'static str, dot: &Dot| Self::new(code).with("dot", format!("{dot:?}"));
        match fault {
            BlockFault::Malformed(error) => error.into(),
            BlockFault::Gap { dot, expected } => of("fault_gap", dot).with("expected", *expected),
            BlockFault::MissingContext { dot, missing } => {
                of("fault_context", dot).with("missing", format!("{missing:?}"))
            }
            BlockFault::BadSignature { dot } => of("fault_signature", dot),
            BlockFault::NotAMember { dot } => of("fault_not_a_member", dot),
            BlockFault::Branch { dot, fault } => of("fault_branch", dot).with("fault", Self::from(fault)),
            BlockFault::NoBranches { dot } => of("fault_no_branches", dot),
            BlockFault::OtherSpace => Self::new("fault_other_space"),
        }
    }
}

impl From<&BranchFault> for Cause {
    fn from(fault: &BranchFault) -> Self {
        Self::new(match fault {
            BranchFault::Trunk => "branch_trunk",
            BranchFault::UnknownParent => "branch_parent",
            BranchFault::Place => "branch_place",
            BranchFault::OtherOrigin => "branch_origin",
            BranchFault::Name => "branch_name",
            BranchFault::TooMany => "branch_many",
        })
    }
}

impl From<&BundleError> for Cause {
    fn from(error: &BundleError) -> Self {
        match error {
            BundleError::Io(error) => error.into(),
            BundleError::NotABundle => Self::new("bundle_none"),
            BundleError::Newer(error) => error.into(),
            BundleError::Truncated { blocks } => Self::new("bundle_cut").with("blocks", *blocks),
            BundleError::Damaged { blocks } => Self::new("bundle_damaged").with("blocks", *blocks),
        }
    }
}
