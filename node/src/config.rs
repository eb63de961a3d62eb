//! What a node is told before it starts, and the file `tandem.toml` that can say it.
//!
//! Which source wins (flag, environment, file, default) is decided by the caller; here is only
//! what there is to decide.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::deadline::Deadlines;

/// Where the HTTP interface listens unless told otherwise.
pub const DEFAULT_HTTP: &str = "127.0.0.1:7117";

/// Name of the configuration file inside the data folder.
pub const CONFIG_FILE: &str = "tandem.toml";

/// Everything a node needs to know to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The data folder; created when missing.
    pub data: PathBuf,
    /// Where HTTP listens; port 0 takes any free one.
    pub http: SocketAddr,
    /// Multiaddresses to listen on for other sites; empty: every interface, a free port.
    pub listen: Vec<String>,
    /// Multiaddresses of sites to look for, beside those found by mDNS and remembered.
    pub peers: Vec<String>,
    /// Whether to look for other sites on the local network by mDNS.
    pub mdns: bool,
    /// How long statements may run unless their request says otherwise.
    pub deadlines: Deadlines,
}

/// The content of `tandem.toml`. Every entry may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ConfigFile {
    /// As [`Settings::http`].
    pub http: Option<String>,
    /// As [`Settings::listen`].
    pub listen: Option<Vec<String>>,
    /// As [`Settings::peers`].
    pub peers: Option<Vec<String>>,
    /// As [`Settings::mdns`].
    pub mdns: Option<bool>,
    /// Seconds that a statement may read, unless its request says otherwise.
    pub read_deadline: Option<f64>,
    /// Seconds that a transaction's statements may write, unless its request says otherwise.
    pub write_deadline: Option<f64>,
    /// The space meant when a command names none.
    pub space: Option<String>,
    /// Language of messages: `en` or `fr`.
    pub lang: Option<String>,
    /// `text` or `json`.
    pub log_format: Option<String>,
}

/// Why `tandem.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is there but cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        message: String,
    },
}

impl ConfigFile {
    /// Reads `tandem.toml` of a data folder; a missing file is an empty one.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(CONFIG_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error: toml::de::Error| ConfigError::Invalid {
                path,
                message: error.to_string().trim_end().to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_says_nothing_and_a_wrong_one_says_where() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ConfigFile::read(folder.path()).unwrap(), ConfigFile::default());

        let path = folder.path().join(CONFIG_FILE);
        std::fs::write(&path, "http = \"127.0.0.1:9\"\nmdns = false\nlog-format = \"json\"\n").unwrap();
        let read = ConfigFile::read(folder.path()).unwrap();
        assert_eq!(read.http.as_deref(), Some("127.0.0.1:9"));
        assert_eq!((read.mdns, read.log_format.as_deref()), (Some(false), Some("json")));

        std::fs::write(&path, "mdns = false\nhtpp = \"x\"\n").unwrap();
        let message = ConfigFile::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("htpp"), "{message}");
    }
}
