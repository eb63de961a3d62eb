//! Tokens for programs, made and ended on the command line.

use crate::program::Program;
use crate::running::Running;

#[test]
fn a_token_is_made_listed_and_revoked_with_and_without_a_node() {
    let program = Program::with_school();
    let added = program.json(&["token", "add", "till 2", "--right", "write", "--device", "caisse 2"]);
    assert_eq!(
        (&added["name"], &added["right"], &added["device"]),
        (&"till 2".into(), &"write".into(), &"caisse 2".into())
    );
    let token = added["token"].as_str().unwrap().to_owned();
    // Behind the point stands by what other PCs know this node.
    let (secret, fingerprint) = token.split_once('.').unwrap();
    assert_eq!((secret.len(), fingerprint.len()), (32, 64));
    let (own, key) = (program.data().join("https.pem"), "--tls-key=/nowhere");
    assert!(own.exists());
    assert_eq!(
        program.run(&["start", "--https", "127.0.0.1:0", key]).code,
        2,
        "a key without its certificate"
    );
    let given = program.run(&[
        "--json",
        "start",
        "--no-mdns",
        "--http",
        "127.0.0.1:0",
        "--https",
        "127.0.0.1:0",
        key,
        "--tls-cert=/nowhere",
    ]);
    assert!(given.code == 1 && given.err.contains("tls_unusable"), "{given:?}");
    // What is not encrypted is for this PC alone.
    let clear = program.run(&["--lang", "fr", "start", "--http", "0.0.0.0:0"]);
    assert!(clear.code == 2 && clear.err.contains("--https"), "{clear:?}");
    let told = program.run(&["--lang", "fr", "token", "add", "liste"]);
    assert!(told.code == 0 && told.out.contains("Le jeton liste (lire)"), "{told:?}");
    let listed = program.run(&["token", "list"]);
    assert!(listed.out.contains("caisse 2") && listed.out.contains("to read and write"), "{listed:?}");
    assert!(!listed.out.contains(&token), "{listed:?}");
    let again = program.run(&["--json", "token", "add", "till 2"]);
    assert!(again.code == 1 && again.err.contains("token_exists"), "{again:?}");
    assert_eq!(program.run(&["token", "add", "x", "--right", "all"]).code, 2);
    let node = Running::start(&program, &[]);
    assert_eq!(program.run(&["token", "list"]).out, listed.out, "the node has them too");
    assert_eq!(program.json(&["token", "revoke", "till 2"])["revoked"], "till 2");
    drop(node);
    let gone = program.run(&["--json", "token", "revoke", "till 2"]);
    assert!(gone.code == 1 && gone.err.contains("token_unknown"), "{gone:?}");
    assert_eq!(program.json(&["token"])["tokens"].as_array().map(Vec::len), Some(1));
}
