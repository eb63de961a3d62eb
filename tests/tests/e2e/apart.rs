//! Two sites work apart, then meet again.

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::site::Site;
use tandem_tests::wait::{connected, equal, until};

use crate::{SHOP, member, pair};

const TRANSACTIONS: usize = 1_000;

/// Many small transactions of an ordinary day.
fn work(site: &Site) {
    let name = site.name();
    site.http(|http| {
        for number in 0..TRANSACTIONS {
            let statement = match number % 4 {
                0 | 1 => json!({ "sql": "INSERT INTO students (first_name, last_name) VALUES (?, ?)",
                    "params": [format!("{name} {number}"), "new"] }),
                2 => json!({ "sql": "UPDATE attendance SET notes = ? WHERE id = (SELECT id FROM attendance ORDER BY id LIMIT 1 OFFSET ?)",
                    "params": [format!("{name} {number}"), number % 300] }),
                _ => json!({ "sql": "UPDATE enrollments SET hours_consumed = hours_consumed + 2 WHERE id = (SELECT min(id) FROM enrollments)" }),
            };
            let (status, reply) = http.transact(&[statement]).unwrap();
            assert_eq!(status, 200, "{reply}");
            assert!(reply["dot"].is_string(), "{reply}");
        }
    });
}

#[test]
fn a_thousand_transactions_on_each_side_of_a_broken_cable() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, tandem_school::SCHEMA);
    school::load(&office, 500);
    office.write(
        "INSERT INTO enrollments (id, student_id, cohort_id, tariff_id, date, hours_consumed)
        SELECT 9000001, student_id, cohort_id, tariff_id, date, 40 FROM enrollments LIMIT 1",
    );
    equal(&[&office, &classroom]);
    let hours = |site: &Site| {
        site.cell("SELECT hours_consumed FROM enrollments ORDER BY id LIMIT 1").as_i64().unwrap()
    };
    let (hours_before, held_before) = (hours(&office), office.space()["transactions"].as_u64().unwrap());
    let payment = office.rows("SELECT id FROM payments ORDER BY id LIMIT 2");
    let student = office.cell("SELECT min(id) FROM students");

    classroom.host().unplug();
    std::thread::scope(|scope| {
        scope.spawn(|| work(&office));
        scope.spawn(|| work(&classroom));
    });
    // Different fields of one row; one field on both sides, later here; the same stock.
    office.write(&format!(
        "UPDATE students SET phone = 'from office', address = 'earlier' WHERE id = {student}"
    ));
    classroom.write(&format!(
        "UPDATE students SET email = 'from classroom', address = 'later' WHERE id = {student}"
    ));
    office.write("UPDATE enrollments SET hours_consumed = hours_consumed - 3 WHERE id = 9000001");
    classroom.write("UPDATE enrollments SET hours_consumed = hours_consumed - 5 WHERE id = 9000001");
    office.write(&format!("DELETE FROM payments WHERE id = {}", payment[0][0]));
    classroom.write(&format!("DELETE FROM payments WHERE id = {}", payment[1][0]));
    assert_ne!(office.space()["fingerprint"], classroom.space()["fingerprint"]);

    classroom.host().plug();
    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        let edited = site.rows(&format!("SELECT phone, email, address FROM students WHERE id = {student}"));
        assert_eq!(edited, [[json!("from office"), json!("from classroom"), json!("later")]]);
        assert_eq!(site.cell("SELECT hours_consumed FROM enrollments WHERE id = 9000001"), 32);
        assert_eq!(hours(site), hours_before + 2 * 2 * TRANSACTIONS as i64 / 4);
        let deleted =
            format!("SELECT count(*) FROM payments WHERE id IN ({}, {})", payment[0][0], payment[1][0]);
        assert_eq!(site.cell(&deleted), 0);
        assert_eq!(site.cell("SELECT count(*) FROM students WHERE last_name = 'new'"), TRANSACTIONS);
        assert_eq!(site.space()["transactions"], held_before + 2 * TRANSACTIONS as u64 + 6);
        site.verify();
    }
}

#[test]
fn two_sites_that_only_a_third_can_reach_still_agree() {
    let lan = Lan::new();
    let (office, shop) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name, stock) VALUES (5, 'chairs', 0)");
    let stall = member(&lan, "stall", &office);
    let all = [&office, &shop, &stall];
    connected(&all);
    shop.host().shun(stall.host());
    stall.host().shun(shop.host());
    for _ in 0..5 {
        for site in all {
            site.write("UPDATE items SET stock = stock + 1 WHERE id = 5");
        }
    }
    equal(&all);
    assert_eq!(stall.cell("SELECT stock FROM items"), 15);
    until("apart, as far as they know", &all, || {
        let space = shop.space();
        let peers = space["peers"].as_array().unwrap();
        let stall = peers.iter().find(|peer| peer["name"] == "stall").unwrap();
        if stall["connected"] == false { Ok(()) } else { Err(stall.to_string()) }
    });
    // Now the one between them goes: the two are on their own.
    office.stop();
    shop.write("UPDATE items SET shelf = 'shop', stock = stock + 1 WHERE id = 5");
    stall.write("UPDATE items SET shelf = 'stall', stock = stock + 1 WHERE id = 5");
    assert_ne!(shop.space()["fingerprint"], stall.space()["fingerprint"]);
    office.start();
    equal(&all);
    assert_eq!(shop.rows("SELECT stock, shelf FROM items"), [[json!(17), json!("stall")]]);
    assert_eq!(shop.conflicts().len(), 1);
    shop.host().reach(stall.host());
    stall.host().reach(shop.host());
    connected(&all);
    equal(&all);
}

#[test]
fn ids_made_apart_never_meet() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    classroom.host().cut_off();
    for site in [&office, &classroom] {
        for number in 0..20 {
            site.write(&format!("INSERT INTO items (name) VALUES ('{} {number}')", site.name()));
        }
    }
    classroom.host().let_in();
    equal(&[&office, &classroom]);
    assert_eq!(office.cell("SELECT count(DISTINCT id) FROM items"), 40);
    connected(&[&office, &classroom]);
}

#[test]
fn a_network_that_comes_and_goes_loses_nothing() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name, stock) VALUES (5, 'chairs', 0)");
    equal(&[&office, &classroom]);
    for round in 0..6 {
        match round % 3 {
            0 => classroom.host().unplug(),
            1 => classroom.host().cut_off(),
            _ => office.host().unplug(),
        }
        office.write("UPDATE items SET stock = stock + 3 WHERE id = 5");
        classroom.write("UPDATE items SET stock = stock - 1 WHERE id = 5");
        match round % 3 {
            0 => classroom.host().plug(),
            1 => classroom.host().let_in(),
            _ => office.host().plug(),
        }
        if round % 2 == 0 {
            equal(&[&office, &classroom]);
        }
    }
    equal(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT stock FROM items WHERE id = 5"), 12);
}
