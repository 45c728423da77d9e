//! The seed's set-up (§2.1.3): three servers and an observer, each with its own `zoo.cfg` and `myid`; and one `zoo.cfg`
//! that lists them all.

use crate::running::{Running, refused, run, said, text, until};
use std::net::TcpListener;
use std::path::Path;

/// Ports that nobody uses, all different.
fn ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// `server.1` to `server.4` as the seed writes them; the fourth observes.
fn list(ports: &[u16]) -> String {
    let role = |index| if index == 3 { ":observer" } else { "" };
    let line = |index: usize| {
        let (quorum, election) = (ports[2 * index], ports[2 * index + 1]);
        format!("server.{}=127.0.0.1:{quorum}:{election}{}\n", index + 1, role(index))
    };
    (0..4).map(line).collect()
}

/// `zoo1.cfg` to `zoo4.cfg`, and a data directory with `myid` for each.
fn own_files(here: &Path) -> Vec<u16> {
    let ports = ports(12);
    for (index, client) in ports[8..].iter().enumerate() {
        let id = index + 1;
        let data = here.join(format!("data{id}"));
        std::fs::create_dir(&data).expect("made");
        std::fs::write(data.join("myid"), id.to_string()).expect("written");
        let role = if id == 4 { "peerType=observer\n" } else { "" };
        let text = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={client}\n\
             admin.enableServer=false\n{role}{}",
            data.display(),
            list(&ports)
        );
        std::fs::write(here.join(format!("zoo{id}.cfg")), text).expect("written");
    }
    ports[8..].to_vec()
}

const FILES: [&str; 4] = ["zoo1.cfg", "zoo2.cfg", "zoo3.cfg", "zoo4.cfg"];

/// Stops what was started, also when a test fails.
struct Started<'a>(&'a Path);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        for file in FILES {
            run(self.0, &["stop", file]);
        }
    }
}

#[test]
fn its_servers_are_started_one_by_one_or_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    own_files(here);
    let started = Started(here);
    for file in FILES {
        assert!(said(here, &["start", file]).starts_with("Starting zabkeeper ... STARTED as process "));
    }
    let all = [&["status"][..], &FILES].concat();
    until("an ensemble that serves", || run(here, &all).status.success().then_some(()));
    let table = said(here, &all);
    let mut roles: Vec<&str> = table.lines().skip(1).filter_map(|row| row.split_whitespace().nth(2)).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["follower", "follower", "leader", "observer"], "{table}");
    // mntr is not in the whitelist: what srvr says is there all the same.
    assert!(table.lines().skip(1).all(|row| row.contains(" 0x") && row.contains(" 3.9.5-zabkeeper-")), "{table}");

    // One of them, as zkServer.sh; it cannot know the client ports of the others.
    let own = said(here, &["status", "zoo4.cfg"]);
    let mut lines = own.lines();
    assert!(lines.next().expect("a line").starts_with("Client port found: "), "{own}");
    assert_eq!(lines.next(), Some("Mode: observer"));
    assert_eq!(own.matches("its client port is not in this configuration").count(), 3, "{own}");
    for file in FILES {
        assert_eq!(said(here, &["stop", file]), "Stopping zabkeeper ... STOPPED\n");
    }
    drop(started);

    // All of them by one command, on the same data.
    let mut running = Running::start(here, &[&["cluster"][..], &FILES].concat());
    assert_eq!(running.table().len(), 4);
    assert!(!here.join("zabkeeper-cluster").exists());
    assert_eq!(running.stop(), Some(0));
    std::fs::write(here.join("data2/myid"), "1").expect("written");
    let (sentence, code) = refused(here, &[&["cluster"][..], &FILES].concat());
    assert_eq!(sentence, "zoo2.cfg: is server 1, and so is zoo1.cfg: each needs a myid of its own");
    assert_eq!(code, Some(2));
}

#[test]
fn one_zoo_cfg_that_lists_servers_of_this_machine_is_a_cluster() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let ports = ports(8);
    // The client ports follow each other, so they cannot be any.
    let first = (20_000..30_000)
        .step_by(7)
        .find(|first| (*first..first + 4).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()));
    let first = first.expect("four ports in a row");
    let elsewhere = "server.9=192.0.2.1:2888:3888:observer\n";
    let settings = format!(
        "tickTime=500\ninitLimit=20\nsyncLimit=6\ndataDir=/nowhere\nclientPort={first}\nclientPortAddress=127.0.0.1\n"
    );
    std::fs::write(here.join("zoo.cfg"), settings + &list(&ports) + elsewhere).expect("written");
    let mut running = Running::start(here, &["cluster", "--config", "zoo.cfg", "--data", "c"]);
    running.wait_for("Server 9 (192.0.2.1:2888) is not on this machine, and is not started.");
    let table = running.table();
    let clients: Vec<String> = (first..first + 4).map(|port| format!("127.0.0.1:{port}")).collect();
    assert_eq!(table.iter().map(|row| row[2].clone()).collect::<Vec<_>>(), clients);
    let status = run(here, &["status", "--cluster", "c"]);
    assert!(status.status.success(), "{}", text(&status.stdout));
    assert_eq!(running.stop(), Some(0));
    let own = std::fs::read_to_string(here.join("c/2/zoo.cfg")).expect("made");
    assert!(own.contains("\ntickTime=500\n") && own.contains("/c/2/data\n") && !own.contains("nowhere"), "{own}");
    let (sentence, code) = refused(here, &["cluster", "--config", "none.cfg", "--data", "c"]);
    assert!(sentence.starts_with("none.cfg/zoo.cfg: cannot be read: ") && code == Some(2), "{sentence}");
}
