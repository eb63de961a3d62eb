//! Why a session ended.

use super::Cause;
use crate::session::{Farewell, SessionEnd};

impl From<&SessionEnd> for Cause {
    fn from(end: &SessionEnd) -> Self {
        match end {
            SessionEnd::Stranger => Self::new("session_stranger"),
            SessionEnd::NotAMember => Self::new("session_not_a_member"),
            SessionEnd::Refused => Self::new("session_refused"),
            SessionEnd::Version { min, max } => {
                Self::new("session_version").with("min", *min).with("max", *max)
            }
            SessionEnd::Garbled(_) | SessionEnd::OutOfTurn(_) | SessionEnd::Overrun | SessionEnd::Early => {
                Self::new("session_misconduct")
            }
            SessionEnd::BadBlock(fault) => Self::new("session_block").with("fault", Self::from(fault)),
            SessionEnd::Silent => Self::new("session_silent"),
            SessionEnd::Local(said) => Self::new("session_local").with("said", said),
            SessionEnd::Renew => Self::new("session_renew"),
            SessionEnd::Left => Self::new("session_left"),
            SessionEnd::Farewell(farewell) => farewell.into(),
        }
    }
}

impl From<&Farewell> for Cause {
    fn from(farewell: &Farewell) -> Self {
        match farewell {
            Farewell::Leaving => Self::new("farewell_leaving"),
            Farewell::NotAMember => Self::new("farewell_not_a_member"),
            Farewell::Version => Self::new("farewell_version"),
            Farewell::Trouble => Self::new("farewell_trouble"),
            Farewell::Renew => Self::new("farewell_renew"),
            Farewell::Misconduct => Self::new("farewell_misconduct"),
            Farewell::Other(code) => Self::new("farewell_other").with("code", *code),
        }
    }
}
