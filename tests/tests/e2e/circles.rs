//! Lists that refer to each other, and lists whose rows refer to later ones of their own: taken in together, in
//! whatever form they come.

use tandem_tests::lan::Lan;
use tandem_tests::sheets::{self, List};
use tandem_tests::wait;

use crate::pair;

/// A shop: nobody works in no store, no store is without a manager; and kinds of things are of a kind.
const SHOP: &str = "
    CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind_of INTEGER REFERENCES kinds (id));
    CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER REFERENCES staff (id),
      store INTEGER NOT NULL REFERENCES stores (id));
    CREATE TABLE stores (id INTEGER PRIMARY KEY, town TEXT, manager INTEGER NOT NULL REFERENCES staff (id));
    CREATE TABLE till (id INTEGER PRIMARY KEY, store INTEGER NOT NULL REFERENCES stores (id));";

/// Rows of each list in the worst order. Everybody's boss comes behind them, each kind behind what is of it; the
/// last boss is in a store that `last` names.
fn lists(first: i64, count: i64, last: i64) -> Vec<List> {
    let rows = |head: &[&str], row: &dyn Fn(i64) -> Vec<String>| {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        std::iter::once(head).chain((first..first + count).map(row)).collect::<Vec<Vec<String>>>()
    };
    let next = |id: i64| if id + 1 < first + count { (id + 1).to_string() } else { String::new() };
    let store = |id: i64| if id + 1 < first + count { first + (id + 7) % count } else { last };
    vec![
        (
            "kinds",
            rows(&["id", "name", "kind_of"], &|id| vec![id.to_string(), format!("kind {id}"), next(id)]),
        ),
        (
            "staff",
            rows(&["id", "name", "boss", "store"], &|id| {
                vec![id.to_string(), format!("Zoé {id}"), next(id), store(id).to_string()]
            }),
        ),
        (
            "stores",
            rows(&["id", "town", "manager"], &|id| {
                vec![id.to_string(), "Lille".into(), (first + (id + 3) % count).to_string()]
            }),
        ),
        ("till", rows(&["id", "store"], &|id| vec![id.to_string(), store(id).to_string()])),
    ]
}

#[test]
fn lists_that_refer_to_each_other_come_in_whatever_their_form_and_are_the_same_on_two_sites() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    let mut held = 0;
    for (at, form) in [(0, "folder"), (1, "archive.zip"), (2, "book.xlsx")] {
        let (first, count) = (1 + at * 1000, 25);
        let path = office.path(form);
        let import = ["import", path.to_str().unwrap()];

        // One of them is in a store that there is not: nothing of the circle is in, on either site.
        let all = "SELECT (SELECT count(*) FROM staff) + (SELECT count(*) FROM stores) + (SELECT count(*) FROM till)";
        sheets::write(&path, &lists(first, count, 999_999));
        let told = office.tandem(&import).refused("constraint_foreign_key");
        assert!(
            told.contains("999999") && told.contains("staff") && told.contains("Nothing was changed"),
            "{told}"
        );
        assert_eq!(office.cell(all), held, "{form}");

        sheets::write(&path, &lists(first, count, first));
        let looked = office.tandem(&[&import[..], &["--dry-run"]].concat()).json();
        // The kinds came in before: they refer to nothing of the others.
        assert_eq!(looked["inserted"], 3 * count, "{form}: {looked}");
        assert_eq!(office.cell(all), held, "{form}: a look");
        let taken = office.tandem(&import).json();
        assert_eq!(taken["inserted"], 3 * count, "{form}: {taken}");
        held += 3 * count;
        assert_eq!(office.cell(all), held, "{form}");
        wait::equal(&[&office, &classroom]);

        // Once more it is nothing, also where nobody knows of the file.
        for site in [&office, &classroom] {
            let before = site.space();
            for more in [&[][..], &["--again"]] {
                let again = site.tandem(&[&import[..], more].concat()).json();
                assert_eq!(
                    (&again["inserted"], &again["updated"]),
                    (&0.into(), &0.into()),
                    "{form}: {again}"
                );
            }
            let of =
                |space: &serde_json::Value| (space["fingerprint"].clone(), space["transactions"].clone());
            assert_eq!(of(&site.space()), of(&before), "{form}");
        }
    }
    // All that stand in a circle are one transaction.
    let [staff, stores] = ["staff", "stores"].map(|table| {
        let log = office.tandem(&["log", "--table", table, "--limit", "100"]).json_lines();
        log.iter().map(|entry| entry["dot"].to_string()).collect::<Vec<_>>()
    });
    assert_eq!((staff.len(), &staff), (3, &stores));
    office.verify();
    classroom.verify();
}
