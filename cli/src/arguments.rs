//! What can be said on the command line. What it means is told in the catalogue of words (keys
//! `help.*`), so that `--help` speaks the user's language.

use clap::{CommandFactory, Parser, Subcommand};

use crate::command;
use crate::context::Context;
use crate::failure::Outcome;
use crate::global::Global;
use crate::help;
use crate::network::Network;

#[derive(Parser)]
#[command(name = "tandem", version, disable_help_subcommand = true, disable_help_flag = true)]
#[command(disable_version_flag = true, infer_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    Demo(command::demo::Demo),
    Init(command::init::Init),
    Start(command::start::Start),
    Invite(command::invite::Invite),
    Join(command::join::Join),
    Sites(command::sites::Sites),
    Status(command::status::Status),
    Sql(command::sql::Sql),
    Import(command::import::Import),
    Export(command::export::Export),
    Schema(command::schema::Schema),
    Log(command::log::Log),
    Movements(command::movements::Movements),
    Conflicts(command::conflicts::Conflicts),
    Bundle(command::bundle::Bundle),
    Attach(command::attach::Attach),
    Token(command::token::Token),
    Doctor(command::doctor::Doctor),
    Config(command::config::Config),
    Completions(command::completions::Completions),
}

/// The command line, with its help in the user's language.
pub fn command() -> clap::Command {
    help::in_words(Cli::command())
}

impl Command {
    pub fn run(&self, context: &Context) -> Outcome {
        match self {
            Self::Demo(command) => command.run(context),
            Self::Init(command) => command.run(context),
            Self::Start(command) => command.run(context),
            Self::Invite(command) => command.run(context),
            Self::Join(command) => command.run(context),
            Self::Sites(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Sql(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Export(command) => command.run(context),
            Self::Schema(command) => command.run(context),
            Self::Log(command) => command.run(context),
            Self::Movements(command) => command.run(context),
            Self::Conflicts(command) => command.run(context),
            Self::Bundle(command) => command.run(context),
            Self::Attach(command) => command.run(context),
            Self::Token(command) => command.run(context),
            Self::Doctor(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Completions(command) => command.run(self::command()),
        }
    }

    /// What `start` and `join` say about the network.
    pub fn network(&self) -> Network {
        match self {
            Self::Start(command) => command.network.clone(),
            Self::Join(command) => command.network.clone(),
            _ => Network::default(),
        }
    }
}
