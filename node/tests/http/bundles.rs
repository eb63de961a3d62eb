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
    assert_eq!(imported["fault"]["cause"], "bundle_cut");
}

#[test]
fn a_site_without_a_space_joins_by_request_and_bundle() {
    let (office, class) = (Site::with_school(), Site::bare());
    office.write("INSERT INTO pupils (name) VALUES ('Ada')");
    let (status, asked) = class.post("/v1/join-requests", &json!({ "site_name": "class" }));
    assert_eq!(status, 200, "{asked}");
    let admit = json!({ "request": asked["request"], "role": "reader" });
    let (status, admitted) = office.post("/v1/spaces/school/admissions", &admit);
    assert_eq!((status, &admitted["role"], &admitted["new"]), (200, &json!("reader"), &json!(true)));
    assert_eq!(admitted["site"], asked["site"]);
    let (status, taken) = read(class.send("POST", "/v1/bundles", &[], export(&office)));
    assert_eq!((status, &taken["joined"]), (200, &json!("school")), "{taken}");
    assert_eq!(class.rows("SELECT name FROM pupils"), json!([["Ada"]]));
    let (status, problem) = class.write("INSERT INTO pupils (name) VALUES ('Bo')");
    assert_eq!((status, problem["code"].as_str()), (403, Some("read_only_member")));
    let stranger = Site::bare();
    let (status, problem) = read(stranger.send("POST", "/v1/bundles", &[], export(&office)));
    assert_eq!((status, problem["code"].as_str()), (403, Some("bundle_not_admitting")));
    assert_eq!(stranger.get("/v1/status").1["spaces"], json!([]));
}
