//! The two sites of the demo, from nothing to "in sync".

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::visible::value;
use serde_json::{Value, json};
use tandem_node::api::error_kind;
use tandem_node::api::invitation::{Invitation, Invite, Join, Joined};
use tandem_node::api::space::NewSpace;
use tandem_node::api::status::{SpaceStatus, Status};
use tandem_protocol::cause::Cause;
use tempfile::TempDir;

use super::child::Site;
use super::school::{Stop, check, load};
use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::figures::decimal;
use crate::file::failed;
use crate::progress::Progress;
use crate::settings::Origin;
use crate::terminal;

const SPACE: &str = "school";
const OFFICE: &str = "office";
const CLASSROOM: &str = "classroom";

/// How long the second site may take to hold what the first one holds.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(20);

/// Two running sites.
pub struct Pair {
    // Fields are dropped in this order: the nodes end before their folders go.
    a: Site,
    b: Site,
    rows: u64,
    invited: Instant,
    _folder: Folder,
}

/// That both sites hold the same.
pub struct InSync {
    pub fingerprint: String,
    pub rows: u64,
    pub seconds: f64,
}

impl Pair {
    /// Makes and starts both sites, enters the school's data on one, and lets the other join.
    pub fn bring_up(context: &Context, rows: usize, stop: &Stop) -> Result<Self, Failure> {
        let folder = Folder::of(context)?;
        let (data_a, data_b) = (folder.path.join(OFFICE), folder.path.join(CLASSROOM));
        let mut progress = Progress::new();
        progress.show(&t!("demo.making", site = OFFICE));
        found(&data_a)?;
        let a = Site::start(OFFICE, &data_a, &[])?;
        check(stop)?;
        progress.clear();
        let rows = load(&a.node, SPACE, &t!("demo.loading", site = OFFICE), rows, stop)?;

        progress.show(&t!("demo.joining", site = CLASSROOM));
        let b = Site::start(CLASSROOM, &data_b, &a.listening)?;
        let invited = Instant::now();
        let invitation: Invitation = a.node.post(&["spaces", SPACE, "invitations"], &Invite::default())?;
        let join =
            Join { token: invitation.token, site_name: CLASSROOM.to_owned(), peers: a.listening.clone() };
        let _: Joined = b.node.post(&["join"], &join)?;
        Ok(Self { a, b, rows, invited, _folder: folder })
    }

    /// Waits until both show the same rows.
    pub fn wait_for_sync(&self, stop: &Stop) -> Result<InSync, Failure> {
        let mut progress = Progress::new();
        while self.invited.elapsed() < PATIENCE {
            check(stop)?;
            let (a, b) = (of_space(&self.a.node.status()?)?, of_space(&self.b.node.status()?)?);
            progress.bar(&t!("demo.syncing"), b.transactions, a.transactions);
            if agree(&a, &b) {
                let seconds = self.invited.elapsed().as_secs_f64();
                return Ok(InSync { fingerprint: a.fingerprint, rows: self.rows, seconds });
            }
            std::thread::sleep(LOOK);
        }
        Err(error_kind::failed
            .with("detail", Cause::new("demo_late").with("seconds", PATIENCE.as_secs()))
            .into())
    }

    /// For people: that the sites agree; and if they stay, where they are, and what to try.
    pub fn told(&self, in_sync: &InSync, stays: bool) -> String {
        let short = in_sync.fingerprint.get(..8).unwrap_or(&in_sync.fingerprint);
        let seconds = decimal(in_sync.seconds);
        let mut text =
            t!("demo.in_sync", rows = in_sync.rows, fingerprint = short, seconds = seconds).into_owned();
        if !stays {
            return text;
        }
        text += "\n\n";
        for site in [&self.a, &self.b] {
            text += &t!("demo.site", site = site.name, url = site.node.url(), data = site.data.display());
            text.push('\n');
        }
        text += &format!("\n{}\n", t!("demo.try"));
        let program = std::env::args().next().unwrap_or_else(|| "tandem".to_owned());
        let command =
            |site: &Site, rest: &str| format!("     {program} --data {} {rest}\n", quoted(&site.data));
        text += &format!("  1. {}\n", t!("demo.try_1"));
        text += &command(
            &self.a,
            "sql \"INSERT INTO students (first_name, last_name) VALUES ('Amélie', 'Dubois')\"",
        );
        text += &format!("  2. {}\n", t!("demo.try_2"));
        text += &command(
            &self.b,
            "sql \"SELECT id, first_name, last_name FROM students WHERE last_name = 'Dubois'\"",
        );
        text += &format!("  3. {}\n", t!("demo.try_3"));
        text += &command(&self.b, "log --table students --limit 3");
        text
    }

    /// For programs: the sites.
    pub fn described(&self) -> Value {
        let site = |site: &Site| json!({ "name": site.name, "http": site.node.url(), "data": site.data });
        json!([site(&self.a), site(&self.b)])
    }

    /// How the sites stand, on one line.
    pub fn status_line(&self) -> String {
        let of = |site: &Site| site.node.status().map_err(Failure::from).and_then(|status| of_space(&status));
        match (of(&self.a), of(&self.b)) {
            (Ok(a), Ok(b)) if agree(&a, &b) => {
                let rows: u64 = a.tables.iter().map(|table| table.rows).sum();
                t!("demo.status_in_sync", rows = rows).into_owned()
            }
            (Ok(a), Ok(b)) => t!(
                "demo.status_behind",
                a = self.a.name,
                a_count = a.transactions,
                b = self.b.name,
                b_count = b.transactions
            )
            .into_owned(),
            (Err(_), _) => t!("demo.ended", site = self.a.name).into_owned(),
            (_, Err(_)) => t!("demo.ended", site = self.b.name).into_owned(),
        }
    }
}

/// A demo is worth something only with the school's data.
fn agree(a: &SpaceStatus, b: &SpaceStatus) -> bool {
    a.version_vector == b.version_vector && a.fingerprint == b.fingerprint && a.waiting == 0 && b.waiting == 0
}

fn of_space(status: &Status) -> Result<SpaceStatus, Failure> {
    let space = status.spaces.iter().find(|space| space.name == SPACE).cloned();
    space.ok_or_else(|| error_kind::space_unknown.with("space", SPACE).into())
}

fn found(data: &Path) -> Result<(), Failure> {
    let request = NewSpace {
        name: SPACE.to_owned(),
        site_name: OFFICE.to_owned(),
        schema: Some(tandem_school::SCHEMA.to_owned()),
    };
    match Client::of_folder_or_new(data)? {
        Client::Folder(api) => {
            api.create_space(&request)?;
            api.store().close();
            Ok(())
        }
        Client::Node(_) => Err(error_kind::folder_locked.with("holder", data.display()).into()),
    }
}

fn quoted(path: &Path) -> String {
    let text = value(path.display());
    if text.contains(' ') { format!("\"{text}\"") } else { text }
}

/// Where the sites live: a folder of its own that goes with the demo, or the one asked for. One that
/// holds anything is neither used nor removed.
struct Folder {
    path: PathBuf,
    /// Removed with the demo.
    passing: Option<TempDir>,
}

impl Folder {
    fn of(context: &Context) -> Result<Self, Failure> {
        let asked = &context.settings.data;
        // What the environment names is the place of real data.
        if asked.origin != Origin::Flag {
            let made = tempfile::Builder::new().prefix("tandem-demo-").tempdir();
            let made = made.map_err(|error| failed(&std::env::temp_dir(), &error))?;
            return Ok(Self { path: made.path().to_owned(), passing: Some(made) });
        }
        let path = asked.value.clone();
        std::fs::create_dir_all(&path).map_err(|error| failed(&path, &error))?;
        let mut entries = std::fs::read_dir(&path).map_err(|error| failed(&path, &error))?;
        if entries.next().is_some() {
            return Err(error_kind::demo_folder_taken.with("path", path.display()).into());
        }
        Ok(Self { path, passing: None })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.passing.take().map(TempDir::close) {
            terminal::say(&format!("{}: {error}", self.path.display()));
        }
    }
}
