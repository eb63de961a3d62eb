//! Kinds of declarations that people's files hold, each of which once cost a table, a rule or a reference.

use super::*;

/// What a file declares, as SQL, and what is told of it as code and what it is of.
fn declared(text: &str) -> (String, Vec<String>) {
    let (_, draft, notes) = read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let told = notes.iter().map(|note| format!("{}: {}", note.kind.code, note.what));
    (draft.sql(), told.collect())
}

#[test]
fn a_rule_needs_no_name_behind_constraint() {
    let text = "CREATE TABLE `lots` (`id` int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY, `shelf` int, `code` int,
  CONSTRAINT CHECK (`code` > 0)) ENGINE=InnoDB;
ALTER TABLE `lots` ADD CONSTRAINT UNIQUE (`shelf`, `code`), ADD CONSTRAINT FOREIGN KEY (`shelf`) REFERENCES `lots` (`id`);
";
    let (sql, _) = declared(text);
    assert!(sql.contains("  shelf INTEGER REFERENCES lots,\n"), "{sql}");
    assert!(sql.contains("UNIQUE (shelf, code),\n  CHECK (code > 0)\n"), "{sql}");
}

#[test]
fn what_goes_without_saying_is_not_told() {
    let text = "DROP TABLE IF EXISTS public.lots, public.shelves;
CREATE TABLE public.lots (id integer PRIMARY KEY);
ALTER TABLE public.lots_id_seq OWNER TO keeper;
ALTER TABLE public.lots_id_seq RENAME TO other;
DROP TABLE public.gone;
";
    let (_, told) = declared(text);
    assert_eq!(
        told,
        [
            "dump_passed: ALTER TABLE public.lots_id_seq RENAME TO other;",
            "dump_passed: DROP TABLE public.gone;"
        ]
        .map(|told| told.trim_end_matches(';').to_owned())
    );
}

/// PostgreSQL lets tables stand within the statement that makes their schema.
#[test]
fn tables_within_a_schema_are_tables() {
    let text = "CREATE SCHEMA IF NOT EXISTS club AUTHORIZATION keeper
  CREATE TABLE people (id serial PRIMARY KEY, name character varying(9) NOT NULL)
  CREATE TABLE boats (id serial PRIMARY KEY, owner integer REFERENCES people)
  CREATE UNIQUE INDEX ON people (name)
  GRANT SELECT ON people TO PUBLIC;
CREATE SCHEMA harbour CREATE TABLE boats (place text PRIMARY KEY);
ALTER TABLE harbour.boats ADD depth integer NOT NULL;
";
    let (sql, told) = declared(text);
    assert_eq!(sql.matches("CREATE TABLE").count(), 3, "{sql}");
    assert!(sql.contains("owner INTEGER REFERENCES people\n"), "{sql}");
    assert!(sql.contains("  UNIQUE (name)\n"), "{sql}");
    assert!(
        sql.contains("CREATE TABLE harbour_boats (\n  place TEXT PRIMARY KEY,\n  depth INTEGER NOT NULL\n"),
        "{sql}"
    );
    assert!(told.contains(&"dump_table_again: boats".to_owned()), "{told:?}");
}

/// Two schemas, or two databases of MySQL, each with a table of one name: what is said of the one is not
/// said of the other.
#[test]
fn each_schema_has_its_own_tables() {
    for (north, south, name) in [
        ("", "", ["north.", "south."]),
        ("SET search_path = north, pg_catalog;", "SET search_path TO south;", ["", ""]),
        (
            "SELECT pg_catalog.set_config('search_path', 'north', false);",
            "SET search_path = 'south';",
            ["", ""],
        ),
        ("USE `north`;", "USE `south`;", ["", ""]),
    ] {
        let is_mysql = north.starts_with("USE");
        let sign = if is_mysql { "SET NAMES utf8mb4; LOCK TABLES x WRITE;" } else { "CREATE EXTENSION x;" };
        let [one, other] = name;
        let text = format!(
            "{sign}\n{north}\nCREATE TABLE {one}halls (id integer NOT NULL, name text);
{south}\nCREATE TABLE {other}halls (id integer NOT NULL, seats integer);
CREATE TABLE {other}shows (id integer PRIMARY KEY, hall integer REFERENCES {other}halls (id));
ALTER TABLE {other}halls ADD PRIMARY KEY (id);
INSERT INTO {other}halls VALUES (2, 100), (3, 50);
{north}\nALTER TABLE {one}halls ADD PRIMARY KEY (name(9));
INSERT INTO {one}halls VALUES (1, 'big');
",
        );
        let text = if is_mysql { text } else { text.replace("(9)", "") };
        let (_folder, path) = written(&text);
        let dump = Dump::read(&[&path], None).map_err(|(_, error)| error).unwrap();
        let rows: Vec<_> = dump.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
        assert_eq!(rows, [("halls", 1), ("south_halls", 2), ("shows", 0)], "{text}");
        let (draft, _) = draft(&dump);
        let keys: Vec<_> = draft.tables.iter().map(|table| table.key.join(", ")).collect();
        assert_eq!(keys, ["name", "id", "id"], "{text}");
        assert_eq!(draft.tables[2].references[0].table, "south_halls", "{text}");
        let mut met = Vec::new();
        rows::each_row::<DumpError>(&[&path], &dump, &mut |row| {
            met.push((row.table, row.columns.to_vec()));
            Ok(())
        })
        .map_err(|(_, error)| error)
        .unwrap();
        let columns = |second: &str| vec!["id".to_owned(), second.to_owned()];
        assert_eq!(met, [(1, columns("seats")), (1, columns("seats")), (0, columns("name"))], "{text}");
    }
}

/// A dump of several databases drops in each what it is going to make there.
#[test]
fn a_table_that_is_dropped_in_one_database_stays_in_the_other() {
    let text = "USE `north`;
DROP TABLE IF EXISTS `halls`;
CREATE TABLE `halls` (`id` int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
USE `south`;
DROP TABLE IF EXISTS `halls`;
CREATE TABLE IF NOT EXISTS `halls` (`number` int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
";
    let (sql, _) = declared(text);
    let expected = ["CREATE TABLE halls (\n  id INTEGER", "CREATE TABLE south_halls (\n  number INTEGER"];
    assert!(expected.iter().all(|table| sql.contains(table)), "{sql}");
}

#[test]
fn a_reference_into_a_schema_that_is_not_there_leads_nowhere() {
    let text = "CREATE TABLE public.users (id integer PRIMARY KEY);
CREATE TABLE public.notes (id serial PRIMARY KEY, by_whom integer REFERENCES auth.users (id),
  about integer REFERENCES public.users (id));
";
    let (sql, told) = declared(text);
    assert_eq!(sql.matches("REFERENCES").count(), 1, "{sql}");
    assert!(
        told.contains(&"dump_reference_no_table: notes (by_whom) → auth.users (id)".to_owned()),
        "{told:?}"
    );
}

/// A full-text table that keeps its texts is a table; one over another's is an index. What SQLite's modules
/// keep for themselves is neither.
#[test]
fn virtual_tables_are_what_people_see_of_them() {
    let shadows = "CREATE TABLE IF NOT EXISTS 'pages_data'(id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE IF NOT EXISTS 'pages_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS 'pages_content'(id INTEGER PRIMARY KEY, c0, c1);
CREATE TABLE IF NOT EXISTS 'pages_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
CREATE TABLE IF NOT EXISTS 'pages_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO pages_content VALUES(7,'home','hello');
INSERT INTO pages_data VALUES(1,X'00');
";
    let pages = "CREATE VIRTUAL TABLE pages USING fts5(title, body UNINDEXED, tokenize = 'porter unicode61')";
    let dumped = format!(
        "PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','pages','pages',0,'{}');\n{shadows}",
        pages.replace('\'', "''")
    );
    for text in [
        dumped,
        format!("{pages}\n/* pages(title,body) */;\nCREATE TABLE sqlite_sequence(name,seq);\n{shadows}"),
    ] {
        let (dump, draft, _) = read(&text).unwrap();
        assert_eq!(
            draft.sql(),
            "CREATE TABLE pages (\n  id INTEGER PRIMARY KEY,\n  title TEXT,\n  body TEXT\n);\n"
        );
        assert_eq!(dump.tables[0].rows, 1);
        let (_folder, path) = written(&text);
        let mut met = Vec::new();
        let take = &mut |row: rows::Row<'_>| {
            met.push(
                row.columns
                    .iter()
                    .cloned()
                    .zip(row.values)
                    .map(|(name, value)| format!("{name} {}", value.beginning()))
                    .collect::<Vec<_>>(),
            );
            Ok(())
        };
        rows::each_row::<DumpError>(&[&path], &dump, take).map_err(|(_, error)| error).unwrap();
        assert_eq!(met, [["id 7", "title home", "body hello"]]);
    }
    let (sql, told) = declared(
        "CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE words USING fts5(body, content='pages', content_rowid='id');
CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
CREATE VIRTUAL TABLE mail USING fts4(id, TOKENIZE porter);
CREATE VIRTUAL TABLE far USING csv(filename='far.csv');
",
    );
    assert_eq!(sql.matches("CREATE TABLE").count(), 2, "{sql}");
    assert!(sql.contains("CREATE TABLE mail (\n  id_2 INTEGER PRIMARY KEY,\n  id TEXT\n);"), "{sql}");
    let of = |code: &str| told.iter().filter(|told| told.starts_with(code)).count();
    assert_eq!((of("dump_index_kind"), of("dump_passed")), (2, 1), "{told:?}");
}

#[test]
fn an_index_becomes_a_rule_by_its_name() {
    let text = "CREATE TABLE boats (no integer NOT NULL, sign text);
CREATE UNIQUE INDEX by_no ON boats USING btree (no);
CREATE UNIQUE INDEX by_sign ON boats USING btree (sign);
ALTER TABLE ONLY boats ADD CONSTRAINT boats_pkey PRIMARY KEY USING INDEX by_no,
  ADD CONSTRAINT boats_sign UNIQUE USING INDEX by_sign;
";
    let (sql, told) = declared(text);
    assert_eq!(sql, "CREATE TABLE boats (\n  no INTEGER PRIMARY KEY,\n  sign TEXT,\n  UNIQUE (sign)\n);\n");
    assert!(told.iter().all(|told| told.starts_with("dump_type")), "{told:?}");
}

#[test]
fn what_mysql_says_in_one_word_is_all_that_it_means() {
    let text = "CREATE TABLE `prices` (`id` SERIAL, `amount` int(11) NOT NULL,
  `since` timestamp(6) GENERATED ALWAYS AS ROW START, `until` timestamp(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (`since`, `until`)) ENGINE=InnoDB WITH SYSTEM VERSIONING;
";
    let (sql, told) = declared(text);
    assert_eq!(sql, "CREATE TABLE prices (\n  id INTEGER PRIMARY KEY,\n  amount INTEGER NOT NULL\n);\n");
    assert_eq!(told.iter().filter(|told| told.starts_with("dump_generated")).count(), 2, "{told:?}");
}

#[test]
fn a_table_that_lies_elsewhere_is_one() {
    let text = "CREATE FOREIGN TABLE public.prices (id integer OPTIONS (column_name 'no') NOT NULL, amount numeric(9,2))
  SERVER other OPTIONS (schema_name 'public');
";
    let (sql, _) = declared(text);
    assert!(sql.contains("  id INTEGER NOT NULL,\n  amount DECIMAL(9,2)\n"), "{sql}");
}

/// What a history of changes takes away again is not there, by whatever name it goes.
#[test]
fn rules_are_dropped_by_their_names() {
    let sqlite = "CREATE TABLE boats (id INTEGER PRIMARY KEY AUTOINCREMENT, sign TEXT);
CREATE UNIQUE INDEX by_sign ON boats (sign);
DROP INDEX IF EXISTS by_sign;
DROP INDEX IF EXISTS never_there;
";
    let mysql =
        "CREATE TABLE `boats` (`id` int(11) NOT NULL AUTO_INCREMENT, `sign` varchar(9), `home` int(11),
  PRIMARY KEY (`id`), UNIQUE KEY (`sign`), UNIQUE KEY `by_home` (`home`), KEY `home` (`home`),
  CONSTRAINT `home` FOREIGN KEY (`home`) REFERENCES `boats` (`id`),
  FOREIGN KEY (`home`) REFERENCES `boats` (`id`) ON DELETE CASCADE) ENGINE=InnoDB;
DROP INDEX `home` ON `boats`;
ALTER TABLE `boats` DROP INDEX `sign`, DROP FOREIGN KEY `home`, DROP FOREIGN KEY `boats_ibfk_2`;
DROP INDEX `by_home` ON `boats`;
";
    let postgresql = "CREATE TABLE boats (id bigint PRIMARY KEY, sign character varying UNIQUE, home integer REFERENCES boats,
  crew integer CONSTRAINT some CHECK (crew > 0), UNIQUE (home, crew));
ALTER TABLE boats DROP CONSTRAINT boats_sign_key, DROP CONSTRAINT IF EXISTS boats_home_fkey;
ALTER TABLE boats RENAME CONSTRAINT boats_home_crew_key TO whatever;
ALTER TABLE boats DROP CONSTRAINT whatever, DROP CONSTRAINT some, DROP CONSTRAINT boats_pkey, ADD PRIMARY KEY (sign);
";
    for (text, key) in [(sqlite, "id"), (mysql, "id"), (postgresql, "sign")] {
        let (_, draft, notes) = read(text).unwrap();
        let table = &draft.tables[0];
        assert_eq!(table.key, [key], "{text}");
        let rules = (&table.uniques, &table.references, &table.checks, &draft.indices);
        assert_eq!(rules, (&vec![], &vec![], &vec![], &vec![]), "{text}");
        assert_eq!(told(&notes), Vec::<String>::new(), "{text}");
    }
}

/// What is said of a table in parts is said of each part, also below, and of parts that are put to it later.
#[test]
fn parts_of_a_table_keep_its_rules() {
    let text = "CREATE TABLE public.rooms (id integer PRIMARY KEY);
CREATE TABLE public.visits (id bigint NOT NULL, room integer, year integer NOT NULL) PARTITION BY LIST (year);
CREATE TABLE public.visits_2025 PARTITION OF public.visits FOR VALUES IN (2025);
CREATE TABLE public.visits_2026 (id bigint NOT NULL, room integer, year integer NOT NULL);
ALTER TABLE ONLY public.visits ATTACH PARTITION public.visits_2026 FOR VALUES IN (2026);
ALTER TABLE public.visits ADD CONSTRAINT visits_pkey PRIMARY KEY (id, year);
ALTER TABLE public.visits ADD CONSTRAINT visits_room FOREIGN KEY (room) REFERENCES public.rooms(id);
";
    let (sql, _) = declared(text);
    assert_eq!(sql.matches("  room INTEGER REFERENCES rooms,\n").count(), 3, "{sql}");
    assert_eq!(sql.matches("PRIMARY KEY (id, year)").count(), 3, "{sql}");
}
