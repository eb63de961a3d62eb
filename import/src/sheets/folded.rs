//! Names as people write them: whatever of a name is not a letter or a digit, its case and its accents
//! count for nothing. `Date de naissance`, `date_de_naissance` and `DATE DE NAISSANCE` are one.

use icu_normalizer::{DecomposingNormalizer, DecomposingNormalizerBorrowed};

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizer::new_nfkd();

/// A name without what people write now so, now otherwise.
pub fn folded(name: &str) -> String {
    let letters = NFKD.normalize(name);
    letters.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_one_name_is_one() {
        for name in ["Prénom_élève", "PRENOM ELEVE", "prénom-eleve", "Pre\u{301}nom e\u{301}le\u{300}ve"]
        {
            assert_eq!(folded(name), "prenomeleve", "{name}");
        }
        assert_ne!(folded("n1"), folded("n2"));
        assert_eq!(folded("№"), "no");
    }
}
