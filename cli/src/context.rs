//! What every command is given: the decided settings, and how to print.

use serde::Serialize;
use tandem_node::api::{ApiError, error_kind};
use tandem_protocol::cause::Cause;
use tracing_subscriber::EnvFilter;

use crate::client::Client;
use crate::failure::Failure;
use crate::global::Global;
use crate::language;
use crate::network::Network;
use crate::settings::Settings;
use crate::terminal::{self, print};

/// An answer that cannot be written as JSON.
pub fn unmade(error: serde_json::Error) -> ApiError {
    error_kind::failed.with("detail", Cause::new("json_made").with("said", error.to_string()))
}

/// What every command is given.
pub struct Context {
    pub settings: Settings,
    /// Print JSON in place of text.
    pub json: bool,
    verbose: u8,
}

impl Context {
    /// Decides the settings, the language among them.
    pub fn resolve(global: &Global, network: &Network) -> Result<Self, Failure> {
        let environment = |name: &str| std::env::var(name).ok();
        let settings = Settings::resolve(global, network, &environment)?;
        language::speak(settings.language());
        Ok(Self { settings, json: global.json, verbose: global.verbose })
    }

    /// Starts logging on stderr: little for a short command, the node's doings for one that
    /// carries a node.
    pub fn log(&self, carries_node: bool) {
        let own = match (self.verbose, carries_node) {
            (0, false) => "error",
            (0, true) => "info",
            (1, _) => "debug",
            _ => "trace",
        };
        let others = if self.verbose > 1 { "debug" } else { "warn" };
        let own_crates = ["tandem", "tandem_node", "tandem_store", "tandem_protocol"];
        let directives: String = own_crates.iter().map(|name| format!("{name}={own},")).collect();
        let filter = EnvFilter::new(directives + others);
        let builder = tracing_subscriber::fmt().with_env_filter(filter);
        let started = if self.settings.log_format.value == "json" {
            builder.json().with_writer(std::io::stderr).try_init()
        } else {
            // Colours are codes too, and the gate lets none through.
            builder.with_ansi(false).with_writer(terminal::Log).try_init()
        };
        if let Err(error) = started {
            terminal::say(&error.to_string());
        }
    }

    /// Whoever answers requests for the data folder.
    pub fn client(&self) -> Result<Client, Failure> {
        self.log(false);
        let client = Client::of_folder(&self.settings.data.value)?;
        if let Client::Folder(api) = &client {
            api.set_deadlines(self.settings.deadlines());
            if self.settings.certificate().is_some() {
                api.certificate_is_given();
            }
        }
        Ok(client)
    }

    /// The space meant: the one named, or the only one.
    pub fn space(&self, client: &Client) -> Result<String, Failure> {
        if let Some(name) = &self.settings.space.value {
            return Ok(name.clone());
        }
        let mut names = client.spaces()?;
        match names.len() {
            0 => Err(error_kind::space_missing.error().into()),
            1 => Ok(names.remove(0)),
            _ => Err(error_kind::space_unclear.with("spaces", names.join(", ")).into()),
        }
    }

    /// Prints a value as one line of JSON.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(unmade)?;
        terminal::print_json(&line)
    }

    /// Prints JSON, or text made of it.
    pub fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        if self.json { self.print_json(value) } else { print(&text(value)) }
    }
}
