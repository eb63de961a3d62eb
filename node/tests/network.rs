//! Two and three sites on loopback: real stores, real sockets.
#![allow(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::future::Future;
use std::time::{Duration, Instant};

use tandem_node::net::{JoinError, NetError, NetSettings, Network};
use tandem_protocol::identity::AuthorKey;
use tandem_protocol::invitation::{Invitation, Secret};
use tandem_protocol::join::JoinRefused;
use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;
use tandem_store::{Params, Space, Statement, Store, Write};
use tempfile::TempDir;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)";
/// Longer than anything here takes, so that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;

struct Site {
    folder: TempDir,
    store: Store,
    network: Network,
}

impl Site {
    async fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), &[]).await
    }

    async fn at(folder: TempDir, peers: &[String]) -> Self {
        let store = Store::open(folder.path(), "a test").unwrap();
        let settings = NetSettings::parse(&["/ip4/127.0.0.1/tcp/0".into()], peers, false).unwrap();
        let network = Network::start(store.clone(), &settings).unwrap();
        network.ready().await.unwrap();
        Self { folder, store, network }
    }

    async fn founder() -> (Self, Space) {
        let site = Self::new().await;
        let space = site.store.create_space("school", "office", Some(SCHEMA)).unwrap();
        site.network.spaces_changed();
        (site, space)
    }

    fn invite(&self, space: &Space) -> Invitation {
        self.network.invite(space, Role::Member, DAY_MS).unwrap()
    }

    async fn joined(inviter: &Self, space: &Space, name: &str) -> (Self, Space) {
        let site = Self::new().await;
        let space = site.network.join(&inviter.invite(space), name, &[], |_| ()).await.unwrap();
        site.network.first_sync(&space, |_| ()).await.unwrap();
        (site, space)
    }

    async fn stop(self) -> TempDir {
        self.network.shutdown().await;
        self.store.close();
        self.folder
    }
}

fn note(text: &str) -> Write {
    let statement = Statement {
        sql: "INSERT INTO notes (text) VALUES (?1)".into(),
        params: Params::One(vec![Value::Text(text.into())]),
    };
    Write { edits: vec![statement].into(), ..Write::default() }
}

fn insert(space: &Space, text: &str) {
    space.wait(|reply| space.write(note(text), reply)).unwrap();
}

fn count(space: &Space) -> i64 {
    let (rows, _) = space.query("SELECT count(*) FROM notes", &[]).unwrap();
    match rows.rows[0][0] {
        Value::Integer(count) => count,
        ref other => panic!("{other:?}"),
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn equal(spaces: &[&Space]) {
    until("all hold the same", || spaces.windows(2).all(|pair| pair[0].vector() == pair[1].vector())).await;
}

fn on_two_threads(test: impl Future<Output = ()>) {
    // RUST_LOG=tandem_node=debug tells the story of a failure.
    let _set_by_another_test = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

#[test]
fn a_second_site_joins_receives_everything_and_both_work() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        for number in 0..300 {
            insert(&on_a, &format!("note {number}"));
        }
        let (b, on_b) = Site::joined(&a, &on_a, "classroom").await;
        equal(&[&on_a, &on_b]).await;
        assert_eq!(count(&on_b), 300);
        assert_eq!(on_b.name(), "school");
        insert(&on_b, "from b");
        insert(&on_a, "from a");
        equal(&[&on_a, &on_b]).await;
        assert_eq!((count(&on_a), count(&on_b)), (302, 302));
        let peer = &a.network.peers(&on_a.id())[0];
        assert!(peer.connected && peer.bytes_sent > 0 && peer.bytes_received > 0);
        assert!(peer.clock_offset_ms.unwrap().abs() < 60_000);
        until("a knows that b holds all", || {
            a.network.peers(&on_a.id())[0].missing_there(
                &on_a.id(),
                &on_a.vector(),
                &VersionVector::default(),
            ) == 0
        })
        .await;
        b.stop().await;
        until("a sees b leave", || !a.network.peers(&on_a.id())[0].connected).await;
        // Whom b told what it holds still knows it in the morning, and what came after that.
        drop(on_a);
        let a = Site::at(a.stop().await, &[]).await;
        let on_a = a.store.space("school").unwrap();
        let missing = |held: &VersionVector| {
            a.network.peers(&on_a.id())[0].missing_there(&on_a.id(), held, &VersionVector::default())
        };
        assert_eq!(missing(&on_a.vector()), 0);
        insert(&on_a, "after b left");
        assert_eq!(missing(&on_a.vector()), 1);
        drop(on_a);
        a.stop().await;
    });
}

#[test]
fn after_working_apart_both_find_each_other_again_by_remembered_addresses() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let (b, on_b) = Site::joined(&a, &on_a, "classroom").await;
        drop(on_b);
        let folder = b.stop().await;
        for number in 0..20 {
            insert(&on_a, &format!("a {number}"));
        }
        let store = Store::open(folder.path(), "a test").unwrap();
        let on_b = store.space("school").unwrap();
        for number in 0..20 {
            insert(&on_b, &format!("b {number}"));
        }
        drop(on_b);
        store.close();
        drop(store);
        let b = Site::at(folder, &[]).await;
        let on_b = b.store.space("school").unwrap();
        equal(&[&on_a, &on_b]).await;
        assert_eq!(count(&on_b), 40);
        b.stop().await;
        a.stop().await;
    });
}

#[test]
fn equal_sites_that_meet_again_exchange_less_than_a_kilobyte() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        for number in 0..50 {
            insert(&on_a, &format!("note {number}"));
        }
        let (b, on_b) = Site::joined(&a, &on_a, "classroom").await;
        equal(&[&on_a, &on_b]).await;
        let both_connected =
            || a.network.peers(&on_a.id())[0].connected && b.network.peers(&on_b.id())[0].connected;
        let none_connected =
            || !a.network.peers(&on_a.id())[0].connected && !b.network.peers(&on_b.id())[0].connected;
        until("both are connected", both_connected).await;
        b.network.pause();
        until("the session is over", none_connected).await;
        let bytes = || {
            let peer = &a.network.peers(&on_a.id())[0];
            peer.bytes_sent + peer.bytes_received
        };
        let before = bytes();
        b.network.resume();
        until("both are connected again", both_connected).await;
        let greeting = bytes() - before;
        assert!(greeting < 1000, "{greeting} bytes");

        // While paused nothing travels; afterwards what was written comes in one go.
        b.network.pause();
        until("the session is over", none_connected).await;
        for number in 0..50 {
            insert(&on_a, &format!("later {number}"));
        }
        assert_ne!(on_a.vector(), on_b.vector());
        let before = bytes();
        b.network.resume();
        equal(&[&on_a, &on_b]).await;
        let spent = bytes() - before;
        assert!(spent < 8000, "{spent} bytes for fifty small transactions");
        b.stop().await;
        a.stop().await;
    });
}

#[test]
fn three_sites_learn_of_each_other_and_converge() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let (b, on_b) = Site::joined(&a, &on_a, "classroom").await;
        let (c, on_c) = Site::joined(&a, &on_a, "library").await;
        until("b and c are connected, who only knew a", || {
            b.network.peer(&c.store.author()).connected && c.network.peer(&b.store.author()).connected
        })
        .await;
        for (space, text) in [(&on_a, "a"), (&on_b, "b"), (&on_c, "c")] {
            insert(space, text);
        }
        equal(&[&on_a, &on_b, &on_c]).await;
        // And what b and c write reaches the other without a.
        a.stop().await;
        insert(&on_b, "without a");
        equal(&[&on_b, &on_c]).await;
        b.stop().await;
        c.stop().await;
    });
}

#[test]
fn a_stranger_is_refused_and_learns_nothing() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        insert(&on_a, "secret");
        let folder = tempfile::tempdir().unwrap();
        let addresses = a.network.addresses();
        let stranger = Site::at(folder, &addresses).await;
        stranger.store.create_space("other", "spy", Some(SCHEMA)).unwrap();
        stranger.network.spaces_changed();
        let author = a.store.author();
        until("the stranger was turned away", || {
            stranger.network.peer(&author).trouble.is_some()
                || a.network.peer(&stranger.store.author()).trouble.is_some()
        })
        .await;
        assert!(!stranger.network.peer(&author).connected);
        assert!(stranger.network.peer(&author).spaces.is_empty());
        assert!(a.network.peer(&stranger.store.author()).spaces.is_empty());
        assert!(stranger.network.peer(&author).bytes_received < 400, "a padded greeting at most");
        stranger.stop().await;
        a.stop().await;
    });
}

#[test]
fn invitations_are_refused_for_the_reason_that_holds() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let b = Site::new().await;
        let refused = |invitation: Invitation, name: &'static str| {
            let network = b.network.clone();
            async move {
                match network.join(&invitation, name, &[], |_| ()).await {
                    Err(JoinError::Refused(refused)) => refused,
                    other => panic!("{:?}", other.map(|space| space.id())),
                }
            }
        };
        let good = a.invite(&on_a);
        assert_eq!(
            refused(Invitation { secret: Secret([1; 16]), ..good.clone() }, "b").await,
            JoinRefused::Invalid
        );
        assert_eq!(refused(good.clone(), "office").await, JoinRefused::Name);
        let late = a.network.invite(&on_a, Role::Member, -1).unwrap();
        assert_eq!(refused(late, "b").await, JoinRefused::Expired);
        // None of this has used it up.
        let c = Site::new().await;
        c.network.join(&good, "c", &[], |_| ()).await.unwrap();
        assert_eq!(refused(good.clone(), "b").await, JoinRefused::Used);
        assert!(b.store.spaces().is_empty());
        // A site that holds a space is told so, and the inviter itself, too.
        assert!(matches!(c.network.join(&good, "c", &[], |_| ()).await, Err(JoinError::HoldsASpace(_))));
        for site in [a, b, c] {
            site.stop().await;
        }
    });
}

#[test]
fn an_invitation_outlives_a_restart_and_an_answer_that_was_lost() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let invitation = a.invite(&on_a);
        drop(on_a);
        let folder = a.stop().await;
        let a = Site::at(folder, &[]).await;
        let on_a = a.store.space("school").unwrap();
        let b = Site::new().await;
        let addresses = a.network.addresses();
        let on_b = b.network.join(&invitation, "b", &addresses, |_| ()).await.unwrap();
        b.network.first_sync(&on_b, |_| ()).await.unwrap();
        assert_eq!(on_a.membership().members().count(), 2);
        b.stop().await;
        a.stop().await;
    });
}

#[test]
fn garbage_on_the_port_harms_nobody() {
    use std::io::Write as _;
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let address = a.network.listening()[0].to_string();
        let port: u16 = address.rsplit('/').next().unwrap().parse().unwrap();
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            &[0xff; 5000],
            b"\x13/multistream/1.0.0\n\x07/noise\n\xff\xff\xff",
        ] {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            // It may hang up before all is written.
            let _hung_up = stream.write_all(garbage);
        }
        let (b, on_b) = Site::joined(&a, &on_a, "b").await;
        insert(&on_b, "still there");
        equal(&[&on_a, &on_b]).await;
        b.stop().await;
        a.stop().await;
    });
}

#[test]
fn a_port_that_is_taken_is_named() {
    on_two_threads(async {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("127.0.0.1:{}", holder.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a test").unwrap();
        let settings = NetSettings::parse(&[address], &[], false).unwrap();
        assert!(matches!(Network::start(store.clone(), &settings), Err(NetError::PortTaken { .. })));
        // By another node, whose socket would share it.
        let other = Site::new().await;
        let settings =
            NetSettings { listen: other.network.listening(), mdns: false, ..NetSettings::default() };
        assert!(matches!(Network::start(store, &settings), Err(NetError::PortTaken { .. })));
        other.stop().await;
        assert!(matches!(NetSettings::parse(&["nonsense".into()], &[], true), Err(NetError::Address(_))));
    });
}

#[test]
fn a_site_with_another_key_meets_the_others_anew_and_writes_once_it_is_admitted() {
    on_two_threads(async {
        let (a, on_a) = Site::founder().await;
        let (b, on_b) = Site::joined(&a, &on_a, "classroom").await;
        let old = b.store.author();
        insert(&on_b, "as who it was");
        until("the note has come", || count(&on_a) == 1).await;

        let key = AuthorKey::from_secret(&[9; 32]);
        let new = key.author();
        // While a session goes on under it.
        insert(&on_a, "just before");
        b.store.change_key(key).unwrap();
        insert(&on_a, "just after");
        until("who it is comes by", || a.network.peer(&new).address.is_some()).await;
        until("who it was is gone", || !a.network.peer(&old).connected).await;
        assert!(!a.network.peer(&new).connected, "a stranger is taken for a member");
        let refused = on_b.wait(|reply| on_b.write(note("too early"), reply)).unwrap_err();
        assert_eq!(refused.to_string(), "read_only_member");

        on_a.wait(|reply| on_a.admit(Candidate::new(new, "classroom anew"), Role::Member, None, reply))
            .unwrap();
        until("it knows of its admission", || on_b.membership().member(&new).is_some()).await;
        insert(&on_b, "as who it is");
        until("all notes have come", || (count(&on_a), count(&on_b)) == (4, 4)).await;
        equal(&[&on_a, &on_b]).await;
        assert_eq!((on_a.vector().seq(old), on_a.vector().seq(new)), (1, 1));
        assert!(on_a.status().forks.is_empty() && on_b.status().forks.is_empty());
        assert_eq!(b.network.peers(&on_b.id()).len(), 1, "it is no peer of its own");

        drop(on_b);
        let folder = b.stop().await;
        let again = Store::open(folder.path(), "a test").unwrap();
        assert_eq!(again.identity().authors(), [old, new]);
        again.close();
        a.stop().await;
    });
}
