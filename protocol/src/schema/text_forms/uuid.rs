//! The canonical text of UUIDs.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The 16 bytes of a canonical UUID text (lower case, four hyphens); `None` for any other text.
pub fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let digit = |at: usize| match text[at] {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = digit(at)? << 4 | digit(at + 1)?;
        at += 2;
    }
    Some(bytes)
}

/// The canonical text of a UUID.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    debug_assert_eq!(uuid_bytes(&text).as_ref(), Some(bytes), "what is written is read back");
    text
}

/// Any usual UUID text (upper case, braces, `urn:uuid:`, without hyphens) in canonical form.
pub fn canonical_uuid(text: &str) -> Option<String> {
    let text = text.trim();
    let named = text.get(..9).filter(|prefix| prefix.eq_ignore_ascii_case("urn:uuid:"));
    let hex: Vec<u8> = text[named.map_or(0, str::len)..]
        .trim_start_matches('{')
        .trim_end_matches('}')
        .bytes()
        .filter(|byte| *byte != b'-')
        .collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(&hex).ok()?;
    Some(uuid_text(&bytes.try_into().ok()?))
}
