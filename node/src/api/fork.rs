//! Chains that forked: two transactions of one name, held by different sites.

use serde::{Deserialize, Serialize};
use tandem_protocol::chain::Chain;
use tandem_protocol::fork::{self, Withheld};
use tandem_protocol::identity::Prefix;
use tandem_protocol::membership::Membership;

/// Two transactions of one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fork {
    /// Id of the site whose name they bear.
    pub author: String,
    /// That site's name.
    pub site_name: String,
    /// Their number. The first that differs may be an earlier one.
    pub seq: u64,
    /// First half of the hash of the one held here, in hexadecimal.
    pub held: String,
    /// The same of the other.
    pub other: String,
}

/// What cannot be taken in because it was written knowing another branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Id of the site that wrote it.
    pub author: String,
    /// That site's name.
    pub site_name: String,
    /// Its first transaction that cannot be taken in; none after it can either.
    pub from: u64,
}

impl Fork {
    /// A fork, with the names that members have.
    pub fn of(membership: &Membership, fork: &fork::Fork) -> Self {
        let hex = |prefix: Prefix| format!("{:032x}", u128::from_be_bytes(prefix));
        Self {
            author: fork.chain().to_string(),
            site_name: membership.shown_name(&fork.author),
            seq: fork.seq,
            held: hex(fork.held),
            other: hex(fork.other),
        }
    }
}

impl HeldBack {
    /// What does not pass, chain by chain.
    pub fn of(membership: &Membership, withheld: &Withheld) -> Vec<Self> {
        let one = |(chain, from): (&Chain, &u64)| Self {
            author: chain.to_string(),
            site_name: membership.shown_name(&chain.author),
            from: *from,
        };
        withheld.0.iter().map(one).collect()
    }
}
