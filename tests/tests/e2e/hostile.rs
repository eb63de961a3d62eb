//! A member with a true key who signs what no honest program writes, among real programs: by file, and
//! over the network, where its own unmodified program passes it on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

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

fn forks(site: &Site) -> Vec<Value> {
    serde_json::from_value(site.space()["forks"].clone()).unwrap()
}

/// Two honest sites, and a member of their space that is not.
struct Attacked {
    office: Site,
    hall: Site,
    laptop: Site,
    random: Random,
    /// Rows that the honest sites have written.
    kept: u64,
}

impl Attacked {
    fn new(lan: &Arc<Lan>) -> Self {
        let random = Random::new("a hostile member among programs");
        let (office, hall) = pair(lan, &hostile::tables());
        let laptop = member(lan, "laptop", &office);
        wait::equal(&[&office, &hall, &laptop]);
        laptop.stop();
        let mut attacked = Self { office, hall, laptop, random, kept: 0 };
        attacked.each_keeps_one();
        attacked
    }

    fn honest(&self) -> [&Site; 2] {
        [&self.office, &self.hall]
    }

    /// Both write a row.
    fn each_keeps_one(&mut self) {
        for (site, number) in self.honest().into_iter().zip(self.kept..) {
            site.write(&format!("INSERT INTO kept (name) VALUES ('{number}')"));
        }
        self.kept += 2;
    }

    /// They run, open again, have kept what they were given, and take more.
    fn go_on(&mut self) {
        for at in 0..2 {
            goes_on(self.honest()[at], self.kept);
            self.kept += 1;
        }
    }

    /// The folder of the laptop, which does not run.
    fn folder(&mut self) -> Folder {
        let random = Random::of_seed(self.random.any());
        Folder::open(self.laptop.data(), random).unwrap()
    }

    /// By file, to the office; the hall gets it from there. First what it wrote honestly.
    fn by_file(&mut self) {
        let mut folder = self.folder();
        folder.work(60).unwrap();
        folder.close();
        let work = self.laptop.path("work.tandem");
        let work = work.to_str().unwrap();
        self.laptop.tandem(&["bundle", "export", work]).succeeded();
        self.office.tandem(&["bundle", "import", work]).succeeded();
        let mut folder = self.folder();
        let attack = folder.forge(count() / 2).unwrap();
        let (held, forged) = (attack.held.len() as u64, count() / 2);
        assert!(held > count() / 10, "{held} of {forged} were taken in");
        carry(&folder, &attack, &self.laptop, &self.office);
        folder.close();
        equal(&self.honest());
    }

    /// Over the network, to the hall, by the program itself.
    fn by_network(&mut self) {
        connected(&self.honest());
        equal(&self.honest());
        let mut folder = self.folder();
        folder.forge(count() / 2).unwrap();
        folder.close();
        self.office.host().unplug();
        self.laptop_meets_the_hall();
        self.office.host().plug();
        equal(&self.honest());
    }

    /// Two transactions of one name: one by file to the office, the other over the network to the hall.
    /// What was written before anybody heard of either passes; what follows knows it, and waits.
    fn by_fork(&mut self) {
        equal(&self.honest());
        let mut folder = self.folder();
        let other = folder.fork().unwrap();
        let file = self.laptop.path("fork.tandem");
        folder.bundle(&file, [std::slice::from_ref(&other)]).unwrap();
        folder.close();
        self.office.host().unplug();
        self.each_keeps_one();
        self.office.tandem(&["bundle", "import", file.to_str().unwrap()]).succeeded();
        self.laptop_meets_the_hall();
        self.office.host().plug();
    }

    fn laptop_meets_the_hall(&self) {
        self.laptop.start();
        wait::equal_but_for_waiting(&[&self.hall, &self.laptop]);
        self.laptop.stop();
    }

    /// Both name the fork of that author, and have all that passes.
    fn wait_until_the_fork_is_named(&self, author: &str) {
        // (Of each chain the first fork that was seen is kept: of this one there were some in the files.)
        wait::until("both name the fork", &self.honest(), || {
            let told = self.honest().map(forks);
            let is_named = |forks: &Vec<Value>| forks.iter().any(|fork| fork["author"] == author);
            if told.iter().all(is_named) { Ok(()) } else { Err(format!("{told:?}")) }
        });
        wait::until("the rest is at both", &self.honest(), || {
            let counts = self.honest().map(|site| site.cell("SELECT count(*) FROM kept"));
            if counts == [json!(self.kept), json!(self.kept)] { Ok(()) } else { Err(format!("{counts:?}")) }
        });
    }
}

/// It runs, opens again, has kept what it was given, and takes more.
fn goes_on(site: &Site, kept: u64) {
    site.restart();
    is_clean(site);
    assert_eq!(site.cell("SELECT count(*) FROM kept"), json!(kept));
    site.write(&format!("INSERT INTO kept (name) VALUES ('{kept}')"));
    site.verify();
    let told = site.tandem(&["doctor"]);
    assert!(told.stdout.contains("\"schema\""), "what has no effect is told: {told:?}");
    assert!(site.space()["void"].as_u64().unwrap() > 0);
}

#[test]
fn what_a_hostile_member_signs_stops_no_program_by_file_or_by_network() {
    let lan = Lan::new();
    let mut attacked = Attacked::new(&lan);
    let author = attacked.laptop.id();
    attacked.by_file();
    attacked.go_on();
    attacked.by_network();
    attacked.go_on();
    attacked.by_fork();
    attacked.wait_until_the_fork_is_named(&author);
    // What each writes from now on knows one side of the fork, and does not pass.
    for site in attacked.honest() {
        goes_on(site, attacked.kept);
        let doctor = site.tandem(&["doctor"]);
        // By whatever name it goes now: it may have given itself another.
        let name = forks(site)[0]["site_name"].to_string();
        assert!(
            doctor.stdout.contains("\"fork\"") && doctor.stdout.contains(name.trim_matches('"')),
            "{doctor:?}"
        );
    }
}
