//! `zabkeeper status` about servers that are only answers.

use crate::running::{program, run, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};

/// A port that answers each word with what stands beside it, and everything else with nothing.
fn answering(answers: &'static [(&'static str, &'static str)]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream, answers));
        }
    });
    port
}

fn answer(mut stream: TcpStream, answers: &[(&str, &str)]) {
    let mut word = [0; 4];
    if stream.read_exact(&mut word).is_err() {
        return;
    }
    match answers.iter().find(|(name, _)| name.as_bytes() == word) {
        Some((_, "")) => std::thread::park(),
        Some((_, text)) => drop(stream.write_all(text.as_bytes())),
        None => {}
    }
}

const REFUSED: &str = "mntr is not executed because it is not in the whitelist.\n";

/// A leader that allows `mntr`, Java's followers that do not, one that looks for a leader, and one that is silent.
fn five() -> Vec<u16> {
    const LEADER: &str = "Zookeeper version: 3.9.5-zabkeeper-0.1.0, built on a day\nLatency min/avg/max: 0/0.5/7\n\
        Received: 20\nSent: 19\nConnections: 4\nOutstanding: 0\nZxid: 0x300000012\nMode: leader\nNode count: 9\n\
        Proposal sizes last/min/max: 48/48/120\n";
    const MONITORED: &str = "zk_version\t3.9.5\nzk_server_state\tleader\nzk_uptime\t3725999\nzk_global_sessions\t3\n\
        zk_learners\t3\nzk_synced_followers\t1\nzk_synced_observers\t1\nzk_pending_syncs\t0\n";
    const FOLLOWER: &str = "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 \
        08:49 UTC\nConnections: 2\nZxid: 0x300000010\nMode: follower\n";
    const OBSERVER: &str = "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 \
        08:49 UTC\nConnections: 1\nZxid: 0x2000000ff\nMode: observer\n";
    const LOOKING: &str = "This ZooKeeper instance is not currently serving requests\n";
    vec![
        answering(&[("srvr", FOLLOWER), ("mntr", REFUSED)]),
        answering(&[("srvr", LEADER), ("mntr", MONITORED)]),
        answering(&[("srvr", LOOKING), ("mntr", REFUSED)]),
        answering(&[("srvr", OBSERVER), ("mntr", REFUSED)]),
        answering(&[("srvr", "")]),
    ]
}

fn status(ports: &[u16], more: &[&str]) -> Output {
    let servers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    run(Path::new("."), &[&["status", "--servers", &servers.join(",")][..], more].concat())
}

/// Ports are as wide as five digits, whatever they are.
fn without_ports(mut shown: String, ports: &[u16]) -> String {
    for (index, port) in ports.iter().enumerate() {
        let stands_for = format!("{:>width$}", format!("p{}", index + 1), width = port.to_string().len());
        shown = shown.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{stands_for}"));
    }
    shown
}

#[test]
fn every_server_is_a_row_whatever_it_answers() {
    let ports = five();
    let shown = status(&ports, &[]);
    assert_eq!(text(&shown.stderr), "not serving: 2 of 5\n");
    assert_eq!(shown.status.code(), Some(1));
    insta::assert_snapshot!("status", without_ports(text(&shown.stdout), &ports));
    let shown = status(&ports[..2], &["--json"]);
    assert_eq!(shown.status.code(), Some(0));
    insta::assert_snapshot!("status-json", without_ports(text(&shown.stdout), &ports));
}

#[test]
fn watched_it_is_shown_again_and_again_until_nobody_reads() {
    let port = five()[1];
    let mut command = program(Path::new("."), &["status", "--servers", &format!("127.0.0.1:{port}"), "--watch", "0.1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    for _ in 0..3 {
        assert!(lines.next().expect("headings").starts_with("id  address"));
        assert!(lines.next().expect("a row").contains(&format!("127.0.0.1:{port}  leader")));
        assert_eq!(lines.next().as_deref(), Some(""));
    }
    drop(lines);
    assert_eq!(child.wait().expect("ended").code(), Some(0));
}

#[test]
fn what_names_no_server_is_refused() {
    for (servers, expected) in
        [("x:y", "x:y is no host:port of a server\n"), ("a:1,:2", ":2 is no host:port of a server\n")]
    {
        let output = run(Path::new("."), &["status", "--servers", servers]);
        assert_eq!((text(&output.stderr).as_str(), output.status.code()), (expected, Some(2)));
    }
    let output = run(Path::new("."), &["status", "--cluster", "no such directory"]);
    assert!(text(&output.stderr).ends_with("no such directory: there is no cluster\n"));
    assert_eq!(output.status.code(), Some(3));
}
