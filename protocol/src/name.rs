//! Names: of tables, columns, indices, sites and spaces. What people or SQL take for equal is one
//! name on every site, and what cannot be seen is let into none.

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::bounds;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// There is nothing in it, or it begins or ends with a space.
    #[error("it is empty, or begins or ends with a space")]
    Empty,
    /// It has more than [`bounds::NAME_BYTES`] bytes.
    #[error("it is longer than {most} bytes", most = bounds::NAME_BYTES)]
    TooLong,
    /// A character of it is not one that everybody sees: unassigned, invisible, a direction mark, a
    /// line break, or a space other than the plain one.
    #[error("it holds the character U+{0:04X}, which cannot be seen or is not assigned")]
    Character(u32),
    /// It is not in Unicode's composed form (NFC), the only one in which names travel.
    #[error("it is not in composed form (NFC)")]
    NotComposed,
    /// SQLite or tandem keeps it for itself.
    #[error("it is reserved")]
    Reserved,
}

/// The one spelling by which a name is compared: composed (NFC), then ASCII lower case, no more.
/// (SQLite compares names so; to fold more would make one name of two that it tells apart.)
pub fn fold(name: &str) -> String {
    composed(name).to_ascii_lowercase()
}

/// A typed name in the form in which names travel.
pub fn composed(name: &str) -> String {
    NFC.normalize(name).into_owned()
}

/// Whether two names are one.
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether people take two names for one, of sites or spaces: composed, and without regard to case.
/// Only what is typed and shown here follows from it, never what sites must agree on.
pub fn looks_same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    let seen = |name: &str| composed(&composed(name).to_lowercase());
    one == other || seen(one) == seen(other)
}

/// Whether `name` can be the name of anything. The verdict follows Unicode's tables as this program
/// has them (a golden test pins them): a change of them is a change of what sites agree on.
pub fn check(name: &str) -> Result<(), NameFault> {
    if name.is_empty() || name.starts_with(' ') || name.ends_with(' ') {
        return Err(NameFault::Empty);
    }
    if name.len() > bounds::NAME_BYTES {
        return Err(NameFault::TooLong);
    }
    if let Some(unseen) = name.chars().find(|char| !is_seen(*char)) {
        return Err(NameFault::Character(u32::from(unseen)));
    }
    if !NFC.is_normalized(name) {
        return Err(NameFault::NotComposed);
    }
    Ok(())
}

/// Whether `name` can be the name of a table, column or index: [`check`], and nobody else's.
pub fn check_sql(name: &str) -> Result<(), NameFault> {
    check(name)?;
    let folded = fold(name);
    let reserved = folded.starts_with("_tandem") || folded.starts_with("sqlite_") || folded == "rowid";
    if reserved { Err(NameFault::Reserved) } else { Ok(()) }
}

/// Whether a character shows nothing of itself, or does something to what is beside it, where text
/// is shown: a control character, a direction mark, a line break, or one without width. (In a name
/// more is refused: what some programs cannot show.)
pub fn is_hidden(char: char) -> bool {
    if char == ' ' || char.is_ascii_graphic() {
        return false;
    }
    let acts = matches!(
        CodePointMapData::<GeneralCategory>::new().get(char),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    acts || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
}

fn is_seen(char: char) -> bool {
    if char == ' ' || char.is_ascii_graphic() {
        return true;
    }
    let hidden = matches!(
        CodePointMapData::<GeneralCategory>::new().get(char),
        GeneralCategory::Unassigned
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::SpaceSeparator
    );
    !hidden && !is_hidden(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_equal_fold_to_one() {
        for (one, other) in [("Notes", "notes"), ("e\u{301}le\u{300}ve", "élève"), ("ÉLÈVE", "ÉlÈve")] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        // No more than SQLite does: these are two names everywhere.
        for (one, other) in [("É", "é"), ("straße", "strasse"), ("ﬁ", "fi"), ("I", "ı"), ("K", "\u{212a}x")]
        {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
        assert_eq!(composed("e\u{301}"), "é");
    }

    #[test]
    fn names_that_people_take_for_one_look_the_same() {
        for (one, other) in [("Caisse", "caisse"), ("É", "e\u{301}"), ("ÉCOLE 2", "école 2"), ("a", "a")] {
            assert!(looks_same(one, other), "{one} {other}");
        }
        for (one, other) in [("Caisse", "Caisse 2"), ("école", "ecole"), ("", "a")] {
            assert!(!looks_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_no_name() {
        for name in ["élève", "notes (2)", "a\"b", "学生", "🙂", "order", "x'); DROP TABLE t; --"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let unseen = |char: char| NameFault::Character(u32::from(char));
        for char in
            ['\0', '\n', '\u{7f}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{fe0f}']
        {
            assert_eq!(check(&format!("a{char}b")), Err(unseen(char)));
        }
        // Unassigned, for private use, no character at all; a letter that fills no space.
        for char in ['\u{378}', '\u{e000}', '\u{fffff}', '\u{ffff}', '\u{3164}', '\u{e0041}'] {
            assert_eq!(check(&format!("a{char}")), Err(unseen(char)));
        }
        assert_eq!(check("e\u{301}"), Err(NameFault::NotComposed));
        assert_eq!(check(&"x".repeat(bounds::NAME_BYTES + 1)), Err(NameFault::TooLong));
        for name in ["", " a", "a "] {
            assert_eq!(check(name), Err(NameFault::Empty), "{name:?}");
        }
        for name in ["_tandem_x", "_TANDEM", "sqlite_sequence", "SQLite_x", "RowId"] {
            assert_eq!(check_sql(name), Err(NameFault::Reserved), "{name}");
        }
        assert_eq!((check_sql("sqlite2"), check_sql("_tand")), (Ok(()), Ok(())));
    }

    /// The verdict over every code point, and how they compose: a change of Unicode's tables shows
    /// here, and then needs a decision, for sites of both programs must agree.
    #[test]
    fn every_code_point_is_judged_as_it_was() {
        let mut seen = blake3::Hasher::new();
        let mut composes = blake3::Hasher::new();
        for char in (0..=0x10_ffff).filter_map(char::from_u32) {
            seen.update(&[u8::from(is_seen(char))]);
            composes.update(fold(&char.to_string()).as_bytes());
        }
        let told = format!("{} {}", seen.finalize(), composes.finalize());
        crate::golden::pinned("names.txt", &told);
    }
}
