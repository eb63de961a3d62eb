//! `tandem sites`: who shares the space.

use clap::{Args, Subcommand};
use serde_json::json;
use tandem_node::api::peer::Peer;
use tandem_node::api::site::{Rename, Site};
use tandem_node::api::status::SpaceStatus;

use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::moment;
use crate::table::Table;
use crate::visible::value;

#[derive(Args)]
pub struct Sites {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    List,
    Show { site: String },
    Rename { site: String, name: String },
}

impl Sites {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        match self.what.as_ref().unwrap_or(&What::List) {
            What::List => list(context, &client, &space),
            What::Show { site } => show(context, &client, &space, site),
            What::Rename { site, name } => {
                client.rename_site(&space, site, &Rename { name: name.clone() })?;
                let done = json!({ "site": site, "name": name });
                context.print(&done, |_| t!("sites.renamed", site = site, name = name).into_owned())
            }
        }
    }
}

fn list(context: &Context, client: &Client, space: &str) -> Outcome {
    let sites = client.sites(space)?;
    if context.json {
        return context.print_json(&json!({ "sites": sites }));
    }
    let status = of_space(client, space)?;
    let mut table = Table::new(
        ["name", "id", "role", "state", "transactions"]
            .map(|key| t!(format!("sites.head_{key}")).into_owned()),
    );
    for site in &sites {
        let peer = status.peers.iter().find(|peer| peer.site == site.id);
        table.row([
            site.name.clone(),
            site.short.clone(),
            t!(format!("sites.role_{}", site.role)).into_owned(),
            state(site, peer),
            site.transactions.to_string(),
        ]);
    }
    crate::terminal::print(&table.render())
}

fn show(context: &Context, client: &Client, space: &str, wanted: &str) -> Outcome {
    let sites = client.sites(space)?;
    let site = tandem_node::api::site::pick(&sites, wanted)?;
    let status = of_space(client, space)?;
    let peer = status.peers.iter().find(|peer| peer.site == site.id);
    if context.json {
        return context.print_json(&json!({ "site": site, "peer": peer }));
    }
    let admitted_by = site.admitted_by.as_ref().map_or_else(
        || t!("sites.founder").into_owned(),
        |id| sites.iter().find(|site| site.id == *id).map_or_else(|| id.clone(), |site| site.name.clone()),
    );
    let mut lines = vec![
        ("name", site.name.clone()),
        ("id", site.id.clone()),
        ("role", t!(format!("sites.role_{}", site.role)).into_owned()),
        ("ordinal", site.ordinal.to_string()),
        ("admitted", admitted_by),
        ("transactions", site.transactions.to_string()),
        ("state", state(site, peer)),
    ];
    lines.extend(peer.and_then(|peer| peer.address.as_ref()).map(|address| ("address", value(address))));
    let width =
        lines.iter().map(|(key, _)| t!(format!("sites.head_{key}")).chars().count()).max().unwrap_or(0);
    let told = lines.iter().map(|(key, value)| {
        let head = t!(format!("sites.head_{key}"));
        format!("{head:width$}  {value}\n")
    });
    crate::terminal::print(&told.collect::<String>())
}

/// In a word or two: here, connected, last seen when.
pub fn state(site: &Site, peer: Option<&Peer>) -> String {
    match peer {
        _ if site.this => t!("sites.this").into_owned(),
        Some(peer) => peer_state(peer),
        None => String::new(),
    }
}

/// The same of a site that is known only from the network.
pub fn peer_state(peer: &Peer) -> String {
    match &peer.last_seen {
        _ if peer.connected => t!("sites.connected").into_owned(),
        Some(seen) => t!("sites.last_seen", time = moment::local(seen)).into_owned(),
        None => t!("sites.never_seen").into_owned(),
    }
}

fn of_space(client: &Client, space: &str) -> Result<SpaceStatus, Failure> {
    let status = client.status()?;
    let found = status.spaces.into_iter().find(|status| status.name == space);
    found.ok_or_else(|| tandem_node::api::error_kind::space_unknown.with("space", space).into())
}
