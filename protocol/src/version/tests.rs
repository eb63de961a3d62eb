//! Vectors against the sets of transactions they stand for, worked out one by one.

use proptest::prelude::*;

use super::*;
use crate::bounds;
use crate::chain::{BranchFault, Origin};
use crate::codec;

/// Two authors and their branches.
struct World {
    chains: Vec<Chain>,
    branches: Branches,
}

fn head(chain: Chain, seq: u64) -> Head {
    let hash = blake3::hash(&codec::encode(&(chain, seq)));
    let mut prefix = [0; 16];
    prefix.copy_from_slice(&hash.as_bytes()[..16]);
    Head { seq, prefix: if seq == 0 { [0; 16] } else { prefix } }
}

/// Each branch: whose, which chain of that author it leaves, how far into it.
type Shape = Vec<(u8, usize, u64)>;

impl World {
    fn new(shape: &Shape) -> Self {
        let trunks = [1, 2].map(|author| Chain::from(Author([author; 32])));
        let mut world = Self { chains: trunks.to_vec(), branches: Branches::default() };
        for (number, (author, parent, into)) in shape.iter().enumerate() {
            let of_author = world.chains.iter().filter(|chain| chain.author.0[0] == author % 2 + 1);
            let of_author: Vec<Chain> = of_author.copied().collect();
            let parent = of_author[parent % of_author.len()];
            let last = if parent.branch.is_trunk() { into % 5 } else { world.first(parent) + into % 4 };
            let origin = Origin { parent: parent.branch, last: head(parent, last) };
            let chain = parent.beside(Branch::from([number as u8 + 10; 16]));
            world.branches.begin(chain, origin).unwrap();
            world.chains.push(chain);
        }
        world
    }

    fn first(&self, chain: Chain) -> u64 {
        self.branches.first(&chain).unwrap()
    }

    /// The transactions up to six into a chain.
    fn all(&self) -> Vec<Dot> {
        let of_chain = |chain: Chain| (0..6).map(move |into| Dot::new(chain, self.first(chain) + into));
        self.chains.iter().copied().flat_map(of_chain).collect()
    }

    fn before(&self, dot: Dot) -> Option<Dot> {
        match self.branches.origin(&dot.chain()) {
            Some(origin) if dot.seq == origin.first() => {
                (origin.last.seq > 0).then(|| Dot::new(dot.chain().beside(origin.parent), origin.last.seq))
            }
            _ => (dot.seq > 1).then(|| Dot { seq: dot.seq - 1, ..dot }),
        }
    }

    /// These and all before them.
    fn set(&self, picks: &[(usize, u64)]) -> BTreeSet<Dot> {
        let mut set = BTreeSet::new();
        for (chain, into) in picks {
            let chain = self.chains[chain % self.chains.len()];
            let mut at = Some(Dot::new(chain, self.first(chain) + into % 6));
            while let Some(dot) = at {
                set.insert(dot);
                at = self.before(dot);
            }
        }
        set
    }

    fn vector(&self, set: &BTreeSet<Dot>) -> VersionVector {
        VersionVector::of(set.iter().map(|dot| (dot.chain(), head(dot.chain(), dot.seq))), &self.branches)
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec((0u8..2, 0usize..8, 0u64..8), 0..7)
}

fn picks() -> impl Strategy<Value = Vec<(usize, u64)>> {
    prop::collection::vec((0usize..9, 0u64..6), 0..6)
}

fn joined(one: &VersionVector, other: &VersionVector) -> VersionVector {
    let mut joined = one.clone();
    joined.join(other);
    joined
}

proptest! {
    #[test]
    fn a_vector_is_the_set_of_what_it_covers(shape in shapes(), a in picks()) {
        let world = World::new(&shape);
        let set = world.set(&a);
        let vector = world.vector(&set);
        for dot in world.all() {
            prop_assert_eq!(vector.covers(&dot), set.contains(&dot), "{:?} of {:?}", dot, &vector);
            let last = set.iter().rfind(|held| held.chain() == dot.chain());
            let last = last.map(|last| head(last.chain(), last.seq));
            prop_assert_eq!(vector.get(dot.chain()), last, "{:?} of {:?}", dot, &vector);
        }
        prop_assert_eq!(vector.transactions(), set.len() as u64);
        prop_assert_eq!(vector.is_empty(), set.is_empty());
        // In whatever order it came.
        let mut again = VersionVector::default();
        for dot in set.iter().rev() {
            again.advance(dot.chain(), head(dot.chain(), dot.seq), &world.branches);
        }
        prop_assert_eq!(&again, &vector);
        let bytes = codec::encode(&vector);
        prop_assert_eq!(codec::decode::<VersionVector>(&bytes, "vector"), Ok(vector));
    }

    #[test]
    fn two_vectors_compare_and_combine_as_their_sets_do(shape in shapes(), a in picks(), b in picks()) {
        let world = World::new(&shape);
        let (one, other) = (world.set(&a), world.set(&b));
        let (a, b) = (world.vector(&one), world.vector(&other));
        prop_assert_eq!(a.covers_all(&b), one.is_superset(&other));
        prop_assert_eq!(a.ahead_of(&b), one.difference(&other).count() as u64);
        prop_assert_eq!(a == b, one == other);
        prop_assert_eq!(a.digest() == b.digest(), one == other);
        prop_assert_eq!(joined(&a, &b), world.vector(&one.union(&other).copied().collect()));
        let common = a.within(|chain| b.get(chain));
        prop_assert_eq!(common, world.vector(&one.intersection(&other).copied().collect()));
        let author = Author([1; 32]);
        let others = one.iter().filter(|dot| dot.author != author).copied().collect();
        prop_assert_eq!(a.without(&author), world.vector(&others));
    }

    #[test]
    fn join_is_a_least_upper_bound(shape in shapes(), a in picks(), b in picks(), c in picks()) {
        let world = World::new(&shape);
        let [a, b, c] = [a, b, c].map(|picks| world.vector(&world.set(&picks)));
        prop_assert_eq!(joined(&a, &b), joined(&b, &a));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        prop_assert_eq!(joined(&a, &a), a.clone());
        prop_assert!(joined(&a, &b).covers_all(&a));
        prop_assert_eq!(a.covers_all(&b), joined(&a, &b) == a);
    }

    #[test]
    fn growth_is_what_the_earlier_vector_lacks(shape in shapes(), a in picks(), b in picks()) {
        let world = World::new(&shape);
        let [a, b] = [a, b].map(|picks| world.vector(&world.set(&picks)));
        let later = joined(&a, &b);
        let growth = later.growth_since(&a);
        prop_assert_eq!(&joined(&a, &growth), &later);
        prop_assert_eq!(later.ahead_of(&a), later.transactions() - a.transactions());
        prop_assert_eq!(growth.is_empty(), later == a);
        let bytes = codec::encode(&growth);
        prop_assert_eq!(codec::decode::<VersionVector>(&bytes, "vector"), Ok(growth));
    }

    /// Whoever says that a branch begins elsewhere takes nothing away, and brings nothing of it.
    #[test]
    fn a_lie_about_a_branch_changes_nothing_that_is_known(
        shape in shapes(), lie in shapes(), a in picks(), b in picks()
    ) {
        let (world, liar) = (World::new(&shape), World::new(&lie));
        let (known, said) = (world.vector(&world.set(&a)), liar.vector(&liar.set(&b)));
        let after = joined(&known, &said);
        prop_assert!(after.covers_all(&known));
        for (chain, origin) in known.branches().iter() {
            prop_assert_eq!(after.branches().origin(chain), Some(origin));
        }
        prop_assert_eq!(codec::decode(&codec::encode(&after), "vector"), Ok(after));
    }

    #[test]
    fn no_bytes_make_it_panic(shape in shapes(), a in picks(), at: prop::sample::Index, byte: u8) {
        let world = World::new(&shape);
        let mut bytes = codec::encode(&world.vector(&world.set(&a)));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(vector) = codec::decode::<VersionVector>(&bytes, "vector") {
            prop_assert_eq!(codec::decode(&codec::encode(&vector), "vector"), Ok(vector));
        }
    }
}

fn trunks(count: usize) -> VersionVector {
    let author = |number: usize| {
        let mut author = [0; 32];
        author[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Author(author)
    };
    (0..count).map(|number| (author(number), Head { seq: u64::MAX >> 1, prefix: [9; 16] })).collect()
}

/// As it was before there were branches.
#[test]
fn branches_take_no_byte_where_there_are_none() {
    assert_eq!(codec::encode(&VersionVector::default()), [0]);
    let one = VersionVector::from([(Author([5; 32]), Head { seq: 3, prefix: [9; 16] })]);
    assert_eq!(codec::encode(&one).len(), 1 + 32 + 1 + 16);
    assert_eq!(codec::encode(&trunks(125)).len(), 1 + 125 * (32 + 9 + 16));
}

#[test]
fn the_largest_vector_fits_into_a_message_and_a_larger_one_is_none() {
    let mut largest = trunks(bounds::AUTHORS);
    let last = Head { seq: 1 << 40, prefix: [9; 16] };
    let trunks_of =
        |vector: &VersionVector| vector.heads().map(|(chain, _)| chain.author).collect::<Vec<_>>();
    let authors = trunks_of(&largest);
    let mut begun = Branches::default();
    for number in 0..bounds::ALL_BRANCHES {
        let author = Chain::from(authors[number / bounds::BRANCHES]);
        // Every other one leaves the one before.
        let name = |number: usize| {
            let mut name = [number as u8; 16];
            name[0] = (number >> 8) as u8;
            Branch::from(name)
        };
        let (parent, seq) =
            if number % 2 == 0 { (Branch::TRUNK, 1 << 40) } else { (name(number - 1), 1 << 41) };
        let chain = author.beside(name(number));
        begun.begin(chain, Origin { parent, last: Head { seq, ..last } }).unwrap();
        largest.advance(chain, Head { seq: 1 << 42, ..last }, &begun);
    }
    assert_eq!(largest.branches().len(), bounds::ALL_BRANCHES);
    let bytes = codec::encode(&largest);
    assert!(bytes.len() + 64 <= crate::session::limits::MESSAGE_BYTES, "{} bytes", bytes.len());
    assert_eq!(codec::decode(&bytes, "vector"), Ok(largest));
    let larger = codec::encode(&trunks(bounds::AUTHORS + 1));
    assert!(codec::decode::<VersionVector>(&larger, "vector").is_err());
    let beyond = Chain::from(authors[4_000]).beside(Branch::from([1; 16]));
    let origin = Origin { parent: Branch::TRUNK, last };
    assert_eq!(begun.begin(beyond, origin), Err(BranchFault::TooMany));
}

#[test]
fn a_head_of_a_branch_stands_for_all_that_leads_to_it() {
    // A trunk of 4, on it a branch from 5 to 7, on that another from 8 on.
    let world = World::new(&vec![(0, 0, 4), (0, 1, 2)]);
    let [trunk, _, outer, inner] = world.chains[..] else { panic!() };
    let vector = VersionVector::of([(inner, head(inner, 9))], &world.branches);
    assert_eq!([trunk, outer, inner].map(|chain| vector.seq(chain)), [4, 7, 9]);
    assert!(vector.covers(&Dot::new(trunk, 4)) && !vector.covers(&Dot::new(trunk, 5)));
    assert_eq!(vector.heads().count(), 1);
    assert_eq!(vector.transactions(), 9);
    assert_eq!(vector.get(outer), Some(head(outer, 7)), "with its hash");
}
