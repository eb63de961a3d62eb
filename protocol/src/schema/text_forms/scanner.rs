//! Texts of dates and times, read sign by sign.

/// What is left of a text to read.
pub(super) struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    /// Of a text as it is.
    pub(super) fn exact(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Of a text as people type it: space around it counts for nothing.
    pub(super) fn new(text: &'a str) -> Self {
        Self::exact(text.trim())
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, if it is one of these.
    pub(super) fn any_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| bytes.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    /// As many digits as come next.
    pub(super) fn digits(&mut self) -> &'a [u8] {
        let (digits, rest) = self.0.split_at(self.0.iter().take_while(|byte| byte.is_ascii_digit()).count());
        self.0 = rest;
        digits
    }

    /// Whether all that is left is this word, in whatever case. Then nothing is.
    pub(super) fn last_word(&mut self, word: &[u8]) -> bool {
        let is_last = self.0.eq_ignore_ascii_case(word);
        if is_last {
            self.0 = &[];
        }
        is_last
    }

    /// A number of two digits, at most `most`.
    pub(super) fn two(&mut self, most: i64) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(2)?;
        let number = digits
            .iter()
            .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))?;
        self.0 = rest;
        (number <= most).then_some(number)
    }

    /// What stands between a date and a time.
    pub(super) fn between(&mut self) -> Option<u8> {
        self.any_of(b"Tt ")
    }
}
