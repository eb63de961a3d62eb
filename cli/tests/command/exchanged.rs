//! `tandem export` and `tandem import` of files that are written together: the school's ZIP both ways, folders
//! and archives of CSV.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::program::Program;

const SCHEMA: &str = include_str!("../../../examples/school/schema.sql");

/// When changed archives say to have been made: after every other.
const MADE: &str = "2099-01-31 18:00:00";

/// A site with the school's tables and nothing in them.
fn site(name: &str) -> Program {
    let program = Program::new();
    let schema = program.file("schema.sql", SCHEMA);
    let made =
        program.run(&["init", "--space", "school", "--name", name, "--schema", schema.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    program
}

fn rows(program: &Program, sql: &str) -> Value {
    program.json(&["sql", sql])["rows"].clone()
}

/// A school with a group, two sessions, two contracts, and what was paid.
fn filled() -> Program {
    let program = site("office");
    program.json(&[
        "sql",
        "INSERT INTO subjects VALUES (1, 'Japonais');
         INSERT INTO tariffs VALUES (1, 'Normal', 1500), (2, 'Réduit', 1234.50);
         INSERT INTO discounts VALUES (1, 'Fratrie', 10, 'percent');
         INSERT INTO students (id, first_name, last_name, is_active, updated_at) VALUES
           (1, 'Amélie', 'Dubois; \"dite\" A', TRUE, '2026-01-05 10:00:00'), (2, 'Bo', '=1+1', FALSE, '2026-01-05 10:00:00');
         INSERT INTO cohorts (id, name, subject_id, updated_at) VALUES (1, 'N5', 1, '2026-01-05 10:00:00');
         INSERT INTO sessions (id, cohort_id, date, start_time, end_time, updated_at) VALUES
           (1, 1, '2026-01-10', '08:00:00', '10:00:00', '2026-01-05 10:00:00'),
           (2, 1, '2026-01-17', '08:00:00', '10:00:00', '2026-01-05 10:00:00');
         INSERT INTO enrollments (id, student_id, cohort_id, tariff_id, date, hours_consumed, updated_at) VALUES
           (1, 1, 1, 1, '2026-01-04', 4, '2026-01-05 10:00:00'), (2, 2, 1, 2, '2026-01-04', 0, '2026-01-05 10:00:00');
         INSERT INTO attendance (session_id, student_id, status, updated_at) VALUES (1, 1, 'present', '2026-01-10 10:00:00');
         INSERT INTO payments (id, enrollment_id, amount, date, notes, updated_at) VALUES
           (1, 1, 1234.56, '2026-01-05', '', '2026-01-05 10:00:00'), (2, 2, 0.10, '2026-01-05', NULL, '2026-01-05 10:00:00');",
    ]);
    program
}

/// The files of an archive, by name.
fn files(zip: &Path) -> Vec<(String, String)> {
    let mut archive = ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut files = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.push((entry.entry().name().unwrap().into_owned(), text));
    }
    files
}

/// An archive of the same files, changed, beside the program's data: as the school's own program writes
/// it, with nothing of tandem's in it.
fn changed(program: &Program, name: &str, zip: &Path, change: impl Fn(&str, String) -> String) -> PathBuf {
    let path = program.data().parent().unwrap().join(name);
    let mut writer = ZipWriter::new(File::create(&path).unwrap());
    for (name, text) in files(zip) {
        writer.start_file(&name, SimpleFileOptions::default()).unwrap();
        let text = match name.as_str() {
            "_metadata.csv" => format!("Date export,Version\n{MADE},2.0 COMPLET\n"),
            _ => change(&name, text),
        };
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn exported(program: &Program) -> PathBuf {
    let folder = tempfile::Builder::new().tempdir_in(program.data().parent().unwrap()).unwrap().keep();
    let written = program.json(&["export", "--school", folder.to_str().unwrap()]);
    PathBuf::from(written["file"].as_str().unwrap())
}

fn imported(program: &Program, zip: &Path) -> Value {
    program.json(&["import", zip.to_str().unwrap()])
}

fn counts(answer: &Value, table: &str) -> [u64; 5] {
    let tables = answer["tables"].as_array().unwrap();
    let found =
        tables.iter().find(|one| one["table"] == table).unwrap_or_else(|| panic!("{table}: {answer}"));
    ["inserted", "updated", "deleted", "same", "older"].map(|name| found[name].as_u64().unwrap())
}

fn fingerprint(program: &Program) -> (Value, Value) {
    let status = program.json(&["status"])["spaces"][0].clone();
    (status["fingerprint"].clone(), status["transactions"].clone())
}

#[test]
fn the_schools_archive_goes_out_and_comes_in() {
    let office = filled();
    let zip = exported(&office);
    let name = zip.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("sync_global_COMPLET_20") && name.ends_with(".zip"), "{name}");
    let files = files(&zip);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "subjects.csv",
            "levels.csv",
            "tariffs.csv",
            "discounts.csv",
            "students.csv",
            "cohorts.csv",
            "sessions.csv",
            "enrollments.csv",
            "presences.csv",
            "paiements_etudiants.csv",
            "paiements_profs.csv",
            "_all_session_ids.csv",
            "_all_enrollment_ids.csv",
            "_metadata.csv",
        ]
    );
    let text = |name: &str| &files.iter().find(|(file, _)| file == name).unwrap().1;
    assert_eq!(
        text("paiements_etudiants.csv").lines().next().unwrap(),
        "id,enrollment_id,amount,date,method,notes,created_at,updated_at,updated_by"
    );
    assert!(
        text("paiements_etudiants.csv")
            .contains("\n1,1,1234.56,2026-01-05,cash,\"\",,2026-01-05 10:00:00,\n")
    );
    assert!(text("tariffs.csv").contains("2,Réduit,1234.50"), "to the last digit");
    assert!(text("students.csv").contains("True") && text("students.csv").contains("False"));
    assert_eq!(text("_all_session_ids.csv"), "id\n1\n2\n");

    let classroom = site("classroom");
    let taken = imported(&classroom, &zip);
    assert_eq!(counts(&taken, "payments"), [2, 0, 0, 0, 0]);
    assert_eq!(taken.get("backup"), None, "nothing that was there was changed");
    assert_eq!(fingerprint(&classroom).0, fingerprint(&office).0, "both show the same rows");
    let before = fingerprint(&classroom);
    let again = imported(&classroom, &zip);
    assert_eq!((&again["inserted"], &again["updated"]), (&json!(0), &json!(0)));
    assert_eq!(fingerprint(&classroom), before, "again is nothing");
    assert_eq!(imported(&office, &zip)["updated"], json!(0), "nor where it came from");
}

#[test]
fn a_newer_archive_brings_what_is_new_and_an_older_one_nothing() {
    let office = filled();
    let first = exported(&office);
    let site = site("classroom");
    imported(&site, &first);
    let newer = changed(&site, "newer.zip", &first, |name, text| match name {
        "students.csv" => {
            text.replace(
                "Bo,=1+1,,,,,,False,,2026-01-05 10:00:00",
                "Bob,=1+1,,,,,,False,,2026-01-20 10:00:00",
            ) + "3,Chloé,Martin,,,,,,True,,2026-01-20 10:00:00\n"
        }
        "tariffs.csv" => text.replace("1500.00", "1600.00"),
        "sessions.csv" => {
            text.lines().filter(|line| !line.starts_with("2,")).map(|line| format!("{line}\n")).collect()
        }
        "_all_session_ids.csv" => "id\n1\n".to_owned(),
        _ => text,
    });
    // A row that was made here since, and that the other side never heard of.
    site.json(&[
        "sql",
        "INSERT INTO sessions (id, cohort_id, date, start_time, end_time) VALUES (9, 1, '2026-02-01', '08:00', '09:00')",
    ]);
    let looked = site.json(&["import", newer.to_str().unwrap(), "--dry-run"]);
    let told = site.run(&["--lang", "fr", "import", newer.to_str().unwrap()]);
    assert_eq!(told.code, 0, "{told:?}");
    for line in [
        "students : ajoutées 1, mises à jour 1, inchangées 1",
        "tariffs : ajoutées 0, mises à jour 1, inchangées 1",
        "sessions : ajoutées 0, mises à jour 0, inchangées 1, supprimées 1",
        "Tout a été sauvegardé avant",
    ] {
        assert!(told.out.contains(line), "{line}: {told:?}");
    }
    assert_eq!(counts(&looked, "students"), [1, 1, 0, 1, 0], "the look says the same");
    assert_eq!(counts(&looked, "sessions"), [0, 0, 1, 1, 0]);
    assert_eq!(rows(&site, "SELECT id FROM sessions ORDER BY id"), json!([[1], [9]]));
    assert_eq!(
        rows(&site, "SELECT first_name FROM students ORDER BY id"),
        json!([["Amélie"], ["Bob"], ["Chloé"]])
    );
    let backups: Vec<_> = std::fs::read_dir(site.data().join("backups")).unwrap().collect();
    assert_eq!(backups.len(), 1);
    let before = fingerprint(&site);
    let older = imported(&site, &first);
    assert_eq!(counts(&older, "students"), [0, 0, 0, 1, 1], "{older}");
    assert_eq!(rows(&site, "SELECT first_name FROM students WHERE id = 2"), json!([["Bob"]]));
    assert_eq!(before.0, fingerprint(&site).0, "an older one overwrites nothing: {older}");
}
