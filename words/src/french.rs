//! How French words are joined.

/// Words that lose their last letter before a vowel.
const ELIDED: [&str; 11] = ["de", "la", "le", "que", "ne", "se", "je", "me", "te", "lorsque", "puisque"];

/// What begins with a vowel and yet is joined to nothing.
const APART: [&str; 3] = ["oui", "onze", "onzième"];

/// Takes the last letter of a text away, where it is not said before what follows: `de ` becomes `d'`. Whether
/// an `h` is said, its letters do not tell: before one, nothing is taken away.
pub fn elide(text: &mut String, next: &str) {
    let word = next.split(|char: char| !char.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    let is_vowel = |char: char| "aàâæeéèêëiîïoôœuùûü".contains(char);
    if !word.starts_with(is_vowel) || APART.contains(&word.as_str()) {
        return;
    }
    let Some(before) = text.strip_suffix(' ') else { return };
    let last = before.rsplit(|char: char| !char.is_alphabetic()).next().unwrap_or_default();
    // `montrez-le à Zoé`: behind a hyphen it is said.
    let is_tied = before[..before.len() - last.len()].ends_with('-');
    if !is_tied && ELIDED.contains(&last.to_lowercase().as_str()) {
        text.truncate(before.len() - 1);
        text.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_is_not_said_is_not_written() {
        for (before, next, expected) in [
            ("à la place de ", "une liste", "à la place d'"),
            ("L'horloge de ", "École", "L'horloge d'"),
            ("ce que ", "elle", "ce qu'"),
            ("le ", "articles.prix", "l'"),
            ("de ", "paiements", "de "),
            ("de ", "« articles »", "de "),
            ("de ", "1", "de "),
            ("de ", "", "de "),
            ("de ", "onze", "de "),
            ("de ", "horloges", "de "),
            ("Remettez-le ", "ensuite", "Remettez-le "),
            ("code ", "à", "code "),
            ("espace de", "une", "espace de"),
            ("", "une", ""),
        ] {
            let mut text = before.to_owned();
            elide(&mut text, next);
            assert_eq!(text, expected, "{before}{next}");
        }
    }
}
