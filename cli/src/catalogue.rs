//! The catalogues against the program, and against each other.

use std::collections::{BTreeMap, BTreeSet};

use tandem_node::api::error_kind;

type Texts = BTreeMap<String, String>;

fn texts(source: &str) -> Texts {
    fn flatten(prefix: &str, table: &toml::Table, texts: &mut Texts) {
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) => flatten(&format!("{prefix}{key}."), inner, texts),
                value => {
                    texts.insert(format!("{prefix}{key}"), value.as_str().unwrap().to_owned());
                }
            }
        }
    }
    let mut texts = Texts::new();
    flatten("", &source.parse().unwrap(), &mut texts);
    texts
}

fn english() -> Texts {
    texts(include_str!("../locales/en.toml"))
}

fn french() -> Texts {
    texts(include_str!("../locales/fr.toml"))
}

fn parameters(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[test]
fn both_languages_say_everything() {
    let (english, french) = (english(), french());
    assert_eq!(english.keys().collect::<Vec<_>>(), french.keys().collect::<Vec<_>>());
    for (key, text) in &english {
        assert_eq!(parameters(text), parameters(&french[key]), "{key}");
        assert!(!text.is_empty() && !french[key].is_empty(), "{key}");
    }
}

#[test]
fn errors_are_told_as_the_node_tells_them() {
    let english = english();
    let mut told: BTreeSet<String> =
        english.keys().filter(|key| key.starts_with("error.")).cloned().collect();
    for kind in error_kind::ALL {
        let hints = kind.hints.iter().enumerate().map(|(at, hint)| (format!("hint{}", at + 1), *hint));
        for (what, text) in hints.chain([("text".to_owned(), kind.message)]) {
            let key = format!("error.{}.{what}", kind.code);
            assert_eq!(english.get(&key).map(String::as_str), Some(text), "{key}");
            told.remove(&key);
        }
    }
    assert_eq!(told, BTreeSet::new());
}

#[test]
fn every_text_the_program_asks_for_is_there() {
    let english = english();
    let mut asked = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("catalogue.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (at, call) in source.match_indices("t!(") {
                let other_macro = source[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                let inside = source[at + call.len()..].trim_start().strip_prefix('"');
                let Some(key) = inside.filter(|_| !other_macro).and_then(|rest| rest.split('"').next())
                else {
                    continue;
                };
                assert!(english.contains_key(key), "{} asks for {key}", path.display());
                asked += 1;
            }
        }
    }
    assert!(asked > 50, "only {asked} found");
}

#[test]
fn every_command_and_argument_is_explained() {
    fn walk(command: &clap::Command, key: &str, texts: &Texts) {
        assert!(texts.contains_key(&format!("{key}.about")), "{key}");
        for argument in command.get_arguments() {
            let (own, shared) =
                (format!("{key}.{}", argument.get_id()), format!("help.{}", argument.get_id()));
            assert!(texts.contains_key(&own) || texts.contains_key(&shared), "{own}");
        }
        for verb in command.get_subcommands() {
            walk(verb, &format!("{key}.{}", verb.get_name()), texts);
        }
    }
    let command = crate::help::command();
    walk(&command, "help", &english());
    command.debug_assert();
}
