//! A damaged data folder.

/// What of a data folder is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// `site.key` is not there.
    KeyMissing,
    /// `site.key` holds no key.
    KeyUnreadable,
    /// `log/db` is not there, or empty.
    LogMissing,
    /// `log/db` holds nothing of a space whose rows were shown already.
    LogEmptied,
}

impl Damage {
    /// The file that is damaged.
    pub fn file(self) -> &'static str {
        match self {
            Self::KeyMissing | Self::KeyUnreadable => "site.key",
            Self::LogMissing | Self::LogEmptied => "log/db",
        }
    }
}
