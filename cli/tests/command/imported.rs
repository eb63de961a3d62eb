//! `tandem import`: a CSV file becomes rows, or is left as it is.

use serde_json::json;

use crate::program::Program;

const SCHEMA: &str = "CREATE TABLE items (code TEXT PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(9,2), \
    stock COUNTER, since DATE); \
    CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT REFERENCES items (code), n INTEGER);";

fn shop() -> Program {
    let program = Program::new();
    let schema = program.file("schema.sql", SCHEMA);
    let made = program.run(&["init", "--name", "till", "--schema", schema.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    program
}

fn rows(program: &Program, sql: &str) -> serde_json::Value {
    program.json(&["sql", sql])["rows"].clone()
}

#[test]
fn a_list_of_a_french_spreadsheet_becomes_rows_once() {
    let program = shop();
    let text = "Code;NAME;price;stock;since\r\na;\"Pomme; rouge\";1 234,50;40;31/01/2026\r\nb;Été;;7;\r\n";
    let file = program.file("items.csv", text);
    let file = file.to_str().unwrap();
    let looked = program.json(&["import", file, "--dry-run"]);
    assert_eq!((&looked["rows"], &looked["inserted"]), (&json!(2), &json!(2)));
    assert_eq!(rows(&program, "SELECT count(*) FROM items"), json!([[0]]));
    let told = program.run(&["--lang", "fr", "import", file]);
    assert_eq!(
        (told.code, told.out.as_str()),
        (0, "items : ajoutées 2, mises à jour 0, inchangées 0\n"),
        "{told:?}"
    );
    let expected = json!([["a", "Pomme; rouge", 1234.5, 40, "2026-01-31"], ["b", "Été", null, 7, null]]);
    assert_eq!(rows(&program, "SELECT * FROM items ORDER BY code"), expected);
    let again = program.run(&["--lang", "fr", "import", file]);
    assert!(again.code == 0 && again.out.contains("ont déjà été prises ; rien n'a été changé"), "{again:?}");
    program.json(&["sql", "UPDATE items SET price = 2 WHERE code = 'b'"]);
    let forced = program.json(&["import", file, "--again", "--table", "Items"]);
    assert_eq!((&forced["inserted"], &forced["updated"]), (&json!(0), &json!(1)));
    assert_eq!(rows(&program, "SELECT * FROM items ORDER BY code"), expected);
    assert!(program.run(&["log"]).out.contains("items.csv"), "{:?}", program.run(&["log"]));
}

#[test]
fn a_file_with_anything_wrong_in_it_changes_nothing() {
    let program = shop();
    program.json(&["sql", "INSERT INTO items (code, name) VALUES ('a', 'apple')"]);
    let before = program.json(&["status"])["spaces"][0]["transactions"].clone();
    let cases: [(&str, &str, &[&str]); 12] = [
        ("items", "", &["ligne 1", "pas de ligne avec les noms"]),
        ("items", "code;name\nb;x\nc\n", &["ligne 3", "autant de valeurs (1)", "(2)"]),
        ("items", "code,name,colour\nb,x,red\n", &["ligne 1", "colour", "code, name, price, stock, since"]),
        ("items", "code,name,CODE\nb,x,c\n", &["deux fois"]),
        ("items", "name\nx\n", &["il manque la colonne code"]),
        ("items", "code,name\nb,\"x\nc,y\n", &["ligne 2", "guillemet"]),
        ("items", "code,name,price\nb,x,1.5\nc,y,dear\n", &["ligne 3", "« dear »", "price", "DECIMAL(9,2)"]),
        ("items", "code,name,price\nb,x,1.5\nc,y,\"1,5\"\n", &["ligne 3", "« 1,5 »"]),
        ("items", "code,name,since\nb,x,31/01/2026\n", &["ligne 2", "since"]),
        ("items", "code,name\nb,\u{0}\n", &["UTF-8"]),
        ("sales", "item,n\na,1\nnothing,2\n", &["nothing", "Rien n'a été changé"]),
        ("nowhere", "a\n1\n", &["nowhere"]),
    ];
    for (table, text, told) in cases {
        let file = program.file(&format!("{table}.csv"), text);
        let run = program.run(&["--lang", "fr", "import", file.to_str().unwrap()]);
        assert!(run.code == 1 && told.iter().all(|told| run.err.contains(told)), "{text:?}: {run:?}");
        assert_eq!(program.json(&["status"])["spaces"][0]["transactions"], before, "{text:?}");
    }
    let missing = program.run(&["--lang", "fr", "import", "/nowhere/items.csv"]);
    assert!(missing.code == 1 && missing.err.contains("il n'y a pas de tel fichier"), "{missing:?}");
    let folder = program.run(&["--lang", "fr", "import", program.data().to_str().unwrap()]);
    assert!(folder.code == 1 && folder.err.contains("aucune liste"), "{folder:?}");
    assert_eq!(rows(&program, "SELECT code FROM items"), json!([["a"]]));
}

/// More rows than are written at once: what came before the refused ones stays, and that is said.
#[test]
fn what_was_written_before_a_refused_row_is_told() {
    use std::fmt::Write as _;

    let program = shop();
    program.json(&["sql", "INSERT INTO items (code, name) VALUES ('a', 'apple')"]);
    let mut text = "id,item,n\n".to_owned();
    (1..=20_000).for_each(|id| writeln!(text, "{id},a,1").unwrap());
    text += "20001,nothing,1\n";
    let file = program.file("sales.csv", &text);
    let run = program.run(&["--lang", "fr", "import", file.to_str().unwrap()]);
    assert!(
        run.code == 1 && run.err.contains("Les 20000 premières lignes") && run.err.contains("nothing"),
        "{run:?}"
    );
    assert_eq!(rows(&program, "SELECT count(*) FROM sales"), json!([[20_000]]));
    // Again, they are passed over, and the same is said.
    let again = program.run(&["import", file.to_str().unwrap()]);
    assert!(again.code == 1 && again.err.contains("The first 20000 rows"), "{again:?}");
    assert_eq!(rows(&program, "SELECT count(*) FROM sales"), json!([[20_000]]));
}
