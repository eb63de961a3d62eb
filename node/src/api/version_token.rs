//! Version vectors as the opaque token that a read returns and a write can give as its basis.

use tandem_protocol::chain::{Branches, Chain, Head, Origin};
use tandem_protocol::version::VersionVector;

use super::error::Result;
use super::error_kind::basis_refused;

/// Joined by commas: for each branch `CHAIN:SEQ:HASHPREFIX:PARENT`, the transaction before its first
/// and the branch that this is on; for each head `CHAIN:SEQ:HASHPREFIX`.
pub fn encode(vector: &VersionVector) -> String {
    let head = |chain: &Chain, head: &Head| {
        format!("{chain}:{}:{:032x}", head.seq, u128::from_be_bytes(head.prefix))
    };
    let begins =
        |(chain, origin): (&Chain, &Origin)| format!("{}:{}", head(chain, &origin.last), origin.parent);
    let branches = vector.branches().iter().map(begins);
    branches.chain(vector.heads().map(|(chain, of)| head(chain, of))).collect::<Vec<_>>().join(",")
}

/// Reads what [`encode`] made.
pub fn decode(token: &str) -> Result<VersionVector> {
    read(token).ok_or_else(|| basis_refused.error())
}

fn read(token: &str) -> Option<VersionVector> {
    let (mut branches, mut heads) = (Branches::default(), Vec::new());
    for entry in token.split(',').filter(|entry| !entry.is_empty()) {
        let parts: Vec<&str> = entry.split(':').collect();
        let [chain, seq, prefix, parent @ ..] = parts.as_slice() else { return None };
        let prefix = u128::from_str_radix(prefix, 16).ok()?.to_be_bytes();
        let (chain, last) = (chain.parse().ok()?, Head { seq: seq.parse().ok()?, prefix });
        match parent {
            [] => heads.push((chain, last)),
            [parent] => branches.begin(chain, Origin { parent: parent.parse().ok()?, last }).ok()?,
            _ => return None,
        }
    }
    let is_known = |(chain, _): &(Chain, Head)| branches.first(chain).is_some();
    heads.iter().all(is_known).then(|| VersionVector::of(heads, &branches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::chain::Branch;
    use tandem_protocol::identity::Author;

    #[test]
    fn a_token_means_the_vector_it_was_made_of() {
        let head = Head { seq: 7, prefix: [0, 1, 2, 3, 4, 5, 6, 255, 0, 1, 2, 3, 4, 5, 6, 255] };
        let far = Head { seq: u64::MAX, prefix: [9; 16] };
        let mut vector = VersionVector::from([(Author([1; 32]), head), (Author([2; 32]), far)]);
        assert_eq!(decode(&encode(&vector)).unwrap(), vector);
        // A branch, and one that leaves it.
        let mut branches = Branches::default();
        let [outer, inner] = [3, 4].map(|name| Chain::from(Author([1; 32])).beside([name; 16].into()));
        branches.begin(outer, Origin { parent: Branch::TRUNK, last: head }).unwrap();
        branches.begin(inner, Origin { parent: outer.branch, last: Head { seq: 9, ..head } }).unwrap();
        vector.advance(inner, Head { seq: 12, ..head }, &branches);
        assert_eq!(decode(&encode(&vector)).unwrap(), vector);
        assert_eq!(decode(&format!("{inner}:12:09")).unwrap_err().code, "basis_refused");
        assert_eq!(decode("").unwrap(), VersionVector::default());
        for wrong in ["x", "a:b:c", "::", &encode(&vector)[1..]] {
            assert_eq!(decode(wrong).unwrap_err().code, "basis_refused");
        }
    }
}
