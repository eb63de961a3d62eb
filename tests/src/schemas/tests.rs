use super::run;
use crate::random::Random;

/// Seeds that nobody has seen, and some that everybody has.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let fresh = Random::new("schemas").below(1 << 40);
    (0..count / 2).chain(fresh..fresh + count.div_ceil(2))
}

fn all(count: u64, sites: usize) {
    let workers = 2;
    let seeds: Vec<u64> = seeds(count).collect();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let mine = seeds.iter().skip(worker).step_by(workers);
            scope.spawn(move || {
                mine.for_each(|seed| {
                    run(*seed, sites).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"))
                });
            });
        }
    });
}

#[test]
fn schemas_of_two_sites_grown_apart_come_together() {
    all(if crate::school::full() { 20_000 } else { 1_000 }, 2);
}

#[test]
fn schemas_of_three_sites_grown_apart_come_together() {
    all(if crate::school::full() { 2_000 } else { 50 }, 3);
}
