//! `doctor`: what is wrong, and which command mends it.

use serde_json::Value;

use crate::program::Program;
use crate::running::Running;

/// The checks of a report, by name.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

#[test]
fn a_healthy_site_is_called_so() {
    let program = Program::with_school();
    let report = program.json(&["doctor"]);
    assert_eq!(report["ok"], true, "{report}");
    for (name, level) in [
        ("site", "ok"),
        ("node", "warning"),
        ("disk", "ok"),
        ("sizes", "ok"),
        ("parked", "ok"),
        ("conflicts", "ok"),
    ] {
        assert_eq!(check(&report, name)["level"], level, "{report}");
    }
    assert_eq!(check(&report, "sizes")["space"], "school");
    for (lang, told) in [("en", "`tandem start`"), ("fr", "Aucun problème trouvé")] {
        let run = program.run(&["--lang", lang, "doctor"]);
        assert!(run.code == 0 && run.out.contains(told) && !run.out.contains("doctor."), "{run:?}");
    }

    let node = Running::start(&program, &[]);
    let report = program.json(&["doctor"]);
    let running = check(&report, "node");
    assert!(running["level"] == "ok" && running["next"].is_null(), "{report}");
    assert_eq!(check(&report, "listening")["level"], "warning", "on loopback no one reaches it: {report}");
    assert_eq!(check(&report, "peer")["level"], "ok", "{report}");
    drop(node);
}

#[test]
fn rows_that_another_program_wrote_are_told_by_the_table() {
    let program = Program::with_school();
    program.json(&["sql", "INSERT INTO pupils (id, name) VALUES (7, 'Bo')"]);
    let report = program.json(&["log", "verify"]);
    assert_eq!((&report["ok"], &report["altered_tables"]), (&Value::Bool(true), &serde_json::json!([])));
    let view = report["view"].as_str().unwrap();
    let tamper = || {
        let sql = "UPDATE pupils SET name = name || '!'";
        rusqlite::Connection::open(view).unwrap().execute(sql, []).unwrap();
    };
    let told = |args: &[&str]| {
        let run = program.run(args);
        assert!(run.code != 0 || args.contains(&"doctor"), "{run:?}");
        assert!(run.out.contains("pupils") && !run.out.contains("log."), "{run:?}");
    };
    // A command that opens the folder puts it right, and says so.
    for args in [["--lang", "en", "log", "verify"].as_slice(), &["--lang", "fr", "doctor"]] {
        tamper();
        told(args);
        assert_eq!(program.json(&["log", "verify"])["ok"], true);
    }
    // Under a node that runs it is found, and told what to do.
    let node = Running::start(&program, &[]);
    tamper();
    told(&["--lang", "fr", "log", "verify"]);
    let rows = program.run(&["--json", "doctor"]);
    let report: Value = serde_json::from_str(&rows.out).unwrap();
    assert!(check(&report, "rows")["next"].as_str().unwrap().contains("view.sqlite"), "{report}");
    drop(node);
}

#[test]
fn where_there_is_no_site_that_is_what_is_wrong() {
    let program = Program::new();
    let run = program.run(&["--json", "doctor"]);
    assert_eq!(run.code, 1, "{run:?}");
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert!(report["ok"] == false && check(&report, "folder")["level"] == "problem", "{report}");
    let french = program.run(&["--lang", "fr", "doctor"]);
    assert!(french.out.contains("PROBLÈME") && french.out.contains("tandem init"), "{french:?}");
    assert!(!program.data().exists());
}

#[test]
fn a_node_that_was_killed_is_noticed() {
    let program = Program::with_school();
    let mut node = Running::start(&program, &[]);
    node.kill();
    let report = program.json(&["doctor"]);
    let found = check(&report, "node");
    assert!(found["message"].as_str().unwrap().contains("was not stopped"), "{report}");
    assert_eq!(found["level"], "warning");
}

#[test]
fn who_is_not_there_is_named() {
    let (office, class) = (Program::with_school(), Program::new());
    let request = class.file("class.request", "");
    class.json(&["join", "--request", request.to_str().unwrap(), "--name", "Salle 4"]);
    office.json(&["invite", "--admit", request.to_str().unwrap()]);
    let node = Running::start(&office, &[]);
    let report = office.json(&["doctor"]);
    let peer = check(&report, "peer");
    assert_eq!((peer["level"].as_str(), report["ok"].as_bool()), (Some("warning"), Some(true)), "{report}");
    assert!(peer["message"].as_str().unwrap().contains("Salle 4"), "{report}");
    assert!(peer["next"].as_str().unwrap().contains("--for \"Salle 4\""), "{report}");
    drop(node);
}

#[test]
fn a_pc_without_a_space_is_told_what_it_would_be_called() {
    let program = Program::new();
    program.json(&["join", "--request", program.file("r", "").to_str().unwrap()]);
    for (lang, named) in [("en", "no name yet"), ("fr", "pas encore de nom")] {
        for verb in ["status", "doctor"] {
            let run = program.run_with(&["--lang", lang, verb], &[("COMPUTERNAME", "CAISSE-7")]);
            assert!(run.out.contains("CAISSE-7"), "{run:?}");
            assert!(verb == "doctor" || run.out.contains(named), "{run:?}");
        }
    }
}
