//! What disks and folders do to a site.

use std::fs;

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::mount::Mount;
use tandem_tests::school::found_with;
use tandem_tests::site::Site;
use tandem_tests::wait::equal;

use crate::{SHOP, pair};

#[test]
fn a_second_node_on_one_folder_is_told_who_holds_it() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.start();
    let second = site.tandem(&["start", "--http", "127.0.0.1:0", "--no-mdns"]);
    let text = second.refused("folder_locked");
    assert!(text.contains("tandem start (PID "), "{text}");
    // The first one is not disturbed, and the folder is free once it ends.
    site.write("INSERT INTO items (name) VALUES ('chalk')");
    site.stop();
    site.start();
    assert_eq!(site.cell("SELECT name FROM items"), "chalk");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::alone("office");
    found_with(&site, SHOP);
    let text = site.tandem(&["start", "--http", &address, "--no-mdns"]).refused("port_taken");
    assert!(text.contains(&address) && text.contains("--http"), "{text}");
    let sync = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port());
    let text = site
        .tandem(&["start", "--http", "127.0.0.1:0", "--no-mdns", "--listen", &sync])
        .refused("network_failed");
    assert!(text.contains("--listen"), "{text}");
    // Neither left the folder locked.
    site.start();
    let verdict = site.tandem(&["start", "--http", "nowhere"]);
    assert_eq!(verdict.exit, Some(2), "{verdict:?}");
}

#[test]
fn a_full_stick_is_told_as_a_full_stick() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    // Nothing that compresses well.
    let noise = "INSERT INTO items (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                 WHERE i < 40000) SELECT hex(randomblob(32)) FROM n";
    site.write(noise);
    let stick = Mount::new(1);
    let file = stick.path("all.tandem");
    let file = file.to_str().unwrap();
    let export = ["bundle", "export", file];
    let empty = || fs::read_dir(stick.path("")).unwrap().count() == 0;
    for running in [false, true] {
        if running {
            site.start();
        }
        let text = site.tandem(&export).refused("file_no_room");
        assert!(text.contains("all.tandem"), "{text}");
        assert!(empty(), "nothing of it is left on the stick");
        site.write("INSERT INTO items (name) VALUES ('chalk')");
    }
    // What a killed export left there is in nobody's way.
    fs::write(format!("{file}.part"), vec![0; 900_000]).unwrap();
    stick.resize(64);
    site.tandem(&export).succeeded();
    assert_eq!(fs::read_dir(stick.path("")).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_read_and_says_so_to_who_writes() {
    let disk = Mount::new(64);
    let mut site = Site::alone("office");
    site.use_folder(&disk.path("data"));
    found_with(&site, SHOP);
    site.write("INSERT INTO items (name) VALUES ('chalk')");
    let before = site.tandem(&["log"]).stdout;
    disk.make_read_only();
    for args in [
        &["start", "--http", "127.0.0.1:0", "--no-mdns"][..],
        &["sql", "INSERT INTO items (name) VALUES ('x')"],
        &["init", "--space", "more"],
        &["invite"],
        &["sites", "rename", "office", "bureau"],
    ] {
        let text = site.tandem(args).refused("folder_read_only");
        assert!(text.contains("can be read"), "{text}");
    }
    assert_eq!(site.cell("SELECT name FROM items"), "chalk");
    assert_eq!(site.tandem(&["log"]).stdout, before);
    site.verify();
    assert_eq!(site.status()["site"]["data"], site.data().to_str().unwrap());
    let bundle = site.path("all.tandem");
    site.tandem(&["bundle", "export", bundle.to_str().unwrap()]).succeeded();
    assert!(bundle.exists());
}

#[test]
fn a_full_disk_stops_writing_and_loses_nothing() {
    for mebibytes in [20, 27, 34, 41] {
        fill(&Mount::new(mebibytes));
    }
}

/// Writes until the disk is full, makes room, and goes on.
fn fill(disk: &Mount) {
    let mut site = Site::alone("office");
    site.use_folder(&disk.path("data"));
    found_with(&site, SHOP);
    site.start();
    let text = "x".repeat(200_000);
    let (recorded, refusal) = site.http(|http| {
        for number in 0.. {
            // Every text is another one, and cannot be packed well.
            let noise: String = (0..6_000).map(|at| format!("{:x}", (at * 2_654_435_761_u64 + number * 97) ^ (at << 17))).collect();
            let insert = json!({ "sql": "INSERT INTO items (id, name, shelf) VALUES (?, ?, ?)", "params": [number, noise, &text[..1_000]] });
            let (status, reply) = http.transact(&[insert]).unwrap();
            if status != 200 {
                return (number, (status, reply));
            }
            assert!(number < 5_000, "the disk never got full");
        }
        unreachable!("numbers do not end")
    });
    assert_eq!((refusal.0, &refusal.1["code"]), (507, &json!("disk_full")), "{refusal:?}");
    assert!(refusal.1["detail"].as_str().unwrap().contains("safe"), "{refusal:?}");
    // Reading goes on.
    assert_eq!(site.cell("SELECT count(*) FROM items"), recorded);
    disk.resize(120);
    site.write("INSERT INTO items (id, name) VALUES (-1, 'room again')");
    site.kill();
    site.start();
    let held = site.cell("SELECT count(*) FROM items WHERE id >= 0").as_u64().unwrap();
    assert!(held >= recorded, "{held} of {recorded}");
    assert_eq!(site.cell("SELECT name FROM items WHERE id = -1"), "room again");
    site.verify();
}

#[test]
fn a_torn_end_of_the_log_is_cut_and_filled_in_by_the_other_site() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    for number in 0..50 {
        office.write(&format!("INSERT INTO items (name) VALUES ('item {number}')"));
    }
    equal(&[&office, &classroom]);
    classroom.stop();
    for (round, torn) in [40, 400, 4_000].into_iter().enumerate() {
        office.kill();
        tear(&office, torn);
        // Opening it alone must do: nothing may hang or panic for want of the other site.
        let report = office.tandem(&["log", "verify"]).json();
        assert_eq!(report["ok"], true, "{report}");
        office.start();
        classroom.start();
        equal(&[&office, &classroom]);
        assert_eq!(office.cell("SELECT count(*) FROM items WHERE name LIKE 'item%'"), 50, "round {round}");
        office.write(&format!("INSERT INTO items (name) VALUES ('after tear {round}')"));
        equal(&[&office, &classroom]);
        classroom.stop();
    }
    office.verify();
    classroom.verify();
}

/// Zeroes the last bytes that were written to the log.
fn tear(site: &Site, bytes: usize) {
    let path = site.data().join("log/db");
    let mut content = fs::read(&path).unwrap();
    let end = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    content[end.saturating_sub(bytes)..end].fill(0);
    fs::write(&path, content).unwrap();
}

#[test]
fn a_folder_that_is_no_site_is_refused() {
    let site = Site::alone("office");
    for args in [&["status"][..], &["sql", "SELECT 1"], &["log"], &["invite"]] {
        let text = site.tandem(args).refused("space_missing");
        assert!(text.contains("tandem init") && text.contains("tandem join"), "{text}");
    }
    let file = site.file("a file", "");
    let mut nowhere = Site::alone("nowhere");
    nowhere.use_folder(&file);
    let answer = nowhere.tandem(&["init"]);
    assert!(answer.exit.is_some_and(|exit| exit != 0), "{answer:?}");
    assert!(answer.error()["message"].as_str().unwrap().contains("a file"), "{answer:?}");
    found_with(&site, SHOP);
    fs::write(site.data().join("site.key"), "not a key").unwrap();
    let text = site.tandem(&["sql", "SELECT 1"]).refused("site_key_unreadable");
    assert!(text.contains("site.key"), "{text}");
}

#[test]
fn a_clock_before_1970_gets_a_sentence() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.set_clock(Some("1969-06-01 12:00:00"));
    for args in [&["sql", "SELECT 1"][..], &["status"], &["start", "--http", "127.0.0.1:0", "--no-mdns"]] {
        let text = site.tandem(args).refused("clock_impossible");
        assert!(text.contains("date and time"), "{text}");
    }
    site.set_clock(None);
    site.write("INSERT INTO items (name) VALUES ('chalk')");
}
