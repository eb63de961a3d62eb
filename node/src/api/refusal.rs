//! The store's errors as the requests' own: the one place where they are told apart.

use std::io;

use tandem_protocol::cause::Cause;
use tandem_store::{AddError, Damage, LogError, OpenError, ReceiveError, Refusal, ViewError, WriteError};

use super::error::ApiError;
use super::error_kind::{self as kind, ErrorKind};
use crate::sync::InviteError;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match ErrorKind::of_code(refusal.code) {
            Some(kind) => Self::new(kind).with_all(refusal.params),
            None => kind::failed.with("detail", refusal.to_string()),
        }
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Log(error) => error.into(),
            WriteError::View(error) => error.into(),
            WriteError::Closed => kind::stopping.error(),
        }
    }
}

impl From<ReceiveError> for ApiError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Fault(fault) => kind::bundle_unreadable.with("detail", Cause::from(&fault)),
            ReceiveError::Log(error) => error.into(),
            ReceiveError::View(error) => error.into(),
            ReceiveError::Closed => kind::stopping.error(),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io(ref error) if error.kind() == io::ErrorKind::StorageFull => kind::disk_full.error(),
            LogError::Poisoned => kind::writes_stopped.with("detail", Cause::from(&error)),
            LogError::Damaged { .. } => kind::log_damaged.with("detail", Cause::from(&error)),
            LogError::Newer(_) => kind::format_newer.with("detail", Cause::from(&error)),
            LogError::Unreadable(_) => kind::log_unreadable.with("detail", Cause::from(&error)),
            LogError::Held(ref path) => kind::file_held.with("path", path.display()),
            LogError::ReadOnly => kind::folder_read_only.error(),
            LogError::Io(_) | LogError::Engine(_) => kind::failed.with("detail", Cause::from(&error)),
        }
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        kind::failed.with("detail", Cause::from(&error))
    }
}

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Held { holder, .. } => kind::folder_locked.with("holder", holder),
            OpenError::Log(error) => error.into(),
            OpenError::Damaged { folder, damage } => {
                let kind = match damage {
                    Damage::KeyMissing => &kind::site_key_missing,
                    Damage::KeyUnreadable => &kind::site_key_unreadable,
                    Damage::LogMissing => &kind::log_missing,
                    Damage::LogEmptied => &kind::log_emptied,
                };
                let path = folder.join(damage.file()).display().to_string();
                kind.with("path", path).with("folder", folder.display())
            }
            OpenError::ReadOnly => kind::folder_read_only.error(),
            OpenError::Io { path, error } if error.kind() == io::ErrorKind::PermissionDenied => {
                let folder = path.parent().unwrap_or(&path);
                kind::folder_not_yours.with("folder", folder.display())
            }
            OpenError::Clock => kind::clock_impossible.error(),
            OpenError::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                kind::disk_full.error()
            }
            other => kind::folder_unusable.with("detail", Cause::from(&other)),
        }
    }
}

impl From<AddError> for ApiError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Write(error) => error.into(),
            AddError::Open(error) => error.into(),
        }
    }
}

impl From<InviteError> for ApiError {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::NotAdmin(admins) => {
                kind::membership.with("detail", Cause::new("invite_not_admin").with("admins", admins))
            }
            InviteError::TooMany(most) => {
                kind::membership.with("detail", Cause::new("invite_many").with("most", most))
            }
            InviteError::Io(error) => kind::failed.with("detail", Cause::from(error)),
        }
    }
}
