//! Numbers of a fixed number of digits, with a sign between them.

/// The texts of numbers that have at most so many digits. Each statement's moments pass here: what the standard library
/// makes of a width is slower.
pub(super) fn digits(parts: [(i64, u32); 3], between: char) -> String {
    let mut text = String::with_capacity(32);
    for (number, width) in parts {
        debug_assert!((0..10i64.pow(width)).contains(&number), "a number has room for its digits");
        if !text.is_empty() {
            text.push(between);
        }
        for place in (0..width).rev() {
            text.push(char::from(b'0' + (number / 10i64.pow(place) % 10) as u8));
        }
    }
    text
}
