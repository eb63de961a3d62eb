//! Fills a store and says what has been acknowledged, for the power-cut test to record: several
//! writers at once, small and large transactions, blocks of another site, and a restart.
//!
//! `powercut-writer FOLDER SEED`: what is acknowledged goes to the file `FOLDER.marks`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::version::VersionVector;
use tandem_store::{Params, Space, Statement, Store, Write};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, n COUNTER NOT NULL DEFAULT 0);";

const WRITERS: u64 = 4;
const WRITES_EACH: u64 = 25;
const BLOCKS: u64 = 6;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let [_, folder, seed] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("usage: powercut-writer FOLDER SEED".into());
    };
    let folder = Path::new(folder);
    let chance = AtomicU64::new(seed.parse()?);
    let marks = Mutex::new(File::create(folder.with_extension("marks"))?);

    let store = Store::open(folder, "the power-cut test")?;
    let space = store.create_space("school", "office", Some(SCHEMA))?;
    mark(&marks, "made")?;
    session(&space, &marks, &chance)?;
    drop(space);
    store.close();
    drop(store);

    let store = Store::open(folder, "the power-cut test")?;
    let space = store.space("school").ok_or("the space is gone")?;
    session(&space, &marks, &chance)?;
    drop(space);
    store.close();
    Ok(())
}

/// Writers and another site's blocks, all at once.
fn session(space: &Space, marks: &Mutex<File>, chance: &AtomicU64) -> Result<(), Failure> {
    let elsewhere = tempfile::tempdir()?;
    let other = Store::open(elsewhere.path(), "the power-cut test")?;
    let author = other.author();
    let candidate = Candidate::new(author, format!("site {}", author.short()));
    space.wait(|reply| space.admit(candidate, Role::Member, None, reply))?;
    let away = other.adopt_space(space.id(), "school", "classroom")?;
    pass_on(space, &away, marks, false)?;
    std::thread::scope(|scope| {
        let writers = (0..WRITERS)
            .map(|_| scope.spawn(|| (0..WRITES_EACH).try_for_each(|_| write(space, chance, Some(marks)))));
        let writers: Vec<_> = writers.collect();
        let fill = |_| {
            for _ in 0..8 {
                write(&away, chance, None)?;
            }
            pass_on(&away, space, marks, true).map_err(|error| error.to_string())
        };
        (0..BLOCKS).try_for_each(fill)?;
        writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| "a writer panicked")?)
    })?;
    drop(away);
    other.close();
    Ok(())
}

/// One transaction of a random kind; marked once acknowledged.
fn write(space: &Space, chance: &AtomicU64, marks: Option<&Mutex<File>>) -> Result<(), String> {
    let dice = next(chance);
    let sql = match dice % 8 {
        0 => "UPDATE notes SET n = n + 1".to_owned(),
        1 => "DELETE FROM notes WHERE id IN (SELECT id FROM notes ORDER BY id LIMIT 1)".to_owned(),
        // Up to 350 KB that cannot be packed: it takes many pieces of the log.
        2 => format!("INSERT INTO notes (text) VALUES ('{}')", noise(chance, dice % 350_000)),
        3 => format!("INSERT INTO notes (text) VALUES ('{}')", noise(chance, dice % 30_000)),
        _ => format!("INSERT INTO notes (text) VALUES ('note {dice}')"),
    };
    let statements = vec![Statement { sql, params: Params::One(Vec::new()) }];
    let write = Write { edits: statements.into(), ..Write::default() };
    let written = space.wait(|reply| space.write(write, reply)).map_err(|error| error.to_string())?;
    match (marks, written.dot) {
        (Some(marks), Some(dot)) => mark(marks, &dot.to_string()).map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

/// Gives `to` all of `from` that it lacks; marks what it acknowledges.
fn pass_on(from: &Space, to: &Space, marks: &Mutex<File>, marked: bool) -> Result<(), Failure> {
    let mut place = 0;
    while place < from.end() {
        let chunk = from.chunks().read(place, &VersionVector::clone(&to.vector()), 1 << 20)?;
        if let Some(block) = chunk.block {
            to.wait(|reply| to.receive(block, reply))?;
            for (chain, head) in chunk.heads.heads().filter(|_| marked) {
                mark(marks, &format!("{chain}:{}", head.seq))?;
            }
        }
        place = chunk.next;
    }
    Ok(())
}

fn mark(marks: &Mutex<File>, text: &str) -> Result<(), Failure> {
    let mut file = marks.lock().map_err(|_| "a writer panicked")?;
    // In one piece: each write becomes one entry of the record.
    Ok(file.write_all(text.as_bytes())?)
}

fn noise(chance: &AtomicU64, len: u64) -> String {
    let mut text = String::new();
    while (text.len() as u64) < len {
        text += &format!("{:016x}", next(chance));
    }
    text
}

/// A random number; shared by all writers.
fn next(chance: &AtomicU64) -> u64 {
    let state = chance.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
