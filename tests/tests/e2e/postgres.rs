//! A school whose application keeps its data in PostgreSQL, on each of its PCs: the application writes as it
//! always did, and both databases come to hold the same.

use std::process::Stdio;
use std::time::Duration;

use postgres::Client;
use rustix::process::Signal;
use serde_json::Value;
use tandem_tests::postgres::Database;
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::wait;

use crate::attached::{Two, server};

fn pending(client: &mut Client) -> i64 {
    client.query_one("SELECT count(*) FROM tandem.outbox", &[]).unwrap().get(0)
}

#[test]
fn two_databases_come_to_hold_the_same() {
    let server = server();
    let filling = "
        INSERT INTO level (name) VALUES ('N5'), ('N4');
        INSERT INTO student (first_name, birth, tags, notes, level_id, photo, balance) VALUES
          ('Anaïs', '2010-02-28', '{\"a b\",c}', '{\"b\": 1, \"a\": [true, null]}', 1, '\\x0001ff', 40),
          ('Léo', NULL, NULL, NULL, NULL, NULL, 12.50);
        INSERT INTO payment (amount, student_id) VALUES (25.50, 1), (10, 2);";
    let two = Two::new(&server, filling);
    two.equal();
    let (office, classroom) = (&two.office.1, &two.classroom.1);

    // Together.
    office.run("UPDATE student SET phone = '0341' WHERE id = 1");
    classroom.run("INSERT INTO student (first_name, level_id) VALUES ('Tiana', 2)");
    classroom.run("DELETE FROM student WHERE id = 2");
    two.equal();
    assert_eq!(office.rows("SELECT id FROM payment"), ["(1)"]);

    // Apart: other fields, the same counter, new rows on both.
    two.part();
    office.run("UPDATE student SET address = 'Rue 1', balance = balance - 3 WHERE id = 1");
    classroom.run("UPDATE student SET is_active = false, balance = balance - 5 WHERE id = 1");
    office.run("INSERT INTO payment (amount, student_id) VALUES (7, 1)");
    classroom.run("INSERT INTO payment (amount, student_id) VALUES (8, 1), (9, 1)");
    two.together();
    two.equal();
    let anais = office.rows("SELECT phone, address, is_active, balance FROM student WHERE id = 1");
    assert_eq!(anais, ["(0341,\"Rue 1\",f,32.00)"]);
    assert_eq!(office.rows("SELECT count(*), sum(amount) FROM payment"), ["(4,49.50)"]);

    // Ids of each database fall on a residue of its own, and nothing is left on its way.
    let ids =
        office.rows("SELECT DISTINCT id % 1024 AS site FROM payment WHERE amount IN (7, 8, 9) ORDER BY 1");
    assert_eq!(ids.len(), 2, "{ids:?}");
    for (site, database) in [&two.office, &two.classroom] {
        wait::until("an empty outbox", &[site], || match pending(&mut database.connect()) {
            0 => Ok(()),
            left => Err(left.to_string()),
        });
        let compared = site.tandem(&["attach", "compare"]).json();
        for table in compared["tables"].as_array().unwrap() {
            assert_eq!(
                [&table["only_here"], &table["only_there"], &table["different"]],
                [&Value::from(0), &Value::from(0), &Value::from(0)],
                "{compared}"
            );
        }
        let shown = site.tandem(&["attach", "show"]).json();
        assert_eq!(shown["status"]["state"], "running", "{shown}");
        for count in ["missed", "put_back", "altered", "unread"] {
            assert_eq!(shown["status"][count], 0, "{shown}");
        }
        site.verify();
    }
    // Each change travelled once: none came back as an echo.
    wait::equal(&[&two.office.0, &two.classroom.0]);

    // Nothing is left behind.
    two.classroom.0.tandem(&["attach", "detach"]).json();
    let left = classroom.rows(
        "SELECT nspname FROM pg_namespace WHERE nspname = 'tandem'
         UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE 'zz\\_%'
         UNION ALL SELECT seqrelid::regclass::text FROM pg_sequence WHERE seqincrement <> 1",
    );
    assert_eq!(left, [""; 0]);
    classroom.run("INSERT INTO student (first_name) VALUES ('after')");
}

/// A program saves a form with every column as the form showed it. What another PC changed meanwhile is not
/// lost unseen: neither what was saved, nor the other.
#[test]
fn a_form_opened_before_an_edit_arrived_loses_nothing() {
    let server = server();
    let filling = "
        INSERT INTO student (first_name, phone, is_active, balance)
        SELECT 'Anna', 'old', true, 40 FROM generate_series(1, 4);";
    let two = Two::new(&server, filling);
    two.equal();
    let (office, classroom) = (&two.office.1, &two.classroom.1);
    // What a form of student N saves, opened before the edit: all of it.
    let save = |id: i64, address: &str| {
        classroom.run(&format!(
            "UPDATE student SET first_name = 'Anna', phone = 'old', is_active = true, balance = 40,
             address = {address}, updated_at = now() WHERE id = {id}"
        ));
    };
    // 1: the edit arrives, then the form is saved. 2: the form is saved, then the edit arrives. 3: a counter was
    // counted meanwhile. 4: a box is ticked back, and nothing else.
    office.run("UPDATE student SET phone = 'new' WHERE id = 1");
    office.run("UPDATE student SET balance = balance - 3 WHERE id = 3");
    office.run("UPDATE student SET is_active = false WHERE id = 4");
    two.equal();
    save(1, "'Rue 1'");
    two.part();
    save(2, "'Rue 2'");
    office.run("UPDATE student SET phone = 'new' WHERE id = 2");
    two.together();
    save(3, "'Rue 3'");
    classroom.run("UPDATE student SET is_active = true, updated_at = now() WHERE id = 4");
    let sites = [&two.office.0, &two.classroom.0];
    let expected = [
        "(1,old,\"Rue 1\",t,40.00)",
        "(2,new,\"Rue 2\",t,40.00)",
        "(3,old,\"Rue 3\",t,37.00)",
        "(4,old,,t,40.00)",
    ];
    wait::until("what each of them meant", &sites, || {
        let of = |database: &Database<'_>| {
            database.rows("SELECT id, phone, address, is_active, balance FROM student ORDER BY id")
        };
        let (one, other) = (of(office), of(classroom));
        if one == expected && other == expected { Ok(()) } else { Err(format!("{one:#?}\n{other:#?}")) }
    });
    wait::equal(&sites);
    let conflicts = two.office.0.conflicts();
    let told: Vec<_> = conflicts.iter().map(|one| (&one["key"], &one["columns"])).collect();
    assert_eq!(told.len(), 1, "of the first form what the office had entered is listed: {conflicts:?}");
    assert_eq!(conflicts[0]["kind"], "register");
    assert_eq!(two.classroom.0.tandem(&["attach", "show"]).json()["status"]["uncounted"], 1);
}

/// What a migration adds on one PC travels; the other PC's program migrates the day after.
#[test]
fn a_migration_runs_on_one_today_and_on_the_other_tomorrow() {
    let server = server();
    let two = Two::new(&server, "INSERT INTO student (first_name) VALUES ('Anna'), ('Léo')");
    two.equal();
    let (office, classroom) = (&two.office.1, &two.classroom.1);
    // As Django does: a default for the rows that are there, which the column then does not keep.
    let migration = "
        ALTER TABLE student ADD COLUMN language varchar(20) NOT NULL DEFAULT 'français';
        ALTER TABLE student ALTER COLUMN language DROP DEFAULT;
        ALTER TABLE student ADD COLUMN nickname text;
        CREATE TABLE room (id serial PRIMARY KEY, name text NOT NULL, level_id integer REFERENCES level);";
    office.run(&format!("BEGIN; {migration} UPDATE student SET nickname = upper(first_name); COMMIT"));
    office
        .run("INSERT INTO room (name) VALUES ('bleue'); UPDATE student SET language = 'créole' WHERE id = 2");
    // The other goes on as it was.
    classroom.run("INSERT INTO student (first_name) VALUES ('Tiana')");
    let sites = [&two.office.0, &two.classroom.0];
    let names = "SELECT first_name, language, nickname FROM student ORDER BY first_name";
    wait::until("the old program's row in the new tables", &sites, || {
        let rows = office.rows(names);
        let expected = ["(Anna,français,ANNA)", "(Léo,créole,LÉO)", "(Tiana,français,)"];
        if rows == expected { Ok(()) } else { Err(format!("{rows:#?}")) }
    });
    wait::until("the new table on the other site", &sites, || {
        let rows = two.classroom.0.tandem(&["sql", "SELECT name FROM room"]);
        if rows.exit == Some(0) && rows.stdout.contains("bleue") { Ok(()) } else { Err(rows.stdout) }
    });
    classroom.run(&format!("BEGIN; {migration} COMMIT"));
    wait::until("the new table to be attached", &sites, || {
        let shown = two.classroom.0.tandem(&["attach", "show"]).json();
        let has_it = shown["tables"].as_array().unwrap().iter().any(|table| table == "room");
        if has_it { Ok(()) } else { Err(shown.to_string()) }
    });
    classroom.run("INSERT INTO room (name) VALUES ('rouge'); UPDATE student SET nickname = 'T' WHERE first_name = 'Tiana'");
    two.equal();
    wait::until("the rooms of both", &sites, || {
        let of = |database: &Database<'_>| database.rows("SELECT name FROM room ORDER BY name");
        let (one, other) = (of(office), of(classroom));
        if one == ["(bleue)", "(rouge)"] && one == other { Ok(()) } else { Err(format!("{one:?} {other:?}")) }
    });
    let expected = ["(Anna,français,ANNA)", "(Léo,créole,LÉO)", "(Tiana,français,T)"];
    assert_eq!(classroom.rows(names), expected);
    wait::equal(&sites);
    assert_eq!(two.office.0.conflicts(), [Value::Null; 0]);
    // What a program enters before its new table is attached may have the id of another's row: it is listed.
    let desks =
        "CREATE TABLE desk (id serial PRIMARY KEY, name text NOT NULL); INSERT INTO desk (name) VALUES";
    // A table whose rows have no names stays out, and keeps nothing else from going on.
    office.run(&format!("BEGIN; CREATE TABLE lines (line text); {desks} ('of the office'); COMMIT"));
    wait::until("the desk on the other site", &sites, || {
        let rows = two.classroom.0.tandem(&["sql", "SELECT name FROM desk"]);
        if rows.exit == Some(0) && rows.stdout.contains("office") { Ok(()) } else { Err(rows.stdout) }
    });
    classroom.run(&format!("BEGIN; {desks} ('of the classroom'); COMMIT"));
    wait::until("both names of one desk listed", &sites, || {
        let open = two.office.0.conflicts();
        let names = "SELECT name FROM desk";
        match open.as_slice() {
            [one] if one["kind"] == "register" && office.rows(names) == classroom.rows(names) => Ok(()),
            other => Err(format!("{other:?} {:?} {:?}", office.rows(names), classroom.rows(names))),
        }
    });
}

/// Many write at once, roll back, are killed, and so are the node and the server: what was committed is in the
/// log, once, each transaction whole.
#[test]
fn what_was_committed_is_captured_whatever_is_killed() {
    let server = server();
    let two = Two::new(
        &server,
        "INSERT INTO student (first_name, balance) SELECT 'till', 0 FROM generate_series(1, 5)",
    );
    let (office, database) = (&two.office.0, &two.office.1);
    let (writers, each) = (20, if full() { 200 } else { 30 });
    // A transaction that is open all the while.
    let mut open = database.connect();
    open.batch_execute("BEGIN; INSERT INTO level (name) VALUES ('open all the while')").unwrap();
    let seed = Random::new("postgres writers").below(1 << 40);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let mut random = Random::of_seed(seed + writer);
            scope.spawn(move || write_and_be_killed(database, &mut random, writer, each));
        }
        let mut random = Random::of_seed(seed);
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(300 + random.below(1_000)));
            office.kill();
            std::thread::sleep(Duration::from_millis(random.below(300)));
            office.start();
        }
        server.stop(Signal::QUIT);
        server.go_on();
    });
    // Stalls nothing, and is not to be seen.
    let done = database.rows("SELECT count(*), sum(amount) FROM payment");
    let sites = [office, &two.classroom.0];
    wait::until("captured", &sites, || {
        let shown = office.rows("SELECT count(*), sum(amount) FROM payment");
        let balance = office.rows("SELECT sum(balance) FROM student");
        let told = format!("({},{:.2})", shown[0][0], shown[0][1].as_f64().unwrap_or_default());
        let counted = format!("({:.2})", balance[0][0].as_f64().unwrap_or_default());
        let counts = database.rows("SELECT sum(balance) FROM student");
        let left = pending(&mut database.connect());
        match left == 0 && done == [told.clone()] && counts == [counted.clone()] {
            true => Ok(()),
            false => Err(format!("{done:?} {counts:?}, captured {told} {counted}, {left} left")),
        }
    });
    two.equal();
    assert_eq!(
        database.rows("SELECT sum(balance) FROM student"),
        database.rows("SELECT sum(amount) FROM payment")
    );
    // Each transaction of the application is one of the log: a payment, and what it adds to a balance.
    let mut payments = 0;
    for transaction in office.tandem(&["log", "--limit", "100000"]).json_lines() {
        let ops = transaction["ops"].as_array().unwrap();
        let of = |table| ops.iter().filter(|op| op["table"] == table).count();
        assert_eq!(
            of("payment") > 0,
            of("student") > 0 && transaction["message"] != "attach",
            "{transaction}"
        );
        payments += of("payment");
    }
    assert!(payments > 50, "{payments}");
    office.verify();
}

/// Pays and adds to a balance in one transaction, now and then in one that comes to nothing. A connection that
/// ends is made anew; what it was at may have been committed or not.
fn write_and_be_killed(database: &Database<'_>, random: &mut Random, writer: u64, each: usize) {
    let mut client = database.connect();
    for at in 0..each {
        let till = 1 + (writer as usize + at) % 5;
        let pause = random.below(20);
        let end = if random.one_in(5) { "ROLLBACK" } else { "COMMIT" };
        let sql = format!(
            "BEGIN; SAVEPOINT a; INSERT INTO payment (amount, student_id) VALUES (999, {till}); ROLLBACK TO a;
             INSERT INTO payment (amount, student_id) VALUES (1.5, {till});
             UPDATE student SET balance = balance + 1.5 WHERE id = {till};
             SELECT pg_sleep({pause} * 0.001); {end}"
        );
        if client.batch_execute(&sql).is_err() {
            client = database.connect();
        }
    }
}

/// TPC-B on both PCs at once, its balances counted, the node killed meanwhile: every sum is exact.
#[test]
fn balances_of_pgbench_on_both_sites_add_up() {
    let server = server();
    let schema = "
        CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
        CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
        CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
        CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));";
    let accounts = 500;
    let filling = format!(
        "INSERT INTO pgbench_branches VALUES (1, 0);
         INSERT INTO pgbench_tellers SELECT i, 1, 0 FROM generate_series(1, 10) AS i;
         INSERT INTO pgbench_accounts SELECT i, 1, 0 FROM generate_series(1, {accounts}) AS i;"
    );
    let wishes = [
        "--exclude",
        "pgbench_history",
        "--counter",
        "pgbench_branches.bbalance,pgbench_tellers.tbalance,pgbench_accounts.abalance",
    ];
    let two = Two::with(&server, schema, &filling, &wishes);
    let (office, classroom) = (&two.office.1, &two.classroom.1);
    wait::until("the accounts of both", &[&two.office.0, &two.classroom.0], || {
        let count = classroom.rows("SELECT count(*) FROM pgbench_accounts");
        if count == [format!("({accounts})")] { Ok(()) } else { Err(format!("{count:?}")) }
    });
    let script = two.office.0.file(
        "tpcb.sql",
        &format!(
            "\\set aid random(1, {accounts})\n\\set tid random(1, 10)\n\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = 1;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, 1, :aid, :delta, CURRENT_TIMESTAMP);
END;
"
        ),
    );
    let (seconds, rate) = if full() { ("30", "2000") } else { ("6", "60") };
    let bench = |database: &Database<'_>| {
        let mut command = server.program("pgbench");
        command.args(["-n", "-c", "4", "-T", seconds, "-R", rate, "-f"]).arg(&script).arg(database.name());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running = [bench(office), bench(classroom)];
    let mut random = Random::new("pgbench");
    std::thread::sleep(Duration::from_millis(500 + random.below(3_000)));
    two.office.0.kill();
    two.office.0.start();
    for one in running {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        println!("{}", String::from_utf8_lossy(&output.stdout));
    }
    let of = |database: &Database<'_>, sql: &str| -> i64 {
        database.connect().query_one(sql, &[]).unwrap().get(0)
    };
    let entered =
        [office, classroom].map(|one| of(one, "SELECT coalesce(sum(delta), 0) FROM pgbench_history"));
    let entered: i64 = entered.iter().sum();
    let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) AS a, (SELECT sum(tbalance) FROM pgbench_tellers) AS t,
        (SELECT sum(bbalance) FROM pgbench_branches) AS b";
    let patience = if full() { Duration::from_secs(600) } else { wait::PATIENCE };
    wait::within(patience, "exact sums", &[&two.office.0, &two.classroom.0], || {
        let (one, other) = (office.rows(sums), classroom.rows(sums));
        let expected = [format!("({entered},{entered},{entered})")];
        if one == expected && other == expected {
            Ok(())
        } else {
            Err(format!("{entered}: {one:?} {other:?}"))
        }
    });
    two.equal_in(&[]);
    wait::equal(&[&two.office.0, &two.classroom.0]);
    assert_eq!(two.office.0.conflicts(), [Value::Null; 0]);
}
