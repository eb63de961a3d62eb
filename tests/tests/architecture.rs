//! What ARCHITECTURE.md names is there: files, types and functions of the ways it follows through the code.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 4] = ["protocol", "store", "node", "cli"];

/// All source files, by their paths from the root, and their text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<PathBuf> = CRATES.iter().map(|name| root.join(name).join("src")).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// What stands between backticks in the chapters that follow a write and a block.
fn named() -> Vec<&'static str> {
    let (_, text) = include_str!("../../ARCHITECTURE.md").split_once("## One write, eight stops").unwrap();
    let (text, _) = text.split_once("## What is never done").unwrap();
    text.split('`').skip(1).step_by(2).collect()
}

/// A word as a whole.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

#[test]
fn files_and_functions_that_a_write_and_a_block_pass_are_there() {
    let sources = sources();
    let (mut files, mut items) = (0, 0);
    for name in named() {
        if name.ends_with(".rs") || name.ends_with('/') {
            let ends = format!("/{name}");
            let is_there = |path: &str| path.ends_with(&ends) || path == name || path.contains(name);
            assert!(sources.iter().any(|(path, _)| is_there(path)), "no file {name}");
            files += 1;
        } else if let Some((of, item)) = name.split_once("::") {
            // A variant, or a function of a type or a module: one file speaks of both.
            let is_function = item.starts_with(char::is_lowercase);
            let wanted = if is_function { format!("fn {item}") } else { item.to_owned() };
            let is_there = |path: &str, text: &str| {
                has_word(text, &wanted) && (has_word(text, of) || path.contains(&format!("/{of}")))
            };
            assert!(sources.iter().any(|(path, text)| is_there(path, text)), "no {name}");
            items += 1;
        }
    }
    assert!(files > 30 && items > 40, "{files} files, {items} items: the chapters are not found any more");
}
