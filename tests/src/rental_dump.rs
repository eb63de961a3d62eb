//! The dump of a shop that lends films and sells records, as SQLite writes one, with what the public example
//! databases put in the way: tables in the order of the alphabet, so that rows come before those that they
//! refer to; two tables that need each other; rows that refer to later ones of their own table; names in
//! brackets and with spaces; keys of several columns; numbers and times in quotes, with a fraction of three
//! digits; pictures, line breaks, semicolons and quotes in texts; ids that the database gives.

use std::fmt::Write as _;

use crate::random::Random;

const TABLES: &str = "-- A shop; its tables.
PRAGMA foreign_keys=off;
BEGIN TRANSACTION;
DROP TABLE IF EXISTS [Actors];
CREATE TABLE [Actors] (
  [ActorId] INTEGER NOT NULL, [First Name] NVARCHAR(45) NOT NULL, born DATE, last_update TIMESTAMP NOT NULL,
  CONSTRAINT [PK_Actors] PRIMARY KEY ([ActorId])
);
CREATE TABLE category (category_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, picture BLOB, parent INTEGER REFERENCES category (category_id));
CREATE TABLE customer (
  customer_id INTEGER NOT NULL, store_id INT NOT NULL, name VARCHAR(45) NOT NULL, email VARCHAR(50) DEFAULT NULL,
  active CHAR(1) DEFAULT 'Y' NOT NULL, balance NUMERIC(10,2) DEFAULT 0, PRIMARY KEY (customer_id),
  CONSTRAINT fk_customer_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE NO ACTION ON UPDATE CASCADE
);
CREATE TABLE [film actor] (
  actor_id INT NOT NULL, film_id INT NOT NULL, last_update TIMESTAMP NOT NULL, PRIMARY KEY (actor_id, film_id),
  FOREIGN KEY (actor_id) REFERENCES [Actors] ([ActorId]), FOREIGN KEY (film_id) REFERENCES films (film_id)
);
CREATE TABLE films (
  film_id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(255) NOT NULL, description TEXT,
  category_id INT REFERENCES category (category_id), rate DECIMAL(4,2) DEFAULT 4.99 NOT NULL, length SMALLINT,
  weight DOUBLE, rating VARCHAR(10) DEFAULT 'G' CHECK (rating IN ('G','PG','R')), added DATETIME
);
CREATE INDEX idx_films_title ON films (title);
CREATE TABLE nobody (id INTEGER PRIMARY KEY, note TEXT);
CREATE TABLE rental (
  rental_id INTEGER NOT NULL PRIMARY KEY, rental_date TIMESTAMP NOT NULL, film_id INT NOT NULL REFERENCES films (film_id),
  customer_id INT NOT NULL REFERENCES customer (customer_id), return_date TIMESTAMP DEFAULT NULL,
  staff_id SMALLINT NOT NULL REFERENCES staff (staff_id), amount DECIMAL(5,2) NOT NULL
);
CREATE TABLE staff (
  staff_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(45) NOT NULL, picture BLOB, boss INT REFERENCES staff (staff_id),
  store_id INT NOT NULL REFERENCES store (store_id)
);
CREATE TABLE store (
  store_id INTEGER NOT NULL PRIMARY KEY, manager_staff_id INT NOT NULL REFERENCES staff (staff_id), address TEXT
);
CREATE VIEW [rentals by store] AS SELECT staff.store_id, count(*) AS rentals, sum(amount) AS total
  FROM rental JOIN staff ON staff.staff_id = rental.staff_id GROUP BY staff.store_id;
";

/// The tables, in SQLite's words.
pub fn tables() -> String {
    TABLES.to_owned()
}

fn time(random: &mut Random) -> String {
    let (day, hour, minute) = (random.below(28) + 1, random.below(24), random.below(60));
    format!("'2026-{:02}-{day:02} {hour:02}:{minute:02}:07.000'", random.below(12) + 1)
}

/// The statements that enter the rows, with this many rentals, in the order of the alphabet. Some leave their
/// key to the database, if they are to.
pub fn rows(rentals: usize, leaves_keys: bool) -> String {
    let mut random = Random::of_seed(11);
    let (films, customers, staff, stores, actors) = (rentals / 16 + 20, rentals / 27 + 9, 12, 3, 200);
    let mut text = String::new();
    for id in 1..=actors {
        let time = time(&mut random);
        let line = format!("({id}, 'O''Neill, {id};\nÉlodie', '19{:02}-02-03', {time})", 20 + id % 80);
        writeln!(text, "INSERT INTO [Actors] VALUES{line};").unwrap();
    }
    for id in 1..=16 {
        let key = if leaves_keys { "null".to_owned() } else { id.to_string() };
        // The last of all is above all others.
        let parent = if id == 16 { "NULL".to_owned() } else { (id + 1).to_string() };
        writeln!(text, "INSERT INTO category VALUES({key},'Genre {id}',X'FFD8{id:02x}00',{parent});")
            .unwrap();
    }
    for id in 1..=customers {
        let (store, balance) = (id % stores + 1, id as f64 / 4.0 - 20.0);
        writeln!(text, "Insert into customer\n (customer_id,store_id,name,email,balance)\nValues\n('{id}','{store}','MARY \"{id}\"','m{id}@example.org','{balance}')\n;").unwrap();
    }
    for film in 1..=films {
        let time = time(&mut random);
        let actor = film % actors + 1;
        let second = actor % actors + 1;
        writeln!(text, "INSERT INTO \"film actor\" (actor_id, film_id, last_update) VALUES ({actor}, {film}, {time}), ({second}, {film}, {time});").unwrap();
    }
    for id in 1..=films {
        let (category, rate, rating) = (id % 16 + 1, random.below(2000), ["G", "PG", "R"][id % 3]);
        let length = if id % 9 == 0 { "NULL".to_owned() } else { (id % 200).to_string() };
        let time = time(&mut random);
        writeln!(text, "INSERT INTO films VALUES ({id}, 'Film {id} -- /* so */', 'A tale; of\r\n\t{id} ''parts''', {category}, '{}.{:02}', {length}, {}.125, '{rating}', {time}); -- one", rate / 100, rate % 100, id % 7).unwrap();
    }
    for id in 1..=rentals {
        let (out, back) = (time(&mut random), time(&mut random));
        let back = if id % 11 == 0 { "NULL".to_owned() } else { back };
        let (film, customer, by, amount) =
            (random.below(films as u64) + 1, id % customers + 1, id % staff + 1, random.below(1000));
        writeln!(
            text,
            "INSERT INTO rental VALUES ('{id}',{out},'{film}','{customer}',{back},'{by}','{}.{:02}');",
            amount / 100,
            amount % 100
        )
        .unwrap();
    }
    text + &shops(staff, stores)
}

/// Those who work there, who are led by the last, and the stores, each led by one of them.
fn shops(staff: usize, stores: usize) -> String {
    let mut text = String::new();
    for id in 1..=staff {
        let boss = if id == staff { "NULL".to_owned() } else { staff.to_string() };
        writeln!(
            text,
            "INSERT INTO staff VALUES ({id}, 'Staff {id}', x'89504E470D0A', {boss}, {});",
            id % stores + 1
        )
        .unwrap();
    }
    for id in 1..=stores {
        writeln!(text, "INSERT INTO store VALUES ({id}, {id}, NULL);").unwrap();
    }
    text
}

/// The whole file.
pub fn dump(rentals: usize) -> String {
    format!(
        "\u{feff}{TABLES}\n{}SELECT * FROM store;\nCOMMIT;\nPRAGMA foreign_keys=on;\n",
        rows(rentals, true)
    )
}
