//! Which language to speak: `--lang`, `TANDEM_LANG`, `tandem.toml`, the system's locale, English.

use std::ffi::OsString;

/// The languages of the catalogues.
pub const LANGUAGES: [&str; 2] = ["en", "fr"];

/// Chooses before the command line is parsed, so that its refusal is told in that language too.
pub fn choose(words: &[OsString]) {
    let environment = std::env::var("TANDEM_LANG").ok();
    let asked = said(words).or(environment).filter(|lang| LANGUAGES.contains(&lang.as_str()));
    rust_i18n::set_locale(&asked.unwrap_or_else(|| of_system().to_owned()));
}

/// The system's language, if it is one of ours.
pub fn of_system() -> &'static str {
    let set = |name: &&str| std::env::var(name).ok().filter(|locale| !locale.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
    #[cfg(windows)]
    let locale = locale.or_else(sys_locale::get_locale);
    let locale = locale.unwrap_or_default();
    LANGUAGES.into_iter().find(|lang| is_of(&locale, lang)).unwrap_or("en")
}

/// `fr`, `fr_CH.UTF-8`, `fr-BE`: all French.
fn is_of(locale: &str, lang: &str) -> bool {
    locale.strip_prefix(lang).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
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

    #[test]
    fn locales_are_told_by_their_beginning() {
        assert!(is_of("fr_CH.UTF-8", "fr") && is_of("fr", "fr") && is_of("fr-BE", "fr"));
        assert!(!is_of("fro", "fr") && !is_of("C.UTF-8", "fr") && !is_of("", "fr"));
    }
}
