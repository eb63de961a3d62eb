//! The languages that tandem speaks.

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Where nothing else is asked for.
    English,
    /// French.
    French,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its code in ISO 639.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language of exactly that code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// `fr`, `fr_CH.UTF-8`, `fr-BE`: all French.
    pub fn of_locale(locale: &str) -> Option<Self> {
        let code = locale.split(|char: char| !char.is_ascii_alphanumeric()).next()?;
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// The one that an `Accept-Language` header likes best; English where it names none of ours.
    pub fn accepted(header: &str) -> Self {
        let asked = header.split(',').filter_map(|part| {
            let (range, weight) = part.split_once(';').map_or((part, None), |(range, rest)| {
                (range, rest.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f64>().ok()))
            });
            Some((Self::of_locale(range.trim())?, weight.unwrap_or(1.0)))
        });
        let liked = asked.filter(|(_, weight)| *weight > 0.0);
        let first_of_the_best =
            |best: (Self, f64), next: (Self, f64)| if next.1 > best.1 { next } else { best };
        liked.reduce(first_of_the_best).map_or(Self::English, |(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_told_by_their_beginning() {
        for french in ["fr", "fr_CH.UTF-8", "fr-BE", "FR"] {
            assert_eq!(Language::of_locale(french), Some(Language::French), "{french}");
        }
        for other in ["", "fro", "C.UTF-8", "de_DE"] {
            assert_eq!(Language::of_locale(other), None, "{other}");
        }
    }

    #[test]
    fn the_language_liked_best_is_spoken() {
        for (header, code) in [
            ("fr", "fr"),
            ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
            ("de, fr;q=0.3, en;q=0.2", "fr"),
            ("en, fr", "en"),
            ("fr, en", "fr"),
            ("en;q=0.5,fr;q=0.9", "fr"),
            ("fr;q=0", "en"),
            ("*", "en"),
            ("", "en"),
            ("fr;q=viel", "fr"),
            (";;,=,q", "en"),
        ] {
            assert_eq!(Language::accepted(header).code(), code, "{header}");
        }
    }
}
