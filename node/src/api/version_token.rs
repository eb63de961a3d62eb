//! Version vectors as the opaque token that a read returns and a write can give as its basis.

use tandem_protocol::version::{Head, VersionVector};

use super::error::Result;
use super::error_kind::basis_refused;

/// `AUTHOR:SEQ:HASHPREFIX` for each author, joined by commas.
pub fn encode(vector: &VersionVector) -> String {
    let entry = |(author, head): (&_, &Head)| {
        format!("{author}:{}:{:032x}", head.seq, u128::from_be_bytes(head.prefix))
    };
    vector.0.iter().map(entry).collect::<Vec<_>>().join(",")
}

/// Reads what [`encode`] made.
pub fn decode(token: &str) -> Result<VersionVector> {
    let mut vector = VersionVector::default();
    for entry in token.split(',').filter(|entry| !entry.is_empty()) {
        let mut parts = entry.split(':');
        let (Some(author), Some(seq), Some(prefix), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(basis_refused.error());
        };
        let author = author.parse().map_err(|_| basis_refused.error())?;
        let seq = seq.parse().map_err(|_| basis_refused.error())?;
        let prefix = u128::from_str_radix(prefix, 16).map_err(|_| basis_refused.error())?;
        vector.advance(author, Head { seq, prefix: prefix.to_be_bytes() });
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::identity::Author;

    #[test]
    fn a_token_means_the_vector_it_was_made_of() {
        let mut vector = VersionVector::default();
        vector.advance(
            Author([1; 32]),
            Head { seq: 7, prefix: [0, 1, 2, 3, 4, 5, 6, 255, 0, 1, 2, 3, 4, 5, 6, 255] },
        );
        vector.advance(Author([2; 32]), Head { seq: u64::MAX, prefix: [9; 16] });
        assert_eq!(decode(&encode(&vector)).unwrap(), vector);
        assert_eq!(decode("").unwrap(), VersionVector::default());
        for wrong in ["x", "a:b:c", "::", &encode(&vector)[1..]] {
            assert_eq!(decode(wrong).unwrap_err().code, "basis_refused");
        }
    }
}
