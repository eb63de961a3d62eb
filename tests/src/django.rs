//! A school's Django application (`tests/programs/school_django`), as it is installed on one PC: Debian's Django,
//! and a PostgreSQL of that PC. Nothing in it knows of tandem.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::postgres::Database;

/// Who enters the admin.
pub const WHO: [&str; 2] = ["directrice", "ecole2026"];

/// The application as it is installed on one PC.
pub struct Application {
    folder: TempDir,
    environment: [(&'static str, String); 4],
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

impl Application {
    /// Installs it as it was released first.
    pub fn install(database: &Database<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let application = Self { folder, environment: database.environment() };
        application.update("first_release");
        application
    }

    /// Puts a release over what is there, as somebody does who updates it.
    pub fn update(&self, release: &str) {
        let from = programs().join("school_django").join(release).join(".");
        let copied = Command::new("cp").arg("-r").arg(from).arg(self.folder.path()).status().unwrap();
        assert!(copied.success(), "{release} is copied");
    }

    /// Runs Debian's Python, which has Django, in its folder; gives what it prints.
    #[track_caller]
    fn run(&self, args: &[&str], input: &str) -> String {
        let file = self.folder.path().join("input");
        fs::write(&file, input).unwrap();
        let mut python = Command::new("/usr/bin/python3");
        python.args(args).current_dir(self.folder.path()).stdin(File::open(file).unwrap());
        python.envs(self.environment.iter().map(|(name, value)| (name, value.as_str())));
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("DJANGO_SETTINGS_MODULE", "institut.settings");
        python.env("DJANGO_SUPERUSER_PASSWORD", WHO[1]);
        let output = python.stdout(Stdio::piped()).output();
        let output = output.unwrap_or_else(|error| panic!("{python:?}: {error}; `./test` installs it"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?} (`./test` installs what it needs): {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command of `manage.py`.
    #[track_caller]
    pub fn manage(&self, args: &[&str]) -> String {
        self.run(&[&["manage.py"], args].concat(), "")
    }

    /// Works with its models.
    #[track_caller]
    pub fn orm(&self, code: &str) -> String {
        let code = format!(
            "from datetime import *\nfrom django.db.models import F\nfrom school.models import *\n{code}"
        );
        self.manage(&["shell", "-c", &code])
    }

    /// Opens a form of its admin.
    #[track_caller]
    pub fn open(&self, form: &str) -> Map<String, Value> {
        let browser = programs().join("admin_browser.py");
        let told = self.run(&[browser.to_str().unwrap(), WHO[0], WHO[1], "open", form], "");
        serde_json::from_str(&told).unwrap()
    }

    /// Sends a form of its admin.
    #[track_caller]
    pub fn send(&self, form: &str, fields: &Map<String, Value>) {
        let browser = programs().join("admin_browser.py");
        let fields = serde_json::to_string(fields).unwrap();
        self.run(&[browser.to_str().unwrap(), WHO[0], WHO[1], "send", form], &fields);
    }

    /// Opens a form, fills something in, and sends it.
    #[track_caller]
    pub fn fill(&self, form: &str, fields: &[(&str, &str)]) {
        let mut all = self.open(form);
        for (name, value) in fields {
            assert!(all.contains_key(*name), "{form} has {name}: {all:?}");
            all.insert((*name).to_owned(), Value::from(*value));
        }
        self.send(form, &all);
    }
}
