//! A copied data folder, used in two places: named by whoever meets both, and stopping nobody else.

use std::process::Command;

use serde_json::{Value, json};
use tandem_tests::lan::Lan;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected, equal};

use crate::{SHOP, member, pair};

fn carry(from: &Site, to: &Site, name: &str) -> Value {
    let file = from.path(name);
    let file = file.to_str().unwrap();
    from.tandem(&["bundle", "export", file]).succeeded();
    let tried = to.tandem(&["bundle", "import", "--dry-run", file]).json();
    let imported = to.tandem(&["bundle", "import", file]).json();
    assert_eq!(imported["complete"], true, "{imported}");
    assert_eq!(tried["forks"], imported["forks"], "the trial tells the same");
    imported
}

fn names(site: &Site) -> Vec<Vec<Value>> {
    site.rows("SELECT name FROM items ORDER BY name")
}

#[test]
fn a_copied_folder_is_named_by_file_and_by_network_and_all_else_passes() {
    let lan = Lan::new();
    let (office, hall) = pair(&lan, SHOP);
    let till = member(&lan, "till", &office);
    equal(&[&office, &hall, &till]);
    till.stop();
    hall.host().unplug();
    let mut copy = Site::alone("copy");
    let copied = copy.path("copied");
    assert!(Command::new("cp").arg("-r").arg(till.data()).arg(&copied).status().unwrap().success());
    copy.use_folder(&copied);
    // Apart, and before anybody heard of either.
    office.write("INSERT INTO items (name) VALUES ('of the office')");
    hall.write("INSERT INTO items (name) VALUES ('of the hall')");
    till.write("INSERT INTO items (name) VALUES ('of the till')");
    for number in 0..2 {
        copy.write(&format!("INSERT INTO items (name) VALUES ('of the copy {number}')"));
    }
    assert_eq!(carry(&till, &office, "till.tandem")["forks"], json!([]));
    assert_eq!(carry(&copy, &hall, "copy.tandem")["forks"], json!([]));
    // By file: named at once, and what does not build on it is taken in.
    let imported = carry(&office, &hall, "office.tandem");
    let fork = &imported["forks"][0];
    assert_eq!((&fork["site_name"], &imported["transactions"]), (&json!("till"), &json!(1)), "{imported}");
    assert_eq!(imported["held_back"][0]["from"], fork["seq"]);
    assert_eq!(hall.space()["forks"], imported["forks"]);
    // By network.
    hall.host().plug();
    connected(&[&office, &hall]);
    wait::until("both name the fork", &[&office, &hall], || {
        let (here, there) = (&office.space()["forks"][0], &hall.space()["forks"][0]);
        let same =
            here["seq"] == there["seq"] && here["held"] == there["other"] && here["other"] == there["held"];
        if same && here["seq"].is_u64() { Ok(()) } else { Err(format!("{here} {there}")) }
    });
    wait::until("what the hall wrote is in the office", &[&office, &hall], || {
        let names = names(&office);
        if names.contains(&vec![json!("of the hall")]) { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert_eq!(names(&office).len() + 1, names(&hall).len(), "one of the till, two of its copy");
    for site in [&office, &hall] {
        let doctor = site.tandem(&["doctor"]);
        assert_eq!(doctor.exit, Some(1), "{doctor:?}");
        assert!(doctor.stdout.contains("\"fork\"") && doctor.stdout.contains("till"), "{doctor:?}");
        assert!(site.log_tail().contains("two different transactions go by one name"));
        site.verify();
    }
    // Noted for good.
    hall.restart();
    assert_eq!(hall.space()["forks"][0]["site_name"], "till");
}
