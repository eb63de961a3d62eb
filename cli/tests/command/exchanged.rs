//! `tandem export` and `tandem import` of files that are written together: the school's ZIP both ways, folders
//! and archives of CSV.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::program::Program;
use crate::running::Running;

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

#[test]
fn what_is_written_where_follows_from_the_name_or_is_refused() {
    let program = Program::new();
    let school = program.file("schema.sql", include_str!("../../../examples/school/schema.sql"));
    assert_eq!(program.run(&["init", "--name", "a", "--schema", school.to_str().unwrap()]).code, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["tables.xlsx", "tables.pdf"] {
        let refused = program.run(&["--lang", "fr", "export", &path(name)]);
        assert!(refused.code == 2 && refused.err.contains("Rien n'a été écrit"), "{refused:?}");
        assert!(!folder.path().join(name).exists());
    }
    // A folder that is not there yet, also one called as a month.
    assert_eq!(program.run(&["export", &path("2026.01")]).code, 0);
    assert!(folder.path().join("2026.01/students.csv").is_file());
    // The school's program looks for its archive, wherever it is put.
    let written = program.json(&["export", "--school", &path("clé")]);
    let written = PathBuf::from(written["file"].as_str().unwrap());
    assert!(written.starts_with(folder.path().join("clé")) && written.is_file(), "{written:?}");
    assert!(written.file_name().unwrap().to_string_lossy().starts_with("sync_global_COMPLET_"));
    // What is refused makes no folder.
    let shop = Program::new();
    let schema = shop.file("schema.sql", "CREATE TABLE articles (id INTEGER PRIMARY KEY)");
    assert_eq!(shop.run(&["init", "--name", "a", "--schema", schema.to_str().unwrap()]).code, 0);
    assert_ne!(shop.run(&["export", "--school", &path("boutique")]).code, 0);
    assert!(!folder.path().join("boutique").exists());
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
    assert_eq!(std::fs::read_dir(classroom.data().join("unpacked")).unwrap().count(), 0);
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
    assert_eq!(counts(&older, "tariffs"), [0, 0, 0, 1, 1], "a row that says no time is as old as its file");
    assert_eq!(counts(&older, "sessions"), [0, 0, 0, 1, 1], "what was deleted since is not brought back");
    assert_eq!(rows(&site, "SELECT first_name FROM students WHERE id = 2"), json!([["Bob"]]));
    assert_eq!(before.0, fingerprint(&site).0, "an older one overwrites nothing: {older}");
}

/// Edits of different fields both stay; of two edits of one field the later is shown, and the other listed.
#[test]
fn what_both_sides_changed_is_listed_and_nothing_else_is() {
    let office = filled();
    let first = exported(&office);
    let site = site("classroom");
    imported(&site, &first);
    site.json(&[
        "sql",
        "UPDATE students SET phone = 'here', updated_at = '2026-01-20 10:00:00' WHERE id = 1;
         UPDATE students SET phone = 'here', updated_at = '2026-01-20 10:00:00' WHERE id = 2;
         UPDATE enrollments SET hours_consumed = hours_consumed + 2, updated_at = '2026-01-20 10:00:00' WHERE id = 1;
         UPDATE tariffs SET name = 'ici' WHERE id = 1; UPDATE tariffs SET amount = 99 WHERE id = 2;",
    ]);
    let theirs = changed(&site, "theirs.zip", &first, |name, text| match name {
        "students.csv" => text
            .replace("A\",,,,,,True,,2026-01-05 10:00:00", "A\",,later,,,,True,,2026-01-21 10:00:00")
            .replace(
                "=1+1,,,,,,False,,2026-01-05 10:00:00",
                "=1+1,x@y,earlier,,,,False,,2026-01-19 10:00:00",
            ),
        "enrollments.csv" => text.replace(
            ",0,4,True,2026-01-04,,,2026-01-05 10:00:00",
            ",0,7,True,2026-01-04,,,2026-01-21 10:00:00",
        ),
        "tariffs.csv" => text.replace("1,Normal,1500.00", "1,Normal,1600.00"),
        _ => text,
    });
    let answer = imported(&site, &theirs);
    let shown = rows(&site, "SELECT email, phone FROM students ORDER BY id");
    assert_eq!(shown, json!([[null, "later"], ["x@y", "here"]]), "10:05 beats 10:00, whoever comes first");
    let times = rows(&site, "SELECT updated_at FROM students ORDER BY id");
    assert_eq!(times, json!([["2026-01-21 10:00:00"], ["2026-01-20 10:00:00"]]), "of the newest change");
    assert_eq!(rows(&site, "SELECT hours_consumed FROM enrollments WHERE id = 1"), json!([[9]]), "4 + 2 + 3");
    let tariffs = rows(&site, "SELECT name, amount FROM tariffs ORDER BY id");
    assert_eq!(tariffs, json!([["ici", 1600.0], ["Réduit", 99.0]]));
    let conflicts = site.json(&["conflicts"]);
    let listed = conflicts["conflicts"].as_array().unwrap();
    assert!(listed.iter().all(|one| one["table"] == "students" && one["kind"] == "register"), "{conflicts}");
    assert_eq!(
        (&answer["to_decide"], listed.len() >= 2),
        (&json!(listed.len()), true),
        "{answer} {conflicts}"
    );
    let seen: String = listed.iter().map(|one| one["versions"].to_string()).collect();
    assert!(
        ["later", "earlier", "here"].iter().all(|text| seen.contains(text)),
        "both values are kept: {seen}"
    );
    let before = fingerprint(&site);
    imported(&site, &theirs);
    assert_eq!(fingerprint(&site), before, "again is nothing");
}

#[test]
fn many_deletions_wait_for_somebodys_word() {
    let office = filled();
    let more: Vec<String> = (10..70).map(|id| format!("({id}, 1, '2026-03-01', '08:00', '09:00')")).collect();
    let sql = format!(
        "INSERT INTO sessions (id, cohort_id, date, start_time, end_time) VALUES {}",
        more.join(", ")
    );
    office.json(&["sql", &sql]);
    let first = exported(&office);
    let site = site("classroom");
    imported(&site, &first);
    let fewer = changed(&site, "fewer.zip", &first, |name, text| match name {
        "sessions.csv" | "_all_session_ids.csv" => {
            text.lines().take(5).map(|line| format!("{line}\n")).collect()
        }
        _ => text,
    });
    let path = fewer.to_str().unwrap();
    let told = site.run(&["--lang", "fr", "import", path]);
    assert!(told.code == 0 && told.out.contains("58 autres ne sont plus dans la liste"), "{told:?}");
    assert_eq!(rows(&site, "SELECT count(*) FROM sessions"), json!([[62]]));
    let done = site.json(&["import", path, "--many-deletions"]);
    assert_eq!(counts(&done, "sessions")[2], 58, "{done}");
    assert_eq!(rows(&site, "SELECT count(*) FROM sessions"), json!([[4]]));
}

#[test]
fn a_row_that_others_refer_to_stays_and_the_rest_goes() {
    let office = filled();
    office.json(&["sql", "INSERT INTO enrollments (id, student_id, cohort_id, tariff_id, date) VALUES (3, 1, 1, 1, '2026-01-04')"]);
    let first = exported(&office);
    let site = site("classroom");
    imported(&site, &first);
    let fewer = changed(&site, "fewer.zip", &first, |name, text| match name {
        "_all_enrollment_ids.csv" => "id\n1\n".to_owned(),
        _ => text,
    });
    let told = site.run(&["import", fewer.to_str().unwrap()]);
    assert!(told.out.contains("deleted 1") && told.out.contains("other rows refer to them"), "{told:?}");
    assert_eq!(rows(&site, "SELECT id FROM enrollments ORDER BY id"), json!([[1], [2]]), "one was paid for");
}

#[test]
fn what_was_deleted_there_and_changed_here_is_listed() {
    let office = filled();
    let first = exported(&office);
    let site = site("classroom");
    imported(&site, &first);
    site.json(&["sql", "UPDATE sessions SET notes = 'changed here' WHERE id = 2"]);
    let fewer = changed(&site, "fewer.zip", &first, |name, text| match name {
        "sessions.csv" => {
            text.lines().filter(|line| !line.starts_with("2,")).map(|line| format!("{line}\n")).collect()
        }
        "_all_session_ids.csv" => "id\n1\n".to_owned(),
        _ => text,
    });
    let answer = imported(&site, &fewer);
    assert_eq!(answer["to_decide"], json!(1), "{answer}");
    let conflicts = site.json(&["conflicts"]);
    let listed = &conflicts["conflicts"][0];
    assert_eq!((&listed["kind"], &listed["table"]), (&json!("deleted"), &json!("sessions")), "{conflicts}");
}

/// A list of ids deletes nothing that its writer may never have had.
#[test]
fn nothing_is_deleted_on_the_strength_of_a_first_meeting() {
    let office = filled();
    let first = exported(&office);
    let lacking = changed(&office, "lacking.zip", &first, |name, text| match name {
        "_all_session_ids.csv" => "id\n1\n".to_owned(),
        _ => text,
    });
    let other = filled();
    let answer = imported(&other, &lacking);
    assert_eq!(rows(&other, "SELECT count(*) FROM sessions"), json!([[2]]), "{answer}");
    // Something in what comes back shows that what was written here was taken in there.
    office.json(&["sql", "INSERT INTO sessions (id, cohort_id, date, start_time, end_time) VALUES (3, 1, '2026-02-01', '08:00', '09:00')"]);
    let second = exported(&office);
    let answered = changed(&office, "answered.zip", &second, |name, text| match name {
        "sessions.csv" => {
            text.lines().filter(|line| !line.starts_with("2,")).map(|line| format!("{line}\n")).collect()
        }
        "_all_session_ids.csv" => "id\n1\n3\n".to_owned(),
        _ => text,
    });
    let answer = imported(&office, &answered);
    assert_eq!(rows(&office, "SELECT id FROM sessions ORDER BY id"), json!([[1], [3]]), "{answer}");
}

/// An export that is still on its way: what is only in it was not deleted there.
#[test]
fn what_the_other_side_never_had_is_not_taken_for_deleted() {
    let office = filled();
    let first = exported(&office);
    office.json(&["sql", "INSERT INTO sessions (id, cohort_id, date, start_time, end_time) VALUES (3, 1, '2026-02-01', '08:00', '09:00')"]);
    let on_its_way = exported(&office);
    // The other side has the first one, and made something of its own.
    let answered = changed(&office, "answered.zip", &first, |name, text| match name {
        "students.csv" => text + "3,Chloé,Martin,,,,,,True,,2026-01-20 10:00:00\n",
        _ => text,
    });
    imported(&office, &answered);
    assert_eq!(rows(&office, "SELECT id FROM sessions ORDER BY id"), json!([[1], [2], [3]]));
    assert_eq!(rows(&office, "SELECT count(*) FROM students"), json!([[3]]));
    // Once it has the second one, what is missing was deleted.
    let later = changed(&office, "later.zip", &on_its_way, |name, text| match name {
        "sessions.csv" => {
            text.lines().filter(|line| !line.starts_with("2,")).map(|line| format!("{line}\n")).collect()
        }
        "_all_session_ids.csv" => "id\n1\n3\n".to_owned(),
        _ => text,
    });
    imported(&office, &later);
    assert_eq!(rows(&office, "SELECT id FROM sessions ORDER BY id"), json!([[1], [3]]));
}

const TYPES: &str = "CREATE TABLE kinds (a TEXT, b INTEGER, t TEXT, n TEXT NOT NULL, d DECIMAL(30,2), m DECIMAL(9,2), \
    r REAL, x BLOB, u UUID, z TIME, w TIMESTAMP, y BOOLEAN, c COUNTER, q QUIET, rich RICHTEXT, j JSON, PRIMARY KEY (a, b));
    CREATE TABLE bytes (k BLOB PRIMARY KEY, v TEXT); CREATE TABLE money (k DECIMAL(20,2) PRIMARY KEY, v TEXT);
    CREATE TABLE small (k DECIMAL(9,2) PRIMARY KEY, v TEXT);";

const ROWS: &str = "INSERT INTO kinds VALUES
      ('a', 1, '=1+1', '', '12345678901234567890.12', 1.5, 0.1, x'00ff', '0190163d-8694-739b-aea5-966c26f8ad90', '08:00',
       '2026-01-31 08:00:00.5', TRUE, 40, 'q', 'rich text', '{\"a\":[1,2]}'),
      ('''=x', 2, NULL, 'deux\nlignes, \"et\" plus', NULL, NULL, NULL, x'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
      ('é', 3, '', '-2', '-0.01', -0.5, 1e300, NULL, NULL, '23:59:59.000001', NULL, FALSE, -3, '', '', 'null');
    INSERT INTO bytes VALUES (x'00', '@a'), (x'ff', 'b' || char(13)), (x'01', char(13, 10) || 'c' || char(13, 10));
    INSERT INTO money VALUES ('12345678901234567.89', 'a'), ('5', 'b'); INSERT INTO small VALUES (0.1, 'a'), (2, 'b');";

#[test]
fn every_kind_of_value_goes_out_and_comes_back() {
    let made = |name: &str| {
        let program = Program::new();
        let schema = program.file("schema.sql", TYPES);
        assert_eq!(program.run(&["init", "--name", name, "--schema", schema.to_str().unwrap()]).code, 0);
        program
    };
    let one = made("one");
    one.json(&["sql", ROWS]);
    for (target, spreadsheet) in [("all.zip", false), ("safe.zip", true), ("folder", false), ("safe", true)] {
        let path = one.data().parent().unwrap().join(target);
        let path = path.to_str().unwrap();
        let words = ["export", path, "--for-spreadsheet"];
        one.json(if spreadsheet { &words } else { &words[..2] });
        let other = made("other");
        let taken = other.json(&["import", path]);
        assert_eq!(taken["inserted"], json!(10), "{target}");
        assert_eq!(fingerprint(&other).0, fingerprint(&one).0, "{target}");
        let looked = one.json(&["import", path, "--dry-run"]);
        assert_eq!((&looked["inserted"], &looked["updated"]), (&json!(0), &json!(0)), "{target}: {looked}");
        let again = other.json(&["import", path, "--again"]);
        assert_eq!((&again["inserted"], &again["updated"]), (&json!(0), &json!(0)), "{target}: {again}");
    }
    let safe = std::fs::read_to_string(one.data().parent().unwrap().join("safe/kinds.csv")).unwrap();
    assert!(
        safe.contains("a,1,'=1+1,") && safe.contains("''=x,2,") && safe.contains(",-0.01,-0.50,"),
        "{safe}"
    );
    let list = one.data().parent().unwrap().join("money.csv");
    one.json(&["export", list.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "k,v\n12345678901234567.89,a\n5.00,b\n");
    let kept = one.run(&["export", list.to_str().unwrap()]);
    assert!(kept.code == 1 && kept.err.contains("money.csv"), "no file is replaced: {kept:?}");
    let two = one.run(&["export", "x.csv", "--table", "money", "--table", "small"]);
    assert!(two.code == 2 && two.err.contains("one table"), "{two:?}");
}

#[test]
fn a_hostile_archive_changes_nothing_and_is_said() {
    let office = filled();
    let before = fingerprint(&office);
    for (name, told) in
        [("../students.csv", "mène hors du dossier"), ("inner.zip", "ne s'y trouve aucune liste")]
    {
        let path = office.data().parent().unwrap().join("bad.zip");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(b"id,first_name,last_name\n9,X,Y\n").unwrap();
        writer.finish().unwrap();
        let refused = office.run(&["--lang", "fr", "import", path.to_str().unwrap()]);
        assert!(
            refused.code == 1 && refused.err.contains(told) && refused.err.contains("Rien n'a été changé"),
            "{refused:?}"
        );
        assert!(!office.data().parent().unwrap().parent().unwrap().join("students.csv").exists());
    }
    let zip = exported(&office);
    let whole = std::fs::read(&zip).unwrap();
    for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 10] {
        let path = office.data().parent().unwrap().join("cut.zip");
        std::fs::write(&path, &whole[..cut]).unwrap();
        let refused = office.run(&["import", path.to_str().unwrap()]);
        assert!(refused.code == 1 && refused.err.contains("Nothing was changed"), "{refused:?}");
    }
    assert_eq!(fingerprint(&office), before);
}

/// The same requests, sent to a node.
#[test]
fn an_archive_comes_in_while_a_node_runs() {
    let office = filled();
    let zip = exported(&office);
    let site = site("classroom");
    let node = Running::start(&site, &[]);
    let taken = imported(&site, &zip);
    assert_eq!(counts(&taken, "payments"), [2, 0, 0, 0, 0]);
    let again = imported(&site, &zip);
    assert_eq!(counts(&again, "students"), [0, 0, 0, 2, 0]);
    let newer = changed(&site, "newer.zip", &zip, |name, text| match name {
        "students.csv" => text.replace("Bo,", "Bob,"),
        _ => text,
    });
    let updated = imported(&site, &newer);
    assert_eq!(counts(&updated, "students"), [0, 1, 0, 1, 0]);
    assert!(Path::new(updated["backup"].as_str().unwrap()).exists());
    let folder = site.data().parent().unwrap().join("out");
    assert_eq!(site.json(&["export", folder.to_str().unwrap()])["rows"], json!(14));
    drop(node);
}
