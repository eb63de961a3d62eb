//! `tandem status`: how this site is.

use clap::Args;
use tandem_node::api::peer::Peer;
use tandem_node::api::status::{SpaceStatus, Status as Answer, ThisSite};

use crate::attachment;
use crate::client::Client;
use crate::clock;
use crate::command::sites::peer_state;
use crate::context::Context;
use crate::failure::Outcome;
use crate::figures::{bytes, short};
use crate::fork;
use crate::running_statement;
use crate::table::Table;
use crate::this_pc::this_pc;
use crate::visible::value;

#[derive(Args)]
pub struct Status;

impl Status {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let mut status = client.status()?;
        if let Some(name) = &context.settings.space.value {
            status.spaces.retain(|space| space.name == *name);
            if status.spaces.is_empty() {
                return Err(tandem_node::api::error_kind::space_unknown.with("space", name).into());
            }
        }
        context.print(&status, |status| told(status, &client))
    }
}

fn told(status: &Answer, client: &Client) -> String {
    let running = match (client, &status.node) {
        (Client::Node(node), Some(running)) => {
            t!("status.running", url = node.url(), pid = running.pid, version = running.version).into_owned()
        }
        _ => t!("status.not_running").into_owned(),
    };
    let paused = status.node.as_ref().is_some_and(|node| node.paused);
    let running = if paused { format!("{running}\n{}", t!("status.paused")) } else { running };
    let listening =
        status.node.iter().flat_map(|node| &node.listening).map(value).collect::<Vec<_>>().join("\n");
    let lines = [
        ("site", named(&status.site)),
        ("data", value(&status.site.data)),
        ("node", running),
        ("listening", listening),
    ];
    let mut text = aligned(&lines);
    if status.spaces.is_empty() {
        text += &format!("\n{}\n", t!("status.no_space"));
    }
    for space in &status.spaces {
        text.push('\n');
        text += &of_space(space);
    }
    text
}

/// This site's name and id; before it has a space, what it would be called.
fn named(site: &ThisSite) -> String {
    let id = short(&site.id);
    match site.name.as_str() {
        "" => t!("status.unnamed", name = this_pc(), id = id).into_owned(),
        name => format!("{name} ({id})"),
    }
}

fn of_space(space: &SpaceStatus) -> String {
    let role = space.role.as_ref().map_or_else(
        || t!("status.not_admitted").into_owned(),
        |role| t!(format!("sites.role_{role}")).into_owned(),
    );
    let mut lines = vec![
        ("space", format!("{}, {} ({role})", space.name, short(&space.id))),
        ("fingerprint", space.fingerprint.clone()),
        ("holds", t!("status.holds_of", transactions = space.transactions, ops = space.ops).into_owned()),
        (
            "disk",
            t!("status.disk_of", log = bytes(space.log_bytes), view = bytes(space.view_bytes)).into_owned(),
        ),
    ];
    if !space.running.is_empty() {
        lines
            .push(("long", space.running.iter().map(running_statement::told).collect::<Vec<_>>().join("\n")));
    }
    if let Some(attachment) = &space.attachment {
        let state = attachment.status.as_ref().map(|status| attachment::state(&status.state));
        let state = state.unwrap_or_else(|| t!("attach.no_node").into_owned());
        lines.push(("database", format!("{}\n{state}", attachment.database.as_deref().unwrap_or_default())));
    }
    if space.waiting > 0 {
        lines.push(("waiting", t!("status.waiting_of", count = space.waiting).into_owned()));
    }
    if space.open_conflicts > 0 {
        lines.push(("conflicts", t!("status.conflicts_of", count = space.open_conflicts).into_owned()));
    }
    if !space.forks.is_empty() {
        let forks: Vec<String> = space.forks.iter().map(fork::told).collect();
        lines.push(("forks", forks.join("\n")));
    }
    let mut text = aligned(&lines);
    if !space.tables.is_empty() {
        text.push('\n');
        let mut table =
            Table::new([t!("status.head_table"), t!("status.head_rows"), t!("status.head_fingerprint")]);
        for one in &space.tables {
            table.row([one.name.clone(), one.rows.to_string(), one.fingerprint.clone()]);
        }
        text += &table.render();
    }
    if !space.peers.is_empty() {
        text.push('\n');
        let heads = ["peer", "state", "missing_here", "missing_there", "clock", "address"];
        let mut table = Table::new(heads.map(|key| t!(format!("status.head_{key}")).into_owned()));
        for peer in &space.peers {
            table.row([
                peer.name.clone(),
                peer_state(peer),
                peer.missing_here.to_string(),
                peer.missing_there.to_string(),
                peer.clock_offset_ms.map(clock).unwrap_or_default(),
                peer.address.clone().unwrap_or_default(),
            ]);
        }
        text += &table.render();
        let offset = |peer: &Peer| clock::of_peer(&peer.name, peer.clock_offset_ms?);
        for wrong in space.peers.iter().filter_map(offset) {
            text += &format!("\n{wrong}\n");
        }
    }
    text
}

/// `head  value`, values under each other; those without value left out.
fn aligned(lines: &[(&str, String)]) -> String {
    let head = |key: &str| t!(format!("status.{key}")).into_owned();
    let width = lines.iter().map(|(key, _)| head(key).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value) in lines {
        for (number, line) in value.lines().enumerate() {
            let head = if number == 0 { head(key) } else { String::new() };
            text += &format!("{head:width$}  {line}\n");
        }
    }
    text
}

fn clock(offset_ms: i64) -> String {
    // To the nearest, as everywhere.
    match offset_ms.saturating_add(500).div_euclid(1000) {
        0 => "0 s".to_owned(),
        seconds => format!("{seconds:+} s"),
    }
}
