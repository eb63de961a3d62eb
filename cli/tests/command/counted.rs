//! The movements of a counter on the command line.

use serde_json::json;

use crate::program::Program;

const SCHEMA: &str = "CREATE TABLE articles (code TEXT PRIMARY KEY, stock COUNTER NOT NULL DEFAULT 0)";

#[test]
fn a_stock_is_told_movement_by_movement() {
    let program = Program::with_schema(SCHEMA);
    program.json(&["sql", "INSERT INTO articles VALUES ('tea', 40), ('jam', 5)"]);
    let sale = "UPDATE articles SET stock = stock - 3 WHERE code = 'tea'";
    program.json(&["sql", sale, "--by", "till 2", "--message", "FAC-1-0001"]);
    let found = program.json(&["movements", "articles.stock", "--row", "tea"])["movements"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(2));
    let sold = &found[1];
    assert_eq!(
        (&sold["delta"], &sold["before"], &sold["after"], &sold["kind"]),
        (&json!(-3), &json!(40), &json!(37), &json!("added"))
    );
    assert_eq!(
        (&sold["by"], &sold["message"], &sold["site_name"], &sold["key"]),
        (&json!("till 2"), &json!("FAC-1-0001"), &json!("office"), &json!({ "code": "tea" }))
    );
    assert_eq!(program.json(&["movements", "articles.stock"])["movements"].as_array().map(Vec::len), Some(3));
    let one = program.json(&["movements", "articles.stock", "--limit", "1"]);
    assert_eq!(one["movements"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        program.json(&["movements", "articles.stock", "--since", "2999-01-01"]),
        json!({ "movements": [] })
    );
    let told = program.run(&["--lang", "fr", "movements", "articles.stock"]);
    assert!(
        told.out.contains("Avant") && told.out.contains("till 2") && told.out.contains("FAC-1-0001"),
        "{told:?}"
    );
    for (words, code) in [
        (["movements", "articles.code"], "counter_unknown"),
        (["movements", "nobody.stock"], "table_unknown"),
    ] {
        let run = program.run(&[&["--json"], &words[..]].concat());
        assert!(run.code == 1 && run.err.contains(code), "{run:?}");
    }
    assert_eq!(program.run(&["movements", "stock"]).code, 2);
}
