//! Dumps as the programs of other databases write them, with what people's schemas hold.

use std::path::PathBuf;

use tandem_protocol::cause::Cause;

use super::*;
use crate::note::Section;
use crate::schema::{Draft, draft};

mod kinds;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.sql");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn read(text: &str) -> Result<(Dump, Draft, Notes), DumpError> {
    let (_folder, path) = written(text);
    let dump = Dump::read(&[&path], None).map_err(|(_, error)| error)?;
    let (draft, mut notes) = draft(&dump);
    draft.schema().unwrap_or_else(|error| panic!("{error:?}\n{}", draft.sql()));
    let mut all = dump.notes.clone();
    all.append(std::mem::take(&mut notes));
    Ok((dump, draft, all))
}

/// Codes of what is told, with lines.
fn codes(notes: &Notes) -> Vec<(String, u64)> {
    notes.iter().map(|note| (note.kind.code.to_string(), note.line)).collect()
}

/// What a person should look at, or is left out, as code and what it is of.
fn told(notes: &Notes) -> Vec<String> {
    let of_interest = notes.iter().filter(|note| Section::of(&note.kind) != Section::Changed);
    of_interest.map(|note| format!("{} {}: {}", note.line, note.kind.code, note.what)).collect()
}

/// What is told of a dump stands in a file beside it; `UPDATE_SNAPSHOTS=1` writes it anew.
fn is_as_in(name: &str, text: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/dump/tests")).join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
}

/// Reads a dump, and compares its schema and what is told of it with the files beside it.
fn comes_in(name: &str, text: &str, dialect: Dialect) -> Vec<(String, u64)> {
    let (dump, draft, notes) = read(text).unwrap();
    assert_eq!(dump.dialect, dialect);
    is_as_in(&format!("{name}.out.sql"), &draft.sql());
    is_as_in(&format!("{name}.notes.txt"), &(told(&notes).join("\n") + "\n"));
    dump.tables.into_iter().map(|table| (table.name, table.rows)).collect()
}

#[test]
fn a_dump_of_mysql_comes_in() {
    let rows = comes_in("shop.mysql", include_str!("tests/shop.mysql.sql"), Dialect::MySql);
    let expected = [("clients", 3), ("produits", 0), ("lignes", 2), ("prix", 0), ("journal", 0)];
    assert_eq!(rows, expected.map(|(name, rows)| (name.to_owned(), rows)));
}

#[test]
fn a_dump_of_postgresql_comes_in() {
    let rows =
        comes_in("school.postgresql", include_str!("tests/school.postgresql.sql"), Dialect::PostgreSql);
    assert_eq!(rows.iter().map(|(_, rows)| rows).sum::<u64>(), 2);
}

#[test]
fn a_dump_of_sqlite_comes_in() {
    let rows = comes_in("library.sqlite", include_str!("tests/library.sqlite.sql"), Dialect::Sqlite);
    assert_eq!(rows[0], ("books".to_owned(), 1));
}

/// What people's schemas refer to: keys of several columns, in whatever order; what is UNIQUE, wherever
/// that is said; and what is neither.
#[test]
fn references_are_kept_where_the_other_side_tells_its_rows() {
    let text =
        "CREATE TABLE \"rooms\" (house TEXT, n INTEGER, code TEXT, floor INTEGER, PRIMARY KEY (house, n));
CREATE TABLE \"beds\" (id INTEGER PRIMARY KEY, n INTEGER, house TEXT NOT NULL, code TEXT, floor INTEGER,
  FOREIGN KEY (n, house) REFERENCES \"rooms\" (n, house) ON DELETE SET NULL ON UPDATE CASCADE,
  FOREIGN KEY (code) REFERENCES \"rooms\" (code) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (code) REFERENCES \"rooms\" (code),
  FOREIGN KEY (floor) REFERENCES \"rooms\" (floor),
  FOREIGN KEY (floor, house) REFERENCES \"rooms\" (code, house),
  FOREIGN KEY (n) REFERENCES \"rooms\");
CREATE UNIQUE INDEX \"by_code\" ON \"rooms\" (\"code\");
";
    let (_, draft, notes) = read(text).unwrap();
    let sql = draft.sql();
    assert!(sql.contains("FOREIGN KEY (n, house) REFERENCES rooms (n, house)\n"), "{sql}");
    assert!(sql.contains("code TEXT REFERENCES rooms (code) ON DELETE CASCADE"), "{sql}");
    assert_eq!(sql.matches("REFERENCES").count(), 2, "{sql}");
    let expected = [
        (3, "dump_set_null"),
        (3, "dump_on_update"),
        (4, "dump_on_update_unique"),
        (5, "dump_reference_second"),
        (6, "dump_reference_unique"),
        (7, "dump_reference_unique"),
        (8, "dump_reference_unique"),
    ];
    let told = codes(&notes).into_iter().map(|(code, line)| (line, code)).collect::<Vec<_>>();
    assert_eq!(told, expected.map(|(line, code)| (line, code.to_owned())));
}

#[test]
fn what_is_no_dump_is_said_with_its_line() {
    let cause = |text: &str| match read(text) {
        Ok(_) => panic!("{text} is read"),
        Err(error) => Cause::from(&error).code.to_string(),
    };
    assert_eq!(cause("Bonjour, voici la liste de vendredi.\n"), "dump_no_table");
    assert_eq!(cause(""), "dump_no_table");
    assert_eq!(
        cause("SET ANSI_NULLS ON\nGO\nCREATE TABLE [dbo].[a] (id int IDENTITY(1,1))\nGO\n"),
        "dump_other_product"
    );
    assert_eq!(cause("CREATE TABLE a (id INT, name TEXT,\n"), "dump_ends_early");
    assert_eq!(
        cause("CREATE TABLE a (id INT PRIMARY KEY);\nINSERT INTO a VALUES ('x);\n"),
        "dump_never_closes"
    );
    let (_folder, path) = written("");
    std::fs::write(&path, b"CREATE TABLE a (id INT); -- caf\xc3\xa9\n-- caf\xe9\n").unwrap();
    let (at, error) = Dump::read(&[&path], None).map(drop).unwrap_err();
    assert_eq!((at, Cause::from(&error)), (0, Cause::new("dump_mixed").with("line", 2)));
}

/// What somebody's editor, or hand, may put into a dump.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "(",
    ")",
    ";",
    "/*",
    "*/",
    "$$",
    "--",
    "\\",
    "\0",
    "CREATE TABLE",
    ",",
    "é",
    "[",
    "::",
    "PRIMARY KEY",
    "DEFAULT",
    "CHECK (",
    "REFERENCES",
    "\n",
    "COPY x FROM stdin;",
    "DELIMITER é",
    "BEGIN",
    "E'",
];

/// Whatever somebody does to a dump, it is read or refused: nothing else.
#[test]
fn a_damaged_dump_is_read_or_refused() {
    let dumps = [
        include_str!("tests/shop.mysql.sql"),
        include_str!("tests/school.postgresql.sql"),
        include_str!("tests/library.sqlite.sql"),
    ];
    let mut chance: u64 = 7;
    let mut draw = |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % below.max(1)
    };
    let (mut taken, mut refused) = (0, 0);
    for round in 0..600 {
        let mut text: Vec<char> = dumps[round % 3].chars().collect();
        for _ in 0..1 + draw(4) {
            let at = draw(text.len());
            match draw(4) {
                0 => text.truncate(at),
                1 => drop(text.drain(at..(at + draw(60)).min(text.len()))),
                _ => drop(text.splice(at..at, PIECES[draw(PIECES.len())].chars())),
            }
        }
        let text: String = text.into_iter().collect();
        let (_folder, path) = written(&text);
        let Ok(dump) = Dump::read(&[&path], None) else {
            refused += 1;
            continue;
        };
        let (draft, _) = draft(&dump);
        let _counts = draft.schema();
        let _rows = rows::each_row::<DumpError>(&[&path], &dump, &mut |_| Ok(()));
        taken += 1;
    }
    assert!(taken > 100 && refused > 50, "{taken} taken, {refused} refused");
}

#[test]
fn a_dump_made_to_exhaust_its_reader_is_refused_or_cut() {
    let deep = format!(
        "CREATE TABLE a (id INT PRIMARY KEY, n INT CHECK ({}n{}));",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let long =
        format!("CREATE TABLE a (id INT PRIMARY KEY, n INT CHECK (n = 1{}));", " OR n = 1".repeat(1_900));
    let wide: String = (0..60_000).map(|at| format!("c{at} INT,")).collect();
    let wide = format!("CREATE TABLE a ({wide} PRIMARY KEY (c1));");
    let many: String = (0..100_000).map(|at| format!("X{} y;\n", "abcdefghij".repeat(at % 7))).collect();
    let many = format!("CREATE TABLE a (id INT PRIMARY KEY);\n{many}");
    let row =
        format!("CREATE TABLE a (id INT PRIMARY KEY);\nINSERT INTO a VALUES ({});", "1,".repeat(600_000));
    // What a name means is looked for among all tables; a dump may rename one as often as it likes.
    let referring: String = (0..1_000)
        .map(|at| {
            let columns: String =
                (0..20).map(|n| format!("c{n} INT REFERENCES t{}(id), ", 999 - n)).collect();
            format!("CREATE TABLE t{at} ({columns} id INT PRIMARY KEY);\n")
        })
        .collect();
    let renamed = "ALTER TABLE t0 RENAME TO u;\nALTER TABLE u RENAME TO t0;\n".repeat(500);
    let renamed = referring + &renamed;
    for text in [deep, long, wide, many, row, renamed] {
        let (_folder, path) = written(&text);
        if let Ok(dump) = Dump::read(&[&path], None) {
            let _drafted = draft(&dump);
            let _rows = rows::each_row::<DumpError>(&[&path], &dump, &mut |_| Ok(()));
        }
    }
}

/// Each statement looks for its table among all: how many they may be bounds how long that takes.
#[test]
fn more_tables_than_any_space_holds_are_refused_where_they_begin_to_be() {
    let tables: String = (0..5_000).map(|at| format!("CREATE TABLE t{at} (id INT PRIMARY KEY);\n")).collect();
    let (_folder, path) = written(&tables);
    let (_, error) = Dump::read(&[&path], None).err().unwrap();
    assert_eq!(Cause::from(&error), Cause::new("dump_many").with("line", 4_097));
}

#[test]
fn several_files_are_one_dump() {
    let (_one, first) = written("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);");
    let (_other, second) =
        written("INSERT INTO a VALUES (1, 'x'), (2, 'y');\nDROP TABLE b;\nALTER TABLE a RENAME TO c;");
    let dump = Dump::read(&[&first, &second], None).map_err(|(_, error)| error).unwrap();
    let tables: Vec<(&str, u64)> =
        dump.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    assert_eq!(tables, [("c", 2)]);
    assert_eq!(codes(&dump.notes), [("dump_passed".to_owned(), 2)]);
}
