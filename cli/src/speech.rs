//! What this program says, out of the catalogue of words, in the language that is spoken.

use std::borrow::Cow;

use tandem_protocol::cause::Cause;
use tandem_words::Words;

use crate::language;
use crate::visible::value;

/// A text of the catalogue in the user's language, each of its parameters on one line and visible.
macro_rules! t {
    ($key:expr $(,)?) => { $crate::speech::said(&$key, &[]) };
    ($key:expr, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::speech::said(&$key, &[$((stringify!($name), $crate::visible::value(&$value))),+])
    };
}

/// The words of the language that is spoken; each parameter on one line and visible.
pub fn words() -> Words {
    Words::of(language::current()).shown_by(|text| value(text))
}

/// The text of a key, which a test knows to be there.
pub fn said(key: &str, params: &[(&str, String)]) -> Cow<'static, str> {
    match params {
        [] => words().text(key).map_or_else(|| key.to_owned().into(), Cow::Borrowed),
        params => words().with(key, params).unwrap_or_else(|| key.to_owned()).into(),
    }
}

/// The catalogue's text, if it has one for that key.
pub fn text(key: &str) -> Option<&'static str> {
    words().text(key)
}

/// A cause in words; of one that a newer program knows, its code.
pub fn told(cause: &Cause) -> String {
    words().cause(cause).unwrap_or_else(|| value(cause))
}
