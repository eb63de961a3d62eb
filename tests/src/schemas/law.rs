//! The law: sites that grew their schemas apart come to show the same.

use std::path::Path;

use tandem_protocol::identity::AuthorKey;
use tandem_protocol::membership::Role;
use tandem_protocol::schema::Judge;
use tandem_store::simulated::{Founding, Request, Site};

use super::grammar;
use crate::hostile::honest::{Honest, same};
use crate::random::Random;
use crate::simulator::scratch;

const NAMES: [&str; 3] = ["bureau", "caisse", "atelier"];
const NOW_MS: i64 = 1_760_000_000_000;

/// Lets so many sites grow apart and come together; what went wrong, with what each had declared.
pub fn run(seed: u64, sites: usize) -> Result<(), String> {
    let folder = scratch();
    let mut said = Vec::new();
    play(seed, sites, folder.path(), &mut said).map_err(|error| {
        let again = "cargo run --release -p tandem-tests --bin schemas -- --seed";
        format!("{error}\n{}\n{again} {seed} --sites {sites}", said.join("\n"))
    })
}

fn play(seed: u64, count: usize, folder: &Path, said: &mut Vec<String>) -> Result<(), String> {
    let mut random = Random::of_seed(seed);
    let mut sites = start(count, folder)?;
    for site in &mut sites {
        let now_ms = clock(&mut random);
        let mut declared = 0;
        // What a site refuses is drawn again.
        for _ in 0..12 {
            let sql = grammar::change(&mut random);
            if declared < 1 + random.below(3) && site.declare(&sql, now_ms)? {
                said.push(format!("{}: {sql}", site.name));
                declared += 1;
            }
        }
        for table in site.tables()? {
            if random.one_in(2) {
                let sql = format!("INSERT INTO {table} DEFAULT VALUES");
                if site.write(&sql, clock(&mut random))? {
                    said.push(format!("{}: {sql}", site.name));
                }
            }
        }
        site.write(&format!("INSERT INTO base (n) VALUES ('of {}')", site.name), clock(&mut random))?;
    }
    // Everything to everybody, in an order drawn by chance; twice, for who came first lacks the last.
    let mut pairs: Vec<(usize, usize)> =
        (0..count).flat_map(|from| (0..count).map(move |to| (from, to))).filter(|(a, b)| a != b).collect();
    for round in 0..2 * pairs.len() {
        let (from, to) = match round < pairs.len() {
            true => pairs.swap_remove(random.below(pairs.len() as u64) as usize),
            false => (round % count, (round + 1) % count),
        };
        give(&mut sites, from, to)?;
    }
    for from in 0..count {
        for to in (0..count).filter(|to| *to != from) {
            give(&mut sites, from, to)?;
        }
    }
    let shown = sites.iter().map(Honest::shows).collect::<Result<Vec<_>, _>>()?;
    for (site, other) in sites.iter().zip(&shown).skip(1) {
        same(&shown[0], other).map_err(|part| format!("{} and {}: {part}", sites[0].name, site.name))?;
    }
    for site in &mut sites {
        site.reopen()?;
        site.is_clean()?;
        site.write("INSERT INTO base (n) VALUES ('goes on')", NOW_MS + 9)?;
    }
    Ok(())
}

/// Most clocks are right; some are years off.
fn clock(random: &mut Random) -> i64 {
    match random.below(4) {
        0 => NOW_MS - 500_000_000_000,
        1 => NOW_MS + 2_000_000_000_000,
        _ => NOW_MS + random.below(1_000) as i64,
    }
}

fn start(count: usize, folder: &Path) -> Result<Vec<Honest>, String> {
    let key = |number: usize| AuthorKey::from_secret(&[number as u8 + 1; 32]);
    let at = |number: usize| folder.join(NAMES[number]);
    let founding = Founding { space: "law", site: NAMES[0], schema: grammar::BASE, nonce: [0; 16] };
    let founder = Site::found(key(0), at(0), founding, NOW_MS).map_err(|error| error.to_string())?;
    let id = founder.id();
    let mut sites = vec![Honest::new(NAMES[0], founder)];
    for (number, name) in NAMES.iter().enumerate().take(count).skip(1) {
        let author = key(number).author();
        let admit = Request::Admit { author, name: (*name).to_owned(), role: Role::Member };
        sites[0].must(admit, NOW_MS)?;
        let mut site = Site::adopt(key(number), at(number), id).map_err(|error| error.to_string())?;
        // One of three runs an older program: what it does not know waits there; nothing drawn here
        // needs it.
        if number == 2 {
            site.install(Judge::older());
            site.start().map_err(|error| error.to_string())?;
        }
        sites.push(Honest::new(name, site));
    }
    for to in 1..count {
        give(&mut sites, 0, to)?;
    }
    Ok(sites)
}

fn give(sites: &mut [Honest], from: usize, to: usize) -> Result<(), String> {
    let [giver, taker] = sites.get_disjoint_mut([from, to]).map_err(|error| error.to_string())?;
    giver.give_all(taker, NOW_MS + 5)
}
