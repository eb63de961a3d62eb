//! Pieces that many statements of the store's own have in common.

use tandem_protocol::schema::expression::quoted;

/// Names, one beside the other.
pub(crate) fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// That columns are what the parameters from `first` on say.
pub(crate) fn equal(names: impl IntoIterator<Item = impl AsRef<str>>, first: usize) -> String {
    let equal = |(name, at)| format!("{} = ?{at}", quoted(AsRef::<str>::as_ref(&name)));
    names.into_iter().zip(first..).map(equal).collect::<Vec<_>>().join(" AND ")
}
