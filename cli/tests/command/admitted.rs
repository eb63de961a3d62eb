//! Joining and working by files alone.

use serde_json::{Value, json};

use crate::program::Program;

/// A file beside the data folder of a program.
fn beside(program: &Program, name: &str) -> String {
    program.data().with_file_name(name).to_str().unwrap().to_owned()
}

/// The code with which the program refuses.
fn refusal(program: &Program, words: &[&str]) -> String {
    let run = program.run(&[&["--json"], words].concat());
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{words:?}: {run:?}");
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

/// What shows whether two sites hold the same.
fn held(program: &Program) -> (serde_json::Value, serde_json::Value) {
    let mut status = program.json(&["status"]);
    let space = status["spaces"][0].take();
    (space["fingerprint"].clone(), space["version_vector"].clone())
}

#[test]
fn two_sites_that_never_share_a_network_work_together() {
    let (office, class) = (Program::with_school(), Program::new());
    office.run(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]);
    let request = beside(&class, "class.request");
    let asked = class.run(&["join", "--request", &request, "--name", "Salle 4"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(asked.out.contains("tandem invite --admit \"class.request\""), "{asked:?}");
    let told = office.run(&["invite", "--admit", &request]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("tandem bundle import \"Salle 4.tandem\""), "{told:?}");
    // Asked again, also in the other language, with another name for the bundle.
    let bundle = beside(&class, "for class.tandem");
    let again = office.run(&["--lang", "fr", "invite", "--admit", &request, "--out", &bundle]);
    assert!(again.out.contains("déjà un site") && again.out.contains("for class.tandem"), "{again:?}");

    let trial = class.run(&["bundle", "import", "--dry-run", &bundle]);
    assert!(trial.out.contains("would become a site of school"), "{trial:?}");
    assert_eq!(class.json(&["status"])["spaces"], json!([]));
    let taken = class.json(&["bundle", "import", &beside(&class, "Salle 4.tandem")]);
    assert_eq!((&taken["joined"], &taken["complete"]), (&json!("school"), &json!(true)));
    assert_eq!(class.json(&["status"])["site"]["name"], "Salle 4");

    class.run(&["sql", "INSERT INTO pupils VALUES (2, 'Bo')"]);
    let back = beside(&office, "back.tandem");
    class.json(&["bundle", "export", &back, "--for", "office"]);
    assert_eq!(office.json(&["bundle", "import", &back])["transactions"], 1);
    assert_eq!(
        office.json(&["sql", "SELECT name FROM pupils ORDER BY id"])["rows"],
        json!([["Ada"], ["Bo"]])
    );
    assert_eq!(held(&office), held(&class));
}

/// A dry run and the run give the same figures, which are those of the result: how often a row was
/// written on its way is no matter.
/// What is told of the space, but for the size of its view: what SQLite puts aside while it works comes and goes.
fn space_of(program: &Program) -> Value {
    let mut space = program.json(&["status"])["spaces"][0].clone();
    space["view_bytes"].take();
    space
}

#[test]
fn a_dry_run_tells_what_the_run_does() {
    let (office, class) = (Program::with_school(), Program::new());
    let sql = |program: &Program, sql: &str| drop(program.json(&["sql", sql]));
    sql(&office, "INSERT INTO pupils VALUES (1, 'Ada'), (2, 'Bo'), (3, 'Cy')");
    sql(&office, "DELETE FROM pupils WHERE id = 3");
    sql(&office, "UPDATE pupils SET name = 'Ben' WHERE id = 2");
    let request = beside(&class, "class.request");
    class.json(&["join", "--request", &request, "--name", "class"]);
    office.json(&["invite", "--admit", &request]);
    let file = beside(&class, "class.tandem");
    let both = |program: &Program, file: &str| {
        let trial = program.json(&["bundle", "import", "--dry-run", file]);
        let again = program.json(&["bundle", "import", "--dry-run", file]);
        assert_eq!(trial, again, "a dry run leaves nothing behind");
        let mut done = program.json(&["bundle", "import", file]);
        assert_eq!((&trial["dry_run"], &done["dry_run"]), (&json!(true), &json!(false)));
        done["dry_run"] = json!(true);
        assert_eq!(trial, done);
        done
    };
    let first = both(&class, &file);
    assert_eq!(first["changes"], json!([{ "table": "pupils", "inserted": 2, "updated": 0, "deleted": 0 }]));
    assert_eq!((&first["joined"], &first["conflicts_opened"]), (&json!("school"), &json!(0)));
    assert!(!class.data().join("dry-run").exists());

    // Apart: both name pupil 1, the class removes 2 and brings 3, 4 and 5, of which one goes again.
    sql(&office, "UPDATE pupils SET name = 'Zoe' WHERE id = 1");
    sql(&class, "UPDATE pupils SET name = 'Zoé' WHERE id = 1");
    sql(&class, "DELETE FROM pupils WHERE id = 2");
    sql(&class, "INSERT INTO pupils VALUES (3, 'Di'), (4, 'Ed'), (5, 'Flo')");
    sql(&class, "UPDATE pupils SET name = 'Dia' WHERE id = 3");
    sql(&class, "DELETE FROM pupils WHERE id = 5");
    let back = beside(&class, "back.tandem");
    class.json(&["bundle", "export", &back, "--for", "office"]);
    let before = space_of(&office);
    let told = office.run(&["--lang", "fr", "bundle", "import", "--dry-run", &back]);
    assert!(told.out.contains("Conflits qui seraient alors ouverts : 1."), "{told:?}");
    assert_eq!(space_of(&office), before);
    let done = both(&office, &back);
    assert_eq!(done["changes"], json!([{ "table": "pupils", "inserted": 2, "updated": 1, "deleted": 1 }]));
    assert_eq!((&done["transactions"], &done["conflicts_opened"]), (&json!(5), &json!(1)));
    let rows = office.json(&["sql", "SELECT id, name FROM pupils ORDER BY id"])["rows"].clone();
    assert_eq!(rows, json!([[1, "Zoé"], [3, "Dia"], [4, "Ed"]]));
    // Again it brings nothing, and a part of it as much as is good.
    let again = both(&office, &back);
    assert_eq!((&again["changes"], &again["conflicts_opened"]), (&json!([]), &json!(0)));
    sql(&class, "INSERT INTO pupils VALUES (9, 'Ida')");
    class.json(&["bundle", "export", &back, "--for", "office"]);
    let whole = std::fs::read(&back).unwrap();
    std::fs::write(&back, &whole[..whole.len() - 3]).unwrap();
    let dry = office.run(&["--json", "bundle", "import", "--dry-run", &back]);
    let run = office.run(&["--json", "bundle", "import", &back]);
    assert_eq!((dry.code, run.code), (1, 1));
    assert_eq!(dry.out.replace("\"dry_run\":true", "\"dry_run\":false"), run.out);
    assert!(run.out.contains("\"inserted\":1") && run.out.contains("\"complete\":false"), "{run:?}");
}

#[test]
fn what_is_no_request_or_for_another_site_is_refused() {
    let (office, class, other) = (Program::with_school(), Program::new(), Program::new());
    let request = beside(&class, "class.request");
    class.json(&["join", "--request", &request, "--name", "class"]);
    let text = std::fs::read_to_string(&request).unwrap();
    let other_letter = if &text[40..41] == "a" { "b" } else { "a" };
    let tampered = office.file("tampered.request", &[&text[..40], other_letter, &text[41..]].concat());
    let foreign = office.file("photo.jpg", "something else\n");
    let changed = office.file("cut.request", &text[..text.len() - 9]);
    for wrong in [&tampered, &foreign, &changed] {
        assert_eq!(
            refusal(&office, &["invite", "--admit", wrong.to_str().unwrap()]),
            "join_request_malformed"
        );
    }
    assert_eq!(refusal(&office, &["invite", "--admit", "nothing.request"]), "file_failed");
    assert_eq!(office.json(&["sites"])["sites"].as_array().unwrap().len(), 1);
    assert_eq!(refusal(&office, &["join", "--request", &request]), "two_spaces");

    let taken = beside(&other, "taken.request");
    other.json(&["join", "--request", &taken, "--name", "OFFICE"]);
    assert_eq!(refusal(&office, &["invite", "--admit", &taken]), "join_request_refused");
    let told = office.run(&["--lang", "fr", "invite", "--admit", &taken]);
    assert!(told.err.contains("un autre site de l'espace s'appelle déjà office"), "{told:?}");
    std::fs::remove_dir_all(other.data()).unwrap();

    office.json(&["invite", "--admit", &request]);
    let bundle = beside(&class, "class.tandem");
    assert_eq!(refusal(&other, &["bundle", "import", &bundle]), "space_missing");
    assert!(!other.data().exists(), "nothing is made where there is no site");
    other.json(&["join", "--request", &beside(&other, "other.request"), "--name", "other"]);
    assert_eq!(refusal(&other, &["bundle", "import", &bundle]), "bundle_not_admitting");
    assert_eq!(other.json(&["status"])["spaces"], json!([]));
    assert!(!other.data().join("spaces").exists());
    let told = other.run(&["--lang", "fr", "bundle", "import", &bundle]);
    assert!(told.err.contains("tandem invite --admit"), "{told:?}");
}

#[test]
fn a_token_and_a_request_exclude_each_other() {
    let program = Program::new();
    for words in [
        vec!["join"],
        vec!["join", "--name", "x"],
        vec!["join", "TOKEN", "--request", "x"],
        vec!["join", "TOKEN", "--invitation-file", "x"],
        vec!["join", "--invitation-file", "x", "--request", "x"],
    ] {
        let run = program.run(&words);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{words:?}: {run:?}");
    }
    assert!(!program.data().exists());
}

#[test]
fn what_is_declared_and_not_in_force_is_listed_beside_the_schema() {
    let (office, class) = (Program::with_school(), Program::new());
    let request = beside(&class, "class.request");
    class.run(&["join", "--request", &request, "--name", "class"]);
    office.run(&["invite", "--admit", &request]);
    class.json(&["bundle", "import", &beside(&class, "class.tandem")]);
    for (site, column) in [(&office, "note"), (&class, "payer")] {
        let sql = format!("CREATE TABLE bills (id INTEGER PRIMARY KEY, {column} TEXT NOT NULL)");
        let file = site.file("bills.sql", &sql);
        assert!(site.json(&["schema", "apply", file.to_str().unwrap()])["dot"].is_string());
    }
    assert_eq!(office.run(&["schema", "show"]).err, "", "all of it is in force");
    let back = beside(&office, "back.tandem");
    class.json(&["bundle", "export", &back, "--for", "office"]);
    assert_eq!(office.json(&["bundle", "import", &back])["transactions"], 1);
    let shown = office.run(&["--lang", "fr", "schema", "show"]);
    assert!(shown.out.contains("payer") && !shown.out.contains("attendu"), "{shown:?}");
    for column in ["note", "payer"] {
        let line = format!("le NOT NULL de bills.{column} : que chaque déclaration de la table");
        assert!(shown.err.contains(&line), "{shown:?}");
    }
    // What nobody can bring is no warning that stands for ever.
    assert_eq!(office.json(&["status"])["spaces"][0]["waiting"], 0);
}
