//! Who has no key opens as many connections as it likes, and keeps nobody out.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::school::full;
use tandem_tests::siege::{Force, Siege};
use tandem_tests::site::Site;
use tandem_tests::wait::{connected, equal, until};

use crate::{SHOP, member, pair};

/// How long so many writes of one row take each, sorted.
fn writes(site: &Site, count: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = site.http(|http| {
        let write = |_| {
            let began = Instant::now();
            let sql = "INSERT INTO items (name) VALUES ('one more')";
            let (status, answer) = http.transact(&[sql]).unwrap();
            assert_eq!(status, 200, "{answer}");
            began.elapsed()
        };
        (0..count).map(write).collect()
    });
    times.sort();
    times
}

/// This test's own connections need files, too.
fn many_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
}

#[test]
fn members_exchange_and_are_found_while_strangers_besiege_a_site() {
    many_files();
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.stop();
    // Strangers reach HTTP where it is encrypted, and there alone.
    office.start_with(&["--https", &format!("{}:7117", office.host().address())]);
    connected(&[&office, &classroom]);
    let count = if full() { 1_000 } else { 50 };
    let before = writes(&office, count);
    let force = if full() {
        Force { idle: 2_000, handshakes: 200, bodies: 100, identities: 1_000 }
    } else {
        Force { idle: 200, handshakes: 40, bodies: 20, identities: 40 }
    };
    let strangers = [lan.host(), lan.host()];
    let target = office.host().address();
    let [first, second] = strangers.each_ref().map(|host| {
        let half = |all: usize| all / 2;
        let force = Force {
            idle: half(force.idle),
            handshakes: half(force.handshakes),
            bodies: half(force.bodies),
            identities: half(force.identities),
        };
        Siege::from(host, &target, force)
    });
    let all = force.idle + force.handshakes + force.bodies;
    until("besieged", &[&office], || {
        let opened = first.opened() + second.opened();
        if opened >= all { Ok(()) } else { Err(format!("{opened} of {all}")) }
    });

    let during = writes(&office, count);
    equal(&[&office, &classroom]);
    // Who was away comes back, and who is new comes in.
    classroom.restart();
    office.write("INSERT INTO items (name) VALUES ('while it was away')");
    equal(&[&office, &classroom]);
    let lab = member(&lan, "lab", &office);
    lab.write("INSERT INTO items (name) VALUES ('of the lab')");
    equal(&[&office, &classroom, &lab]);
    let after = writes(&office, count);
    let opened = first.opened() + second.opened();
    let files = std::fs::read_dir(format!("/proc/{}/fd", office.pid())).unwrap().count();
    eprintln!(
        "median write: {:?} before, {:?} and {:?} besieged; {opened} connections were opened; {files} files are open",
        before[count / 2],
        during[count / 2],
        after[count / 2]
    );
    assert!(files < 512, "{files}");
    drop((first, second));
    assert!(!office.log_tail().contains("panicked"), "{}", office.log_tail());
    office.stop();
}

#[test]
fn no_more_files_ends_neither_http_nor_the_exchange() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    let pid = office.pid();
    let open = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    let limit = |files: Option<u64>| {
        let all = getrlimit(Resource::Nofile);
        let rlimit = Rlimit { current: files.or(all.current), maximum: all.maximum };
        prlimit(Pid::from_raw(pid as i32), Resource::Nofile, rlimit).unwrap();
    };
    limit(Some(open() + 4));
    let connections: Vec<TcpStream> = office.inside(|| {
        [7117, 7118]
            .repeat(8)
            .into_iter()
            .filter_map(|port| TcpStream::connect(("127.0.0.1", port)).ok())
            .collect()
    });
    until("out of files", &[&office], || {
        let log = office.log_tail();
        if log.contains("could not be accepted") { Ok(()) } else { Err(log) }
    });
    drop(connections);
    limit(None);
    until("answering", &[&office], || office.http(|http| http.healthy()).then_some(()).ok_or(String::new()));
    classroom.restart();
    office.write("INSERT INTO items (name) VALUES ('after it')");
    equal(&[&office, &classroom]);
    let (status, answer) = office.http(|http| http.post("/v1/sync", &json!({ "paused": false }))).unwrap();
    assert_eq!(status, 200, "{answer}");
    office.stop();
}
