//! What the operating system says no with.

use std::io::{self, ErrorKind};

use super::Cause;

impl From<&io::Error> for Cause {
    /// By its kind. What has none that people know is said in the system's own words.
    fn from(error: &io::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound => "file_missing",
            ErrorKind::PermissionDenied => "file_denied",
            ErrorKind::ReadOnlyFilesystem => "file_read_only",
            ErrorKind::IsADirectory => "file_directory",
            ErrorKind::NotADirectory => "file_no_directory",
            ErrorKind::InvalidData => "file_not_text",
            ErrorKind::UnexpectedEof => "file_ends",
            ErrorKind::AlreadyExists => "file_there",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "no_room",
            ErrorKind::AddrInUse => "address_in_use",
            ErrorKind::AddrNotAvailable => "address_elsewhere",
            ErrorKind::ConnectionRefused => "connection_refused",
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                "connection_broken"
            }
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => "network_unreachable",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::OutOfMemory => "out_of_memory",
            _ => return Self::new("system").with("said", error.to_string()),
        };
        Self::new(code)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}
