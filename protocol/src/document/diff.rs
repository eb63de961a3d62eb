//! What was replaced between two sequences, as few items as possible (Myers' greedy algorithm,
//! "An O(ND) difference algorithm", 1986).

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A stretch of the old sequence, and what stands in its place in the new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Replaced {
    pub old: Range<usize>,
    pub new: Range<usize>,
}

/// How many single insertions and deletions are looked for: the search takes the square of it in
/// time, and half of that in memory (4 bytes each).
const MOST: usize = 1000;

/// The replacements that make `new` of `old`, in order. Where there are too many of them, all
/// between the common beginning and the common end is one.
pub(super) fn replaced<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Replaced> {
    few(old, new).unwrap_or_else(|middle| vec![middle])
}

/// The replacements that make `new` of `old`, counted in characters: by characters as people see
/// them where few changed, else by words. Cutting an accent or an emoji in two would let two
/// edits merge into something neither of them wrote.
pub(super) fn replaced_text(old: &str, new: &str) -> Vec<Replaced> {
    let by = |old: &[&str], new: &[&str]| {
        few(old, new)
            .map(|found| in_characters(&found, old, new))
            .map_err(|all| in_characters(&[all], old, new))
    };
    let graphemes = |text| UnicodeSegmentation::graphemes(text, true).collect::<Vec<_>>();
    let words = |text| UnicodeSegmentation::split_word_bounds(text).collect::<Vec<_>>();
    by(&graphemes(old), &graphemes(new)).or_else(|_| by(&words(old), &words(new))).unwrap_or_else(|all| all)
}

fn in_characters(replaced: &[Replaced], old: &[&str], new: &[&str]) -> Vec<Replaced> {
    let ends = |pieces: &[&str]| {
        let mut at = 0;
        let ends = pieces.iter().map(|piece| {
            at += piece.chars().count();
            at
        });
        std::iter::once(0).chain(ends).collect::<Vec<_>>()
    };
    let (old, new) = (ends(old), ends(new));
    let range = |at: &Range<usize>, ends: &[usize]| ends[at.start]..ends[at.end];
    replaced.iter().map(|one| Replaced { old: range(&one.old, &old), new: range(&one.new, &new) }).collect()
}

/// As [`replaced`]; the error is the one replacement of everything between.
fn few<T: PartialEq>(old: &[T], new: &[T]) -> Result<Vec<Replaced>, Replaced> {
    let same = |(a, b): &(&T, &T)| a == b;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
    let all = Replaced { old: head..old.len() - tail, new: head..new.len() - tail };
    if all.old.is_empty() && all.new.is_empty() {
        return Ok(Vec::new());
    }
    if all.old.is_empty() || all.new.is_empty() {
        return Ok(vec![all]);
    }
    let found = search(&old[all.old.clone()], &new[all.new.clone()]).ok_or(all)?;
    let shifted = |range: Range<usize>| range.start + head..range.end + head;
    Ok(found.into_iter().map(|one| Replaced { old: shifted(one.old), new: shifted(one.new) }).collect())
}

/// How far into the old sequence each diagonal -d, -d+2, …, d comes with d edits. (On a diagonal,
/// the position in the old sequence less that in the new one is the same.)
type Reach = Vec<u32>;

fn search<T: PartialEq>(old: &[T], new: &[T]) -> Option<Vec<Replaced>> {
    let mut reaches: Vec<Reach> = Vec::new();
    for edits in 0..=MOST as isize {
        let mut reach = Vec::with_capacity(edits as usize + 1);
        for diagonal in (-edits..=edits).step_by(2) {
            let mut x = reaches.last().map_or(0, |before| enter(before, edits, diagonal).0);
            let y = |x: usize| x.checked_add_signed(-diagonal);
            while x < old.len() && y(x).and_then(|y| new.get(y)).is_some_and(|item| *item == old[x]) {
                x += 1;
            }
            reach.push(x as u32);
            if x >= old.len() && y(x).is_some_and(|y| y >= new.len()) {
                return Some(walk_back(&reaches, edits, diagonal));
            }
        }
        reaches.push(reach);
    }
    None
}

/// Where the path that comes furthest with this many edits enters `diagonal`, and whether by an
/// insertion (else by a deletion). `before`: with one edit less.
fn enter(before: &Reach, edits: isize, diagonal: isize) -> (usize, bool) {
    let at = |diagonal: isize| before[((diagonal + edits - 1) / 2) as usize] as usize;
    let inserted = diagonal == -edits || (diagonal != edits && at(diagonal - 1) < at(diagonal + 1));
    (if inserted { at(diagonal + 1) } else { at(diagonal - 1) + 1 }, inserted)
}

fn walk_back(reaches: &[Reach], edits: isize, mut diagonal: isize) -> Vec<Replaced> {
    let mut found: Vec<Replaced> = Vec::new();
    for edits in (1..=edits).rev() {
        let (x, inserted) = enter(&reaches[edits as usize - 1], edits, diagonal);
        let y = (x as isize - diagonal) as usize;
        let one = if inserted {
            diagonal += 1;
            Replaced { old: x..x, new: y - 1..y }
        } else {
            diagonal -= 1;
            Replaced { old: x - 1..x, new: y..y }
        };
        match found.last_mut() {
            Some(next) if next.old.start == one.old.end && next.new.start == one.new.end => {
                next.old.start = one.old.start;
                next.new.start = one.new.start;
            }
            _ => found.push(one),
        }
    }
    found.reverse();
    debug_assert!(
        found
            .windows(2)
            .all(|pair| pair[0].old.end <= pair[1].old.start && pair[0].new.end <= pair[1].new.start),
        "replacements are in order, and none reaches into the next"
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apply(old: &[char], new: &[char], replaced: &[Replaced]) -> Vec<char> {
        let mut result = old.to_vec();
        for one in replaced.iter().rev() {
            result.splice(one.old.clone(), new[one.new.clone()].iter().copied());
        }
        result
    }

    #[test]
    fn a_letter_is_a_letter_and_an_emoji_stays_whole() {
        let found = replaced_text("les élèves", "les élève");
        assert_eq!(found, [Replaced { old: 9..10, new: 9..9 }]);
        // A family is four people and three joiners, a flag two letters.
        let found = replaced_text("a👨‍👩‍👧‍👦b🇫🇷", "a👨‍👩‍👧b🇫🇮");
        assert_eq!(found, [Replaced { old: 1..8, new: 1..6 }, Replaced { old: 9..11, new: 7..9 }]);
    }

    #[test]
    fn texts_with_nothing_in_common_are_one_replacement() {
        let (old, new) = ("a".repeat(100_000), "b".repeat(100_000));
        assert_eq!(replaced_text(&old, &new), [Replaced { old: 0..100_000, new: 0..100_000 }]);
    }

    #[test]
    fn a_text_rewritten_in_many_places_is_compared_by_words() {
        let old = "le chat dort. ".repeat(2000);
        let new = old.replacen("chat", "chien", 400);
        let found = replaced_text(&old, &new);
        assert_eq!(found.len(), 400);
    }

    proptest! {
        #[test]
        fn replacements_make_the_new_of_the_old(old in "[abcé]{0,40}", new in "[abcé]{0,40}") {
            let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
            prop_assert_eq!(apply(&old, &new, &replaced(&old, &new)), new);
        }

        #[test]
        fn replacements_of_texts_too(old in ".{0,30}", new in ".{0,30}") {
            let found = replaced_text(&old, &new);
            let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
            prop_assert_eq!(apply(&old, &new, &found), new);
        }
    }
}
