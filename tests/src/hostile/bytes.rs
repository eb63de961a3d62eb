//! Encoded bytes, broken in the ways in which bytes break.

use crate::random::Random;

/// More pieces than this are not put in.
const MOST: usize = 1 << 16;

/// Breaks `bytes` in one to three places.
pub fn broken(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        break_once(&mut bytes, random);
    }
    bytes
}

fn break_once(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() as u64) as usize;
    let piece = |random: &mut Random, bytes: &[u8]| {
        let end = (at + 1 + random.below(40) as usize).min(bytes.len());
        bytes.get(at..end).unwrap_or_default().to_vec()
    };
    match random.below(9) {
        // A bit, a byte; a byte that is a length or a tag as likely as not.
        0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.any() as u8),
        // The forms in which a length says more than there is: 2, 4 and 8 bytes follow.
        3 => {
            let long = *random.pick(&[&[251, 255, 255][..], &[252, 255, 255, 255, 127], &[253; 9]]);
            bytes.splice(at..(at + 1).min(bytes.len()), long.iter().copied());
        }
        4 => bytes.truncate(at),
        5 => {
            let gone = piece(random, bytes).len();
            bytes.drain(at..at + gone);
        }
        6 => {
            let again = piece(random, bytes);
            bytes.splice(at..at, again);
        }
        7 => {
            let times = 1 + random.below(300) as usize;
            let again = piece(random, bytes).repeat(times);
            bytes.splice(at..at, again.into_iter().take(MOST));
        }
        _ => bytes.push(random.any() as u8),
    }
}
