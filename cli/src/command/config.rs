//! `tandem config`: each value that can be set, and where it comes from.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::settings::{Origin, Settings};
use crate::table::Table;

#[derive(Args)]
pub struct Config;

impl Config {
    pub fn run(&self, context: &Context) -> Outcome {
        let entries = entries(&context.settings);
        if context.json {
            let object: Map<String, Value> = entries
                .into_iter()
                .map(|(name, value, origin)| {
                    (name.to_owned(), json!({ "value": value, "origin": origin.code() }))
                })
                .collect();
            return context.print_json(&object);
        }
        let mut table =
            Table::new([t!("config.head_name"), t!("config.head_value"), t!("config.head_origin")]);
        for (name, value, origin) in entries {
            table.row([name.to_owned(), plain(&value), origin.told()]);
        }
        crate::terminal::print(&table.render())
    }
}

fn entries(settings: &Settings) -> Vec<(&'static str, Value, Origin)> {
    vec![
        ("data", json!(settings.data.value.display().to_string()), settings.data.origin),
        ("space", json!(settings.space.value), settings.space.origin),
        ("lang", json!(settings.lang.value), settings.lang.origin),
        ("log-format", json!(settings.log_format.value), settings.log_format.origin),
        ("http", json!(settings.http.value.to_string()), settings.http.origin),
        ("https", json!(settings.https.value.map(|address| address.to_string())), settings.https.origin),
        ("tls-cert", json!(settings.tls_cert.value), settings.tls_cert.origin),
        ("tls-key", json!(settings.tls_key.value), settings.tls_key.origin),
        ("listen", json!(settings.listen.value), settings.listen.origin),
        ("peers", json!(settings.peers.value), settings.peers.origin),
        ("read-deadline", seconds(settings.read_deadline.value), settings.read_deadline.origin),
        ("write-deadline", seconds(settings.write_deadline.value), settings.write_deadline.origin),
        ("mdns", json!(settings.mdns.value), settings.mdns.origin),
    ]
}

/// A whole number where it is one.
fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(on) => if *on { t!("config.on") } else { t!("config.off") }.into_owned(),
        Value::Array(list) if list.is_empty() => "-".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
