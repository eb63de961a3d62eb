//! A site that was away for long.

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::wait::equal;

use crate::{SHOP, founder, member};

#[test]
fn a_site_away_for_long_brings_its_edits_and_resurrects_nothing() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    for number in 0..40 {
        office.write(&format!("INSERT INTO items (id, name, stock) VALUES ({number}, 'item {number}', 10)"));
    }
    let classroom = member(&lan, "classroom", &office);
    let library = member(&lan, "library", &office);
    equal(&[&office, &classroom, &library]);
    library.stop();
    library.host().unplug();

    // Meanwhile: deletions, many edits, a new table and column, restarts, a fourth site.
    office.write("DELETE FROM items WHERE id < 10");
    classroom.http(|http| {
        for number in 0..500 {
            let edit = json!({ "sql": "UPDATE items SET shelf = ?, stock = stock - 1 WHERE id = ?",
                "params": [format!("shelf {number}"), 10 + number % 20] });
            assert_eq!(http.transact(&[edit]).unwrap().0, 200);
        }
    });
    let grown = SHOP.replace("code TEXT", "weight REAL, code TEXT")
        + "CREATE TABLE shelves (id UUID PRIMARY KEY, room TEXT);";
    let file = office.file("grown.sql", &grown);
    office.tandem(&["schema", "apply", file.to_str().unwrap()]).succeeded();
    equal(&[&office, &classroom]);
    classroom.write("INSERT INTO shelves (id, room) VALUES (uuid7(), 'blue room')");
    classroom.write("UPDATE items SET weight = 1.5 WHERE id = 30");
    office.stop();
    office.start();
    let cellar = member(&lan, "cellar", &office);
    equal(&[&office, &classroom, &cellar]);

    // The absent one worked too, on rows that are gone or changed since.
    library.write("UPDATE items SET price = 9.90, stock = stock - 4 WHERE id BETWEEN 15 AND 16");
    library.write("INSERT INTO items (id, name) VALUES (777, 'found in the library')");
    library.write("DELETE FROM items WHERE id = 39");
    library.host().plug();
    library.start();
    let all = [&office, &classroom, &library, &cellar];
    equal(&all);
    for site in all {
        assert_eq!(site.cell("SELECT count(*) FROM items WHERE id < 10 OR id = 39"), 0);
        assert_eq!(site.cell("SELECT name FROM items WHERE id = 777"), "found in the library");
        assert_eq!(
            site.rows("SELECT price, stock, shelf FROM items WHERE id = 15"),
            [[json!(9.9), json!(10 - 25 - 4), json!("shelf 485")]]
        );
        assert_eq!(site.cell("SELECT room FROM shelves"), "blue room");
        site.verify();
    }
}
