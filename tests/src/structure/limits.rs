//! What the structure of a crate may come to. These numbers stand nowhere else.

use super::Structure;

/// A function longer than this is listed.
pub const FUNCTION_LINES: usize = 60;

/// The limits of one kind of code.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines of a type with all its `impl` blocks.
    pub type_lines: usize,
    /// Lines of a file.
    pub file_lines: usize,
    /// Files that name each other in a circle.
    pub circle_files: usize,
    /// Asserts in 1,000 lines, at least.
    pub asserts: usize,
}

/// Of what people run.
pub const PROGRAM: Limits = Limits { type_lines: 500, file_lines: 400, circle_files: 4, asserts: 6 };

/// Of what tests it: asserts are what it is made of.
pub const TESTS: Limits = Limits { type_lines: 500, file_lines: 600, circle_files: 4, asserts: 0 };

impl Limits {
    /// What is beyond them, in words.
    pub fn exceeded(&self, structure: &Structure) -> Vec<String> {
        let mut found = Vec::new();
        for size in structure.types.iter().filter(|size| size.lines > self.type_lines) {
            found.push(format!(
                "the type {} has {} lines, more than {}",
                size.name, size.lines, self.type_lines
            ));
        }
        for (path, lines) in structure.files.iter().filter(|(_, lines)| *lines > self.file_lines) {
            found.push(format!("{} has {lines} lines, more than {}", path.display(), self.file_lines));
        }
        let circle = structure.circle.len();
        if circle > self.circle_files {
            found
                .push(format!("{circle} files name each other in a circle, more than {}", self.circle_files));
        }
        if structure.asserts * 1000 < self.asserts * structure.lines {
            let is = structure.asserts_per_thousand();
            found.push(format!("{is:.1} asserts in 1,000 lines, fewer than {}", self.asserts));
        }
        found
    }
}
