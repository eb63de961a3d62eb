//! What two people did without knowing of each other: listed the same everywhere, settled once.

use serde_json::{Value, json};
use tandem_tests::http::Http;
use tandem_tests::lan::Lan;
use tandem_tests::site::Site;
use tandem_tests::wait::equal;

use crate::{SHOP, pair};

const TILLS: &str = "CREATE TABLE sales (
  id INTEGER PRIMARY KEY, ticket TEXT, due DECIMAL(12,2), paid COUNTER(12,2) NOT NULL DEFAULT 0);
CREATE TABLE stock (article TEXT PRIMARY KEY, pieces COUNTER NOT NULL DEFAULT 0);";

/// Lets both work while they cannot see each other, and meet again.
fn apart(office: &Site, classroom: &Site, work: impl FnOnce()) {
    classroom.host().unplug();
    work();
    classroom.host().plug();
    equal(&[office, classroom]);
}

/// The only conflict there is, told the same by both sites.
#[track_caller]
fn only(office: &Site, classroom: &Site) -> Value {
    let listed = office.conflicts();
    assert_eq!(listed.len(), 1, "{listed:#?}");
    assert_eq!(listed, classroom.conflicts());
    assert_eq!(office.space()["open_conflicts"], 1);
    listed[0].clone()
}

/// Settles it on one site; the other follows.
#[track_caller]
fn resolve(on: &Site, conflict: &Value, choice: &[&str], both: [&Site; 2]) {
    let id = conflict["id"].as_str().unwrap();
    let answer = on.tandem(&[&["conflicts", "resolve", id], choice].concat()).json();
    assert!(answer["dot"].is_string(), "{answer}");
    equal(&both);
    for site in both {
        assert!(site.conflicts().is_empty(), "{}: {:?}", site.name(), site.conflicts());
        assert_eq!(site.space()["open_conflicts"], 0);
        site.verify();
    }
    // What is settled cannot be settled again, here or there.
    for site in both {
        let before = site.space();
        let told = site.tandem(&[&["conflicts", "resolve", id], choice].concat()).refused("conflict_unknown");
        assert!(told.contains("Nothing was changed"), "{told}");
        assert_eq!(site.space()["transactions"], before["transactions"]);
    }
}

/// The dot of the version that a site wrote.
#[track_caller]
fn version<'a>(conflict: &'a Value, site: &Site) -> &'a str {
    let mut versions = conflict["versions"].as_array().unwrap().iter();
    let found = versions.find(|version| version["site_name"] == site.name());
    found.unwrap_or_else(|| panic!("{conflict:#}"))["dot"].as_str().unwrap()
}

#[test]
fn one_field_edited_twice_is_settled_by_choosing_one() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name, shelf) VALUES (1, 'chalk', 'A')");
    equal(&[&office, &classroom]);
    for (round, choice) in [Some(&office), Some(&classroom), None].into_iter().enumerate() {
        apart(&office, &classroom, || {
            office.write(&format!("UPDATE items SET shelf = 'office {round}'"));
            classroom.write(&format!("UPDATE items SET shelf = 'classroom {round}'"));
        });
        let conflict = only(&office, &classroom);
        assert_eq!((&conflict["kind"], &conflict["columns"]), (&json!("register"), &json!(["shelf"])));
        assert_eq!(conflict["versions"][0]["value"], format!("classroom {round}"), "the later is shown");
        let (words, shown) = match choice {
            Some(site) => (["--use", version(&conflict, site)], format!("{} {round}", site.name())),
            None => (["--value", "neither"], "neither".to_owned()),
        };
        resolve(&classroom, &conflict, &words, [&office, &classroom]);
        assert_eq!(office.cell("SELECT shelf FROM items"), shown);
    }
}

#[test]
fn a_conflict_that_changed_since_it_was_looked_at_is_not_settled_blindly() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name, shelf) VALUES (1, 'chalk', 'A')");
    equal(&[&office, &classroom]);
    apart(&office, &classroom, || {
        office.write("UPDATE items SET shelf = 'B'");
        classroom.write("UPDATE items SET shelf = 'C'");
    });
    let looked_at = only(&office, &classroom);
    let seen = looked_at["seen"].as_str().unwrap();
    apart(&office, &classroom, || {
        office.write("UPDATE items SET shelf = 'D'");
        classroom.write("UPDATE items SET shelf = 'E'");
    });
    let now = only(&office, &classroom);
    assert_eq!(now["id"], looked_at["id"]);
    let id = now["id"].as_str().unwrap();
    let before = office.space();
    let told = office
        .tandem(&["conflicts", "resolve", id, "--value", "F", "--seen", seen])
        .refused("conflict_changed");
    assert!(told.contains("Nothing was changed"), "{told}");
    let gone = version(&looked_at, &office);
    office.tandem(&["conflicts", "resolve", id, "--use", gone]).refused("conflict_choice");
    assert_eq!(office.space()["transactions"], before["transactions"]);
    let seen = now["seen"].as_str().unwrap();
    resolve(&office, &now, &["--value", "F", "--seen", seen], [&office, &classroom]);
}

#[test]
fn one_unique_value_on_two_rows_keeps_both_until_one_is_chosen() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    apart(&office, &classroom, || {
        office.write("INSERT INTO items (name, code) VALUES ('chalk', 'c1')");
        classroom.write("INSERT INTO items (name, code) VALUES ('sponge', 'c1')");
    });
    for site in [&office, &classroom] {
        let rows = site.rows("SELECT name, code FROM items ORDER BY name");
        assert_eq!(rows, [["chalk", "c1"], ["sponge", "c1"]]);
    }
    let conflict = only(&office, &classroom);
    assert_eq!((&conflict["kind"], &conflict["key"]), (&json!("unique"), &json!({ "code": "c1" })));
    assert_eq!(conflict["versions"].as_array().unwrap().len(), 2);
    resolve(&classroom, &conflict, &["--use", version(&conflict, &office)], [&office, &classroom]);
    let rows = office.rows("SELECT name, code FROM items ORDER BY name");
    assert_eq!(rows, [[json!("chalk"), json!("c1")], [json!("sponge"), json!(null)]]);
}

#[test]
fn a_deletion_and_an_edit_made_apart_are_listed_and_either_can_be_had() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    for (number, edit_first, keep) in [(1, true, true), (2, true, false), (3, false, true), (4, false, false)]
    {
        office.write(&format!("INSERT INTO items (id, name, shelf) VALUES ({number}, 'chalk', 'A')"));
        equal(&[&office, &classroom]);
        let edit = || classroom.write(&format!("UPDATE items SET shelf = 'B' WHERE id = {number}"));
        let delete = || office.write(&format!("DELETE FROM items WHERE id = {number}"));
        apart(&office, &classroom, || {
            if edit_first {
                edit();
                delete();
            } else {
                delete();
                edit();
            }
        });
        let shelf = format!("SELECT shelf FROM items WHERE id = {number}");
        assert_eq!(office.rows(&shelf).len(), usize::from(!edit_first), "the later of the two is shown");
        let conflict = only(&office, &classroom);
        assert_eq!((&conflict["kind"], &conflict["key"]), (&json!("deleted"), &json!({ "id": number })));
        let chosen = if keep { &classroom } else { &office };
        resolve(&office, &conflict, &["--use", version(&conflict, chosen)], [&office, &classroom]);
        for site in [&office, &classroom] {
            let rows = site.rows(&shelf);
            assert_eq!(rows, if keep { vec![vec![json!("B")]] } else { Vec::new() });
        }
    }
}

#[test]
fn partial_payments_taken_at_two_tills_at_once_add_up_to_the_cent() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, TILLS);
    office.write("INSERT INTO sales (id, due, paid) VALUES (1, 1000, 99.90)");
    equal(&[&office, &classroom]);
    apart(&office, &classroom, || {
        for _ in 0..10 {
            office.write("UPDATE sales SET paid = paid + 0.10 WHERE id = 1");
            classroom.write("UPDATE sales SET paid = paid + 12.35 WHERE id = 1");
        }
        // As an ORM writes it: the whole amount.
        office.write("UPDATE sales SET paid = 150.95 WHERE id = 1");
        classroom.write("UPDATE sales SET paid = paid - 0.01 WHERE id = 1");
    });
    for site in [&office, &classroom] {
        // 99.90, then 51.05 here and 123.49 there.
        assert_eq!(site.cell("SELECT paid FROM sales"), 274.44);
        assert!(site.conflicts().is_empty());
        site.verify();
    }
    // At once, while they see each other.
    std::thread::scope(|scope| {
        for site in [&office, &classroom] {
            scope.spawn(|| {
                site.http(|http| {
                    for _ in 0..50 {
                        let payment = ["UPDATE sales SET paid = paid + 0.07 WHERE id = 1"];
                        assert_eq!(http.transact(&payment).unwrap().0, 200);
                    }
                });
            });
        }
    });
    equal(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT paid FROM sales"), 281.44);
}

#[test]
fn a_form_opened_before_the_others_edit_arrived_overwrites_nothing_silently() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name, shelf, stock) VALUES (1, 'chalk', 'A', 40)");
    equal(&[&office, &classroom]);
    let opened = classroom.http(Http::version).unwrap();
    office.write("UPDATE items SET shelf = 'moved by the office', stock = stock - 1");
    equal(&[&office, &classroom]);
    let form = json!([{ "sql": "UPDATE items SET shelf = ?, price = ? WHERE id = ?",
        "params": ["typed in the classroom", 12.5, 1] }]);
    let (status, reply) = classroom.http(|http| http.transact_on(&opened, &form)).unwrap();
    assert_eq!(status, 200, "{reply}");
    equal(&[&office, &classroom]);
    let conflict = only(&office, &classroom);
    assert_eq!((&conflict["kind"], &conflict["columns"]), (&json!("register"), &json!(["shelf"])));
    let values: Vec<_> = (0..2).map(|place| &conflict["versions"][place]["value"]).collect();
    assert_eq!(values, ["typed in the classroom", "moved by the office"]);
    // One opened after that has seen both.
    let opened = office.http(Http::version).unwrap();
    let (status, reply) =
        office.http(|http| http.transact_on(&opened, &["UPDATE items SET shelf = 'settled'"])).unwrap();
    assert_eq!(status, 200, "{reply}");
    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        assert!(site.conflicts().is_empty());
        assert_eq!(
            site.rows("SELECT shelf, price, stock FROM items"),
            [[json!("settled"), json!(12.5), json!(39)]]
        );
        site.verify();
    }
    let (status, reply) = office.http(|http| http.transact_on("nonsense", &["DELETE FROM items"])).unwrap();
    assert_eq!((status, &reply["code"]), (400, &json!("basis_refused")), "{reply}");
}

#[test]
fn one_sale_sent_to_two_sites_apart_is_listed_and_undone_once() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, TILLS);
    office.write("INSERT INTO stock (article, pieces) VALUES ('chalk', 40)");
    equal(&[&office, &classroom]);
    let sale = json!([
        "INSERT INTO sales (ticket, due, paid) VALUES ('4711', 7.5, 7.5)",
        "UPDATE stock SET pieces = pieces - 3 WHERE article = 'chalk'",
    ]);
    let post = |site: &Site| {
        let (status, reply) = site.http(|http| http.transact_once("ticket 4711", &sale)).unwrap();
        assert_eq!(status, 200, "{reply}");
        (reply["dot"].as_str().unwrap().to_owned(), reply["repeated"] == true)
    };
    let mut first = None;
    apart(&office, &classroom, || {
        first = Some(post(&office));
        assert_eq!(post(&office), (first.clone().unwrap().0, true), "a double click");
        assert!(!post(&classroom).1);
    });
    let pieces = |site: &Site| site.cell("SELECT pieces FROM stock");
    assert_eq!((pieces(&office), pieces(&classroom)), (json!(34), json!(34)));
    let conflict = only(&office, &classroom);
    assert_eq!((&conflict["kind"], conflict["versions"].as_array().unwrap().len()), (&json!("duplicate"), 2));
    let (first, _) = first.unwrap();
    assert_eq!(version(&conflict, &office), first);
    resolve(&classroom, &conflict, &["--use", &first], [&office, &classroom]);
    for site in [&office, &classroom] {
        assert_eq!(pieces(site), 37);
        assert_eq!(site.cell("SELECT count(*) FROM sales"), 1);
        // A late retry, at either, is still answered and not repeated.
        assert!(post(site).1);
    }
    assert_eq!((pieces(&office), pieces(&classroom)), (json!(37), json!(37)));
}

#[test]
fn a_sale_known_to_both_is_recorded_once() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, TILLS);
    let sale = ["INSERT INTO sales (ticket) VALUES ('1')"];
    let (_, first) = office.http(|http| http.transact_once("ticket 1", &sale)).unwrap();
    equal(&[&office, &classroom]);
    let (status, retried) = classroom.http(|http| http.transact_once("ticket 1", &sale)).unwrap();
    assert_eq!((status, &retried["dot"], &retried["repeated"]), (200, &first["dot"], &json!(true)));
    assert_eq!(classroom.cell("SELECT count(*) FROM sales"), 1);
    assert!(classroom.conflicts().is_empty());
}
