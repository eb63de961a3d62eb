//! The texts, by language and key.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::Language;

type Texts = BTreeMap<String, String>;

/// The text of that key.
pub(crate) fn text(language: Language, key: &str) -> Option<&'static str> {
    texts(language).get(key).map(String::as_str)
}

/// All keys, which are the same in every language.
pub fn keys() -> impl Iterator<Item = &'static str> {
    texts(Language::English).keys().map(String::as_str)
}

/// Read once, when the first text is asked for.
fn texts(language: Language) -> &'static Texts {
    static ENGLISH: OnceLock<Texts> = OnceLock::new();
    static FRENCH: OnceLock<Texts> = OnceLock::new();
    match language {
        Language::English => ENGLISH.get_or_init(|| read(include_str!("../locales/en.toml"))),
        Language::French => FRENCH.get_or_init(|| read(include_str!("../locales/fr.toml"))),
    }
}

fn read(source: &str) -> Texts {
    fn flatten(prefix: &str, table: toml::Table, texts: &mut Texts) {
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            match value {
                toml::Value::Table(inner) => flatten(&format!("{key}."), inner, texts),
                toml::Value::String(text) => {
                    texts.insert(key, text);
                }
                other => panic!("the catalogue holds texts alone, and {key} is {other}"),
            }
        }
    }
    let mut texts = Texts::new();
    flatten("", source.parse().expect("the catalogue, which is part of this program, is TOML"), &mut texts);
    texts
}
