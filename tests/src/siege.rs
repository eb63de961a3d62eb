//! A PC without a key that does all it can to keep others out: connections on which nothing is said,
//! handshakes that are never finished, bodies that come byte by byte, identities made up. What is
//! closed on it, it opens again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::StreamExt;
use libp2p::swarm::{SwarmEvent, dummy};
use libp2p::{Multiaddr, SwarmBuilder, noise, tcp, yamux};

use crate::lan::Host;

/// The port for other sites, and that of HTTP.
const SYNC: u16 = 7118;
const HTTP: u16 = 7117;

/// How long a connection may take: the other end's queue may be full.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two looks at all connections.
const ROUND: Duration = Duration::from_secs(1);

/// How many of each kind.
#[derive(Clone, Copy)]
pub struct Force {
    /// Connections on which nothing is said, half of them with each port.
    pub idle: usize,
    /// Handshakes that are begun and never finished.
    pub handshakes: usize,
    /// Requests whose bodies come byte by byte.
    pub bodies: usize,
    /// Identities, each with a handshake of its own.
    pub identities: usize,
}

/// A siege, until it is dropped.
pub struct Siege {
    over: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Siege {
    /// Begins one of the site at `target` from that host.
    pub fn from(host: &Arc<Host>, target: &str, force: Force) -> Self {
        let (over, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let at = |port: u16| SocketAddr::new(target.parse().unwrap(), port);
        let half = force.idle / 2;
        let body = "POST /v1/bundles HTTP/1.1\r\nhost: 10.77.0.1:7117\r\ncontent-length: 100000\r\n\r\n";
        let kinds = [
            (half, at(SYNC), "", ""),
            (force.idle - half, at(HTTP), "", ""),
            (force.handshakes, at(SYNC), "\x13/multistream/1.0.0\n\x07/noise\n", ""),
            (force.bodies, at(HTTP), body, "x"),
        ];
        let mut threads = Vec::new();
        for (count, target, first, drip) in kinds {
            let (host, over, opened) = (host.clone(), over.clone(), opened.clone());
            threads.push(std::thread::spawn(move || {
                host.inside(|| {
                    step_back();
                    hold(count, target, (first, drip), &over, &opened);
                });
            }));
        }
        let (host, stop, seen) = (host.clone(), over.clone(), opened.clone());
        let target: Multiaddr = format!("/ip4/{target}/tcp/{SYNC}").parse().unwrap();
        threads.push(std::thread::spawn(move || {
            host.inside(|| {
                step_back();
                pretend(force.identities, &target, &stop, &seen);
            });
        }));
        Self { over, opened, threads }
    }

    /// Connections opened so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Siege {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ended = thread.join();
        }
    }
}

/// Whoever besieges a site has processors of its own; here it gets what the sites leave of ours.
fn step_back() {
    // On Linux this is the thread's own.
    rustix::process::setpriority_process(None, 19).unwrap();
}

/// Holds so many connections on which `first` is said, and `drip` now and then.
fn hold(
    count: usize,
    target: SocketAddr,
    (first, drip): (&str, &str),
    over: &AtomicBool,
    opened: &AtomicUsize,
) {
    let mut held: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        held.retain_mut(|stream| {
            let mut answer = [0; 512];
            let open = match stream.read(&mut answer) {
                Ok(length) => length > 0,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            };
            open && stream.write_all(drip.as_bytes()).is_ok()
        });
        while held.len() < count && !over.load(Ordering::Relaxed) {
            let Ok(mut stream) = TcpStream::connect_timeout(&target, CONNECT) else { break };
            opened.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(first.as_bytes()).is_ok() && stream.set_nonblocking(true).is_ok() {
                held.push(stream);
            }
        }
        std::thread::sleep(ROUND);
    }
}

/// So many identities at once, each made anew when its connection ends.
fn pretend(count: usize, target: &Multiaddr, over: &AtomicBool, opened: &AtomicUsize) {
    // On this thread alone, for it is in the host's network.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let one = async || {
            while !over.load(Ordering::Relaxed) {
                let swarm = SwarmBuilder::with_new_identity().with_tokio();
                let swarm =
                    swarm.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default);
                let mut swarm = swarm.unwrap().with_behaviour(|_| dummy::Behaviour).unwrap().build();
                if swarm.dial(target.clone()).is_ok() {
                    let ended = async {
                        loop {
                            match swarm.select_next_some().await {
                                SwarmEvent::ConnectionEstablished { .. } => {
                                    opened.fetch_add(1, Ordering::Relaxed);
                                }
                                SwarmEvent::ConnectionClosed { .. }
                                | SwarmEvent::OutgoingConnectionError { .. } => break,
                                _ => {}
                            }
                        }
                    };
                    let lifted = async {
                        while !over.load(Ordering::Relaxed) {
                            tokio::time::sleep(ROUND).await;
                        }
                    };
                    tokio::select! {
                        () = ended => {}
                        () = lifted => {}
                    }
                }
                tokio::time::sleep(ROUND).await;
            }
        };
        futures::future::join_all((0..count).map(|_| one())).await;
    });
}
