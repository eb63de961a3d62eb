//! Exit codes, and what is said when something cannot be done.

use serde_json::Value;

use crate::program::{Program, assert_snapshot};

#[test]
fn wrong_use_ends_with_2() {
    let program = Program::with_school();
    for words in [
        vec![],
        vec!["nonsense"],
        vec!["sql"],
        vec!["sql", ""],
        vec!["sql", "--nonsense"],
        vec!["log", "--since", "yesterday"],
        vec!["log", "--limit", "x"],
        vec!["--lang", "de", "status"],
        vec!["start", "--http", "here"],
        vec!["sql", "SELECT 1", "--file", "x"],
        vec!["sql", "SELECT 1; SELECT 2", "x"],
        vec!["invite", "--role", "king"],
    ] {
        let run = program.run(&words);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
        assert!(!run.err.is_empty() && run.out.is_empty(), "{words:?}: {run:?}");
    }
}

#[test]
fn refusals_end_with_1_and_are_told_in_both_languages() {
    let program = Program::with_school();
    assert_eq!(program.run(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]).code, 0);
    for lang in ["en", "fr"] {
        let mut told = String::new();
        for words in [
            vec!["sql", "INSERT INTO pupils VALUES (1, 'Bo')"],
            vec!["sql", "SELECT nothing"],
            vec!["sql", "DROP TABLE pupils"],
            vec!["sql", "UPDATE pupils SET id = 2"],
            vec!["--space", "other", "sql", "SELECT 1"],
            vec!["init", "--name", "x", "--space", "school"],
            vec!["log", "show", "nobody:1"],
            vec!["log", "--follow"],
            vec!["sites", "show", "nobody"],
            vec!["bundle", "export", "x.tandem", "--for", "nobody"],
        ] {
            let run = program.run(&[&["--lang", lang], &words[..]].concat());
            assert_eq!(run.code, 1, "{words:?}: {run:?}");
            assert_eq!(run.out, "", "{words:?}");
            told += &format!("$ tandem {}\n{}\n", words.join(" "), run.err);
        }
        assert_snapshot(&format!("refused_{lang}"), &told);
    }
    assert_eq!(program.json(&["sql", "SELECT * FROM pupils"])["rows"], serde_json::json!([[1, "Ada"]]));
}

#[test]
fn with_json_errors_are_json_on_stderr() {
    let program = Program::new();
    for (words, exit, code) in [
        (vec!["status"], 1, "space_missing"),
        (vec!["sql", "SELECT 1"], 1, "space_missing"),
        (vec!["nonsense"], 2, "usage"),
        (vec!["bundle", "inspect", "nothing.tandem"], 1, "file_failed"),
    ] {
        let run = program.run(&[&["--json"], &words[..]].concat());
        assert_eq!((run.code, run.out.as_str()), (exit, ""), "{words:?}");
        let error: Value = serde_json::from_str(&run.err).unwrap();
        assert_eq!(error["error"]["code"], code, "{words:?}");
        assert!(error["error"]["message"].is_string() && error["error"]["hints"].is_array());
    }
    assert!(!program.data().exists(), "a command that only looks makes nothing");
}

#[test]
fn a_schema_is_refused_with_all_that_is_wrong_in_it() {
    let program = Program::with_school();
    let sql = "CREATE TABLE a (\n  id INTEGER PRIMARY KEY,\n  price MONEY,\n  name TEXT COLLATE NOCASE\n);\n\
               CREATE TABLE pupils (id INTEGER PRIMARY KEY);\nVACUUM;\nCREATE TABLE b (n TEXT);\n";
    let file = program.file("école.sql", sql);
    for lang in ["en", "fr"] {
        let refused = program.run(&["--lang", lang, "schema", "apply", file.to_str().unwrap()]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert_snapshot(&format!("schema_refused.{lang}"), &refused.err);
    }
}

#[test]
fn what_is_no_text_is_no_dump() {
    let program = Program::new();
    let picture = program.file("photo.sql", "\u{0}PNG\u{0}\u{1}");
    let picture = picture.to_str().unwrap();
    for (lang, nothing, next) in [
        ("en", "Nothing was changed", "Make the dump again"),
        ("fr", "Rien n'a été changé", "Refaites la sauvegarde"),
    ] {
        let run = program.run(&["--lang", lang, "init", "--name", "office", "--import", picture]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains(nothing) && run.err.contains(next), "{run:?}");
    }
    assert!(!program.data().exists(), "nothing is made of it");
}

#[test]
fn no_site_is_made_of_a_bad_schema() {
    let program = Program::new();
    let schema = program.file("bad.sql", "CREATE TABLE a (b TEXT)");
    let run = program.run(&["init", "--name", "office", "--schema", schema.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("primary key"), "{run:?}");
    let status = program.json(&["status"]);
    assert_eq!(status["spaces"], serde_json::json!([]));
}

#[test]
fn a_reference_that_leads_nowhere_is_told_from_both_sides_in_both_languages() {
    let program = Program::new();
    let schema = program.file(
        "schema.sql",
        "CREATE TABLE students (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE contracts (id INTEGER PRIMARY KEY, student INTEGER REFERENCES students);",
    );
    let made = program.run(&["init", "--name", "office", "--schema", schema.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    program.json(&["sql", "INSERT INTO students VALUES (12, 'Ada')"]);
    program.json(&["sql", "INSERT INTO contracts VALUES (1, 12), (2, 12)"]);
    let delete = "DELETE FROM students WHERE id = 12";
    let insert = "INSERT INTO contracts VALUES (3, 13)";
    for (lang, sql, told) in [
        (
            "en",
            delete,
            "The row id=12 of students cannot go, because others refer to it: rows of contracts, by student: 2.",
        ),
        (
            "fr",
            delete,
            "La ligne id=12 de students ne peut pas partir, car d'autres y renvoient : lignes de contracts, par student : 2.",
        ),
        (
            "en",
            insert,
            "student of the row id=3 of contracts refers to a row that is not there: students has none whose id is 13.",
        ),
        (
            "fr",
            insert,
            "student de la ligne id=3 de contracts renvoie à une ligne qui n'est pas là : students n'en a aucune dont id est 13.",
        ),
    ] {
        let run = program.run(&["--lang", lang, "sql", sql]);
        assert!(run.code == 1 && run.err.contains(told), "{run:?}");
    }
    // In one transaction the order does not matter.
    let file = program
        .file("both.sql", "INSERT INTO contracts VALUES (3, 13); INSERT INTO students (id) VALUES (13);");
    program.json(&["sql", "--file", file.to_str().unwrap()]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_in_french_to_the_last_word() {
    let program = Program::with_school();
    let folder = program.data();
    let nothing = folder.join("rien").display().to_string();
    let (other, binary) = (program.file("autre", "rien"), program.file("octets", "x"));
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let (other, binary) = (other.display().to_string(), binary.display().to_string());
    let bundle = folder.with_file_name("lundi.tandem");
    let whole = bundle.display().to_string();
    assert_eq!(program.run(&["bundle", "export", &whole]).code, 0);
    let bytes = std::fs::read(&bundle).unwrap();
    let cut = folder.with_file_name("coupe.tandem");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    let cut = cut.display().to_string();
    let here = folder.display().to_string();
    for (words, cause) in [
        (vec!["bundle", "inspect", &nothing], "il n'y a pas de tel fichier ou dossier."),
        (vec!["bundle", "inspect", &other], "ce n'est pas un fichier de tandem."),
        (vec!["bundle", "inspect", &cut], "Le fichier n'est pas entier : il est coupé après"),
        (vec!["bundle", "import", "--dry-run", &cut], "Le fichier n'est pas entier : il est coupé après"),
        (vec!["bundle", "import", &here], "c'est un dossier, pas un fichier."),
        (vec!["schema", "apply", &nothing], "il n'y a pas de tel fichier ou dossier."),
        (vec!["schema", "apply", &binary], "ce n'est pas un texte en UTF-8."),
        (vec!["sql", "--file", &binary], "ce n'est pas un texte en UTF-8."),
        (vec!["invite", "--admit", &other], "le fichier contient autre chose."),
        (vec!["join", "jeton", "--name", "salle"], "il est incomplet ou mal recopié."),
        (vec!["sites", "rename", "office", " "], "il est vide, ou commence ou finit par une espace."),
        (vec!["sql", "SELECT 1; SELECT nobody"], "instruction 2 : il n'y a pas de colonne nobody."),
    ] {
        let run = program.run(&[&["--lang", "fr"], &words[..]].concat());
        let told = format!("{}{}", run.out, run.err);
        let start = cause.trim_end_matches('.');
        assert!(told.contains(start), "{words:?}: {told}");
    }
}
