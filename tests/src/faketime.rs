//! PCs whose clocks are wrong: libfaketime tells a program another time.

use std::env::consts::ARCH;
use std::path::Path;

/// Arguments of `env` that let the program after them see another clock: `@2009-01-01 08:00:00`
/// begins there at every start, as a PC without a battery does; `-3600` is an hour late. Only the
/// calendar is false: timers run as ever.
pub fn env(clock: &str) -> Vec<String> {
    vec![
        format!("LD_PRELOAD={}", library()),
        format!("FAKETIME={clock}"),
        "TZ=UTC".to_owned(),
        // One name in older versions, the other in newer ones.
        "DONT_FAKE_MONOTONIC=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "NO_FAKE_STAT=1".to_owned(),
    ]
}

/// Where Debian puts it: in the folder of this processor's libraries.
fn library() -> String {
    let path = format!("/usr/lib/{ARCH}-linux-gnu/faketime/libfaketimeMT.so.1");
    assert!(Path::new(&path).exists(), "{path} is needed (Debian: apt-get install faketime)");
    path
}
