//! The store's errors as the requests' own: the one place where they are told apart.

use std::io;

use tandem_store::{AddError, Damage, LogError, OpenError, ReceiveError, Refusal, ViewError, WriteError};

use super::error::ApiError;
use super::error_kind::{self as kind, ErrorKind};
use crate::sync::InviteError;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        // The store says "not allowed" of SQL only; among requests the word would mean more.
        let (code, message) = match refusal.code {
            "not_allowed" => {
                let statement = refusal.message.replacen("this is not allowed in SQL here: ", "", 1);
                (kind::sql_not_allowed.code, statement)
            }
            code => (code, refusal.message.clone()),
        };
        match ErrorKind::of_code(code) {
            Some(kind) => {
                let mut params = refusal.params;
                params.push(("detail", message));
                ApiError::new(kind, &params)
            }
            None => {
                let error = kind::sql_error.with("detail", refusal.message);
                refusal.hint.into_iter().fold(error, Self::hint)
            }
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
            ReceiveError::Fault(fault) => kind::bundle_unreadable.with("detail", fault),
            ReceiveError::Log(error) => error.into(),
            ReceiveError::View(error) => error.into(),
            ReceiveError::Closed => kind::stopping.error(),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io(error) if error.kind() == io::ErrorKind::StorageFull => kind::disk_full.error(),
            LogError::Poisoned => kind::writes_stopped.with("detail", error),
            LogError::Damaged { .. } => kind::log_damaged.with("detail", error),
            LogError::Newer(_) => kind::format_newer.with("detail", error),
            LogError::Unreadable(detail) => kind::log_unreadable.with("detail", detail),
            LogError::Held(path) => kind::file_held.with("path", path.display()),
            LogError::ReadOnly => kind::folder_read_only.error(),
            LogError::Io(_) | LogError::Engine(_) => kind::failed.with("detail", error),
        }
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        kind::failed.with("detail", error)
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
                ApiError::new(kind, &[("path", path), ("folder", folder.display().to_string())])
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
            other => kind::folder_unusable.with("detail", other),
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
            InviteError::NotAdmin(_) | InviteError::TooMany => kind::membership.with("detail", error),
            InviteError::Io(error) => kind::failed.with("detail", error),
        }
    }
}
