//! Bundles over HTTP.

use std::io::Read;

use serde_json::json;

use crate::site::{Site, read};

const BUNDLES: &str = "/v1/spaces/school/bundles";

fn export(site: &Site) -> Vec<u8> {
    let response = site.send("GET", BUNDLES, &[], "");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/vnd.tandem.bundle");
    let mut bytes = Vec::new();
    response.into_body().into_reader().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_bundle_holds_everything_and_brings_nothing_twice() {
    let site = Site::with_school();
    for number in 0..50 {
        site.write(&format!("INSERT INTO pupils (name) VALUES ('P{number}')"));
    }
    let bundle = export(&site);
    let held = tandem_node::api::bundle::inspect(&bundle[..]).unwrap();
    assert_eq!((held.transactions, held.complete, held.space.as_str()), (51, true, "school"));
    assert_eq!(held.changes[0].inserted, 50);
    let (status, imported) = read(site.send("POST", BUNDLES, &[], bundle));
    assert_eq!(status, 200, "{imported}");
    assert_eq!((&imported["transactions"], &imported["complete"]), (&json!(0), &json!(true)));
}

#[test]
fn a_bundle_that_is_none_or_of_another_space_is_refused() {
    let (site, other) = (Site::with_school(), Site::with_school());
    let (status, problem) = read(site.send("POST", BUNDLES, &[], "not a bundle at all, really not"));
    assert_eq!((status, problem["code"].as_str()), (400, Some("bundle_unreadable")));
    let (status, problem) = read(site.send("POST", BUNDLES, &[], export(&other)));
    assert_eq!((status, problem["code"].as_str()), (409, Some("bundle_foreign")));
}

#[test]
fn a_bundle_that_was_cut_is_told_from_a_whole_one() {
    let site = Site::with_school();
    site.write("INSERT INTO pupils (name) VALUES ('Ada')");
    let bundle = export(&site);
    let cut = &bundle[..bundle.len() - 1];
    let (status, imported) = read(site.send("POST", &format!("{BUNDLES}?dry_run=true"), &[], cut));
    assert_eq!((status, &imported["complete"], &imported["dry_run"]), (200, &json!(false), &json!(true)));
    assert!(imported["fault"].as_str().is_some_and(|fault| !fault.is_empty()));
}
