//! Sizes and ids for people.

/// In the unit that fits.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} KB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// The beginning of an id, enough for people.
pub fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}
