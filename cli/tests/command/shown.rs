//! What reaches the terminal is shown, not obeyed.

use crate::program::{Program, Run};

/// Obeyed by a terminal, or read as a line of this program's own.
const HOSTILE: &str = "a\u{1b}[31mb\u{1b}]52;c;cm0gLXJm\u{7}c\rd\u{9b}2J\u{202e}e\u{200b}\n2026-01-01 00:00:00  office  forged:9\n  deleted  pupils";

fn hidden(char: char) -> bool {
    char.is_control() && char != '\n' || ('\u{200b}'..='\u{200f}').contains(&char) || char == '\u{202e}'
}

fn assert_shown(run: &Run, words: &[&str]) {
    for text in [&run.out, &run.err] {
        assert!(!text.chars().any(hidden), "{words:?}: {text:?}");
        let forged = text.lines().any(|line| line.starts_with("2026-01-01") || line.starts_with("  deleted"));
        assert!(!forged, "{words:?}: {text}");
    }
}

#[test]
fn no_value_moves_a_cursor_or_makes_a_line() {
    let program = Program::with_school();
    let written = program.run(&[
        "sql",
        "--by",
        HOSTILE,
        "--message",
        HOSTILE,
        "INSERT INTO pupils (id, name) VALUES (1, ?) RETURNING name",
        HOSTILE,
    ]);
    assert_eq!(written.code, 0, "{written:?}");
    assert_shown(&written, &["sql"]);
    let missing = format!("no\u{1b}[2J\n{HOSTILE}.sql");
    for lang in ["en", "fr"] {
        for words in [
            vec!["log"],
            vec!["log", "--table", "pupils", "--key", "1"],
            vec!["log", "show", "office:2"],
            vec!["sql", "SELECT id, name FROM pupils"],
            vec!["sql", "SELECT name AS \"a\u{1b}[31m\u{202e}b\" FROM pupils"],
            vec!["sql", "SELECT \u{1b}[31m\n  deleted"],
            vec!["sql", "--file", &missing],
            vec!["log", "--table", HOSTILE],
            vec!["log", "--since", HOSTILE],
            vec!["log", "show", HOSTILE],
            vec!["sites", "show", HOSTILE],
            vec!["sites", "rename", "office", HOSTILE],
            vec!["conflicts", "show", HOSTILE],
            vec!["bundle", "inspect", &missing],
            vec!["--space", HOSTILE, "status"],
            vec!["-vv", "sql", "SELECT 1"],
            vec![HOSTILE],
            vec!["sql", HOSTILE, "--nonsense\u{1b}[31m"],
            vec!["--json", "log"],
            vec!["--json", "sql", "SELECT name FROM pupils"],
            vec!["--json", "sites", "show", HOSTILE],
        ] {
            assert_shown(&program.run(&[&["--lang", lang], &words[..]].concat()), &words);
        }
    }
    // The value itself is whole: JSON says the same, and what a program reads is as it was written.
    let read = program.json(&["sql", "SELECT name FROM pupils"]);
    assert_eq!(read["rows"][0][0], HOSTILE);
    let csv = program.run(&["sql", "--csv", "SELECT name FROM pupils"]);
    assert_eq!(csv.out, format!("name\n\"{HOSTILE}\"\n"));
}
