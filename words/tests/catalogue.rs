//! The catalogue against itself, and against the sources that name its codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tandem_words::{Language, Words, keys};

fn parameters(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[test]
fn both_languages_say_everything() {
    let (english, french) = (Words::of(Language::English), Words::of(Language::French));
    let source = include_str!("../locales/fr.toml");
    let french_keys = source.lines().filter(|line| line.contains(" = \"")).count();
    assert_eq!(french_keys, keys().count());
    for key in keys() {
        let one = english.text(key).unwrap();
        let other = french.text(key).unwrap_or_else(|| panic!("{key} has no French"));
        assert_eq!(parameters(one), parameters(other), "{key}");
        assert!(!one.is_empty() && !other.is_empty(), "{key}");
    }
}

#[test]
fn french_signs_stand_as_french_signs_do() {
    let french = Words::of(Language::French);
    for key in keys() {
        // What stands in backquotes is a command or a header.
        let parts: Vec<_> = french.text(key).unwrap().split('`').step_by(2).collect();
        let text = parts.join("…");
        let around = |at: usize, sign: char| {
            (text[..at].chars().next_back(), text[at + sign.len_utf8()..].chars().next())
        };
        for (at, sign) in text.char_indices() {
            let (before, after) = around(at, sign);
            let stands = match sign {
                '«' => after == Some(' '),
                '»' => before == Some(' '),
                // Within an address, a time or a command they are no signs of a sentence.
                ';' | ':' | '?' | '!' if matches!(after, None | Some(' ' | '\n')) => {
                    matches!(before, None | Some(' ' | '"'))
                }
                _ => true,
            };
            assert!(stands, "{key}: {text}");
        }
    }
}

/// What is told of a text, commands and what stands for them left out, that is no French: words that are not
/// joined, units of another language.
fn not_french(text: &str) -> Option<String> {
    let told: Vec<_> = text.split('`').step_by(2).collect();
    let told = told.join("…");
    let words: Vec<&str> = told.split([' ', '\n']).collect();
    let joined = words.windows(2).find(|pair| {
        let mut before = format!("{} ", pair[0].trim_start_matches(['(', '«']));
        let whole = before.clone();
        tandem_words::elide_french(&mut before, pair[1]);
        before != whole
    });
    let joined = joined.map(|pair| pair.join(" "));
    let units = ["B", "KB", "MB", "GB", "KiB", "MiB", "GiB"];
    let foreign = told.split(|char: char| !char.is_alphanumeric()).find(|word| units.contains(word));
    joined.or_else(|| foreign.map(str::to_owned))
}

#[test]
fn french_words_are_joined_and_sizes_are_octets() {
    let french = Words::of(Language::French);
    let (mut filled, mut wrong) = (0, Vec::new());
    for key in keys() {
        let text = french.text(key).unwrap();
        // Whatever stands in it: what begins with a vowel shows each place.
        let params: Vec<_> = parameters(text).into_iter().map(|name| (name, "autre".to_owned())).collect();
        let told = french.with(key, &params).unwrap();
        wrong.extend(not_french(&told).map(|words| format!("{key}: {words}: {told}")));
        filled += usize::from(told.contains("d'autre"));
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(filled > 30, "{filled}");
    assert_eq!(not_french("à la place de une clé").as_deref(), Some("de une"));
    assert_eq!(not_french("plus de 64 MiB").as_deref(), Some("MiB"));
}

/// Everything below the crates' `src`, tests left out.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut folders: Vec<PathBuf> = ["protocol", "import", "store", "bridge", "node", "cli"]
        .map(|name| root.join(name).join("src"))
        .into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                let source = fs::read_to_string(&path).unwrap();
                let program = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                sources.push((path, program));
            }
        }
    }
    sources
}

/// The texts in quotes that look like codes, each with what stands before and behind it.
fn codes(source: &str) -> Vec<(&str, &str, &str)> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut codes = Vec::new();
    let mut from = 0;
    while let Some(open) = source[from..].find('"').map(|at| from + at) {
        let Some(close) = source[open + 1..].find('"').map(|at| open + 1 + at) else { break };
        let code = &source[open + 1..close];
        let is_one = !code.is_empty() && code.bytes().all(is_code);
        if is_one {
            codes.push((source[..open].trim_end(), code, source[close + 1..].trim_start()));
        }
        // What is no code may be the end of one text and the beginning of the next.
        from = if is_one { close + 1 } else { open + 1 };
    }
    codes
}

/// Whether a code of a source is that of a cause, by where it stands.
fn is_of_cause(path: &Path, (before, code, after): (&str, &str, &str)) -> bool {
    let of_causes = path.to_string_lossy().contains("src/cause");
    let in_pattern = before.ends_with("\",") && after.trim_start_matches(',').trim_start().starts_with(')');
    let of_bridge = path.to_string_lossy().contains("bridge/src") && code.starts_with("bridge_");
    let of_dumps = path.to_string_lossy().contains("import/src") && code.starts_with("dump_");
    before.ends_with("Cause::new(")
        || of_dumps
        || of_bridge
        || path.to_string_lossy().contains("/ddl/") && before.ends_with("refuse(")
        || of_causes && (in_pattern || ["Self::new(", "=>", "of("].iter().any(|end| before.ends_with(end)))
}

/// Whether a code of a source is the kind of a change, which the log tells, by where it stands.
fn is_of_change(path: &Path, (before, _, after): (&str, &str, &str)) -> bool {
    let is_second = |(_, between): (&str, &str)| !between.contains(['(', ';']) && after.starts_with(',');
    path.ends_with("api/log_op.rs")
        && (before.ends_with("=>") || before.rsplit_once("of_no_row(").is_some_and(is_second))
}

#[test]
fn every_code_has_a_text_and_every_text_is_asked_for() {
    let is_there = |key: String| keys().any(|known| known == key);
    let (mut causes, mut errors, mut named) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut changes = BTreeSet::new();
    for (path, source) in sources() {
        let refuses = path.ends_with("store/src/refusal.rs");
        for (before, code, after) in codes(&source) {
            named.insert(code.to_owned());
            if is_of_cause(&path, (before, code, after)) {
                assert!(is_there(format!("cause.{code}")), "{}: cause {code}", path.display());
                causes.insert(code.to_owned());
            } else if is_of_change(&path, (before, code, after)) {
                assert!(is_there(format!("log.{code}")), "{}: log {code}", path.display());
                changes.insert(code.to_owned());
            } else if refuses && (before.ends_with("Self::new(") || before.ends_with("Self::by(")) {
                assert!(is_there(format!("error.{code}.text")), "{}: error {code}", path.display());
                errors.insert(code.to_owned());
            }
        }
    }
    assert!(causes.len() > 200 && errors.len() > 30, "only {} and {} found", causes.len(), errors.len());
    assert!(changes.len() > 15, "only these changes found: {changes:?}");
    for key in keys() {
        if let Some(code) = key.strip_prefix("cause.") {
            assert!(named.contains(code), "nobody names {key}");
        }
    }
}

/// Whoever misspelled a type is told which there are.
#[test]
fn every_column_type_is_named_where_one_is_unknown() {
    for language in [Language::English, Language::French] {
        let words = Words::of(language);
        let hint = words.text("error.schema_unknown_type.hint1").unwrap();
        for kind in tandem_protocol::schema::ColumnType::ALL {
            let told = kind.to_string();
            let name = told.split('(').next().unwrap_or_default();
            assert!(hint.contains(name), "{name} is not in: {hint}");
        }
    }
}
