//! What can be said on the command line. What it means is told in the catalogues (`locales/`,
//! keys `help.*`), so that `--help` speaks the user's language.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::verb;
use crate::{Outcome, context::Context};

#[derive(Parser)]
#[command(name = "tandem", version, disable_help_subcommand = true, disable_help_flag = true)]
#[command(disable_version_flag = true, infer_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Args, Default)]
pub struct Global {
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    pub data: Option<PathBuf>,
    #[arg(long, global = true, value_name = "NAME", display_order = 901)]
    pub space: Option<String>,
    #[arg(long, global = true, display_order = 902)]
    pub json: bool,
    #[arg(long, global = true, value_name = "en|fr", display_order = 903)]
    pub lang: Option<String>,
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 904)]
    pub verbose: u8,
    #[arg(long, global = true, value_name = "text|json", display_order = 905)]
    pub log_format: Option<String>,
}

#[derive(Subcommand)]
pub enum Verb {
    Demo(verb::demo::Demo),
    Init(verb::init::Init),
    Start(verb::start::Start),
    Invite(verb::invite::Invite),
    Join(verb::join::Join),
    Sites(verb::sites::Sites),
    Status(verb::status::Status),
    Sql(verb::sql::Sql),
    Import(verb::import::Import),
    Schema(verb::schema::Schema),
    Log(verb::log::Log),
    Conflicts(verb::conflicts::Conflicts),
    Bundle(verb::bundle::Bundle),
    Doctor(verb::doctor::Doctor),
    Config(verb::config::Config),
    Completions(verb::completions::Completions),
}

impl Verb {
    pub fn run(&self, context: &Context) -> Outcome {
        match self {
            Self::Demo(verb) => verb.run(context),
            Self::Init(verb) => verb.run(context),
            Self::Start(verb) => verb.run(context),
            Self::Invite(verb) => verb.run(context),
            Self::Join(verb) => verb.run(context),
            Self::Sites(verb) => verb.run(context),
            Self::Status(verb) => verb.run(context),
            Self::Sql(verb) => verb.run(context),
            Self::Import(verb) => verb.run(context),
            Self::Schema(verb) => verb.run(context),
            Self::Log(verb) => verb.run(context),
            Self::Conflicts(verb) => verb.run(context),
            Self::Bundle(verb) => verb.run(context),
            Self::Doctor(verb) => verb.run(context),
            Self::Config(verb) => verb.run(context),
            Self::Completions(verb) => verb.run(),
        }
    }

    /// What `start` and `join` say about the network.
    pub fn network(&self) -> verb::network::Network {
        match self {
            Self::Start(verb) => verb.network.clone(),
            Self::Join(verb) => verb.network.clone(),
            _ => verb::network::Network::default(),
        }
    }
}
