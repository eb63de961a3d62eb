//! Files in place of a network.

use std::fs;

use tandem_tests::lan::Lan;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected, equal};

use crate::{SHOP, pair};

fn export(from: &Site, file: &str, to: Option<&Site>) -> String {
    let path = from.path(file);
    let path = path.to_str().unwrap();
    let target = to.map(Site::id);
    let args = target.as_ref().map_or(vec![], |id| vec!["--for", id]);
    from.tandem(&[&["bundle", "export", path], &args[..]].concat()).succeeded();
    path.to_owned()
}

fn import(to: &Site, file: &str) -> u64 {
    let imported = to.tandem(&["bundle", "import", file]).json();
    assert_eq!(imported["complete"], true, "{imported}");
    imported["transactions"].as_u64().unwrap()
}

/// Two members of one space whose network breaks at once and stays broken.
fn separated(lan: &std::sync::Arc<Lan>) -> (Site, Site) {
    let (office, classroom) = pair(lan, SHOP);
    equal(&[&office, &classroom]);
    classroom.host().unplug();
    (office, classroom)
}

#[test]
fn two_sites_that_share_no_network_converge_by_files_and_later_exchange_nothing_twice() {
    let lan = Lan::new();
    let (office, classroom) = separated(&lan);
    for number in 0..30 {
        office.write(&format!("INSERT INTO items (name) VALUES ('office {number}')"));
        classroom.write(&format!("INSERT INTO items (name) VALUES ('classroom {number}')"));
    }
    let to_classroom = export(&office, "to classroom.tandem", Some(&classroom));
    assert_eq!(import(&classroom, &to_classroom), 30);
    assert_eq!(import(&classroom, &to_classroom), 0, "a second import changes nothing");
    let to_office = export(&classroom, "to office.tandem", Some(&office));
    assert_eq!(import(&office, &to_office), 30);
    // One way more, without a node.
    office.write("UPDATE items SET shelf = 'A' WHERE name LIKE 'classroom%'");
    office.stop();
    classroom.stop();
    let everything = export(&office, "everything.tandem", None);
    assert_eq!(import(&classroom, &everything), 1);
    office.start();
    classroom.start();
    equal(&[&office, &classroom]);

    let before = (office.space(), classroom.space());
    classroom.host().plug();
    connected(&[&office, &classroom]);
    // What is written now crosses after whatever they might still have had to exchange.
    office.write("INSERT INTO items (name) VALUES ('over the network')");
    equal(&[&office, &classroom]);
    for (site, before) in [(&office, before.0), (&classroom, before.1)] {
        let now = site.space();
        assert_eq!(now["transactions"], before["transactions"].as_u64().unwrap() + 1);
        assert_eq!(now["ops"], before["ops"].as_u64().unwrap() + 1);
        site.verify();
    }
    assert_eq!(classroom.cell("SELECT count(*) FROM items"), 61);
}

#[test]
fn files_in_any_order_and_mixture_give_the_result_of_none() {
    let lan = Lan::new();
    let (office, classroom) = separated(&lan);
    let mut files = Vec::new();
    for number in 0..4 {
        office.write(&format!("INSERT INTO items (name, stock) VALUES ('item {number}', 1)"));
        files.push(export(&office, &format!("{number}.tandem"), None));
    }
    for (file, new) in [(1, 2), (0, 0), (3, 2), (2, 0), (3, 0)] {
        assert_eq!(import(&classroom, &files[file]), new, "{file}");
    }
    classroom.host().plug();
    equal(&[&office, &classroom]);
    // What the other one holds is known once they have spoken.
    let nothing = wait::until("known to hold everything", &[&office, &classroom], || {
        let file = export(&office, "nothing.tandem", Some(&classroom));
        let held = office.tandem(&["bundle", "inspect", &file]).json();
        if held["transactions"] == 0 { Ok(file) } else { Err(held.to_string()) }
    });
    assert_eq!(import(&classroom, &nothing), 0);
}

#[test]
fn a_file_cut_anywhere_is_noticed_and_gives_whole_transactions_or_nothing() {
    let lan = Lan::new();
    let (office, classroom) = separated(&lan);
    let text = "words that fill a block ".repeat(2_000);
    for number in 0..40 {
        office.write(&format!("INSERT INTO items (name, shelf) VALUES ('item {number}', '{text}{number}')"));
    }
    let file = export(&office, "all.tandem", Some(&classroom));
    let bytes = fs::read(&file).unwrap();
    let inspected = classroom.tandem(&["bundle", "inspect", &file]).json();
    assert_eq!((&inspected["transactions"], &inspected["complete"]), (&40.into(), &true.into()));
    let cut = classroom.path("cut.tandem");
    let before = classroom.space()["transactions"].as_u64().unwrap();
    let mut held = 0;
    for part in 0..12 {
        fs::write(&cut, &bytes[..bytes.len() * part / 12]).unwrap();
        let answer = classroom.tandem(&["bundle", "import", cut.to_str().unwrap()]);
        assert_eq!(answer.exit, Some(1), "{answer:?}");
        let rows =
            classroom.rows(&format!("SELECT count(*), sum(length(shelf) > {}) FROM items", text.len()));
        assert_eq!(rows[0][0], rows[0][1].as_u64().unwrap_or(0), "half a transaction");
        let now = rows[0][0].as_u64().unwrap();
        assert!(now >= held && now < 40, "{held} then {now}");
        assert_eq!(classroom.space()["transactions"], before + now);
        held = now;
    }
    assert_eq!(import(&classroom, &file), 40 - held);
    equal(&[&office, &classroom]);
    classroom.verify();
}

#[test]
fn what_is_no_bundle_or_not_for_this_space_is_refused() {
    let lan = Lan::new();
    let (office, classroom) = separated(&lan);
    let before = classroom.space();
    let garbage = classroom.file("garbage.tandem", "no bundle at all, but some other file");
    classroom.tandem(&["bundle", "import", garbage.to_str().unwrap()]).refused("bundle_unreadable");
    classroom.tandem(&["bundle", "inspect", garbage.to_str().unwrap()]).refused("bundle_unreadable");
    classroom.tandem(&["bundle", "import", "/no/such/file"]).refused("file_failed");
    office.tandem(&["bundle", "export", "/no/such/folder/file"]).refused("file_failed");

    let stranger = Site::alone("stranger");
    tandem_tests::school::found_with(&stranger, SHOP);
    let foreign = export(&stranger, "foreign.tandem", None);
    assert!(classroom.tandem(&["bundle", "import", &foreign]).refused("bundle_foreign").contains("school"));

    // Damaged in the middle: its content contradicts its hash.
    office.write("INSERT INTO items (name) VALUES ('chalk')");
    let file = export(&office, "damaged.tandem", Some(&classroom));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&file, bytes).unwrap();
    let answer = classroom.tandem(&["bundle", "import", &file]);
    assert_eq!(answer.exit, Some(1), "{answer:?}");
    assert_eq!(classroom.space()["version_vector"], before["version_vector"]);
    classroom.verify();
}
