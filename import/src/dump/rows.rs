//! The rows of an INSERT.

use crate::dialect::Dialect;

/// How many rows stand behind VALUES: what opens there on the lowest level.
pub fn count_rows(text: &str, dialect: Dialect) -> u64 {
    let escapes = dialect == Dialect::MySql;
    let (mut depth, mut count, mut has_values) = (0_usize, 0, false);
    let mut bytes = text.as_bytes();
    while let [sign, rest @ ..] = bytes {
        bytes = rest;
        match sign {
            b'\'' | b'"' | b'`' => {
                while let [inner, rest @ ..] = bytes {
                    bytes = rest;
                    match inner {
                        b'\\' if escapes => bytes = bytes.get(1..).unwrap_or_default(),
                        inner if inner == sign => break,
                        _ => {}
                    }
                }
            }
            b'(' => {
                count += u64::from(depth == 0 && has_values);
                depth += 1;
            }
            b')' => depth = depth.saturating_sub(1),
            b'v' | b'V' if depth == 0 && !has_values => {
                has_values = rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"alues"));
            }
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_wherever_parentheses_stand() {
        let text = "INSERT INTO \"values\" (a, b) VALUES (1, '(x) '';'), (f(2), ')'),(3,NULL)";
        assert_eq!(count_rows(text, Dialect::Sqlite), 3);
        assert_eq!(count_rows("INSERT INTO `a` VALUES (1,'it\\'s ('),(2,'\\\\')", Dialect::MySql), 2);
    }
}
