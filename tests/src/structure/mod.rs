//! The structure of this repository in numbers: how large its types, files and functions are, which
//! files name each other in circles, and how many asserts there are.
//!
//! Read from the source text alone. Of the crates that people run test code is left out; the crate of
//! the tests, and what the others have for tests, are measured by themselves, by wider limits.

mod circle;
mod functions;
mod imports;
mod limits;
mod report;
mod source;
mod tree;
mod types;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use functions::Function;
pub use limits::Limits;
pub use types::TypeSize;

use functions::Functions;
use source::{Source, TestCode};
use tree::Tree;

/// The crates that people run, arrows turned: each may depend on those before it.
const PROGRAMS: [&str; 6] = ["protocol", "store", "bridge", "node", "cli", "import"];
/// The crate of the tests.
const TESTS: &str = "tests";

/// What one crate comes to.
#[derive(Debug, Default)]
pub struct Structure {
    /// Its folder.
    pub name: String,
    /// Its files with all their lines, the longest first.
    pub files: Vec<(PathBuf, usize)>,
    /// Its lines, without what was left out.
    pub lines: usize,
    /// Its types, the largest first.
    pub types: Vec<TypeSize>,
    /// Its functions, the longest first.
    pub functions: Vec<Function>,
    /// The files of the largest circle.
    pub circle: BTreeSet<PathBuf>,
    /// How many asserts it has.
    pub asserts: usize,
}

impl Structure {
    /// How many asserts there are in 1,000 lines.
    pub fn asserts_per_thousand(&self) -> f64 {
        self.asserts as f64 * 1000.0 / self.lines.max(1) as f64
    }

    /// Measures a crate and its programs, each of which begins with one of these files.
    fn of(root: &Path, name: &str, first: &[PathBuf], tests: TestCode) -> Result<Self, String> {
        let mut structure = Self { name: name.to_owned(), ..Self::default() };
        let mut functions = Functions::default();
        for first in first {
            let tree = Tree::read(root, first, tests)?;
            for source in &tree.sources {
                structure.add_source(source);
            }
            for module in &tree.modules {
                functions.add(&tree.sources[module.source].path, &module.items);
            }
            structure.types.extend(types::types(&tree));
            let circle = circle::largest(&imports::imports(&tree));
            if circle.len() > structure.circle.len() {
                structure.circle = circle.iter().map(|at| tree.sources[*at].path.clone()).collect();
            }
        }
        structure.add_functions(functions);
        Ok(structure)
    }

    fn add_source(&mut self, source: &Source) {
        self.files.push((source.path.clone(), source.lines));
        self.lines += source.lines - source.left_out;
    }

    fn add_functions(&mut self, functions: Functions) {
        self.asserts += functions.asserts;
        self.functions.extend(functions.found);
    }

    fn sort(&mut self) {
        self.files.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        self.types.sort_by_key(|size| Reverse(size.lines));
        self.functions.sort_by_key(|one| Reverse(one.lines));
    }
}

/// Measures the crates of the repository at `root`: those that people run, then all tests together.
pub fn measure(root: &Path) -> Result<Vec<Structure>, String> {
    let mut measured = Vec::new();
    let mut for_tests: Vec<PathBuf> = Vec::new();
    for name in PROGRAMS {
        let folder = Path::new(name).join("src");
        let first = ["lib.rs", "main.rs"].map(|file| folder.join(file));
        let first: Vec<PathBuf> = first.into_iter().filter(|file| root.join(file).exists()).collect();
        let structure = Structure::of(root, name, &first, TestCode::LeftOut)?;
        let known: BTreeSet<&PathBuf> = structure.files.iter().map(|(path, _)| path).collect();
        for_tests.extend(sources_under(root, &folder)?.into_iter().filter(|path| !known.contains(path)));
        for_tests.extend(sources_under(root, &Path::new(name).join("tests"))?);
        measured.push(structure);
    }
    let mut tests = Structure::of(root, TESTS, &beginnings(root)?, TestCode::Counts)?;
    let mut functions = Functions::default();
    for path in for_tests {
        let (source, items) = Source::read(root, &path, TestCode::Counts)?;
        tests.add_source(&source);
        functions.add(&path, &items);
    }
    tests.add_functions(functions);
    measured.push(tests);
    measured.iter_mut().for_each(Structure::sort);
    Ok(measured)
}

/// The limits of what has been measured.
pub fn limits_of(structure: &Structure) -> Limits {
    if structure.name == TESTS { limits::TESTS } else { limits::PROGRAM }
}

/// The files with which the crate of the tests and its programs begin.
fn beginnings(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![Path::new(TESTS).join("src/lib.rs")];
    for folder in ["src/bin", "tests"] {
        for path in entries(root, &Path::new(TESTS).join(folder))? {
            let main = path.join("main.rs");
            if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            } else if root.join(&main).exists() {
                found.push(main);
            }
        }
    }
    found.retain(|path| root.join(path).exists());
    Ok(found)
}

/// All source files in a folder and those in it.
fn sources_under(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in entries(root, folder)? {
        if root.join(&path).is_dir() {
            found.extend(sources_under(root, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// What is in a folder, in order; nothing if it is not there.
fn entries(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !root.join(folder).exists() {
        return Ok(Vec::new());
    }
    let named = |error: std::io::Error| format!("{}: {error}", folder.display());
    let read = std::fs::read_dir(root.join(folder)).map_err(named)?;
    let names = read.map(|entry| entry.map(|entry| folder.join(entry.file_name())));
    let mut found = names.collect::<Result<Vec<_>, _>>().map_err(named)?;
    found.sort();
    Ok(found)
}
