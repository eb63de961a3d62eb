//! Counters are exact: whatever happens to cables and processes, each is the sum of all that was
//! ever added to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tandem_tests::http::Http;
use tandem_tests::lan::Lan;
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected, equal};

use crate::{founder, member};

const SCHEMA: &str = "CREATE TABLE articles (
  id INTEGER PRIMARY KEY, pieces COUNTER NOT NULL DEFAULT 0, paid COUNTER(12,2) NOT NULL DEFAULT 0);";

const ARTICLES: u64 = 500;

/// How much is added, in how large transactions, and how often something breaks meanwhile.
struct Form {
    deltas: u64,
    /// Articles that one transaction changes at most; each takes two deltas.
    batch: u64,
    faults: u64,
}

const SHORT: Form = Form { deltas: 30_000, batch: 60, faults: 12 };
const FULL: Form = Form { deltas: 1_000_000, batch: 250, faults: 60 };

/// What was added to each article: pieces, and cents.
type Sums = Vec<(i64, i64)>;

/// Adds a third of all deltas at one site, in transactions that are sent again until they are
/// acknowledged; gives their sums.
fn sell(site: &Site, form: &Form, mut random: Random, acknowledged: &AtomicU64) -> Sums {
    let mut sums: Sums = vec![(0, 0); ARTICLES as usize];
    let mut left = form.deltas / 3;
    let mut number = 0;
    while left > 0 {
        let rows = (1 + random.below(form.batch)).min(left.div_ceil(2));
        let first = random.below(ARTICLES);
        let deltas: Vec<(u64, i64, i64)> = (first..first + rows)
            .map(|article| (article % ARTICLES, amount(&mut random, 1_000), amount(&mut random, 100_000)))
            .collect();
        let params: Vec<Value> = deltas
            .iter()
            .map(|(article, pieces, cents)| json!([pieces, *cents as f64 / 100.0, article]))
            .collect();
        let sale = json!([{
            "sql": "UPDATE articles SET pieces = pieces + ?, paid = paid + ? WHERE id = ?",
            "params_list": params,
        }]);
        number += 1;
        let key = format!("{} {number}", site.name());
        wait::until("acknowledged", &[site], || {
            let answer = Http::of_folder(site.data()).and_then(|http| http.transact_once(&key, &sale));
            match answer {
                Ok((200, _)) => Ok(()),
                Ok((status, reply)) => panic!("{status} {reply}"),
                Err(killed) => Err(killed.0),
            }
        });
        for (article, pieces, cents) in deltas {
            let sum = &mut sums[article as usize];
            *sum = (sum.0 + pieces, sum.1 + cents);
        }
        acknowledged.fetch_add(2 * rows, Ordering::Relaxed);
        left = left.saturating_sub(2 * rows);
    }
    sums
}

/// Anything from `-bound` to `bound`, but not 0.
fn amount(random: &mut Random, bound: u64) -> i64 {
    let size = 1 + random.below(bound) as i64;
    if random.one_in(2) { size } else { -size }
}

/// Breaks something whenever a further part of the work is done, and mends it at the next part.
fn break_things(sites: &[&Site], form: &Form, mut random: Random, acknowledged: &AtomicU64) {
    let mut broken = None;
    for fault in 0..form.faults {
        let done = form.deltas * fault / form.faults;
        wait::until("a further part of the work done", sites, || {
            let so_far = acknowledged.load(Ordering::Relaxed);
            if so_far >= done { Ok(()) } else { Err(format!("{so_far} deltas acknowledged")) }
        });
        mend(broken.take());
        let victim = sites[random.below(3) as usize];
        match random.below(4) {
            0 => victim.host().unplug(),
            1 => victim.host().cut_off(),
            _ => {
                victim.kill();
                victim.start();
                continue;
            }
        }
        broken = Some(victim);
    }
    mend(broken);
}

fn mend(broken: Option<&Site>) {
    if let Some(site) = broken {
        site.host().plug();
        site.host().let_in();
    }
}

#[test]
fn every_counter_is_the_sum_of_all_deltas_whatever_breaks() {
    let form = if full() { FULL } else { SHORT };
    let mut random = Random::new("counters");
    let lan = Lan::new();
    let office = founder(&lan, "office", SCHEMA);
    let (shop, stall) = (member(&lan, "shop", &office), member(&lan, "stall", &office));
    let all = [&office, &shop, &stall];
    office.write(&format!(
        "WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id + 1 < {ARTICLES})
        INSERT INTO articles (id) SELECT id FROM n"
    ));
    connected(&all);
    equal(&all);

    let acknowledged = AtomicU64::new(0);
    let sums: Mutex<Vec<Sums>> = Mutex::default();
    std::thread::scope(|scope| {
        for site in all {
            let random = Random::of_seed(random.any());
            let (sums, acknowledged, form) = (&sums, &acknowledged, &form);
            scope.spawn(move || {
                let sold = site.inside(|| sell(site, form, random, acknowledged));
                sums.lock().unwrap().push(sold);
            });
        }
        break_things(&all, &form, Random::of_seed(random.any()), &acknowledged);
    });

    connected(&all);
    equal(&all);
    let sums = sums.into_inner().unwrap();
    let expected: Vec<Vec<i64>> = (0..ARTICLES as usize)
        .map(|article| {
            let of = |part: fn(&(i64, i64)) -> i64| sums.iter().map(|sold| part(&sold[article])).sum();
            vec![article as i64, of(|sum| sum.0), of(|sum| sum.1)]
        })
        .collect();
    for site in all {
        let rows = site.rows("SELECT id, pieces, paid FROM articles ORDER BY id");
        let held: Vec<Vec<i64>> = rows
            .iter()
            .map(|row| {
                let cents = row[2].as_f64().unwrap() * 100.0;
                vec![row[0].as_i64().unwrap(), row[1].as_i64().unwrap(), cents.round() as i64]
            })
            .collect();
        assert_eq!(held, expected, "{}", site.name());
        assert!(site.conflicts().is_empty());
        site.verify();
    }
    let (deltas, transactions) = (acknowledged.into_inner(), office.space()["transactions"].clone());
    println!("{deltas} deltas in {transactions} transactions, {} faults: every counter exact", form.faults);
    assert!(deltas >= form.deltas);
}
