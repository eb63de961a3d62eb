//! Which language to speak: `--lang`, `TANDEM_LANG`, `tandem.toml`, the system's locale, English.

use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};

use tandem_words::Language;

/// The place of the chosen one among all.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// The language that is spoken.
pub fn current() -> Language {
    Language::ALL[CHOSEN.load(Ordering::Relaxed)]
}

/// Speaks another.
pub fn speak(language: Language) {
    let place = Language::ALL.iter().position(|known| *known == language);
    assert!(place.is_some(), "every language is among all");
    CHOSEN.store(place.unwrap_or_default(), Ordering::Relaxed);
}

/// Chooses before the command line is parsed, so that its refusal is told in that language too.
pub fn choose(words: &[OsString]) {
    let asked = said(words).or_else(|| std::env::var("TANDEM_LANG").ok());
    speak(asked.and_then(|code| Language::of_code(&code)).unwrap_or_else(of_system));
}

/// The codes of all languages.
pub fn codes() -> [&'static str; Language::ALL.len()] {
    Language::ALL.map(Language::code)
}

/// The system's language, if it is one of ours.
pub fn of_system() -> Language {
    let set = |name: &&str| std::env::var(name).ok().filter(|locale| !locale.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
    #[cfg(windows)]
    let locale = locale.or_else(sys_locale::get_locale);
    locale.and_then(|locale| Language::of_locale(&locale)).unwrap_or(Language::English)
}

fn said(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        match word.strip_prefix("--lang") {
            Some("") => return words.next().map(str::to_owned),
            Some(rest) => return rest.strip_prefix('=').map(str::to_owned),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_found_wherever_it_stands() {
        let said = |line: &str| said(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(said("tandem --lang fr status").as_deref(), Some("fr"));
        assert_eq!(said("tandem status --lang=fr").as_deref(), Some("fr"));
        assert_eq!(said("tandem sql x -- --lang fr"), None);
        assert_eq!(said("tandem status --lang"), None);
    }
}
