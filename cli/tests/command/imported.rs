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
    let cases: [(&str, &str, &[&str]); 14] = [
        ("items", "", &["ligne 1", "pas de ligne avec les noms"]),
        ("items", "code;name\nb;x\nc\n", &["ligne 3", "autant de valeurs (1)", "(2)"]),
        ("items", "code,name,colour\nb,x,red\n", &["ligne 1", "colour", "code, name, price, stock, since"]),
        ("items", "code,name,CODE\nb,x,c\n", &["deux fois"]),
        ("items", "code;name;;\nb;x;;\n;;;\nc;y;;z\n", &["ligne 4", "colonne 4"]),
        ("items", "code,name\nb,x\n,y\n", &["ligne 3", "la colonne code ne peut pas être vide"]),
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

#[test]
fn what_is_in_of_a_folder_is_told_when_a_later_list_is_refused() {
    let program = shop();
    let folder = program.data().parent().unwrap().join("lists");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("items.csv"), "code,name\na,apple\n").unwrap();
    std::fs::write(folder.join("sales.csv"), "item,n\na,1\nnothing,2\n").unwrap();
    let run = program.run(&["--lang", "fr", "import", folder.to_str().unwrap()]);
    let told = ["sont pris, et restent", "items.csv", "nothing"];
    assert!(run.code == 1 && told.iter().all(|told| run.err.contains(told)), "{run:?}");
    assert!(!run.err.contains("sales.csv"), "{run:?}");
    assert_eq!(
        rows(&program, "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM sales)"),
        json!([[1, 0]])
    );
}

#[test]
fn a_look_says_what_goes_where_and_what_is_refused() {
    let program = shop();
    program.json(&["sql", "INSERT INTO items (code, name) VALUES ('a', 'apple'), ('b', 'pear')"]);
    let text = "CODE;Nàme;couleur;Price\na;apple;red;\nb;poire;green;2\nc;plum;blue;1,5\nd;x;y;dear\n";
    let file = program.file("Items.CSV", text);
    let file = file.to_str().unwrap();
    let refused = program.run(&["import", file, "--dry-run"]);
    assert!(refused.code == 1 && refused.err.contains("couleur"), "{refused:?}");
    let looked = program.run(&["--lang", "fr", "import", file, "--dry-run", "--ignore-unknown"]);
    for line in [
        "Items.CSV → items : lignes 4",
        "colonnes : CODE → code, Nàme → name, Price → price",
        "sans place ici : couleur",
        "items : à ajouter 1, à mettre à jour 1, inchangées 1, refusées 1",
        "ligne 5 : « dear »",
        "Rien n'a été changé : ce n'était qu'un aperçu.",
    ] {
        assert!(looked.code == 0 && looked.out.contains(line), "{line}: {looked:?}");
    }
    assert_eq!(rows(&program, "SELECT count(*) FROM items"), json!([[2]]));
    let wrong = program.run(&["--lang", "fr", "import", file, "--ignore-unknown"]);
    assert!(wrong.code == 1 && wrong.err.contains("ligne 5"), "{wrong:?}");
    assert_eq!(
        rows(&program, "SELECT count(*) FROM items"),
        json!([[2]]),
        "one wrong row, and none is taken"
    );
}

#[test]
fn a_row_says_by_itself_how_old_it_is() {
    let program = Program::new();
    let schema = program
        .file("schema.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, updated_at STAMP)");
    assert_eq!(program.run(&["init", "--name", "a", "--schema", schema.to_str().unwrap()]).code, 0);
    program.json(&[
        "sql",
        "INSERT INTO notes VALUES (1, 'ten', '2026-01-01 10:00:00'), (2, 'ten', '2026-01-01 10:00:00'), (3, 'ten', '2026-01-01 10:00:00')",
    ]);
    let text = "id,text,updated_at\n1,nine,2026-01-01 09:00\n2,eleven,2026-01-01 11:00\n3,same time,2026-01-01 10:00\n";
    let file = program.file("notes.csv", text);
    let told = program.run(&["--lang", "fr", "import", file.to_str().unwrap()]);
    assert!(told.out.contains("mises à jour 2, inchangées 0, plus anciennes que celles d'ici 1"), "{told:?}");
    let expected = json!([
        ["ten", "2026-01-01 10:00:00"],
        ["eleven", "2026-01-01 11:00:00"],
        ["same time", "2026-01-01 10:00:00"]
    ]);
    assert_eq!(rows(&program, "SELECT text, updated_at FROM notes ORDER BY id"), expected);
    let last = program.json(&["log", "--limit", "1"]);
    assert!(!last.to_string().contains("\"ten\"") && last.to_string().contains("eleven"), "{last}");
}

#[test]
fn only_what_differs_is_recorded_and_everything_is_saved_before() {
    let program = shop();
    program.json(&[
        "sql",
        "INSERT INTO items VALUES ('a', 'apple', 1.5, 3, '2026-01-01'), ('b', 'pear', 2, 0, NULL)",
    ]);
    let backups = program.data().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    for day in 10..22 {
        std::fs::write(backups.join(format!("before-import-202001{day}_000000.tandem")), "old").unwrap();
    }
    let file =
        program.file("items.csv", "code,name,price,stock,since\na,apple,1.50,3,2026-01-01\nb,pear,2.50,0,\n");
    let answer = program.json(&["import", file.to_str().unwrap()]);
    assert_eq!((&answer["updated"], &answer["tables"][0]["same"]), (&json!(1), &json!(1)));
    let last = program.json(&["log", "--limit", "1"])["dot"].as_str().unwrap().to_owned();
    let shown = program.run(&["log", "show", &last]).out;
    assert!(shown.contains("2.50") || shown.contains("2.5"), "{shown}");
    assert!(!shown.contains("pear") && !shown.contains("apple") && !shown.contains("stock"), "{shown}");
    let backup = answer["backup"].as_str().unwrap();
    assert_eq!(std::fs::read_dir(&backups).unwrap().count(), 10, "the oldest go");
    let held = program.json(&["bundle", "inspect", backup]);
    assert_eq!(held["complete"], json!(true));
    let changes = held["changes"].to_string();
    assert!(
        changes.contains("\"inserted\":2") && changes.contains("\"updated\":0"),
        "as it was before: {changes}"
    );
}

#[test]
fn what_comes_twice_in_a_file_is_what_comes_last() {
    let program = shop();
    let file = program.file("items.csv", "code,name\na,first\nb,x\na,last\n");
    let answer = program.json(&["import", file.to_str().unwrap()]);
    assert_eq!((&answer["inserted"], &answer["updated"]), (&json!(2), &json!(1)));
    assert_eq!(rows(&program, "SELECT name FROM items ORDER BY code"), json!([["last"], ["x"]]));
}

/// A sheet of a workbook that nobody named goes where its workbook is called.
#[test]
fn a_workbook_comes_in_with_its_dates_and_the_values_of_its_formulas() {
    let program = shop();
    let sheet = "<worksheet><sheetData>\
        <row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>CODE</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>Name</t></is></c>\
        <c r=\"C1\" t=\"inlineStr\"><is><t>Since</t></is></c><c r=\"D1\" t=\"inlineStr\"><is><t>Price</t></is></c></row>\
        <row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B3\" t=\"str\"><f>HYPERLINK(\"x\")</f><v>Été</v></c>\
        <c r=\"C3\" s=\"1\"><v>46053</v></c><c r=\"D3\" t=\"inlineStr\"><is><t>1 234,50</t></is></c></row>\
        <row r=\"4\"><c r=\"A4\"><v>7</v></c><c r=\"B4\" t=\"inlineStr\"><is><t>x</t></is></c><c r=\"C4\" t=\"e\"><v>#N/A</v></c></row>\
        </sheetData></worksheet>";
    let whole = sheet.replace("<c r=\"C4\" t=\"e\"><v>#N/A</v></c>", "");
    let path = program.data().parent().unwrap().join("Items.xlsx");
    let words = ["--lang", "fr", "import", path.to_str().unwrap()];
    std::fs::write(&path, workbook(sheet)).unwrap();
    let refused = program.run(&words);
    assert!(
        refused.code == 1 && refused.err.contains("ligne 4 : une formule n'y a donné aucune valeur"),
        "{refused:?}"
    );
    std::fs::write(&path, workbook(&whole)).unwrap();
    let taken = program.run(&words);
    assert!(taken.code == 0 && taken.out.contains("items : ajoutées 2"), "{taken:?}");
    let expected = json!([["7", "x", null, null], ["a", "Été", "2026-01-31", 1234.5]]);
    assert_eq!(rows(&program, "SELECT code, name, since, price FROM items ORDER BY code"), expected);
}

/// A workbook of one sheet `Feuil1`, as spreadsheets write it.
fn workbook(sheet: &str) -> Vec<u8> {
    use std::io::{Cursor, Write};

    let of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"rId1\" Type=\"{of}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let files = [
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
        ("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml")),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns:r=\"{of}\"><sheets><sheet name=\"Feuil1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/styles.xml",
            "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
                .to_owned(),
        ),
        ("xl/worksheets/sheet1.xml", sheet.to_owned()),
    ];
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// However often it is killed, whole batches are in, and in the end all of it is, once.
#[test]
fn a_killed_import_leaves_whole_batches_and_goes_on() {
    use std::fmt::Write as _;
    use std::process::Stdio;

    let program = shop();
    program.json(&["sql", "INSERT INTO items (code, name) VALUES ('a', 'apple')"]);
    const ROWS: u64 = 70_000;
    let mut text = "item,n\n".to_owned();
    (0..ROWS).for_each(|n| writeln!(text, "a,{n}").unwrap());
    let file = program.file("sales.csv", &text);
    let file = file.to_str().unwrap();
    let size = || -> u64 {
        let mut folders = vec![program.data()];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    Ok(found) => bytes += found.len(),
                    Err(_) => {}
                }
            }
        }
        bytes
    };
    let mut cut = 0;
    for grown in [300_000, 2_000_000, 5_000_000] {
        let before = size();
        let mut child = program
            .command(&["import", file])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() && size() < before + grown {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        cut += u64::from(!child.wait().unwrap().success());
        let count = rows(&program, "SELECT count(*) FROM sales")[0][0].as_u64().unwrap();
        assert!(count.is_multiple_of(20_000) || count == ROWS, "{count}");
    }
    assert!(cut > 0, "it was never killed");
    program.json(&["import", file]);
    let expected = json!([[ROWS, ROWS, 0, ROWS - 1]]);
    assert_eq!(rows(&program, "SELECT count(*), count(DISTINCT n), min(n), max(n) FROM sales"), expected);
}
