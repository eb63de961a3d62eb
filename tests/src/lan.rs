//! A local network of its own: hosts that are network namespaces, joined by a switch.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// All namespaces of these tests begin so; the number of the process that made them follows.
const PREFIX: &str = "tandem-test-";

static LANS: AtomicU32 = AtomicU32::new(0);

/// The first namespace of a system is set up by whoever comes first, and that may be only one.
static SETTING_UP: Mutex<()> = Mutex::new(());

/// A switch, and the hosts plugged into it. Other networks, and the machine's own, are out of
/// its reach.
pub struct Lan {
    name: String,
    hosts: AtomicU32,
}

/// One PC: an address, a loopback, a cable to the switch.
pub struct Host {
    lan: Arc<Lan>,
    namespace: String,
    port: String,
    address: Mutex<String>,
}

impl Lan {
    /// A network without hosts. Ends the test if this cannot be done here.
    pub fn new() -> Arc<Self> {
        let _one_at_a_time = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
        remove_leftovers();
        let name = format!("{PREFIX}{}-{}", std::process::id(), LANS.fetch_add(1, Ordering::Relaxed));
        let lan = Self { name, hosts: AtomicU32::new(0) };
        ip(&["netns", "add", &lan.switch()]);
        // A switch that floods multicast, as the cheap ones in small offices do.
        ip(&["-n", &lan.switch(), "link", "add", "switch", "type", "bridge", "mcast_snooping", "0"]);
        ip(&["-n", &lan.switch(), "link", "set", "switch", "up"]);
        Arc::new(lan)
    }

    /// Plugs in a new host.
    pub fn host(self: &Arc<Self>) -> Arc<Host> {
        let number = self.hosts.fetch_add(1, Ordering::Relaxed) + 1;
        let namespace = format!("{}-{number}", self.name);
        let port = format!("port{number}");
        {
            let _one_at_a_time = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
            ip(&["netns", "add", &namespace]);
        }
        let host = Host { lan: self.clone(), namespace, port, address: Mutex::default() };
        ip(&[
            "-n",
            &self.switch(),
            "link",
            "add",
            &host.port,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            &host.namespace,
        ]);
        ip(&["-n", &self.switch(), "link", "set", &host.port, "master", "switch", "up"]);
        host.ip(&["link", "set", "lo", "up"]);
        host.ip(&["link", "set", "eth0", "up"]);
        host.set_address(&format!("10.77.0.{number}"));
        Arc::new(host)
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }
}

impl Host {
    /// Its IPv4 address.
    pub fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    /// Gives it another address in place of the one it has, as a router does after a restart.
    pub fn set_address(&self, address: &str) {
        self.ip(&["address", "flush", "dev", "eth0", "scope", "global"]);
        self.ip(&["address", "add", &format!("{address}/24"), "broadcast", "10.77.0.255", "dev", "eth0"]);
        self.ip(&["route", "replace", "default", "dev", "eth0"]);
        address.clone_into(&mut self.address.lock().unwrap());
    }

    /// Pulls the cable: the network card notices.
    pub fn unplug(&self) {
        ip(&["-n", &self.lan.switch(), "link", "set", &self.port, "down"]);
    }

    /// Plugs the cable in again.
    pub fn plug(&self) {
        ip(&["-n", &self.lan.switch(), "link", "set", &self.port, "up"]);
    }

    /// Cuts the host off somewhere behind the switch: its card notices nothing.
    pub fn cut_off(&self) {
        ip(&["-n", &self.lan.switch(), "link", "set", &self.port, "nomaster"]);
    }

    /// Undoes [`Host::cut_off`].
    pub fn let_in(&self) {
        ip(&["-n", &self.lan.switch(), "link", "set", &self.port, "master", "switch"]);
    }

    /// Nothing passes from here to another host from now on; all others are reached as before.
    pub fn shun(&self, other: &Self) {
        self.ip(&["route", "replace", "blackhole", &format!("{}/32", other.address())]);
    }

    /// Undoes [`Host::shun`].
    pub fn reach(&self, other: &Self) {
        self.ip(&["route", "delete", "blackhole", &format!("{}/32", other.address())]);
    }

    /// Undoes every [`Host::shun`].
    pub fn shun_nobody(&self) {
        self.ip(&["route", "flush", "type", "blackhole"]);
    }

    /// A command that runs on this host.
    pub fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Runs `work` on a thread that sees this host's network, loopback included.
    pub fn inside<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let enter = || {
            let namespace = File::open(format!("/run/netns/{}", self.namespace)).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn ip(&self, args: &[&str]) {
        ip(&[&["-n", &self.namespace], args].concat());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        remove(&self.namespace);
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        remove(&self.switch());
    }
}

/// Runs `ip`, and ends the test with what it said if it fails.
fn ip(args: &[&str]) {
    let ran = Command::new("ip").args(args).output();
    let output =
        ran.unwrap_or_else(|error| panic!("`ip` is needed (Debian: apt-get install iproute2): {error}"));
    assert!(
        output.status.success(),
        "`ip {}` failed; networks of their own need root: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Removes a namespace; its links go with it.
fn remove(namespace: &str) {
    let removed = Command::new("ip").args(["netns", "delete", namespace]).output();
    // Panicking here could hide the failure of the test that ends.
    if !removed.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("{namespace} was not removed: {removed:?}");
    }
}

/// Removes what tests left behind that were killed.
fn remove_leftovers() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).map(str::to_owned);
        if maker.is_some_and(|maker| !std::path::Path::new("/proc").join(maker).exists()) {
            remove(&name);
        }
    }
}
