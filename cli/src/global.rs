//! What can be said with every command.

use std::path::PathBuf;

use clap::{ArgAction, Args};

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
