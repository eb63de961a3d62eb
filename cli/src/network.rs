//! What `start` and `join` can say about the network.

use clap::Args;

#[derive(Args, Clone, Default)]
pub struct Network {
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    #[arg(long, value_name = "ADDR")]
    pub peer: Vec<String>,
    #[arg(long)]
    pub no_mdns: bool,
}
