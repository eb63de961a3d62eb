//! `tandem movements`: what was added to a counter, by whom, with what it was before and after.

use clap::Args;
use serde_json::json;
use tandem_node::api::movement::{Movement, MovementQuery};

use crate::client::Client;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::moment;
use crate::pairs::pairs;
use crate::table::Table;
use crate::visible::value;

#[derive(Args)]
pub struct Movements {
    #[arg(value_name = "TABLE.COLUMN")]
    counter: String,
    #[arg(long, value_name = "KEY")]
    row: Option<String>,
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Transactions asked for at a time.
const PAGE: usize = 1000;

impl Movements {
    pub fn run(&self, context: &Context) -> Outcome {
        let (table, column) =
            self.counter.rsplit_once('.').ok_or_else(|| Failure::usage(t!("movements.form")))?;
        let since = match &self.since {
            None => None,
            Some(text) => {
                let time = moment::typed(text);
                Some(time.ok_or_else(|| Failure::usage(t!("log.bad_time", time = text)))?)
            }
        };
        let client = context.client()?;
        let space = context.space(&client)?;
        let key = self.row.clone();
        let query = MovementQuery {
            table: table.into(),
            column: column.into(),
            key,
            since,
            ..MovementQuery::default()
        };
        let found = self.all(&client, &space, query)?;
        context.print(&json!({ "movements": found }), |_| told(&found))
    }

    /// All that are asked for, page by page.
    fn all(&self, client: &Client, space: &str, mut query: MovementQuery) -> Result<Vec<Movement>, Failure> {
        let (mut found, most) = (Vec::new(), self.limit.unwrap_or(usize::MAX));
        while found.len() < most {
            query.limit = Some((most - found.len()).min(PAGE));
            let page = client.movements(space, &query)?;
            found.extend(page.movements);
            query.from = page.next;
            if page.next.is_none() {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }
}

fn told(movements: &[Movement]) -> String {
    if movements.is_empty() {
        return t!("movements.none").into_owned();
    }
    let heads = ["time", "site", "by", "row", "delta", "before", "after", "message"];
    let mut table = Table::new(heads.map(|key| t!(format!("movements.head_{key}")).into_owned())).narrow();
    for movement in movements {
        table.row([
            moment::local(&movement.head.time),
            movement.head.site_name.clone(),
            movement.head.by.as_deref().map(value).unwrap_or_default(),
            pairs(&movement.key),
            movement.delta.to_string(),
            movement.before.to_string(),
            movement.after.to_string(),
            movement.head.message.as_deref().map(value).unwrap_or_default(),
        ]);
    }
    table.render()
}
