//! A school whose application is a Django project (`tests/programs/school_django`), on two PCs, each with a
//! PostgreSQL of its own. Nothing in the project knows of tandem.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::lan::Lan;
use crate::postgres::{Database, Server};
use crate::site::Site;
use crate::wait;

/// What is said on the first PC of columns that are no mere fields.
const WISHES: &[&str] = &[
    "--counter",
    "school_enrollment.hours_consumed",
    "--stamp",
    "school_student.updated_at",
    "--stamp",
    "school_cohort.updated_at",
    "--stamp",
    "school_enrollment.updated_at",
    "--stamp",
    "school_payment.updated_at",
    "--stamp",
    "school_attendance.updated_at",
    "--stamp",
    "auth_user.last_login",
];
/// Who enters the admin.
pub const WHO: [&str; 2] = ["directrice", "ecole2026"];

/// Rows that `migrate` makes on its own: 12 content types, each with 4 permissions.
pub const MADE_BY_MIGRATIONS: u64 = 60;

/// What the office has before there is another PC.
const FILLING: &str = "
n5, n4 = (Level.objects.create(name=name) for name in ('N5', 'N4'))
anais = Student.objects.create(first_name='Anaïs', last_name='Dubois', date_of_birth=date(2010, 2, 28),
                               emergency_contact={'nom': 'Mme Dubois', 'tel': ['0341', None]})
leo = Student.objects.create(first_name='Léo', last_name='Martin')
anais.levels.add(n5)
group = Cohort.objects.create(name='Japonais, lundi', level=n5, start_date=date(2026, 9, 7), duration=timedelta(minutes=90))
contract = Enrollment.objects.create(student=anais, cohort=group, hours_purchased=40, contract_code='2026-001')
contract.payments.create(amount='150.00', method='card')
Attendance.objects.create(cohort=group, student=anais, date=date(2026, 9, 7))
";

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

/// One PC of the school.
pub struct Pc<'s> {
    /// Its tandem.
    pub site: Site,
    /// Its database.
    pub database: Database<'s>,
    /// What its people work with.
    pub application: Application,
}

impl<'s> Pc<'s> {
    /// One with the application, and an empty database.
    pub fn new(server: &'s Server, lan: &Arc<Lan>, name: &str) -> Self {
        let (site, database) = (Site::on(&lan.host(), name), server.database(name));
        let application = Application::install(&database);
        Self { site, database, application }
    }

    /// Fills it, and makes a space of it.
    pub fn found(&self) {
        let superuser = ["createsuperuser", "--noinput", "--username", WHO[0], "--email", "d@example.org"];
        self.application.manage(&superuser);
        self.application.orm(FILLING);
        self.site.tandem(&["init"]).json();
        self.site.start();
        let day = self.attach(WISHES);
        assert_eq!(
            day["plan"]["left_out"],
            json!(["django_migrations", "django_admin_log", "django_session"])
        );
    }

    /// Attaches its database.
    #[track_caller]
    pub fn attach(&self, wishes: &[&str]) -> Value {
        let url = self.database.url();
        self.site.tandem(&[&["attach", &url], wishes].concat()).json()
    }
}

/// Both PCs, attached.
pub struct School<'s> {
    /// The first.
    pub office: Pc<'s>,
    /// The one that joined.
    pub classroom: Pc<'s>,
}

impl<'s> School<'s> {
    /// Both migrated by themselves; what there is is the office's.
    pub fn new(server: &'s Server) -> Self {
        let lan = Lan::new();
        let (office, classroom) = (Pc::new(server, &lan, "office"), Pc::new(server, &lan, "classroom"));
        office.application.manage(&["migrate"]);
        classroom.application.manage(&["migrate"]);
        office.found();
        classroom.site.start();
        classroom.site.join(&office.site.invite());
        // What migrations made on both PCs alike is one.
        let day = classroom.attach(&[]);
        assert_eq!((&day["taken_in"], &day["equal"]), (&json!(0), &json!(MADE_BY_MIGRATIONS)), "{day}");
        Self { office, classroom }
    }

    /// The tables that are attached by now.
    pub fn tables(&self) -> Vec<String> {
        let shown = self.office.site.tandem(&["attach", "show"]).json();
        serde_json::from_value(shown["tables"].clone()).unwrap()
    }

    /// Waits until both databases hold the same rows in all tables.
    #[track_caller]
    pub fn equal(&self) {
        let sites = [&self.office.site, &self.classroom.site];
        wait::until("equal databases", &sites, || {
            for table in &self.tables() {
                let [one, other] = [&self.office, &self.classroom]
                    .map(|pc| pc.database.rows(&format!("SELECT * FROM {table} ORDER BY 1")));
                if one != other {
                    return Err(format!("{table}: {one:#?}\n{other:#?}"));
                }
            }
            Ok(())
        });
    }

    /// Checks that nothing is left on its way, nothing was guessed, and nothing waits.
    #[track_caller]
    pub fn healthy(&self) {
        for Pc { site, database, .. } in [&self.office, &self.classroom] {
            wait::until("an empty outbox", &[site], || {
                match database.rows("SELECT seq FROM tandem.outbox") {
                    none if none.is_empty() => Ok(()),
                    left => Err(format!("{left:?}")),
                }
            });
            let compared = site.tandem(&["attach", "compare"]).json();
            for table in compared["tables"].as_array().unwrap() {
                let apart = ["only_here", "only_there", "different"].map(|kind| table[kind].as_u64());
                assert_eq!(apart, [Some(0); 3], "{compared}");
            }
            let shown = site.tandem(&["attach", "show"]).json();
            assert_eq!(shown["status"]["state"], "running", "{shown}");
            assert_eq!(shown["status"]["parked"], json!([]), "{shown}");
            for count in ["missed", "put_back", "altered", "unread"] {
                assert_eq!(shown["status"][count], 0, "{shown}");
            }
            site.verify();
        }
        wait::equal(&[&self.office.site, &self.classroom.site]);
    }

    /// Pulls the cable.
    pub fn part(&self) {
        self.classroom.site.host().unplug();
    }

    /// Puts it in again, and waits until both hold the same.
    #[track_caller]
    pub fn together(&self) {
        self.classroom.site.host().plug();
        self.equal();
    }

    /// The ids of each table, on each PC.
    pub fn ids(&self) -> [Vec<BTreeSet<String>>; 2] {
        [&self.office, &self.classroom].map(|pc| {
            let of =
                |table: &String| pc.database.rows(&format!("SELECT id FROM {table}")).into_iter().collect();
            self.tables().iter().map(of).collect()
        })
    }
}
