//! The network between the servers, with a hand on each direction of each pair: what passes there can be held up, as
//! a network does that loses packets and sends them again, or cut.

use crate::harness::cluster::Cluster;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What passes from one server to another, on whichever connection.
#[derive(Default)]
struct Lane {
    held: Mutex<bool>,
    changed: Condvar,
}

type Lanes = Arc<BTreeMap<(u8, u8), Lane>>;
type Open = Arc<Mutex<Vec<((u8, u8), TcpStream, TcpStream)>>>;

/// The wires of an ensemble.
pub struct Wires {
    lanes: Lanes,
    open: Open,
}

impl Wires {
    /// Lets the servers of an ensemble, none of which has started, reach each other through here alone.
    pub fn between(cluster: &Cluster) -> Wires {
        let ids = cluster.ids();
        let pairs = ids.iter().flat_map(|from| ids.iter().map(|to| (*from, *to))).filter(|(from, to)| from != to);
        let lanes: Lanes = Arc::new(pairs.clone().map(|pair| (pair, Lane::default())).collect());
        let wires = Wires { lanes, open: Open::default() };
        for (from, to) in pairs {
            let path = cluster.directory().join(format!("{from}/zoo.cfg"));
            let text = std::fs::read_to_string(&path).expect("a configuration");
            let line = |line: &str| match line.strip_prefix(&format!("server.{to}=127.0.0.1:")) {
                Some(ports) => format!("server.{to}=127.0.0.1:{}\n", wires.instead(ports, (from, to))),
                None => format!("{line}\n"),
            };
            let text: String = text.lines().map(line).collect();
            std::fs::write(&path, text).expect("written");
        }
        wires
    }

    /// Other ports in the place of the quorum port and the election port that a line of the configuration has.
    fn instead(&self, ports: &str, pair: (u8, u8)) -> String {
        let parts: Vec<&str> = ports.split(':').collect();
        let own: Vec<String> = parts.iter().take(2).map(|port| self.listen(port, pair).to_string()).collect();
        [&own.iter().map(String::as_str).collect::<Vec<_>>()[..], &parts[2..]].concat().join(":")
    }

    fn listen(&self, port: &str, (from, to): (u8, u8)) -> u16 {
        let target = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (lanes, open) = (self.lanes.clone(), self.open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(target) else { continue };
                let handle = |stream: &TcpStream| stream.try_clone().expect("a handle");
                open.lock().expect("no panic").push(((from, to), handle(&near), handle(&far)));
                pump(&lanes, (from, to), handle(&near), handle(&far));
                pump(&lanes, (to, from), far, near);
            }
        });
        port
    }

    /// Nothing passes from one to the other any more, until [`Wires::heal`].
    pub fn hold(&self, from: u8, to: u8) {
        *self.lanes[&(from, to)].held.lock().expect("no panic") = true;
    }

    /// Nothing passes between these two.
    pub fn part(&self, one: u8, other: u8) {
        self.hold(one, other);
        self.hold(other, one);
    }

    /// Ends all connections between these two; what was held up on them is lost.
    pub fn cut(&self, one: u8, other: u8) {
        let pairs = [(one, other), (other, one)];
        self.open.lock().expect("no panic").retain(|(pair, near, far)| {
            if pairs.contains(pair) {
                let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
            }
            !pairs.contains(pair)
        });
    }

    /// Everything passes again, what was held up first.
    pub fn heal(&self) {
        for lane in self.lanes.values() {
            *lane.held.lock().expect("no panic") = false;
            lane.changed.notify_all();
        }
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        self.heal();
    }
}

/// Carries one direction of a connection. Its end is held up as its bytes are.
fn pump(lanes: &Lanes, pair: (u8, u8), mut from: TcpStream, mut to: TcpStream) {
    let lanes = lanes.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            let lane = &lanes[&pair];
            let held = lane.held.lock().expect("no panic");
            drop(lane.changed.wait_while(held, |held| *held).expect("no panic"));
            if length == 0 || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Read), to.shutdown(Shutdown::Write));
    });
}
