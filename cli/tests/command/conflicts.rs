//! What edits made apart left to decide: told to people, and settled by them.

use serde_json::json;

use crate::program::Program;

/// A file beside the data folder of a program.
fn beside(program: &Program, name: &str) -> String {
    program.data().with_file_name(name).to_str().unwrap().to_owned()
}

/// Carries everything from one site to another.
fn carry(from: &Program, to: &Program) {
    let file = beside(from, "all.tandem");
    from.json(&["bundle", "export", &file]);
    assert_eq!(to.json(&["bundle", "import", &file])["complete"], true);
}

/// Two sites, office and class, that share no network and gave one pupil different names.
fn at_odds() -> (Program, Program) {
    let (office, class) = (Program::with_school(), Program::new());
    office.json(&["sql", "INSERT INTO pupils VALUES (7, 'Ada')"]);
    let request = beside(&class, "class.request");
    class.json(&["join", "--request", &request, "--name", "class"]);
    office.json(&["invite", "--admit", &request]);
    class.json(&["bundle", "import", &beside(&class, "class.tandem")]);
    office.json(&["sql", "--by", "Amélie", "UPDATE pupils SET name = 'Zoé' WHERE id = 7"]);
    class.json(&["sql", "UPDATE pupils SET name = 'Zoë' WHERE id = 7"]);
    carry(&office, &class);
    carry(&class, &office);
    (office, class)
}

#[test]
fn where_nothing_is_open_there_is_nothing_to_decide() {
    let program = Program::with_school();
    assert_eq!(program.json(&["conflicts"]), json!({ "conflicts": [], "open": 0, "next": null }));
    assert_eq!(program.json(&["conflicts", "list"]), json!({ "conflicts": [], "open": 0, "next": null }));
    for (lang, told) in [("en", "No conflict is open"), ("fr", "Aucun conflit n'est ouvert")] {
        let run = program.run(&["--lang", lang, "conflicts"]);
        assert!(run.code == 0 && run.out.starts_with(told), "{run:?}");
    }
    for words in [
        vec!["conflicts", "show", "aaaa"],
        vec!["conflicts", "resolve", "aaaaaaaaaaaaaaaa", "--keep-all"],
        vec!["conflicts", "resolve", "aaaa", "--value", "-3"],
        vec!["conflicts", "resolve", "aaaa", "--use", "office:2", "--seen", "00ff"],
    ] {
        let run = program.run(&[&["--json"], &words[..]].concat());
        assert!(run.code == 1 && run.err.contains("\"conflict_unknown\""), "{words:?}: {run:?}");
        let french = program.run(&[&["--lang", "fr"], &words[..]].concat());
        assert!(french.err.contains("rien n'est perdu"), "{french:?}");
    }
    for words in [
        vec!["conflicts", "show"],
        vec!["conflicts", "resolve", "aaaa"],
        vec!["conflicts", "resolve", "--keep-all"],
        vec!["conflicts", "resolve", "aaaa", "--keep-all", "--value", "1"],
        vec!["conflicts", "resolve", "aaaa", "--use", "a:1", "--value", "1"],
    ] {
        let run = program.run(&words);
        assert!(run.code == 2 && run.out.is_empty(), "{words:?}: {run:?}");
    }
}

#[test]
fn a_conflict_is_explained_in_both_languages_and_settled_by_the_command_it_names() {
    let (office, class) = at_odds();
    let listed = office.json(&["conflicts"]);
    assert_eq!(listed, class.json(&["conflicts"]));
    let conflict = &listed["conflicts"][0];
    assert_eq!(
        (&conflict["kind"], &conflict["table"], &conflict["key"], &conflict["columns"]),
        (&json!("register"), &json!("pupils"), &json!({ "id": 7 }), &json!(["name"]))
    );
    let id = conflict["id"].as_str().unwrap();
    let shown = conflict["versions"][0]["value"].as_str().unwrap();
    for (lang, why, against) in
        [("en", "the others are kept", "AGAINST IT"), ("fr", "les autres sont gardées", "EN FACE")]
    {
        let table = office.run(&["--lang", lang, "conflicts"]).out;
        assert!(table.contains(against) && table.contains(why), "{table}");
        for part in [&id[..6], "pupils", "id=7", "name", "Zoé", "Zoë"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        let status = office.run(&["--lang", lang, "status"]).out;
        assert!(status.contains("`tandem conflicts`"), "{status}");
        let told = office.run(&["--lang", lang, "conflicts", "show", &id[..5]]).out;
        assert!(told.contains(why) && told.contains("Amélie"), "{told}");
    }
    let told = office.run(&["conflicts", "show", id]).out;
    let line = told.lines().find(|line| line.trim_start().starts_with("take ")).unwrap();
    let command: Vec<&str> = line.split("tandem ").nth(1).unwrap().split(' ').collect();
    assert_eq!(command[..4], ["conflicts", "resolve", id, "--use"], "{line}");
    let settled = office.run(&command);
    assert!(settled.code == 0 && settled.out.contains("Settled"), "{settled:?}");
    let name = office.json(&["sql", "SELECT name FROM pupils"])["rows"][0][0].clone();
    assert_ne!(name, shown);
    carry(&office, &class);
    assert_eq!(class.json(&["sql", "SELECT name FROM pupils"])["rows"], json!([[name]]));
    for program in [&office, &class] {
        assert_eq!(program.json(&["conflicts"]), json!({ "conflicts": [], "open": 0, "next": null }));
        assert_eq!(program.json(&["status"])["spaces"][0]["open_conflicts"], 0);
    }
    let again = office.run(&[&["--json"], &command[..]].concat());
    assert!(again.code == 1 && again.err.contains("conflict_unknown"), "{again:?}");
}

#[test]
fn another_value_settles_it_too_and_says_who_decided() {
    let (office, class) = at_odds();
    let conflict = office.json(&["conflicts"])["conflicts"][0].clone();
    let (id, seen) = (conflict["id"].as_str().unwrap(), conflict["seen"].as_str().unwrap());
    let words = [
        "conflicts",
        "resolve",
        id,
        "--value",
        "Zoe",
        "--seen",
        seen,
        "--by",
        "Bo",
        "--message",
        "asked her",
    ];
    let settled = office.json(&words);
    assert_eq!(settled["changes"], json!([{ "table": "pupils", "inserted": 0, "updated": 1, "deleted": 0 }]));
    let entry = office.json(&["log", "show", settled["dot"].as_str().unwrap()]);
    assert_eq!((&entry["by"], &entry["message"]), (&json!("Bo"), &json!("asked her")));
    carry(&office, &class);
    assert_eq!(class.json(&["sql", "SELECT name FROM pupils"])["rows"], json!([["Zoe"]]));
    assert_eq!(class.json(&["conflicts"]), json!({ "conflicts": [], "open": 0, "next": null }));
}

#[test]
fn a_form_opened_before_an_edit_arrived_does_not_overwrite_it_unseen() {
    let program = Program::with_school();
    program.json(&["sql", "INSERT INTO pupils VALUES (7, 'Ada')"]);
    let form = program.json(&["sql", "SELECT name FROM pupils WHERE id = 7"]);
    let version = form["version"].as_str().unwrap();
    program.json(&["sql", "UPDATE pupils SET name = 'Bo' WHERE id = 7"]);
    let written = program.json(&["sql", "--basis", version, "UPDATE pupils SET name = 'Cy' WHERE id = 7"]);
    assert!(written["dot"].is_string());
    assert_eq!(program.json(&["sql", "SELECT name FROM pupils"])["rows"], json!([["Cy"]]));
    let wrong = program.run(&["--json", "sql", "--basis", "nonsense", "DELETE FROM pupils"]);
    assert!(wrong.code == 1 && wrong.err.contains("basis_refused"), "{wrong:?}");
    assert_eq!(program.json(&["conflicts"])["conflicts"][0]["kind"], "register");
}

#[test]
fn a_form_that_comes_too_late_for_its_row_says_so_or_is_listed() {
    let program = Program::with_school();
    program.json(&["sql", "INSERT INTO pupils VALUES (7, 'Ada')"]);
    let form = program.json(&["sql", "SELECT name FROM pupils WHERE id = 7"]);
    let version = form["version"].as_str().unwrap();
    program.json(&["sql", "DELETE FROM pupils WHERE id = 7"]);
    let by_name = ["sql", "--basis", version, "UPDATE pupils SET name = 'Cy' WHERE name = 'Ada'"];
    let written = program.json(&by_name);
    assert_eq!((&written["dot"], &written["changed_meanwhile"]), (&json!(null), &json!(true)));
    for (lang, told) in [("en", "since you looked"), ("fr", "depuis que vous l'avez lue")] {
        let run = program.run(&[&["--lang", lang], &by_name[..]].concat());
        assert!(run.code == 0 && run.out.contains(told), "{run:?}");
    }
    let written = program.json(&["sql", "--basis", version, "UPDATE pupils SET name = 'Cy' WHERE id = 7"]);
    assert!(written["dot"].is_string() && written.get("changed_meanwhile").is_none());
    assert_eq!(program.json(&["conflicts"])["conflicts"][0]["kind"], "deleted");
}
