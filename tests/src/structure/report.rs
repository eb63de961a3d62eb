//! What was measured, for people to read.

use std::fmt;

use super::limits::FUNCTION_LINES;
use super::{Structure, limits_of};

/// How many types are listed.
const TYPES: usize = 5;

impl fmt::Display for Structure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = limits_of(self);
        writeln!(out, "{}: {} files, {} lines measured", self.name, self.files.len(), self.lines)?;
        let largest = self.types.first().map_or(0, |size| size.lines);
        writeln!(out, "  largest type: {largest} lines; the largest:")?;
        for size in self.types.iter().take(TYPES) {
            let files: Vec<String> = size.files.iter().map(|path| path.display().to_string()).collect();
            writeln!(out, "    {:5} {} ({})", size.lines, size.name, files.join(", "))?;
        }
        let largest = self.files.first().map_or(0, |(_, lines)| *lines);
        let long: Vec<_> = self.files.iter().filter(|(_, lines)| *lines > limits.file_lines).collect();
        writeln!(out, "  largest file: {largest} lines; over {}: {}", limits.file_lines, long.len())?;
        for (path, lines) in long {
            writeln!(out, "    {lines:5} {}", path.display())?;
        }
        let long: Vec<_> = self.functions.iter().filter(|one| one.lines > FUNCTION_LINES).collect();
        writeln!(out, "  functions over {FUNCTION_LINES} lines: {}", long.len())?;
        for one in long {
            writeln!(out, "    {:5} {} ({}:{})", one.lines, one.name, one.file.display(), one.line)?;
        }
        writeln!(out, "  largest import circle: {} files", self.circle.len())?;
        for path in &self.circle {
            writeln!(out, "          {}", path.display())?;
        }
        let per_thousand = self.asserts_per_thousand();
        writeln!(out, "  asserts: {}, {per_thousand:.1} in 1,000 lines", self.asserts)
    }
}
