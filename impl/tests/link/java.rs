//! The links with a server of Apache's: it hears our vote, follows us, and takes an epoch from us.
//!
//! It needs Java and Debian's `zookeeper`, or the class path of another version; without them the test says what it
//! has skipped.

use super::{LONG, channel, next};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Instant;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zab::tree::TreeOptions;
use zab::{AckEpoch, Epoch, Message, Notification, ServerId, ServerState, Vote, Zxid};
use zabkeeper::config::HostPort;
use zabkeeper::link::{ConnectionId, ElectionOptions, ElectionPort, LinkEvent, QuorumOptions, QuorumPort};

const JARS: [&str; 3] =
    ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];
const OWN: ServerId = ServerId(2);

/// A server of Apache's, ended with this.
struct Java {
    child: Child,
    directory: TempDir,
}

impl Drop for Java {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Java {
    /// Server `id` of three at these ports; `None` where there is no Java.
    fn start(id: ServerId, ports: &[u16]) -> Option<Java> {
        let class_path = std::env::var("ZABKEEPER_APACHE_CLASSPATH").ok();
        let class_path =
            class_path.or_else(|| JARS.iter().all(|jar| Path::new(jar).exists()).then(|| JARS.join(":")))?;
        let directory = TempDir::new().expect("a temporary directory");
        let (data, file) = (directory.path().join("data"), directory.path().join("zoo.cfg"));
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(data.join("myid"), id.0.to_string()).expect("written");
        let servers: String = config(ports)
            .lines()
            .filter(|line| line.starts_with("server"))
            .fold(String::new(), |all, line| all + line + "\n");
        let settings = "tickTime=500\ninitLimit=20\nsyncLimit=10\nadmin.enableServer=false\n";
        let text = format!("{settings}dataDir={}\nclientPort={}\n{servers}", data.display(), ports[6]);
        std::fs::write(&file, text).expect("written");
        let output = File::create(directory.path().join("output")).expect("a file");
        let child = Command::new("java")
            .args(["-Xmx256m", "-cp", &class_path, "org.apache.zookeeper.server.quorum.QuorumPeerMain"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn();
        Some(Java { child: child.ok()?, directory })
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("output")).unwrap_or_default()
    }
}

/// As Java prints it: quorum and election port of 1, 2 and 3.
fn config(ports: &[u16]) -> String {
    let server = |id: usize| format!("server.{id}=127.0.0.1:{}:{}:participant\n", ports[2 * id - 2], ports[2 * id - 1]);
    format!("{}{}{}version=0", server(1), server(2), server(3))
}

fn free_ports() -> Vec<u16> {
    let listeners: Vec<_> = (0..7).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("its address").port()).collect()
}

fn at(port: u16) -> HostPort {
    HostPort::new("127.0.0.1", port)
}

fn elect(java: &Java, id: ServerId, election: &ElectionPort, events: &Receiver<LinkEvent>) {
    let vote = Some(Vote { leader: OWN, zxid: Zxid(0x7_0000_0001), peer_epoch: Epoch(7) });
    let own = Notification { state: ServerState::Looking, round: zab::Round(1), vote };
    election.send(id, own);
    let end = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < end, "Java does not take our vote:\n{}", java.output());
        match next(events) {
            LinkEvent::Notification(from, heard) => {
                assert_eq!((from, heard.state, heard.round), (id, ServerState::Looking, zab::Round(1)));
                if heard.vote == vote {
                    return;
                }
                let first = Vote { leader: id, zxid: Zxid::ZERO, peer_epoch: Epoch(0) };
                assert_eq!(heard.vote, Some(first), "a new server votes for itself");
            }
            other => panic!("{other:?} in an election"),
        }
    }
}

fn said(java: &Java, events: &Receiver<LinkEvent>) -> (ConnectionId, Message) {
    loop {
        match next(events) {
            LinkEvent::Packet { connection, packet, .. } => return (connection, packet.message),
            LinkEvent::Notification(..) => {}
            other => panic!("{other:?}, and Java says:\n{}", java.output()),
        }
    }
}

/// Java votes for us, connects to our quorum port, and takes the epoch and an empty history.
fn java_follows(id: ServerId) {
    let ports = free_ports();
    let Some(java) = Java::start(id, &ports) else {
        return eprintln!("skipped: there is no Java, or no ZooKeeper of Debian's");
    };
    let (runtime, (tell, events)) = (Runtime::new().expect("a runtime"), channel());
    let tell = std::sync::Arc::new(tell);
    let listed = |first: usize| -> BTreeMap<ServerId, Vec<HostPort>> {
        (1..=3_u8).map(|id| (ServerId(id), vec![at(ports[2 * usize::from(id) - 2 + first])])).collect()
    };
    let listener = TcpListener::bind(("127.0.0.1", ports[3])).expect("the port is free");
    let options = ElectionOptions {
        own: OWN,
        address: format!("127.0.0.1:{}", ports[3]),
        peers: listed(1),
        config: config(&ports),
        connect_timeout: LONG,
    };
    let heard = tell.clone();
    let election =
        ElectionPort::start(runtime.handle(), options, vec![listener], move |event| heard(event)).expect("a port");
    let options = QuorumOptions {
        own: OWN,
        listen: vec![([127, 0, 0, 1], ports[2]).into()],
        peers: listed(0),
        connect_for: LONG,
        read_timeout: LONG,
        tree: TreeOptions::default(),
    };
    let quorum = QuorumPort::new(options, move |event| tell(event));
    quorum.listen().expect("the port is free");
    elect(&java, id, &election, &events);

    let (connection, first) = said(&java, &events);
    assert_eq!(first, Message::FollowerInfo(Epoch(0)));
    let epoch = Epoch(8);
    quorum.send(connection, Message::LeaderInfo(epoch).into());
    let ack = AckEpoch { current_epoch: Some(Epoch(0)), last_zxid: Zxid::ZERO };
    assert_eq!(said(&java, &events).1, Message::AckEpoch(ack));
    quorum.send(connection, Message::Diff(Zxid::ZERO).into());
    quorum.send(connection, Message::NewLeader(epoch).into());
    assert_eq!(said(&java, &events).1, Message::Ack(epoch.start()));
    quorum.send(connection, Message::UpToDate.into());
    assert_eq!(said(&java, &events).1, Message::Ack(epoch.start()));
    quorum.send(connection, Message::Ping(9).into());
    assert_eq!(said(&java, &events).1, Message::Ping(9));
}

#[test]
fn a_smaller_server_of_java_follows() {
    java_follows(ServerId(1));
}

#[test]
fn a_larger_server_of_java_follows() {
    java_follows(ServerId(3));
}
