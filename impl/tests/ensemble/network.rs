//! A network of namespaces, as machines have one: a server in each, joined by a bridge in one more, to which this
//! process is connected as well. Packets can be lost from one server to another, so that TCP itself notices it.
//!
//! It needs root and `ip`, and leaves nothing: names carry the number of this process, and what a process that is gone
//! has left is removed by the next one.

use crate::harness::cluster::Host;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Servers' namespaces, called `zabkeeper-PROCESS-ID`; the bridge's is `zabkeeper-PROCESS-0`.
pub struct Network {
    servers: u8,
    _turn: MutexGuard<'static, ()>,
}

/// One network at a time: the names are the process's.
static TURN: Mutex<()> = Mutex::new(());

/// In every server's namespace.
const DEVICE: &str = "eth0";
/// A hardware address that nobody has.
const NOBODY: &str = "02:00:00:00:00:00";

impl Network {
    /// Namespaces for so many servers.
    ///
    /// # Errors
    /// Why there cannot be any here.
    pub fn new(servers: u8) -> Result<Network, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("this process does not run as root".to_owned());
        }
        remove_left_behind();
        // From here on, whatever was made is removed again.
        let network = Network { servers, _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) };
        network.build()?;
        Ok(network)
    }

    fn build(&self) -> Result<(), String> {
        let (hub, outer) = (name(0), outer());
        ip(&format!("netns add {hub}"))?;
        ip(&format!("-n {hub} link add bridge type bridge"))?;
        ip(&format!("-n {hub} link set bridge up"))?;
        ip(&format!("link add {outer} type veth peer name outer netns {hub}"))?;
        ip(&format!("-n {hub} link set outer master bridge up"))?;
        ip(&format!("addr add {}/24 dev {outer}", address(254)))?;
        ip(&format!("link set {outer} up"))?;
        for id in 1..=self.servers {
            let own = name(id);
            ip(&format!("netns add {own}"))?;
            ip(&format!("-n {own} link set lo up"))?;
            ip(&format!("-n {own} link add {DEVICE} type veth peer name port{id} netns {hub}"))?;
            ip(&format!("-n {hub} link set port{id} master bridge up"))?;
            ip(&format!("-n {own} addr add {}/24 dev {DEVICE}", address(id)))?;
            ip(&format!("-n {own} link set {DEVICE} up"))?;
        }
        Ok(())
    }

    /// Where the servers run.
    pub fn hosts(&self) -> Vec<Host> {
        let host = |id| Host { address: IpAddr::V4(address(id)), namespace: Some(name(id)) };
        (1..=self.servers).map(host).collect()
    }

    /// Packets from one server to another are lost from now on, without a word.
    pub fn lose(&self, from: u8, to: u8) {
        let (own, to) = (name(from), address(to));
        must(&format!("-n {own} neigh replace {to} lladdr {NOBODY} nud permanent dev {DEVICE}"));
    }

    /// One server has no way to another from now on, and is told so.
    pub fn refuse(&self, from: u8, to: u8) {
        must(&format!("-n {} route replace blackhole {}/32", name(from), address(to)));
    }

    /// The cable of a server is pulled out: clients do not reach it either.
    pub fn unplug(&self, id: u8) {
        must(&format!("-n {} link set {DEVICE} down", name(id)));
    }

    /// Everything is as it was.
    pub fn heal(&self) {
        for from in 1..=self.servers {
            let own = name(from);
            must(&format!("-n {own} link set {DEVICE} up"));
            for to in (1..=self.servers).filter(|to| *to != from) {
                // What was not cut is not there to be removed.
                let _ = ip(&format!("-n {own} neigh del {} dev {DEVICE}", address(to)));
                let _ = ip(&format!("-n {own} route del blackhole {}/32", address(to)));
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The ends of a pair of devices go together; a namespace goes a moment after its name.
        let _ = ip(&format!("link del {}", outer()));
        for id in 0..=self.servers {
            let _ = ip(&format!("netns del {}", name(id)));
        }
    }
}

fn name(id: u8) -> String {
    format!("zabkeeper-{}-{id}", std::process::id())
}

/// This process's end of its way to the bridge.
fn outer() -> String {
    format!("zk{}", std::process::id())
}

/// In a network that no other process of these tests has.
fn address(id: u8) -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(10, 128 | high, low, id)
}

/// Removes the namespaces of processes that were killed.
fn remove_left_behind() {
    let left = ip("netns list").unwrap_or_default();
    for name in left.lines().filter_map(|line| line.split_whitespace().next()) {
        let process = name.strip_prefix("zabkeeper-").and_then(|rest| rest.split_once('-'));
        if process.is_some_and(|(process, _)| !Path::new("/proc").join(process).exists()) {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn must(arguments: &str) {
    ip(arguments).unwrap_or_else(|error| panic!("{error}"));
}

/// Runs `ip` with these arguments; what it prints.
fn ip(arguments: &str) -> Result<String, String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
