//! `tandem import` of rows that refer to each other, or to later ones of their own list: together as far as one
//! write holds them, and beyond that as far as their order allows.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::Program;

const SHOP: &str =
    "CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER REFERENCES staff (id),
      store INTEGER NOT NULL REFERENCES stores (id), card TEXT UNIQUE, picture TEXT);
    CREATE TABLE stores (id INTEGER PRIMARY KEY, manager INTEGER NOT NULL REFERENCES staff (id));
    CREATE TABLE till (id INTEGER PRIMARY KEY, store INTEGER NOT NULL REFERENCES stores (id));";

fn rows(program: &Program, sql: &str) -> Value {
    program.json(&["sql", sql])["rows"].clone()
}

/// A folder of lists beside the program's data.
fn folder(program: &Program, name: &str, lists: &[(&str, &str)]) -> PathBuf {
    let folder = program.data().parent().unwrap().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    lists.iter().for_each(|(list, text)| std::fs::write(folder.join(format!("{list}.csv")), text).unwrap());
    folder
}

/// Staff and stores of these numbers, each of whose members is in the next one's store, with pictures of 1 MiB.
fn large(numbers: std::ops::Range<u32>) -> (String, String) {
    let picture = "x".repeat(1 << 20);
    let (mut staff, mut stores) = ("id,name,store,picture\n".to_owned(), "id,manager\n".to_owned());
    for id in numbers.clone() {
        let next = if id + 1 < numbers.end { id + 1 } else { numbers.start };
        writeln!(staff, "{id},Zoé,{next},{picture}").unwrap();
        writeln!(stores, "{id},{id}").unwrap();
    }
    (staff, stores)
}

#[test]
fn a_circle_that_is_larger_than_one_write_is_refused_with_what_to_do_and_comes_in_by_parts() {
    let program = Program::with_schema(SHOP);
    let (staff, stores) = large(1..12);
    let all = folder(&program, "all", &[("staff", &staff), ("stores", &stores)]);
    let all = all.to_str().unwrap();
    for (language, told) in [
        ("en", ["could not be", "100000 rows or 8 MiB", "stores has none whose id is", "give several files"]),
        (
            "fr",
            [
                "pas été possible",
                "100000 lignes ou 8 Mio",
                "stores n'en a aucune dont id est",
                "donnez plusieurs fichiers",
            ],
        ),
    ] {
        let refused = program.run(&["--lang", language, "import", all]);
        assert!(refused.code == 1 && told.iter().all(|told| refused.err.contains(told)), "{refused:?}");
        assert_eq!(
            rows(&program, "SELECT (SELECT count(*) FROM staff) + (SELECT count(*) FROM stores)"),
            json!([[0]])
        );
    }
    for (name, numbers) in [("first", 1..6), ("second", 6..12)] {
        let (staff, stores) = large(numbers);
        let part = folder(&program, name, &[("staff", &staff), ("stores", &stores)]);
        program.json(&["import", part.to_str().unwrap()]);
    }
    // What is new of them is bounded, not what there is: the rest is the same, and the new one goes to the last.
    let more = format!("{staff}12,Bo,12,x\n").replacen("12,Bo,12", "12,Bo,13", 1);
    let whole = folder(&program, "all", &[("staff", &more), ("stores", &format!("{stores}13,12\n"))]);
    let taken = program.json(&["import", whole.to_str().unwrap()]);
    // The two rings became one.
    assert_eq!((&taken["inserted"], &taken["updated"]), (&json!(2), &json!(2)), "{taken}");
}

#[test]
fn a_list_that_is_larger_than_one_write_comes_in_if_each_row_comes_behind_what_it_refers_to() {
    let schema =
        "CREATE TABLE kinds (id INTEGER PRIMARY KEY, kind_of INTEGER REFERENCES kinds (id), picture TEXT)";
    let program = Program::with_schema(schema);
    let picture = "x".repeat(1 << 20);
    let row = |id: u32| match id {
        12 => format!("12,,{picture}\n"),
        _ => format!("{id},{},{picture}\n", id + 1),
    };
    let head = || "id,kind_of,picture\n".to_owned();
    let wrong = program.file("kinds.csv", &(head() + &(1..=12).map(row).collect::<String>()));
    let refused = program.run(&["import", wrong.to_str().unwrap()]);
    assert!(
        refused.code == 1 && refused.err.contains("in which each comes behind what it refers to"),
        "{refused:?}"
    );
    assert_eq!(rows(&program, "SELECT count(*) FROM kinds"), json!([[0]]));
    let right = program.file("kinds.csv", &(head() + &(1..=12).rev().map(row).collect::<String>()));
    let taken = program.json(&["import", right.to_str().unwrap()]);
    assert_eq!(taken["inserted"], json!(12));
    // As a dump, whose rows no transaction holds either.
    let values: Vec<String> = (1..=12)
        .map(|id| {
            if id == 12 {
                format!("({id}, NULL, '{picture}')")
            } else {
                format!("({id}, {}, '{picture}')", id + 1)
            }
        })
        .collect();
    let dump: String = values.iter().map(|row| format!("INSERT INTO kinds VALUES {row};\n")).collect();
    let dump = program.file("kinds.sql", &format!("{schema};\n{dump}"));
    let other = Program::new();
    let refused = other.run(&["init", "--name", "b", "--import", dump.to_str().unwrap(), "--with-data"]);
    assert!(refused.code == 1 && refused.err.contains("100000 rows or 8 MiB"), "{refused:?}");
}

#[test]
fn what_comes_twice_in_a_circle_is_what_comes_last_or_is_refused() {
    let program = Program::with_schema(SHOP);
    let stores = ("stores", "id,manager\n1,1\n");
    let twice = folder(&program, "twice", &[("staff", "id,name,store\n1,first,1\n1,last,1\n"), stores]);
    let refused = program.run(&["import", twice.to_str().unwrap()]);
    assert!(refused.code == 1 && refused.err.contains("or one of them comes twice"), "{refused:?}");
    assert_eq!(rows(&program, "SELECT count(*) FROM staff"), json!([[0]]));
    let once = folder(&program, "twice", &[("staff", "id,name,store\n1,first,1\n"), stores]);
    program.json(&["import", once.to_str().unwrap()]);
    let more = "id,name,boss,store\n1,first,,1\n2,first,1,1\n1,first,2,1\n2,last,1,1\n1,last,2,1\n";
    let twice = folder(&program, "twice", &[("staff", more), stores]);
    let taken = program.json(&["import", twice.to_str().unwrap()]);
    assert_eq!((&taken["inserted"], &taken["updated"]), (&json!(1), &json!(3)), "{taken}");
    assert_eq!(rows(&program, "SELECT name, boss FROM staff ORDER BY id"), json!([["last", 2], ["last", 1]]));
}

/// A list without keys is taken in once, also beside one that it is in a circle with.
#[test]
fn a_list_without_keys_in_a_circle_is_taken_in_once() {
    let program = Program::with_schema(SHOP);
    program.json(&[
        "sql",
        "INSERT INTO staff (id, name, store) VALUES (1, 'Zoé', 1); INSERT INTO stores VALUES (1, 1)",
    ]);
    let lists = [("staff", "name,boss,store\nBo,1,2\n"), ("stores", "id,manager\n1,1\n2,1\n")];
    let path = folder(&program, "lists", &lists);
    let path = path.to_str().unwrap();
    assert_eq!(program.json(&["import", path])["inserted"], json!(2));
    assert_eq!(program.json(&["import", path])["inserted"], json!(0));
    // Beside other stores, the staff is known all the same.
    folder(&program, "lists", &[("stores", "id,manager\n1,1\n2,1\n3,1\n")]);
    assert_eq!(program.json(&["import", path])["inserted"], json!(1));
    assert_eq!(rows(&program, "SELECT count(*) FROM staff"), json!([[2]]));
}

/// An exchange in which what was there is in a new store, whose manager has the card of another.
#[test]
fn an_exchange_moves_rows_to_new_ones_of_their_circle_and_deletes_circles_together() {
    let program = Program::with_schema(SHOP);
    let exchange = |day: u32, staff: &str, stores: &str| {
        let ids = |list: &str| -> String {
            list.lines().map(|line| format!("{}\n", line.split(',').next().unwrap())).collect()
        };
        let lists = [
            ("staff", staff),
            ("stores", stores),
            ("_all_staff_ids", &ids(staff)),
            ("_all_stores_ids", &ids(stores)),
            ("_metadata", &format!("Date export\n2026-01-{day} 18:00:00\n")),
        ];
        let path = folder(&program, "exchange", &lists);
        program.json(&["import", path.to_str().unwrap()])
    };
    exchange(
        10,
        "id,name,boss,store,card\n1,a,,1,c1\n2,b,,2,c2\n3,c,,3,c3\n4,d,5,1,c4\n5,e,,5,c5\n6,f,7,6,c6\n7,g,6,6,c7\n",
        "id,manager\n1,1\n2,2\n3,3\n5,5\n6,6\n",
    );
    // Here, somebody sold something in store 3.
    program.json(&["sql", "INSERT INTO till VALUES (1, 3)"]);
    let taken =
        exchange(11, "id,name,boss,store,card\n1,a,,9,x\n4,d,5,9,c4\n9,i,,9,c1\n", "id,manager\n1,9\n9,9\n");
    assert_eq!(taken["to_decide"], json!(0), "{taken}");
    let staff = rows(&program, "SELECT id, store, card FROM staff ORDER BY id");
    let expected = json!([[1, 9, "x"], [3, 3, "c3"], [4, 9, "c4"], [5, 5, "c5"], [9, 9, "c1"]]);
    assert_eq!(staff, expected, "{taken}");
    assert_eq!(
        rows(&program, "SELECT id, manager FROM stores ORDER BY id"),
        json!([[1, 9], [3, 3], [5, 5], [9, 9]])
    );
    let of = |table: &str| {
        let tables = taken["tables"].as_array().unwrap();
        let one = tables.iter().find(|one| one["table"] == table).unwrap();
        ["deleted", "referred"].map(|name| one[name].as_u64().unwrap())
    };
    // Two and their store went, and the two of store 6; 3 stays for the till, 5 as somebody's boss, both with
    // their stores.
    assert_eq!((of("staff"), of("stores")), ([3, 2], [2, 2]), "{taken}");
}
