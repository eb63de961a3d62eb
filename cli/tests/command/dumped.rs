//! `tandem schema import` and `tandem init --import`: the dump of another database becomes tables.

use serde_json::json;

use crate::program::{Program, assert_snapshot};

const SHOP: &str = include_str!("../../../import/src/dump/tests/shop.mysql.sql");
const SCHOOL: &str = include_str!("../../../import/src/dump/tests/school.postgresql.sql");

#[test]
fn what_becomes_of_a_dump_is_told_in_the_readers_language() {
    let program = Program::new();
    let file = program.file("boutique.sql", SHOP);
    let file = file.to_str().unwrap();
    for language in ["en", "fr"] {
        let told = program.run(&["--lang", language, "schema", "import", file]);
        assert_eq!(told.code, 0, "{told:?}");
        assert_snapshot(&format!("schema_import.{language}"), &told.err);
        assert!(told.out.starts_with("CREATE TABLE clients (\n  id INTEGER PRIMARY KEY,"), "{told:?}");
    }
    let json = program.json(&["schema", "import", file, "--from", "mysql"]);
    assert_eq!((&json["dialect"], &json["rows"]), (&json!("MySQL / MariaDB"), &json!(5)));
    assert_eq!(json["tables"][0], json!({ "name": "clients", "columns": 11 }));
}

#[test]
fn a_dump_becomes_a_file_that_can_be_read_changed_and_applied() {
    let program = Program::new();
    assert_eq!(program.run(&["init", "--name", "a"]).code, 0);
    let dump = program.file("école.sql", SCHOOL);
    let out = program.file("schema.sql", "");
    let (dump, out) = (dump.to_str().unwrap(), out.to_str().unwrap());
    let written = program.run(&["schema", "import", dump, "--out", out]);
    assert!(written.code == 0 && written.out.is_empty(), "{written:?}");
    let kept = program.run(&["schema", "import", dump, "--out", out]);
    assert!(kept.code != 0 && kept.err.contains("schema.sql"), "somebody's file is not replaced: {kept:?}");
    assert_eq!(program.run(&["schema", "apply", out]).code, 0);
    let again = program.json(&["schema", "apply", out]);
    assert_eq!(again["changes"], json!([]), "what is there already is passed over");
    program.json(&["sql", "INSERT INTO cours (titre) VALUES ('A1')"]);
    let refused = program.run(&["sql", "INSERT INTO cours (titre) VALUES ('A1')"]);
    assert!(refused.code != 0 && refused.err.contains("titre"), "its UNIQUE is one: {refused:?}");
}

#[test]
fn a_space_begins_with_the_tables_of_a_dump() {
    let program = Program::new();
    let (shop, school) =
        (program.file("shop.sql", SHOP), program.file("school.sql", "CREATE TABLE more (id int);"));
    let (shop, school) = (shop.to_str().unwrap(), school.to_str().unwrap());
    let made = program.run(&["init", "--name", "a", "--import", shop, "--import", school]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.contains("clients") && made.out.contains("more"), "{made:?}");
    program.json(&["sql", "INSERT INTO clients (nom) VALUES ('Zoé')"]);
    let rows = program.json(&["sql", "SELECT nom, actif, solde, civilité FROM clients"])["rows"].clone();
    assert_eq!(rows, json!([["Zoé", 1, 0.0, "Mme"]]));
}

#[test]
fn the_views_of_a_dump_say_what_its_rows_say() {
    let program = Program::new();
    let file = program.file("shop.sql", SHOP);
    let made = program.run(&["init", "--name", "a", "--import", file.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    program.json(&["sql", "INSERT INTO clients (id, nom) VALUES (1, 'Zoé')"]);
    let rows = program.json(&["sql", "SELECT id, qui FROM v WHERE id = 1"])["rows"].clone();
    assert_eq!(rows, json!([[1, "Zoé (Mme)"]]));
    let schema = program.json(&["schema", "show"]);
    assert_eq!(schema["views"], json!(["v"]), "what SQLite does not read is left out, and told");
    assert_eq!(schema.get("waiting"), None);
    let refused = program.run(&["--lang", "fr", "sql", "DELETE FROM v"]);
    assert!(refused.code != 0 && refused.err.contains("v est une vue"), "{refused:?}");
}

#[test]
fn what_is_no_dump_changes_nothing() {
    let program = Program::new();
    for (text, told) in [
        ("Liste de vendredi\n", "aucune table"),
        ("CREATE TABLE a (id INT PRIMARY KEY, name TEXT,\n", "au milieu de ce qui commence à la ligne 1"),
        ("CREATE TABLE a (id INT);\nINSERT INTO a VALUES ('x);\n", "s'ouvre à la ligne 2"),
        ("SET ANSI_NULLS ON\nGO\nCREATE TABLE [dbo].[a] (id int)\nGO\n", "Microsoft SQL Server"),
        ("CREATE TABLE a (id INT PRIMARY KEY); \0", "pas un texte en UTF-8"),
    ] {
        let file = program.file("x.sql", text);
        let file = file.to_str().unwrap();
        let refused = program.run(&["--lang", "fr", "init", "--name", "a", "--import", file]);
        assert!(refused.code != 0 && refused.err.contains(told), "{text:?}: {refused:?}");
        assert!(!program.data().join("spaces").exists(), "nothing was made");
    }
}

/// A shop whose rows stand before those that they refer to, and leave their numbers to the database.
const FULL: &str = "\
CREATE TABLE `ventes` (`id` int NOT NULL AUTO_INCREMENT, `produit` int, `le` datetime, `payée` tinyint(1),
  PRIMARY KEY (`id`), FOREIGN KEY (`produit`) REFERENCES `produits` (`id`)) ENGINE=InnoDB;
CREATE TABLE `produits` (`id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `nom` varchar(50), `prix` decimal(9,2),
  `état` tinyint(1));
INSERT INTO `ventes` (`produit`, `le`, `payée`) VALUES (2, '2026-01-31 05:00:00', 1),
  (1, '2026/2/1', 0);
INSERT INTO `produits` VALUES (NULL, 'Pomme; (rouge)', 1.50, 2), (NULL, 'L\\'été', NULL, 0);
INSERT INTO ailleurs VALUES (1);
";

#[test]
fn the_rows_of_a_dump_come_in_with_their_numbers_and_only_once() {
    let program = Program::new();
    let dump = program.file("shop.sql", FULL);
    let dump = dump.to_str().unwrap();
    let made = program.run(&["--lang", "fr", "init", "--name", "a", "--import", dump, "--with-data"]);
    assert!(
        made.code == 0 && made.err.contains("produits : ajoutées 2, mises à jour 0, inchangées 0"),
        "{made:?}"
    );
    let rows = |sql: &str| program.json(&["sql", sql])["rows"].clone();
    let sales = json!([[1, 2, "2026-01-31 05:00:00", 1], [2, 1, "2026-02-01 00:00:00", 0]]);
    assert_eq!(rows("SELECT * FROM ventes ORDER BY id"), sales);
    // What MySQL calls a number of one digit is a flag only where its rows say so.
    let products = json!([[1, "Pomme; (rouge)", 1.5, 2], [2, "L'été", null, 0]]);
    assert_eq!(rows("SELECT * FROM produits ORDER BY id"), products);
    program.json(&["sql", "UPDATE produits SET prix = 9 WHERE id = 1"]);
    let again = program.json(&["import", dump]);
    assert_eq!((&again["before"], &again["tables"][1]["updated"]), (&json!(4), &json!(0)));
    assert_eq!(rows("SELECT prix FROM produits WHERE id = 1"), json!([[9.0]]), "it was taken in already");
    let one = program.json(&["import", dump, "--table", "produits", "--again", "--message", "prix d'avant"]);
    assert_eq!((&one["tables"][1]["updated"], &one["tables"][0]["rows"]), (&json!(1), &json!(0)));
    assert_eq!(rows("SELECT prix FROM produits WHERE id = 1"), json!([[1.5]]));
    let unknown = program.run(&["import", dump, "--table", "prix"]);
    assert!(unknown.code != 0 && unknown.err.contains("no table named prix"), "{unknown:?}");
}

/// What no look at one row tells is found when the rows are written, and by then the tables are there.
#[test]
fn a_reference_that_leads_nowhere_leaves_the_tables_and_says_so() {
    let program = Program::new();
    let broken = program.file("shop.sql", &FULL.replacen("VALUES (2, '2026", "VALUES (7, '2026", 1));
    let broken = broken.to_str().unwrap();
    let refused = program.run(&["--lang", "fr", "init", "--name", "a", "--import", broken, "--with-data"]);
    assert!(refused.code != 0 && refused.err.contains("et ses tables sont là"), "{refused:?}");
    let count = || program.json(&["sql", "SELECT count(*) FROM ventes"])["rows"].clone();
    assert_eq!(count(), json!([[0]]));
    let whole = program.file("shop.sql", FULL);
    program.json(&["import", whole.to_str().unwrap()]);
    assert_eq!(count(), json!([[2]]));
}

#[test]
fn a_dump_with_anything_wrong_in_its_rows_changes_nothing() {
    let program = Program::new();
    for (from, to, line, told) in [
        ("'2026/2/1'", "'demain'", 6, "« demain » ne convient pas à la colonne le"),
        ("(1, '2026/2/1', 0)", "(1, '2026/2/1')", 6, "a 2 valeurs pour 3 colonnes"),
        ("(1, '2026/2/1', 0)", "(1, NOW() + 1, 0)", 6, "illisible"),
        ("`le` datetime", "`le` datetime NOT NULL", 6, "ventes.le est NULL"),
    ] {
        let text = FULL.replacen(from, to, 1);
        let text = if to.ends_with("NOT NULL") { text.replacen("'2026/2/1'", "NULL", 1) } else { text };
        let dump = program.file("shop.sql", &text);
        let words =
            ["--lang", "fr", "init", "--name", "a", "--import", dump.to_str().unwrap(), "--with-data"];
        let refused = program.run(&words);
        assert!(refused.code != 0 && refused.err.contains(told), "{to}: {refused:?}");
        assert!(refused.err.contains(&format!("ligne {line}")), "{to}: {refused:?}");
        assert!(!program.data().join("spaces").exists(), "nothing was made");
    }
}
