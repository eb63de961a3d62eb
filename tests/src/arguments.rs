//! The flags of the programs here that take numbers only.

/// The numbers that follow the flags given, in the order of `known`. What is no such flag, or has no
/// number behind it, is refused with what there is: a run of an hour must not begin by mistake.
pub fn numbers<const N: usize>(known: [&str; N]) -> Result<[Option<u64>; N], String> {
    read(known, std::env::args().skip(1))
}

fn read<const N: usize>(
    known: [&str; N],
    mut given: impl Iterator<Item = String>,
) -> Result<[Option<u64>; N], String> {
    let refused = |word: &str| format!("{word}: what can be given is a number behind {}", known.join(", "));
    let mut numbers = [None; N];
    while let Some(flag) = given.next() {
        let at = known.iter().position(|known| *known == flag).ok_or_else(|| refused(&flag))?;
        let number = given.next().and_then(|number| number.parse().ok());
        numbers[at] = Some(number.ok_or_else(|| refused(&flag))?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_flag_begins_nothing() {
        let read = |words: &str| read(["--ops", "--seed"], words.split_whitespace().map(String::from));
        assert_eq!(read(""), Ok([None, None]));
        assert_eq!(read("--seed 7 --ops 3"), Ok([Some(3), Some(7)]));
        for wrong in ["--help", "7", "--ops", "--ops x", "--ops --seed 7", "--seed 7 x"] {
            assert!(read(wrong).unwrap_err().contains("--ops, --seed"), "{wrong}");
        }
    }
}
