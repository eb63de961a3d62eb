//! Sizes and ids for people.

/// In the unit that fits.
pub fn bytes(count: u64) -> String {
    let of = |unit: f64| decimal(count as f64 / unit);
    match count {
        0..1_000 => t!("size.bytes", count = count),
        1_000..1_000_000 => t!("size.kilo", count = of(1e3)),
        1_000_000..1_000_000_000 => t!("size.mega", count = of(1e6)),
        _ => t!("size.giga", count = of(1e9)),
    }
    .into_owned()
}

/// With one digit behind the sign that stands there in the reader's language.
pub fn decimal(number: f64) -> String {
    format!("{number:.1}").replace('.', &t!("size.point"))
}

/// The beginning of an id, enough for people.
pub fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}
