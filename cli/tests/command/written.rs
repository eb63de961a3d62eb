//! Reading and writing without a running node.

use serde_json::json;

use crate::program::{Program, assert_snapshot};

#[test]
fn what_is_written_is_read_back() {
    let program = Program::with_school();
    let written =
        program.json(&["sql", "INSERT INTO pupils (id, name) VALUES (?, ?), (8, 'Bo')", "7", "Zoë, \"Z\""]);
    assert!(written["dot"].as_str().unwrap().ends_with(":2"), "{written}");
    assert_eq!(written["changes"], json!([{ "table": "pupils", "inserted": 2, "updated": 0, "deleted": 0 }]));
    let read = program.json(&["sql", "SELECT id, name FROM pupils WHERE id < ? ORDER BY id", "100"]);
    assert_eq!(
        (&read["columns"], &read["rows"]),
        (&json!(["id", "name"]), &json!([[7, "Zoë, \"Z\""], [8, "Bo"]]))
    );
    assert_snapshot("rows_en", &program.run(&["sql", "SELECT id, name FROM pupils ORDER BY id"]).out);
    assert_snapshot(
        "rows_fr",
        &program.run(&["--lang", "fr", "sql", "SELECT id, name FROM pupils ORDER BY id"]).out,
    );
    let csv = program.run(&["sql", "--csv", "SELECT id, name FROM pupils ORDER BY id"]);
    assert_eq!(csv.out, "id,name\n7,\"Zoë, \"\"Z\"\"\"\n8,Bo\n");
    let returned = program.json(&["sql", "DELETE FROM pupils WHERE id = 7 RETURNING name"]);
    assert_eq!(returned["rows"], json!([["Zoë, \"Z\""]]));
}

#[test]
fn values_are_given_by_name_as_well() {
    let program = Program::with_school();
    let insert = "INSERT INTO pupils (id, name) VALUES (:id, :name)";
    program.json(&["sql", insert, "--param", "name=a=b", "--param", "id=7"]);
    assert_eq!(
        program.json(&["sql", "SELECT name FROM pupils WHERE id = $n", "--param", "n=7"])["rows"],
        json!([["a=b"]])
    );
    let missing = program.run(&["--json", "sql", insert, "--param", "id=8"]);
    assert!(
        missing.code == 1 && missing.err.contains("parameter_missing") && missing.err.contains(":name"),
        "{missing:?}"
    );
    assert_eq!(program.run(&["sql", insert, "--param", "id"]).code, 2);
    assert_eq!(program.run(&["sql", "SELECT 1; SELECT :a", "--param", "a=1"]).code, 2);
}

#[test]
fn a_command_with_a_key_is_carried_out_once_with_and_without_a_node() {
    let program = Program::with_school();
    let insert = |key: &str, name: &str| {
        program.run(&[
            "--json",
            "sql",
            "--key",
            key,
            "INSERT INTO pupils (name) VALUES (?) RETURNING id",
            name,
        ])
    };
    let value = |run: &crate::program::Run| serde_json::from_str::<serde_json::Value>(&run.out).unwrap();
    let mut first = value(&insert("form 1", "Ada"));
    first["repeated"] = json!(true);
    assert_eq!(value(&insert("form 1", "Ada")), first);
    let refused = insert("form 1", "Bo");
    assert!(refused.code == 1 && refused.err.contains("idempotency_key_reused"), "{refused:?}");
    let told = program.run(&["--lang", "fr", "sql", "--key", "form 1", "INSERT INTO pupils VALUES (1, 'x')"]);
    assert!(told.err.contains("clé d'idempotence") && told.err.contains("Rien n'a été changé"), "{told:?}");
    let wrong = insert("clé", "Cy");
    assert!(wrong.code == 1 && wrong.err.contains("request_malformed"), "{wrong:?}");
    assert_eq!(program.json(&["sql", "SELECT count(*) FROM pupils"])["rows"], json!([[1]]));
}

#[test]
fn a_file_is_one_transaction() {
    let program = Program::with_school();
    let good = program.file(
        "good.sql",
        "-- two\nINSERT INTO pupils VALUES (1, 'a;b');\nINSERT INTO pupils VALUES (2, 'c');\n",
    );
    assert!(
        program.json(&["sql", "--file", good.to_str().unwrap()])["dot"].as_str().unwrap().ends_with(":2")
    );
    let bad =
        program.file("bad.sql", "INSERT INTO pupils VALUES (3, 'd'); INSERT INTO pupils VALUES (1, 'e');");
    assert_eq!(program.run(&["sql", "--file", bad.to_str().unwrap()]).code, 1);
    assert_eq!(program.json(&["sql", "SELECT count(*) FROM pupils"])["rows"], json!([[2]]));
}

#[test]
fn the_log_tells_who_did_what() {
    let program = Program::with_school();
    program.run(&["sql", "--by", "Amélie", "--message", "enrolment", "INSERT INTO pupils VALUES (1, 'Ada')"]);
    program.run(&["sql", "UPDATE pupils SET name = 'Bo' WHERE id = 1"]);
    let run = program.run(&["--json", "log", "--table", "pupils", "--key", "1", "--since", "1h"]);
    let lines: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{run:?}");
    assert_eq!(
        lines[0]["ops"],
        json!([{ "table": "pupils", "kind": "update", "key": { "id": 1 }, "values": { "name": "Bo" } }])
    );
    assert_eq!(
        (&lines[1]["by"], &lines[1]["message"], &lines[1]["site_name"]),
        (&json!("Amélie"), &json!("enrolment"), &json!("office"))
    );
    let dot = lines[1]["dot"].as_str().unwrap();
    assert_eq!(program.json(&["log", "show", dot]), lines[1]);
    assert_eq!(program.json(&["log", "show", "office:2"]), lines[1]);
    assert_eq!(program.run(&["--json", "log", "--until", "2020-01-01"]).out, "");
    let verified = program.json(&["log", "verify"]);
    assert_eq!((&verified["ok"], &verified["transactions"]), (&json!(true), &json!(3)));
}

#[test]
fn a_log_that_finds_nothing_says_so() {
    let program = Program::with_school();
    let more =
        program.file("more.sql", "CREATE TABLE seats (room INTEGER, seat TEXT, PRIMARY KEY (room, seat));");
    program.json(&["schema", "apply", more.to_str().unwrap()]);
    program.json(&["sql", "INSERT INTO seats VALUES (4, 'a'), (5, 'a')"]);
    let log = |lang: &str, words: &[&str]| program.run(&[&["--lang", lang, "log"], words].concat());
    for key in ["4,a", "seat=a,room=4"] {
        assert!(log("en", &["--table", "seats", "--key", key]).out.contains("room=4 seat=a"));
    }
    for part in ["4", "room=4"] {
        let (en, fr) = (
            log("en", &["--table", "seats", "--key", part]),
            log("fr", &["--table", "seats", "--key", part]),
        );
        assert!(en.code == 1 && en.err.contains("it has 2 columns, room, seat."), "{en:?}");
        assert!(fr.err.contains("elle a 2 colonnes") && fr.err.contains("--key \"room=…,seat=…\""), "{fr:?}");
    }
    for (words, told) in [
        (vec!["--key", "4"], "Aucun changement ici ne touche une ligne de clé 4."),
        (vec!["--table", "pupils", "--key", "9"], "Aucun changement ici ne touche une ligne de clé 9."),
    ] {
        let run = log("fr", &words);
        assert!(run.code == 0 && run.out.contains(told), "{run:?}");
    }
    assert!(log("fr", &["--until", "2020-01-01"]).out.contains("Aucune transaction ici"));
    assert!(log("fr", &["--table", "nope"]).err.contains("Il n'y a pas de table nommée nope"));
}

#[test]
fn a_bundle_of_another_space_of_one_name_is_told_by_its_id() {
    let (program, other) = (Program::with_school(), Program::with_school());
    let file = program.file("all.tandem", "");
    program.json(&["bundle", "export", file.to_str().unwrap()]);
    let id =
        |program: &Program| program.json(&["status"])["spaces"][0]["id"].as_str().unwrap()[..7].to_owned();
    let inspected = other.run(&["--lang", "fr", "bundle", "inspect", file.to_str().unwrap()]);
    assert!(
        inspected.out.contains(&format!("Espace school (identifiant {})", id(&program))),
        "{inspected:?}"
    );
    for space in [&[][..], &["--space", "school"][..]] {
        let run = other.run(&[space, &["bundle", "import", file.to_str().unwrap()][..]].concat());
        let told = format!("school, id {}. This PC holds school, id {}.", id(&program), id(&other));
        assert!(run.code == 1 && run.err.contains(&told), "{run:?}");
    }
    assert!(other.run(&["status"]).out.contains(&format!("school, {} (", id(&other))));
}

#[test]
fn the_schema_grows() {
    let program = Program::with_school();
    let more = program.file("more.sql", "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT);");
    let more = more.to_str().unwrap();
    let trial = program.json(&["schema", "apply", more, "--dry-run"]);
    assert_eq!((&trial["dot"], &trial["changes"]), (&json!(null), &json!(["CREATE TABLE rooms"])));
    assert_eq!(program.json(&["schema", "apply", more])["changes"], trial["changes"]);
    assert_eq!(program.json(&["schema", "apply", more])["changes"], json!([]));
    assert_snapshot("schema", &program.run(&["schema", "show"]).out);
}

#[test]
fn a_bundle_makes_the_way_without_a_network() {
    let program = Program::with_school();
    program.run(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]);
    let file = program.data().join("../all.tandem");
    let file = file.to_str().unwrap();
    let exported = program.json(&["bundle", "export", file]);
    assert_eq!(
        (&exported["bundle"]["transactions"], &exported["bundle"]["complete"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(program.json(&["bundle", "inspect", file]), exported["bundle"]);
    let again = program.json(&["bundle", "import", file]);
    assert_eq!((&again["transactions"], &again["complete"]), (&json!(0), &json!(true)));

    let whole = std::fs::read(file).unwrap();
    std::fs::write(file, &whole[..whole.len() - 7]).unwrap();
    let cut = program.run(&["bundle", "inspect", file]);
    assert_eq!(cut.code, 1, "{cut:?}");
    assert!(cut.out.contains("not whole"), "{cut:?}");
    let leftovers = std::fs::read_dir(program.data().parent().unwrap()).unwrap();
    let names: Vec<_> = leftovers.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.ends_with(".part")), "{names:?}");
}

#[test]
fn a_bundle_takes_no_place_but_that_of_a_bundle() {
    let program = Program::with_school();
    let letter = program.file("important.doc", "a letter");
    let letter = letter.to_str().unwrap();
    for words in [["bundle", "export", letter], ["join", "--request", letter]] {
        let target = if words[0] == "join" { Program::new() } else { Program::with_school() };
        let run = target.run(&[&["--lang", "fr"], &words[..]].concat());
        assert!(run.code == 1 && run.err.contains("Il a été laissé tel quel"), "{run:?}");
    }
    assert_eq!(std::fs::read_to_string(letter).unwrap(), "a letter");
    let file = program.file("all.tandem", "");
    let file = file.to_str().unwrap();
    for _ in 0..2 {
        assert_eq!(program.json(&["bundle", "export", file])["bundle"]["transactions"], 1);
    }
    let missing = program.run(&["--lang", "fr", "bundle", "export", "/nowhere/x.tandem"]);
    assert!(missing.err.contains("il n'y a pas de tel fichier ou dossier"), "{missing:?}");
}

#[test]
fn sites_are_named() {
    let program = Program::with_school();
    let sites = program.json(&["sites"]);
    assert_eq!((&sites["sites"][0]["name"], &sites["sites"][0]["role"]), (&json!("office"), &json!("admin")));
    assert_eq!(program.run(&["sites", "rename", "office", "Bureau 2"]).code, 0);
    assert_eq!(program.json(&["status"])["site"]["name"], "Bureau 2");
    assert_eq!(program.json(&["sites", "show", "bureau 2"])["site"]["ordinal"], 1);
}

#[test]
fn names_are_one_however_they_are_typed() {
    let program = Program::with_school();
    let apart = "E\u{301}cole 2";
    assert_eq!(program.run(&["sites", "rename", "office", apart]).code, 0);
    assert_eq!(program.json(&["status"])["site"]["name"], "École 2");
    for typed in ["École 2", "école 2", apart, "e\u{301}COLE 2"] {
        assert_eq!(program.json(&["sites", "show", typed])["site"]["name"], "École 2", "{typed}");
        let log = program.run(&["--json", "log", "--site", typed]);
        assert_eq!(log.out.lines().count(), 2, "{log:?}");
    }
    assert_eq!(program.json(&["--space", "SCHOOL", "sql", "SELECT 1"])["rows"], json!([[1]]));
    let again = program.run(&["--space", "School", "init", "--name", "x"]);
    assert!(again.code == 1 && again.err.contains("named school"), "{again:?}");
    for hidden in ["Cai\u{200b}sse", "Caisse\u{202e}", "Cai\u{ad}sse"] {
        let run = program.run(&["--lang", "fr", "sites", "rename", "école 2", hidden]);
        assert!(run.code == 1 && run.err.contains("qui ne se voit pas"), "{run:?}");
        assert!(!run.err.contains(hidden), "{run:?}");
    }
}

#[test]
fn an_invitation_can_be_made_before_the_node_runs() {
    let program = Program::with_school();
    let invitation = program.json(&["invite", "--role", "admin"]);
    assert!(invitation["token"].as_str().unwrap().len() > 80, "{invitation}");
    assert!(invitation["expires"].as_str().unwrap().ends_with('Z'));
    let told = program.run(&["--lang", "fr", "invite"]);
    assert!(told.out.contains("tandem join ") && told.out.contains("tandem start"), "{told:?}");
}
