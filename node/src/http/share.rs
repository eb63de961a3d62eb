//! Connections, and who has how many of them: nobody can take them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{Result, error_kind};

/// Connections in all, event streams not counted.
pub(super) const CONNECTIONS: usize = 64;
/// Those that are kept for this PC: others get the rest.
const OWN: usize = 16;
/// Connections of one other PC.
pub(super) const OF_ONE: usize = 16;
/// Event streams.
const STREAMS: usize = 64;

/// All connections of a node.
#[derive(Clone, Default)]
pub(super) struct Shares(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    streams: usize,
    /// Of other PCs.
    others: HashMap<IpAddr, usize>,
}

/// One connection's place, until the last clone is dropped.
#[derive(Clone)]
pub(super) struct Share(Arc<ConnectionSlot>);

/// What a connection takes up, until it is dropped.
struct ConnectionSlot {
    shares: Shares,
    of: Of,
    is_stream: Mutex<bool>,
}

#[derive(Clone, Copy)]
enum Of {
    ThisPc,
    Other(IpAddr),
}

impl Shares {
    /// A place for a connection from there; none if there is none.
    pub fn take(&self, from: IpAddr) -> Option<Share> {
        let of = Of::address(from);
        let mut counts = self.counts();
        if let Of::Other(pc) = of {
            let others: usize = counts.others.values().sum();
            if counts.others.get(&pc).is_some_and(|own| *own >= OF_ONE) || others >= CONNECTIONS - OWN {
                return None;
            }
        }
        if counts.all >= CONNECTIONS {
            return None;
        }
        counts.enter(of);
        drop(counts);
        Some(Share(Arc::new(ConnectionSlot { shares: self.clone(), of, is_stream: Mutex::new(false) })))
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// From now on this connection is an event stream, to its end.
    pub fn becomes_stream(&self) -> Result<()> {
        let mut is_stream = self.0.is_stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.0.shares.counts();
        if !*is_stream {
            if counts.streams >= STREAMS {
                return Err(error_kind::streams_full.with("most", STREAMS));
            }
            counts.streams += 1;
            counts.leave(self.0.of);
            *is_stream = true;
        }
        Ok(())
    }
}

impl Counts {
    fn enter(&mut self, of: Of) {
        assert!(self.all < CONNECTIONS, "a connection enters where there is a place for it");
        self.all += 1;
        if let Of::Other(pc) = of {
            let own = self.others.entry(pc).or_default();
            assert!(*own < OF_ONE, "no PC takes more places than one may");
            *own += 1;
        }
    }

    fn leave(&mut self, of: Of) {
        assert!(self.all > 0, "a connection leaves once, and only after it has entered");
        self.all -= 1;
        if let Of::Other(pc) = of
            && let Some(count) = self.others.get_mut(&pc)
        {
            *count -= 1;
            if *count == 0 {
                self.others.remove(&pc);
            }
        }
    }
}

impl Of {
    /// One PC has many addresses of IP version 6, all with one beginning.
    fn address(from: IpAddr) -> Self {
        match from.to_canonical() {
            ip if ip.is_loopback() => Self::ThisPc,
            IpAddr::V6(ip) => {
                let network = u128::from(ip) >> 64 << 64;
                Self::Other(Ipv6Addr::from(network).into())
            }
            ip => Self::Other(ip),
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let is_stream = *self.is_stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.shares.counts();
        if is_stream {
            assert!(counts.streams > 0, "a stream ends once, and only after it was counted");
            counts.streams -= 1;
        } else {
            counts.leave(self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(shares: &Shares, from: &str, count: usize) -> Vec<Share> {
        (0..count).map_while(|_| shares.take(from.parse().unwrap())).collect()
    }

    #[test]
    fn no_pc_takes_them_all_and_some_are_kept_for_this_one() {
        let shares = Shares::default();
        let one = take(&shares, "192.168.1.2", 100);
        assert_eq!(one.len(), OF_ONE);
        let mut others = take(&shares, "192.168.1.3", 100);
        others.extend(take(&shares, "::ffff:192.168.1.3", 1));
        others.extend(take(&shares, "fd00::1", 10));
        others.extend(take(&shares, "fd00::2", 10));
        others.extend(take(&shares, "192.168.1.4", 100));
        assert_eq!(one.len() + others.len(), CONNECTIONS - OWN);
        let own = take(&shares, "127.0.0.1", 100);
        assert_eq!(own.len(), OWN);
        drop(one);
        assert_eq!(take(&shares, "192.168.1.2", 100).len(), OF_ONE);
        drop((own, others));
        assert_eq!(take(&shares, "::1", 100).len(), CONNECTIONS);
        assert_eq!(shares.counts().all, 0);
    }

    #[test]
    fn event_streams_have_places_of_their_own() {
        let shares = Shares::default();
        let streams: Vec<Share> = (0..STREAMS)
            .map(|_| {
                let share = shares.take("127.0.0.1".parse().unwrap()).unwrap();
                share.becomes_stream().unwrap();
                share.becomes_stream().unwrap();
                share
            })
            .collect();
        let rest = take(&shares, "127.0.0.1", 100);
        assert_eq!(rest.len(), CONNECTIONS);
        assert_eq!(rest[0].becomes_stream().unwrap_err().code, "streams_full");
        drop(streams);
        assert!(rest[0].becomes_stream().is_ok());
        drop(rest);
        let counts = shares.counts();
        assert_eq!((counts.all, counts.streams), (0, 0));
    }
}
