//! What a node is told before it starts, and the file `tandem.toml` that can say it.
//!
//! Which source wins (flag, environment, file, default) is decided by the caller; here is only
//! what there is to decide.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::deadline::Deadlines;
use crate::certificate::GivenCertificate;

/// Where the HTTP interface listens unless told otherwise.
pub const DEFAULT_HTTP: &str = "127.0.0.1:7117";

/// Name of the configuration file inside the data folder.
pub const CONFIG_FILE: &str = "tandem.toml";

/// Everything a node needs to know to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The data folder; created when missing.
    pub data: PathBuf,
    /// Where HTTP listens for programs on this PC; port 0 takes any free one.
    pub http: SocketAddr,
    /// Where it listens for other PCs, encrypted, if it does.
    pub https: Option<SocketAddr>,
    /// The certificate for that; without it, one of the node's own.
    pub certificate: Option<GivenCertificate>,
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
    /// As [`Settings::https`].
    pub https: Option<String>,
    /// The file of a certificate that is given.
    pub tls_cert: Option<String>,
    /// The file of its key.
    pub tls_key: Option<String>,
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
    #[error("{}, line {line}: {fault}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        fault: ConfigFault,
    },
}

/// What is wrong with a line of `tandem.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// The value is not written as that entry's is: a text without quotes, a list without brackets.
    #[error("`{said}` must be written `{right}`")]
    Form {
        /// What stands there.
        said: String,
        /// How it is written.
        right: String,
    },
    /// There is no such entry.
    #[error("there is no entry {0}; there are {entries}", entries = entries())]
    Unknown(String),
    /// The entry stands there twice.
    #[error("the entry stands there twice")]
    Twice,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// How the value of an entry is written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    List,
    Switch,
}

/// What can stand in the file.
const ENTRIES: [(&str, Form); 10] = [
    ("http", Form::Text),
    ("https", Form::Text),
    ("tls-cert", Form::Text),
    ("tls-key", Form::Text),
    ("listen", Form::List),
    ("peers", Form::List),
    ("mdns", Form::Switch),
    ("space", Form::Text),
    ("lang", Form::Text),
    ("log-format", Form::Text),
];

/// Names of all entries, for a message.
pub fn entries() -> String {
    ENTRIES.map(|(name, _)| name).join(", ")
}

impl ConfigFile {
    /// Reads `tandem.toml` of a data folder; a missing file is an empty one.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(CONFIG_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error: toml::de::Error| {
                let at = error.span().map_or(0, |span| span.start).min(text.len());
                let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
                let fault = ConfigFault::of(text.lines().nth(line).unwrap_or_default(), error.message());
                ConfigError::Invalid { path, line: line + 1, fault }
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }
}

impl ConfigFault {
    /// The fault of a line, told by the line itself where that says more than the parser.
    fn of(line: &str, message: &str) -> Self {
        let said = line.trim();
        let Some((name, value)) = said.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
        else {
            return Self::Other(message.to_owned());
        };
        let Some((_, form)) = ENTRIES.iter().find(|(known, _)| *known == name) else {
            return Self::Unknown(name.to_owned());
        };
        let bare = value.trim_matches(['[', ']', '"', '\'', ' ']);
        let quoted: Vec<_> = bare.split(',').map(|one| literal(one.trim_matches(['"', '\'', ' ']))).collect();
        let right = match form {
            Form::Text => literal(bare),
            Form::List => format!("[{}]", quoted.join(", ")),
            Form::Switch if ["no", "off", "0", "non"].contains(&bare.to_lowercase().as_str()) => {
                "false".into()
            }
            Form::Switch => "true".into(),
        };
        let right = format!("{name} = {right}");
        // An entry that stands there twice is written well.
        if right == said {
            return Self::Twice;
        }
        Self::Form { said: said.to_owned(), right }
    }
}

/// A text between quotes; between those in which a backslash is one, if it has any.
fn literal(text: &str) -> String {
    if text.contains('\\') { format!("'{text}'") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_written_otherwise_is_told_as_it_should_be() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |text: &str| {
            std::fs::write(folder.path().join(CONFIG_FILE), text).unwrap();
            match ConfigFile::read(folder.path()).unwrap_err() {
                ConfigError::Invalid { line, fault, .. } => (line, fault),
                other => panic!("{other}"),
            }
        };
        for (said, right) in [
            ("lang = fr", "lang = \"fr\""),
            ("http = 127.0.0.1:7117", "http = \"127.0.0.1:7117\""),
            ("lang = \"fr", "lang = \"fr\""),
            ("space = école", "space = \"école\""),
            ("peers = 192.168.1.20", "peers = [\"192.168.1.20\"]"),
            ("peers = \"192.168.1.20\"", "peers = [\"192.168.1.20\"]"),
            ("listen = [a, b]", "listen = [\"a\", \"b\"]"),
            ("mdns = non", "mdns = false"),
            ("mdns = 3", "mdns = true"),
            ("space = \"a\\q\"", "space = 'a\\q'"),
            ("log-format = json", "log-format = \"json\""),
        ] {
            let text = format!("# réglages\n{said}\n");
            let form = ConfigFault::Form { said: said.into(), right: right.into() };
            assert_eq!(fault(&text), (2, form), "{said}");
            // What is told is right.
            std::fs::write(folder.path().join(CONFIG_FILE), format!("{right}\n")).unwrap();
            ConfigFile::read(folder.path()).unwrap();
        }
        assert_eq!(fault("langue = \"fr\""), (1, ConfigFault::Unknown("langue".into())));
        assert!(matches!(fault("lang = \"fr\"\nlang = \"fr\""), (2, ConfigFault::Twice)));
        assert!(matches!(fault("fr"), (1, ConfigFault::Other(_))));
    }

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
