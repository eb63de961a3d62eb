//! Who is no member is refused, and learns nothing.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use tandem_tests::lan::Lan;
use tandem_tests::random::Random;
use tandem_tests::site::Site;
use tandem_tests::wait::{connected, equal};

use crate::{SHOP, founder, pair};

const SYNC_PORT: u16 = 7118;

#[test]
fn a_stranger_on_the_same_network_gets_nothing() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (name) VALUES ('a secret of this school')");
    let stranger = founder(&lan, "stranger", SHOP);
    stranger.stop();
    let address = |site: &Site| format!("/ip4/{}/tcp/{SYNC_PORT}", site.host().address());
    // It even knows where to look.
    stranger.start_with(&["--peer", &address(&office), "--peer", &address(&classroom)]);
    // Long enough for the members to find each other anew and to exchange something.
    classroom.stop();
    classroom.start();
    classroom.write("INSERT INTO items (name) VALUES ('another')");
    equal(&[&office, &classroom]);
    connected(&[&office, &classroom]);

    for (one, other) in [(&office, &classroom), (&classroom, &office)] {
        let peers = one.space()["peers"].clone();
        let names: Vec<_> =
            peers.as_array().unwrap().iter().map(|peer| peer["site"].as_str().unwrap()).collect();
        assert_eq!(names, [other.id()], "{peers}");
    }
    let learnt = stranger.status();
    assert_eq!(learnt["spaces"][0]["peers"], serde_json::json!([]), "{learnt}");
    assert_eq!(stranger.cell("SELECT count(*) FROM items"), 0);
    stranger.stop();
    for file in files(stranger.data()) {
        let content = std::fs::read(&file).unwrap();
        assert!(!contains(&content, b"a secret of this school"), "{}", file.display());
        assert!(!contains(&content, office.id().as_bytes()), "{}", file.display());
    }
}

#[test]
fn garbage_on_the_sync_port_harms_no_one() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    let stranger = lan.host();
    let target = (office.host().address(), SYNC_PORT);
    let mut random = Random::new("garbage");
    let beginnings: [&[u8]; 4] = [
        b"",
        b"\x13/multistream/1.0.0\n",
        b"\x13/multistream/1.0.0\n\x07/noise\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    stranger.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for round in 0..60 {
            let mut bytes = beginnings[round % beginnings.len()].to_vec();
            let more = random.below(20_000);
            bytes.extend((0..more).map(|_| random.any() as u8));
            let mut stream = TcpStream::connect(&target).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            // It may close whenever it has heard enough.
            let _refused_early = stream.write_all(&bytes);
            let mut answer = [0; 4096];
            let _nothing_to_say = stream.read(&mut answer);
            socket.send_to(&bytes[..bytes.len().min(1_400)], &target).unwrap();
        }
    });
    office.write("INSERT INTO items (name) VALUES ('still here')");
    equal(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT name FROM items"), "still here");
    assert!(!office.log_tail().contains("panicked"), "{}", office.log_tail());
    office.stop();
}

#[test]
fn two_pcs_that_both_hold_a_space_are_told_so() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let other = founder(&lan, "other", SHOP);
    other.write("INSERT INTO items (name) VALUES ('mine')");
    let token = office.invite();
    let text = other.tandem(&["join", &token]).refused("two_spaces");
    assert!(text.contains("school") && text.contains("--data") && text.contains("nothing is lost"), "{text}");
    // The same without a running node, and the invitation is still good for a fresh folder.
    other.stop();
    other.tandem(&["join", &token]).refused("two_spaces");
    assert_eq!(other.cell("SELECT name FROM items"), "mine");
    let fresh = Site::on(other.host(), "fresh");
    fresh.join(&token);
    assert_eq!(fresh.space()["id"], office.space()["id"]);
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
