//! Bundles between two sites that share no network: any cut, any order, any repetition.

use crate::offline::{Offline, equal};

#[test]
fn two_sites_that_never_meet_converge_by_bundles_alone() {
    let a = Offline::founder();
    let b = Offline::member(&a);
    a.write("first");
    let bundle = a.export(Some(&b));
    assert_eq!(b.import(&bundle).transactions, 3);
    let again = b.import(&bundle);
    assert_eq!((again.transactions, again.changes.len(), again.complete), (0, 0, true));
    a.write("from a");
    b.write("from b");
    // What b is known to hold is what its own transactions show: the first bundle has it all.
    let back = b.export(Some(&a));
    assert_eq!(a.import(&back).transactions, 1);
    assert_eq!(b.import(&a.export(Some(&b))).transactions, 1);
    equal(&a, &b);
    let rest = tandem_node::api::bundle::inspect(&a.export(Some(&b))[..]).unwrap();
    assert!(rest.transactions <= 1, "only what b is not known to hold: {rest:?}");
}

#[test]
fn a_bundle_cut_anywhere_gives_its_complete_blocks_or_nothing() {
    let a = Offline::founder();
    let b = Offline::member(&a);
    // Words that do not repeat: several blocks, each of some size.
    let mut noise = 7u64;
    for _ in 0..4 {
        let text: String = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + (noise >> 60) as u8)
        })
        .take(600_000)
        .collect();
        a.write(&text);
    }
    let bundle = a.export(None);
    let mut held = Vec::new();
    for len in (0..bundle.len()).step_by(bundle.len() / 150) {
        match b.api.bundles().import("school", &bundle[..len], false) {
            Ok(imported) => assert!(!imported.complete, "cut at {len} unnoticed"),
            Err(error) => assert_eq!(error.code, "bundle_unreadable"),
        }
        if held.last() != Some(&b.space.end()) {
            held.push(b.space.end());
            b.sound();
        }
    }
    assert!(held.len() > 2 && held.is_sorted(), "{held:?}");
    assert!(b.import(&bundle).complete);
    equal(&a, &b);
}

#[test]
fn a_bundle_that_comes_too_early_names_what_is_missing() {
    let a = Offline::founder();
    let b = Offline::member(&a);
    a.write("one");
    b.import(&a.export(None));
    b.write("so that a knows what b holds");
    a.import(&b.export(None));
    a.write("two");
    let late = a.export(Some(&b));
    let c = Offline::new(|store| store.adopt_space(a.space.id(), "school", "third").unwrap());
    let error = c.api.bundles().import("school", &late[..], false).unwrap_err();
    assert_eq!(error.code, "bundle_early");
    assert_eq!(c.space.end(), 0);
}
