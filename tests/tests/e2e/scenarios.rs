//! The stories of `tests/scenarios`, on real processes.

use std::sync::Mutex;

use tandem_tests::scenario::real::Real;
use tandem_tests::scenario::{files, play_file};

/// Networks at once: more of them only wait for the processors.
const NETWORKS: usize = 3;

#[test]
fn every_story_is_true_of_real_sites() {
    let (left, failures) = (Mutex::new(files()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..NETWORKS {
            scope.spawn(|| {
                while let Some(file) = next(&left) {
                    if let Err(told) = play_file(&file, &mut Real::new()) {
                        failures.lock().unwrap().push(told);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

fn next<T>(left: &Mutex<Vec<T>>) -> Option<T> {
    left.lock().unwrap().pop()
}
