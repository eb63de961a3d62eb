//! A made-up repository whose numbers can be counted by hand.

use std::path::Path;

use super::{Structure, limits_of, measure};

const LIB: &str = "\
mod inner;
mod lone;
pub use inner::{Left, Right};
pub use lone::Lone;

pub fn all(left: &Left) -> usize {
    left.turns()
}
";

const INNER: &str = "\
mod left;
mod right;
pub(crate) use left::Left;
pub(crate) use right::Right;
hidden!(Hidden);
";

/// 20 lines of a type: 3 of its definition, 9 and 8 of two blocks.
const LEFT: &str = "\
use super::Right;
use std::fmt;

pub struct Left {
    right: Option<Right>,
}

impl Left {
    pub fn turns(&self) -> usize {
        let turns = self.right.is_some();
        assert!(turns, \"it has a right\");
        usize::from(turns)
    }

    pub(in crate::inner) fn nothing() {}
}
";

const RIGHT: &str = "\
use crate::Left;
use super::super::lone::{self as other, Lone};

pub struct Right;

impl std::fmt::Display for crate::inner::left::Left {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_assert_eq!(1, 1);
        matches!(self, Left { .. }).then(other::help);
        out.write_str(\"left\")?;
        Ok(())
    }
}
";

/// Named by others, names nobody but in its tests.
const LONE: &str = "\
pub struct Lone;

pub fn help() {
    unreachable!()
}

#[cfg(test)]
mod tests {
    use crate::inner::Left;
    use super::*;

    impl Lone {
        fn one_more() {
            assert!(true);
        }
    }

    #[test]
    fn it_is() {
        let _left: Option<Left> = None;
        assert_eq!(1, 1);
    }
}

#[cfg(test)]
mod more;
";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn made_up() -> Vec<Structure> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (path, text) in [
        ("protocol/src/lib.rs", LIB),
        ("protocol/src/inner/mod.rs", INNER),
        ("protocol/src/inner/left.rs", LEFT),
        ("protocol/src/inner/right.rs", RIGHT),
        ("protocol/src/lone.rs", LONE),
        ("protocol/src/lone/more.rs", "fn more() {}\n"),
        ("store/src/lib.rs", "mod a;\nmod b;\n"),
        ("store/src/a.rs", "use crate::b::B;\npub struct A(B);\n"),
        ("store/src/b.rs", &format!("pub struct B;\nimpl B {{\n{}}}\n", "    // more\n".repeat(499))),
        ("bridge/src/lib.rs", ""),
        ("node/src/lib.rs", &format!("fn long() {{\n{}}}\n", "    step();\n".repeat(399))),
        ("node/tests/whole.rs", "fn whole() {}\n"),
        ("cli/src/main.rs", "fn main() {}\n"),
        ("tests/src/lib.rs", "pub mod one;\n"),
        ("tests/src/one.rs", "#[test]\nfn one() {\n    assert!(true);\n}\n"),
        ("tests/src/bin/tool/main.rs", "mod part;\nfn main() {}\n"),
        ("tests/src/bin/tool/part.rs", "use crate::main;\n"),
    ] {
        write(root, path, text);
    }
    measure(root).unwrap()
}

fn paths<'a>(files: impl IntoIterator<Item = &'a std::path::PathBuf>) -> Vec<&'a str> {
    files.into_iter().map(|path| path.to_str().unwrap()).collect()
}

#[test]
fn a_made_up_repository_is_measured() {
    let measured = made_up();
    let names: Vec<&str> = measured.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["protocol", "store", "bridge", "node", "cli", "import", "tests"]);
    let protocol = &measured[0];
    // Blocks in two files, found under three paths; what stands in tests does not count.
    let sizes: Vec<(&str, usize)> = protocol.types.iter().map(|one| (one.name.as_str(), one.lines)).collect();
    assert_eq!(sizes, [("Left", 20), ("Right", 1), ("Lone", 1)]);
    assert_eq!(
        paths(&protocol.types[0].files),
        ["protocol/src/inner/left.rs", "protocol/src/inner/right.rs"]
    );
    // What is handed on is from where it is defined: neither lib.rs nor mod.rs is in the circle.
    assert_eq!(paths(&protocol.circle), ["protocol/src/inner/left.rs", "protocol/src/inner/right.rs"]);
    assert_eq!(protocol.asserts, 2);
    let lines = |text: &str| text.lines().count();
    let whole: usize = [LIB, INNER, LEFT, RIGHT, LONE].map(lines).iter().sum();
    assert_eq!(protocol.lines, whole - 19);
    assert_eq!(protocol.files[0], ("protocol/src/lone.rs".into(), lines(LONE)));
    assert_eq!(measured[1].circle.len(), 0, "an arrow that runs one way");
    let long = &measured[3].functions[0];
    assert_eq!((long.name.as_str(), long.lines, long.line), ("long", 401, 1));
    // All tests together: the crate, its programs, and what other crates have for tests.
    assert_eq!(
        paths(measured[6].files.iter().map(|(path, _)| path)),
        [
            "tests/src/one.rs",
            "tests/src/bin/tool/main.rs",
            "node/tests/whole.rs",
            "protocol/src/lone/more.rs",
            "tests/src/bin/tool/part.rs",
            "tests/src/lib.rs",
        ]
    );
    assert_eq!(measured[6].asserts, 1);
    assert_eq!(paths(&measured[6].circle), [] as [&str; 0]);
}

#[test]
fn what_is_beyond_a_limit_is_told() {
    let measured = made_up();
    let told = |at: usize| limits_of(&measured[at]).exceeded(&measured[at]);
    assert_eq!(told(0), [] as [&str; 0]);
    assert_eq!(
        told(1),
        [
            "the type B has 502 lines, more than 500",
            "store/src/b.rs has 502 lines, more than 400",
            "0.0 asserts in 1,000 lines, fewer than 6",
        ]
    );
    assert_eq!(
        told(3),
        ["node/src/lib.rs has 401 lines, more than 400", "0.0 asserts in 1,000 lines, fewer than 6"]
    );
    assert_eq!(told(6), [] as [&str; 0], "tests have wider limits");
    let report = measured[3].to_string();
    assert!(
        report.contains("  functions over 60 lines: 1\n      401 long (node/src/lib.rs:1)\n"),
        "{report}"
    );
    assert!(
        report.contains("  largest file: 401 lines; over 400: 1\n      401 node/src/lib.rs\n"),
        "{report}"
    );
}
