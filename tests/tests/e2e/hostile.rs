//! A member with a true key who signs what no honest program writes, among real programs: by file, and
//! over the network, where its own unmodified program passes it on.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tandem_tests::hostile::{self, Attack, Folder, Forged, PROOF};
use tandem_tests::lan::Lan;
use tandem_tests::random::Random;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected};

use crate::{member, pair};

/// Forged transactions, half of them by file.
fn count() -> u64 {
    if tandem_tests::school::full() { 10_000 } else { 1_000 }
}

/// Transactions of one file.
const OF_FILE: usize = 100;

fn open(laptop: &Site, random: &mut Random) -> Folder {
    Folder::open(laptop.data(), Random::of_seed(random.any())).unwrap()
}

/// Files of all that was forged: some blocks of several, some of one; each ends with something that
/// no site takes in, where there is any.
fn carry(folder: &Folder, attack: &Attack, from: &Site, to: &Site) {
    let mut refused = attack.refused.iter().peekable();
    for (number, held) in attack.held.chunks(OF_FILE).enumerate() {
        let end = number * OF_FILE + held.len();
        let mut blocks: Vec<&[Forged]> = held.chunks(1 + number % 7).collect();
        while let Some((_, bad)) = refused.next_if(|(before, _)| *before <= end) {
            // The first one stops the file; the next file begins with another.
            blocks.push(std::slice::from_ref(bad));
        }
        let file = from.path(&format!("{number}.tandem"));
        folder.bundle(&file, blocks).unwrap();
        let before = to.space()["transactions"].as_u64().unwrap();
        let imported = to.tandem(&["bundle", "import", file.to_str().unwrap()]);
        let after = to.space()["transactions"].as_u64().unwrap();
        assert!(matches!(imported.exit, Some(0 | 1)), "{imported:?}");
        assert_eq!(after, before + held.len() as u64, "{imported:?}");
    }
}

/// What is equal at both, whatever waits.
fn equal(sites: &[&Site]) {
    wait::equal_but_for_waiting(sites);
    let schema = |site: &Site| site.tandem(&["schema", "show"]).json();
    assert_eq!(schema(sites[0]), schema(sites[1]));
}

/// No table and no file is there that somebody's SQL made.
fn is_clean(site: &Site) {
    let tables = site.space()["tables"].to_string();
    assert!(!tables.contains(&format!("\"{PROOF}\"")), "{tables}");
    let mut folders = vec![site.data().to_owned(), Path::new(".").to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap().flatten() {
            assert!(!file.file_name().to_string_lossy().starts_with(PROOF), "{:?}", file.path());
            if file.path().is_dir() && file.path().starts_with(site.data()) {
                folders.push(file.path());
            }
        }
    }
}

/// It runs, opens again, has kept what it was given, and takes more.
fn goes_on(site: &Site, kept: &mut u64) {
    site.restart();
    is_clean(site);
    assert_eq!(site.cell("SELECT count(*) FROM kept"), json!(*kept));
    site.write(&format!("INSERT INTO kept (name) VALUES ('{kept}')"));
    *kept += 1;
    site.verify();
    let told = site.tandem(&["doctor"]);
    assert!(told.stdout.contains("\"schema\""), "what has no effect is told: {told:?}");
    assert!(site.space()["void"].as_u64().unwrap() > 0);
}

fn forks(site: &Site) -> Vec<Value> {
    serde_json::from_value(site.space()["forks"].clone()).unwrap()
}

#[test]
fn what_a_hostile_member_signs_stops_no_program_by_file_or_by_network() {
    let mut random = Random::new("a hostile member among programs");
    let lan = Lan::new();
    let (office, hall) = pair(&lan, &hostile::tables());
    let laptop = member(&lan, "laptop", &office);
    wait::equal(&[&office, &hall, &laptop]);
    let author = laptop.id();
    laptop.stop();
    let mut kept = 0;
    for site in [&office, &hall] {
        site.write(&format!("INSERT INTO kept (name) VALUES ('{kept}')"));
        kept += 1;
    }

    // By file, to the office; the hall gets it from there. First what it wrote honestly.
    let mut folder = open(&laptop, &mut random);
    folder.work(60).unwrap();
    folder.close();
    let work = laptop.path("work.tandem");
    let work = work.to_str().unwrap();
    laptop.tandem(&["bundle", "export", work]).succeeded();
    office.tandem(&["bundle", "import", work]).succeeded();
    let mut folder = open(&laptop, &mut random);
    let attack = folder.forge(count() / 2).unwrap();
    assert!(
        attack.held.len() as u64 > count() / 10,
        "{} of {} were taken in",
        attack.held.len(),
        count() / 2
    );
    carry(&folder, &attack, &laptop, &office);
    folder.close();
    equal(&[&office, &hall]);
    for site in [&office, &hall] {
        goes_on(site, &mut kept);
    }

    // Over the network, to the hall, by the program itself.
    connected(&[&office, &hall]);
    equal(&[&office, &hall]);
    let mut folder = open(&laptop, &mut random);
    folder.forge(count() / 2).unwrap();
    folder.close();
    office.host().unplug();
    laptop.start();
    wait::equal_but_for_waiting(&[&hall, &laptop]);
    laptop.stop();
    office.host().plug();
    equal(&[&office, &hall]);
    for site in [&office, &hall] {
        goes_on(site, &mut kept);
    }

    // Two transactions of one name: one by file to the office, the other over the network to the hall.
    // What was written before anybody heard of either passes; what follows knows it, and waits.
    equal(&[&office, &hall]);
    let mut folder = open(&laptop, &mut random);
    let other = folder.fork().unwrap();
    let file = laptop.path("fork.tandem");
    folder.bundle(&file, [std::slice::from_ref(&other)]).unwrap();
    folder.close();
    office.host().unplug();
    for site in [&office, &hall] {
        site.write(&format!("INSERT INTO kept (name) VALUES ('{kept}')"));
        kept += 1;
    }
    office.tandem(&["bundle", "import", file.to_str().unwrap()]).succeeded();
    laptop.start();
    wait::equal_but_for_waiting(&[&hall, &laptop]);
    laptop.stop();
    office.host().plug();
    // (Of each chain the first fork that was seen is kept: of this one there were some in the files.)
    wait::until("both name the fork", &[&office, &hall], || {
        let told = [forks(&office), forks(&hall)];
        let is_named = |forks: &Vec<Value>| forks.iter().any(|fork| fork["author"] == author.as_str());
        if told.iter().all(is_named) { Ok(()) } else { Err(format!("{told:?}")) }
    });
    wait::until("the rest is at both", &[&office, &hall], || {
        let counts = [&office, &hall].map(|site| site.cell("SELECT count(*) FROM kept"));
        if counts == [json!(kept), json!(kept)] { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    for site in [&office, &hall] {
        goes_on(site, &mut kept.clone());
        let doctor = site.tandem(&["doctor"]);
        // By whatever name it goes now: it may have given itself another.
        let name = forks(site)[0]["site_name"].to_string();
        assert!(
            doctor.stdout.contains("\"fork\"") && doctor.stdout.contains(name.trim_matches('"')),
            "{doctor:?}"
        );
    }
}
