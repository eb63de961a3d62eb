//! What a database does, and what is done to it, that its program does not say: types of its own, triggers,
//! locks, backups that are put back.

use rustix::process::Signal;
use serde_json::Value;
use tandem_tests::site::Site;
use tandem_tests::wait;

use crate::attached::{SCHOOL, Two, attach, server};

/// Of each type what PostgreSQL itself writes of it, here and there.
#[test]
fn each_type_comes_back_as_it_was() {
    let server = server();
    let schema = "
        CREATE TYPE mood AS ENUM ('gai', 'triste');
        CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
        CREATE TYPE place AS (street text, number integer);
        CREATE TABLE every (
          id integer PRIMARY KEY, i2 smallint, i8 bigint, n numeric, n2 numeric(38,4), f4 real, f8 double precision,
          t text, v varchar(9), c char(5), b boolean, d date, ti time, tz timetz, ts timestamp, tstz timestamptz,
          iv interval, u uuid, by bytea, j json, jb jsonb, a integer[], ta text[], e mood, dom positive, r int4range,
          ip inet, net cidr, mac macaddr, m money, x xml, bits bit(3), vb bit varying, pl place, p point, ov oid
        );";
    let two = Two::with(&server, schema, "INSERT INTO every (id) VALUES (0)", &[]);
    let rows = [
        "1, -32768, 9223372036854775807, 1.50, 1234567890123456789012345678901234.5678, 0.1, 0.1,
         E'a\\tb\\n\"q\" \\\\ é 🎈', 'ab ', 'ab', true, '0001-01-01', '23:59:59.999999', '08:00:00.5+02',
         '2026-11-29 10:00:00.123456', '2026-11-29 10:00:00.123456+03', '1 year 2 mons -3 days 04:05:06.7',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x0001ff', '{\"b\":1,\"a\":[true,null]}', '{\"b\":1.5,\"a\":\"é\"}',
         '{1,NULL,3}', '{\"a b\",NULL,\"NULL\",\"\"}', 'triste', 7, '[1,10)', '192.168.0.1/24', '10.0.0.0/8',
         '08:00:2b:01:02:03', '1234.5', '<a>é</a>', '101', '10110', ROW('rue \"x\"', 3), '(1.5,-2)', 4294967295",
        "2, 0, 0, 123456789012345678901234567890123456789012345.6789, 0, 1e30, -1.7976931348623157e308, '', '', '',
         false, '9999-12-31', '00:00:00', '00:00:00+00', '1970-01-01 00:00:00', '1970-01-01 00:00:00+00', '00:00:00',
         '00000000-0000-0000-0000-000000000000', '', '[]', '{}', '{}', '{{a,b},{c,d}}', 'gai', 1, 'empty', '::1',
         '::/0', '00:00:00:00:00:00', '-0.01', '', '000', '', ROW(NULL, NULL), '(0,0)', 0",
    ];
    for (at, row) in rows.iter().enumerate() {
        let database = if at == 0 { &two.office.1 } else { &two.classroom.1 };
        database.run(&format!("INSERT INTO every VALUES ({row})"));
    }
    two.office.1.run("UPDATE every SET id = id WHERE id = 0");
    two.equal_in(&["every"]);
    assert_eq!(two.office.1.rows("SELECT count(*) FROM every"), ["(3)"]);
    // And as changes of a row that was empty.
    let set = "UPDATE every AS one SET (i2, i8, n, n2, f4, f8, t, v, c, b, d, ti, tz, ts, tstz, iv, u, by, j, jb, a, ta, e,
        dom, r, ip, net, mac, m, x, bits, vb, pl, p, ov) = (SELECT i2, i8, n, n2, f4, f8, t, v, c, b, d, ti, tz, ts, tstz,
        iv, u, by, j, jb, a, ta, e, dom, r, ip, net, mac, m, x, bits, vb, pl, p, ov FROM every WHERE id = 1) WHERE one.id = 0";
    two.classroom.1.run(set);
    two.equal_in(&["every"]);
    let of = |id: i64| {
        two.office.1.rows(&format!("SELECT (to_jsonb(one) - 'id')::text FROM every AS one WHERE id = {id}"))
    };
    assert_eq!(of(0), of(1));
    let status = two.classroom.0.tandem(&["attach", "show"]).json();
    assert_eq!(
        (&status["status"]["unread"], &status["status"]["altered"]),
        (&Value::from(0), &Value::from(0))
    );
}

/// Triggers of the application: one that stamps each change, one that changes the row again behind it, one
/// that writes elsewhere, one that prevents.
#[test]
fn triggers_of_the_application_end_and_nothing_is_lost_by_them() {
    let server = server();
    let schema = "
        CREATE TABLE thing (id serial PRIMARY KEY, name text, at timestamptz, turns integer, is_kept boolean DEFAULT false);
        CREATE TABLE audit (id serial PRIMARY KEY, what text);
        CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = clock_timestamp(); RETURN NEW; END $$;
        CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.turns IS DISTINCT FROM length(NEW.name) THEN UPDATE thing SET turns = length(name) WHERE id = NEW.id; END IF;
          INSERT INTO audit (what) VALUES (NEW.name); RETURN NULL; END $$;
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF OLD.is_kept THEN RETURN NULL; END IF; RETURN OLD; END $$;
        CREATE TRIGGER a_stamp BEFORE INSERT OR UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION stamp();
        CREATE TRIGGER b_turn AFTER INSERT OR UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION turn();
        CREATE TRIGGER c_keep BEFORE DELETE ON thing FOR EACH ROW EXECUTE FUNCTION keep();";
    let wishes = ["--stamp", "thing.at", "--exclude", "audit"];
    let two =
        Two::with(&server, schema, "INSERT INTO thing (name) VALUES ('one'), ('three'), ('kept')", &wishes);
    let (office, classroom) = (&two.office.1, &two.classroom.1);
    let names = "SELECT id, name, turns FROM thing ORDER BY id";
    let both = |expected: &[&str]| {
        wait::until("the same things", &[&two.office.0, &two.classroom.0], || {
            let (one, other) = (office.rows(names), classroom.rows(names));
            if one == expected && other == expected { Ok(()) } else { Err(format!("{one:?} {other:?}")) }
        });
    };
    both(&["(1,one,3)", "(2,three,5)", "(3,kept,4)"]);
    office.run("UPDATE thing SET name = 'eleven' WHERE id = 1");
    classroom.run("UPDATE thing SET name = 'a' WHERE id = 2");
    both(&["(1,eleven,6)", "(2,a,1)", "(3,kept,4)"]);
    // The database of the classroom alone does not let this row go.
    classroom.run("UPDATE thing SET is_kept = true WHERE id = 3");
    both(&["(1,eleven,6)", "(2,a,1)", "(3,kept,4)"]);
    office.run("ALTER TABLE thing DISABLE TRIGGER c_keep");
    wait::until("the mark of the row", &[&two.office.0], || {
        match office.rows("SELECT is_kept FROM thing WHERE id = 3") {
            rows if rows == ["(t)"] => Ok(()),
            rows => Err(format!("{rows:?}")),
        }
    });
    office.run("DELETE FROM thing WHERE id = 3; UPDATE thing SET name = 'last' WHERE id = 1");
    wait::until("what came after it", &[&two.classroom.0], || match classroom.rows(names) {
        rows if rows == ["(1,last,4)", "(2,a,1)", "(3,kept,4)"] => Ok(()),
        rows => Err(format!("{rows:?}")),
    });
    // It ends: nothing goes to and fro any more.
    let ends = || [&two.office.0, &two.classroom.0].map(|site| site.space()["transactions"].clone());
    wait::equal(&[&two.office.0, &two.classroom.0]);
    let before = ends();
    two.office.0.tandem(&["attach", "compare"]).json();
    assert_eq!(ends(), before);
}

/// An application that keeps a row locked keeps nobody from the others.
#[test]
fn a_row_that_is_locked_for_long_holds_up_nothing_else() {
    let server = server();
    let two = Two::new(&server, "INSERT INTO student (first_name) VALUES ('Anna'), ('Léo')");
    two.equal();
    let mut holder = two.classroom.1.connect();
    holder.batch_execute("BEGIN; UPDATE student SET phone = 'typed' WHERE id = 1").unwrap();
    two.office.1.run("UPDATE student SET address = 'Rue 1' WHERE id = 1; UPDATE student SET address = 'Rue 2' WHERE id = 2");
    two.classroom.1.run("INSERT INTO level (name) VALUES ('N5')");
    let sites = [&two.office.0, &two.classroom.0];
    wait::until("the other rows, both ways", &sites, || {
        let there = two.classroom.1.rows("SELECT address FROM student WHERE id = 2");
        let here = two.office.1.rows("SELECT name FROM level");
        if there == ["(\"Rue 2\")"] && here == ["(N5)"] { Ok(()) } else { Err(format!("{there:?} {here:?}")) }
    });
    holder.batch_execute("COMMIT").unwrap();
    two.equal();
    assert_eq!(two.office.1.rows("SELECT phone, address FROM student WHERE id = 1"), ["(typed,\"Rue 1\")"]);
}

/// What somebody does to the database behind the node's back.
#[test]
fn what_is_done_behind_the_node_is_found_and_nothing_is_deleted_by_it() {
    let server = server();
    let filling = "INSERT INTO student (first_name) SELECT 'Anna ' || i FROM generate_series(1, 5) AS i";
    let two = Two::new(&server, filling);
    two.equal();
    let (site, database) = (&two.office.0, &two.office.1);
    let backup = site.path("backup.sql");
    let mut dump = server.program("pg_dump");
    assert!(dump.args(["-Fc", "-f"]).arg(&backup).arg(database.name()).status().unwrap().success());

    // Triggers that are gone, and one that is off.
    site.stop();
    database.run(
        "DROP TRIGGER zz_tandem ON student; ALTER TABLE payment DISABLE TRIGGER zz_tandem;
         UPDATE student SET phone = 'unseen' WHERE id = 1; DELETE FROM student WHERE id = 2;
         INSERT INTO payment (amount, student_id) VALUES (5, 1)",
    );
    site.start();
    two.equal();
    assert_eq!(database.rows("SELECT phone FROM student WHERE id = 1"), ["(unseen)"]);
    assert_eq!(database.rows("SELECT count(*) FROM student"), ["(5)"], "what vanished unseen is back");
    let status = site.tandem(&["attach", "show"]).json();
    let count = |name: &str| status["status"][name].as_u64().unwrap();
    assert_eq!((count("missed"), count("put_back"), count("reinstalled")), (2, 1, 2), "{status}");

    // A table that is emptied is emptied everywhere.
    database.run("TRUNCATE payment");
    two.equal();
    assert_eq!(two.classroom.1.rows("SELECT * FROM payment"), [""; 0]);

    // An older backup: of this site's own changes, too, nothing is taken back.
    database
        .run("UPDATE student SET phone = 'later' WHERE id = 3; INSERT INTO level (name) VALUES ('later')");
    two.equal();
    site.stop();
    let mut restore = server.program("pg_restore");
    assert!(
        restore
            .args(["--clean", "--if-exists", "-d", database.name()])
            .arg(&backup)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(database.rows("SELECT count(*) FROM level"), ["(0)"]);
    site.start();
    two.equal();
    assert_eq!(database.rows("SELECT phone FROM student WHERE id = 3"), ["(later)"]);
    assert_eq!(database.rows("SELECT name FROM level"), ["(later)"]);

    // The server is off: that is told, everything else goes on, and then this goes on too.
    server.stop(Signal::INT);
    two.classroom.0.write("UPDATE student SET phone = 'off' WHERE id = 5");
    let state = |site: &Site| site.space()["attachment"]["status"]["state"].clone();
    wait::until("told", &[site], || {
        if state(site) == "waiting" { Ok(()) } else { Err(state(site).to_string()) }
    });
    let doctor = site.tandem(&["doctor"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    assert!(checks.iter().any(|one| one["check"] == "database" && one["level"] == "warning"), "{doctor}");
    server.go_on();
    wait::until("what was written meanwhile", &[site, &two.classroom.0], || {
        match database.rows("SELECT phone FROM student WHERE id = 5") {
            rows if rows == ["(off)"] => Ok(()),
            rows => Err(format!("{rows:?}")),
        }
    });
    two.equal();

    // Another node cannot take it.
    let other = Site::alone("other");
    other.tandem(&["init"]).json();
    let refused = other.tandem(&["attach", &database.url()]);
    assert!(refused.refused("database_refused").contains("attached"), "{refused:?}");

    // What was entered while nothing ran is taken in before it is detached.
    site.stop();
    database.run("UPDATE student SET phone = 'last' WHERE id = 4");
    site.tandem(&["attach", "detach"]).json();
    let shown = site.rows("SELECT phone FROM student WHERE id = 4");
    assert_eq!(shown, [[Value::from("last")]]);
    assert_eq!(database.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'tandem'"), [""; 0]);
}

/// A fixture is loaded, and what counts ids set behind it: ids of two sites still never meet.
#[test]
fn ids_never_meet_after_a_fixture_set_what_counts_them() {
    let server = server();
    let two = Two::new(&server, "INSERT INTO student (first_name) VALUES ('Anna')");
    two.equal();
    two.classroom.1.run("INSERT INTO student (first_name) VALUES ('of the classroom')");
    two.equal();
    let (office, classroom) = (&two.office.1, &two.classroom.1);
    office.run(
        "INSERT INTO student (id, first_name) VALUES (2000, 'of a fixture');
         SELECT setval('student_id_seq', (SELECT max(id) FROM student))",
    );
    two.equal();
    two.part();
    office.run("INSERT INTO student (first_name) VALUES ('one'), ('two')");
    classroom.run("INSERT INTO student (first_name) VALUES ('three'), ('four')");
    two.together();
    let sites = [&two.office.0, &two.classroom.0];
    wait::until("all seven", &sites, || {
        let count = [office, classroom].map(|one| one.rows("SELECT count(*) FROM student"));
        if count == [["(7)"], ["(7)"]] { Ok(()) } else { Err(format!("{count:?}")) }
    });
    two.equal();
    assert_eq!(two.office.0.conflicts(), [Value::Null; 0]);
}

/// Somebody named the tables: what a migration adds to them comes, a table that it makes stays out.
#[test]
fn tables_that_were_named_stay_the_only_ones() {
    let server = server();
    let (site, database) = (Site::alone("office"), server.database("office"));
    database.run(SCHOOL);
    site.tandem(&["init"]).json();
    site.start();
    attach(&site, &database, &["--tables", "level,student"]);
    database.run(
        "CREATE TABLE room (id serial PRIMARY KEY, name text); INSERT INTO room (name) VALUES ('B12');
         ALTER TABLE level ADD COLUMN note text; INSERT INTO level (name, note) VALUES ('N5', 'first')",
    );
    wait::until("the new column", &[&site], || {
        let told = site.tandem(&["sql", "SELECT note FROM level"]);
        if told.exit == Some(0) { Ok(()) } else { Err(format!("{told:?}")) }
    });
    for out in ["room", "payment"] {
        let told = site.tandem(&["sql", &format!("SELECT * FROM {out}")]).refused("sql_error");
        assert!(told.contains(&format!("no such table: {out}")), "{told}");
    }
}
