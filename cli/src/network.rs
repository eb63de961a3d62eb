//! What `start` and `join` can say about the network.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Default)]
pub struct Network {
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
    #[arg(long, value_name = "IP:PORT")]
    pub https: Option<String>,
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    #[arg(long, value_name = "ADDR")]
    pub peer: Vec<String>,
    #[arg(long)]
    pub no_mdns: bool,
}
