//! Which value wins: flag, environment, `tandem.toml`, default; and where each came from.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tandem_node::api::deadline::{self, Deadlines};
use tandem_node::api::error_kind;
use tandem_node::config::{ConfigError, ConfigFault, ConfigFile, DEFAULT_HTTP};
use tandem_node::{GivenCertificate, Settings as NodeSettings};
use tandem_protocol::cause::Cause;
use tandem_words::Language;

use crate::failure::Failure;
use crate::global::Global;
use crate::language;
use crate::network::Network;
use crate::speech;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment(&'static str),
    File,
    Default,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// Every value that can be set in more than one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub data: Setting<PathBuf>,
    pub space: Setting<Option<String>>,
    pub lang: Setting<String>,
    pub log_format: Setting<String>,
    pub http: Setting<SocketAddr>,
    pub https: Setting<Option<SocketAddr>>,
    pub tls_cert: Setting<Option<PathBuf>>,
    pub tls_key: Setting<Option<PathBuf>>,
    pub listen: Setting<Vec<String>>,
    pub peers: Setting<Vec<String>>,
    pub mdns: Setting<bool>,
    pub read_deadline: Setting<Duration>,
    pub write_deadline: Setting<Duration>,
}

/// Reads an environment variable; in tests, a made-up one.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Decides every value.
    pub fn resolve(
        global: &Global,
        network: &Network,
        environment: Environment<'_>,
    ) -> Result<Self, Failure> {
        let env = |name: &'static str| {
            let value = environment(name).filter(|value| !value.is_empty());
            value.map(|value| (value, Origin::Environment(name)))
        };
        let mut data = pick(global.data.clone(), env("TANDEM_DATA").map(own), None, default_data)?;
        // Printed here and there, and read from elsewhere: it should mean the same everywhere.
        data.value = std::path::absolute(&data.value).unwrap_or(data.value);
        let file = read_file(&data.value)?;
        let usual = Deadlines::default();
        let deadline = |name, file: Option<f64>, usual: Duration| {
            let file = file.map(|seconds| seconds.to_string());
            pick(None, env(name), file, || Ok(usual.as_secs_f64().to_string()))?.check(|text| seconds(&text))
        };
        let path = |text: Option<String>| text.map(PathBuf::from);
        Self {
            space: pick(
                global.space.clone().map(Some),
                env("TANDEM_SPACE").map(own),
                file.space.map(Some),
                || Ok(None),
            )?,
            lang: pick(global.lang.clone(), env("TANDEM_LANG"), file.lang, || {
                Ok(language::of_system().code().to_owned())
            })?
            .check(|text| one_of(text, "lang", &language::codes()))?,
            log_format: pick(global.log_format.clone(), env("TANDEM_LOG_FORMAT"), file.log_format, || {
                Ok("text".into())
            })?
            .check(|text| one_of(text, "log-format", &["text", "json"]))?,
            http: pick(network.http.clone(), env("TANDEM_HTTP"), file.http, || Ok(DEFAULT_HTTP.into()))?
                .check(|text| loopback(&text))?,
            https: maybe(network.https.clone(), env("TANDEM_HTTPS"), file.https)?
                .check(|text| text.map(|text| address(&text)).transpose())?,
            tls_cert: maybe(network.tls_cert.clone(), env("TANDEM_TLS_CERT").map(own), path(file.tls_cert))?,
            tls_key: maybe(network.tls_key.clone(), env("TANDEM_TLS_KEY").map(own), path(file.tls_key))?,
            listen: pick(some(&network.listen), env("TANDEM_LISTEN").map(list), file.listen, || {
                Ok(Vec::new())
            })?,
            peers: pick(some(&network.peer), env("TANDEM_PEERS").map(list), file.peers, || Ok(Vec::new()))?,
            mdns: pick(
                network.no_mdns.then(|| "no".into()),
                env("TANDEM_MDNS"),
                file.mdns.map(|on| yes_no(on).into()),
                || Ok("yes".into()),
            )?
            .check(|text| yes_or_no(&text))?,
            read_deadline: deadline("TANDEM_READ_DEADLINE", file.read_deadline, usual.read)?,
            write_deadline: deadline("TANDEM_WRITE_DEADLINE", file.write_deadline, usual.write)?,
            data,
        }
        .with_whole_certificate()
    }

    /// Refuses half a certificate.
    fn with_whole_certificate(self) -> Result<Self, Failure> {
        match self.tls_cert.value.is_some() == self.tls_key.value.is_some() {
            true => Ok(self),
            false => Err(Failure::usage(t!("failure.tls_both"))),
        }
    }

    /// What a node is started with.
    pub fn node(&self) -> NodeSettings {
        NodeSettings {
            data: self.data.value.clone(),
            http: self.http.value,
            https: self.https.value,
            certificate: self.certificate(),
            listen: self.listen.value.clone(),
            peers: self.peers.value.clone(),
            mdns: self.mdns.value,
            deadlines: self.deadlines(),
        }
    }

    /// The certificate for other PCs, if one is given.
    pub fn certificate(&self) -> Option<GivenCertificate> {
        let (certificate, key) = (self.tls_cert.value.clone()?, self.tls_key.value.clone()?);
        Some(GivenCertificate { certificate, key })
    }

    /// The language to speak.
    pub fn language(&self) -> Language {
        Language::of_code(&self.lang.value).unwrap_or(Language::English)
    }

    /// How long statements may run unless their command says otherwise.
    pub fn deadlines(&self) -> Deadlines {
        Deadlines { read: self.read_deadline.value, write: self.write_deadline.value }
    }
}

/// The `tandem.toml` of a data folder.
fn read_file(folder: &Path) -> Result<ConfigFile, Failure> {
    ConfigFile::read(folder).map_err(|error| match error {
        ConfigError::Unreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            Failure::from(error_kind::folder_not_yours.with("folder", folder.display()))
        }
        error => Failure::usage(unusable(&error)),
    })
}

/// What is wrong with `tandem.toml`.
fn unusable(error: &ConfigError) -> String {
    let (path, line, fault) = match error {
        ConfigError::Invalid { path, line, fault } => (path, line, fault),
        ConfigError::Unreadable { path, source } => {
            let cause = Cause::new("at_path").with("path", path.display()).with("fault", Cause::from(source));
            return t!("failure.config", detail = speech::told(&cause)).into_owned();
        }
    };
    let fault = match fault {
        ConfigFault::Form { said, right } => t!("failure.config_form", said = said, right = right),
        ConfigFault::Unknown(name) => {
            t!("failure.config_unknown", name = name, entries = tandem_node::config::entries())
        }
        ConfigFault::Twice => t!("failure.config_twice"),
        ConfigFault::Other(said) => t!("failure.config_other", said = said),
    };
    t!("failure.config_line", path = path.display(), line = line, fault = fault).into_owned()
}

fn pick<T>(
    flag: Option<T>,
    environment: Option<(T, Origin)>,
    file: Option<T>,
    default: impl FnOnce() -> Result<T, Failure>,
) -> Result<Setting<T>, Failure> {
    let set = flag
        .map(|value| (value, Origin::Flag))
        .or(environment)
        .or_else(|| file.map(|value| (value, Origin::File)));
    let (value, origin) = match set {
        Some(set) => set,
        None => (default()?, Origin::Default),
    };
    Ok(Setting { value, origin })
}

/// A value that may be none.
fn maybe<T>(
    flag: Option<T>,
    environment: Option<(T, Origin)>,
    file: Option<T>,
) -> Result<Setting<Option<T>>, Failure> {
    let environment = environment.map(|(value, origin)| (Some(value), origin));
    pick(flag.map(Some), environment, file.map(Some), || Ok(None))
}

impl<T> Setting<T> {
    fn check<U>(self, check: impl FnOnce(T) -> Result<U, String>) -> Result<Setting<U>, Failure> {
        let origin = self.origin;
        check(self.value).map(|value| Setting { value, origin }).map_err(|message| {
            Failure::usage(t!("failure.setting", message = message, origin = origin.told()))
        })
    }
}

impl Origin {
    /// For people.
    pub fn told(self) -> String {
        match self {
            Self::Flag => t!("config.from_flag").into_owned(),
            Self::Environment(name) => t!("config.from_environment", name = name).into_owned(),
            Self::File => t!("config.from_file").into_owned(),
            Self::Default => t!("config.from_default").into_owned(),
        }
    }

    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment(_) => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

fn default_data() -> Result<PathBuf, Failure> {
    let own = directories::ProjectDirs::from("", "", "tandem");
    let found = own.map(|own| own.data_local_dir().to_owned());
    found.ok_or_else(|| error_kind::folder_unusable.with("detail", Cause::new("no_home")).into())
}

fn own<T: From<String>>((text, origin): (String, Origin)) -> (T, Origin) {
    (text.into(), origin)
}

fn list((text, origin): (String, Origin)) -> (Vec<String>, Origin) {
    (text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect(), origin)
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn one_of(text: String, name: &str, allowed: &[&str]) -> Result<String, String> {
    if allowed.contains(&text.as_str()) {
        return Ok(text);
    }
    Err(t!("failure.one_of", name = name, value = text, allowed = allowed.join(", ")).into_owned())
}

/// A number of seconds that is a deadline.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.trim().parse().ok().and_then(deadline::of_seconds);
    time.ok_or_else(|| t!("failure.deadline", value = text).into_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| t!("failure.http_address", value = text).into_owned())
}

/// An address of this PC alone: what goes to others is encrypted, and has an address of its own.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    let is_here = address.ip().to_canonical().is_loopback();
    is_here.then_some(address).ok_or_else(|| t!("failure.http_not_here", value = text).into_owned())
}

fn yes_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(t!("failure.one_of", name = "mdns", value = text, allowed = "yes, no").into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        global: &Global,
        network: &Network,
        environment: &[(&str, &str)],
    ) -> Result<Settings, Failure> {
        let read = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::resolve(global, network, &read)
    }

    fn setting<T>(value: T, origin: Origin) -> Setting<T> {
        Setting { value, origin }
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let mut global = Global { data: Some(folder.path().to_owned()), ..Global::default() };
        let mut network = Network::default();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();

        let default = resolve(&global, &network, &[]).unwrap();
        assert_eq!(default.http, setting(address(DEFAULT_HTTP), Origin::Default));
        assert_eq!(default.mdns, setting(true, Origin::Default));
        assert_eq!(default.space, setting(None, Origin::Default));
        assert_eq!(default.data.origin, Origin::Flag);

        let file = "http = \"127.0.0.1:1\"\nmdns = false\nspace = \"filed\"\nwrite-deadline = 2.5\npeers = [\"a\"]\n";
        std::fs::write(folder.path().join("tandem.toml"), file).unwrap();
        let filed = resolve(&global, &network, &[]).unwrap();
        assert_eq!(filed.write_deadline, setting(Duration::from_millis(2500), Origin::File));
        assert_eq!(filed.read_deadline, setting(Duration::from_secs(120), Origin::Default));
        assert_eq!(filed.http, setting(address("127.0.0.1:1"), Origin::File));
        assert_eq!(filed.mdns, setting(false, Origin::File));
        assert_eq!(filed.peers, setting(vec!["a".to_owned()], Origin::File));

        let environment = [
            ("TANDEM_HTTP", "127.0.0.1:2"),
            ("TANDEM_MDNS", "yes"),
            ("TANDEM_SPACE", "env"),
            ("TANDEM_PEERS", "b, c"),
            ("TANDEM_LANG", ""),
        ];
        let env = resolve(&global, &network, &environment).unwrap();
        assert_eq!(env.http, setting(address("127.0.0.1:2"), Origin::Environment("TANDEM_HTTP")));
        assert_eq!(env.mdns, setting(true, Origin::Environment("TANDEM_MDNS")));
        assert_eq!(env.peers.value, ["b", "c"]);
        assert_eq!(env.lang.origin, Origin::Default);

        network.http = Some("127.0.0.1:3".into());
        network.no_mdns = true;
        network.peer = vec!["d".into()];
        global.space = Some("flagged".into());
        let flagged = resolve(&global, &network, &environment).unwrap();
        assert_eq!(flagged.http, setting(address("127.0.0.1:3"), Origin::Flag));
        assert_eq!(flagged.mdns, setting(false, Origin::Flag));
        assert_eq!(flagged.space, setting(Some("flagged".into()), Origin::Flag));
        assert_eq!(flagged.peers, setting(vec!["d".to_owned()], Origin::Flag));
    }

    #[test]
    fn nonsense_is_refused_and_its_place_named() {
        let folder = tempfile::tempdir().unwrap();
        let global = Global { data: Some(folder.path().to_owned()), ..Global::default() };
        let refused = |environment: &[(&str, &str)]| match resolve(&global, &Network::default(), environment)
        {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(refused(&[("TANDEM_HTTP", "here")]).contains("TANDEM_HTTP"));
        assert!(refused(&[("TANDEM_LANG", "de")]).contains("en, fr"));
        assert!(refused(&[("TANDEM_MDNS", "perhaps")]).contains("perhaps"));
        assert!(refused(&[("TANDEM_READ_DEADLINE", "-1")]).contains("TANDEM_READ_DEADLINE"));
        assert!(refused(&[("TANDEM_LOG_FORMAT", "xml")]).contains("text, json"));
        std::fs::write(folder.path().join("tandem.toml"), "mdns = 3").unwrap();
        assert!(refused(&[]).contains("tandem.toml"));
    }
}
