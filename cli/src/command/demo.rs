//! `tandem demo`: two sites on this PC, a school's data, in sync.

mod child;
mod school;
mod sites;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::failure::Outcome;
use crate::progress::Progress;
use crate::terminal::print;

use sites::Pair;

#[derive(Args)]
pub struct Demo {
    #[arg(long, value_name = "N", default_value_t = 20_000, hide_default_value = true)]
    rows: usize,
    #[arg(long)]
    once: bool,
    #[arg(long, conflicts_with = "once")]
    stay: bool,
}

/// How often the status line is renewed.
const LOOK: Duration = Duration::from_secs(1);

impl Demo {
    pub fn run(&self, context: &Context) -> Outcome {
        context.log(false);
        let stop = school::stop_signal()?;
        let pair = Pair::bring_up(context, self.rows, &stop)?;
        let in_sync = pair.wait_for_sync(&stop)?;
        let stays = self.stay || (!self.once && io::stdout().is_terminal());
        if context.json {
            context.print_json(&json!({
                "in_sync": in_sync.fingerprint, "rows": in_sync.rows, "seconds": in_sync.seconds,
                "sites": pair.described(),
            }))?;
        } else {
            print(&pair.told(&in_sync, stays))?;
        }
        if !stays {
            return Ok(());
        }
        if !context.json {
            print(&format!("\n{}", t!("demo.stop")))?;
        }
        let mut line = Progress::new();
        while stop.recv_timeout(LOOK).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            line.show(&pair.status_line());
        }
        Ok(())
    }
}
