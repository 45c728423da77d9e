//! `zabkeeper cluster` in a directory of its own.

use crate::running::{Running, refused, run, said, signal, text, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// Any ports that are free.
pub const ANY: [&str; 6] = ["--client-port", "0", "--quorum-port", "0", "--election-port", "0"];

fn cluster(directory: &Path, more: &[&str]) -> Running {
    Running::start(directory, &[&["cluster", "--data", "c"][..], more].concat())
}

fn roles(table: &[Vec<String>]) -> Vec<&str> {
    table.iter().map(|row| row[1].as_str()).collect()
}

fn leader(table: &[Vec<String>]) -> usize {
    roles(table).iter().position(|role| *role == "leader").expect("a leader")
}

/// What a server answers to a four-letter word.
fn word(address: &str, word: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(word.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

fn monitored(address: &str) -> BTreeMap<String, f64> {
    let pairs = word(address, "mntr");
    let pairs = pairs.lines().filter_map(|line| line.strip_prefix("zk_")?.split_once('\t'));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[test]
fn it_starts_tells_what_ends_stops_in_order_and_goes_on_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let mut first = cluster(here, &ANY);
    let before = first.table();
    assert_eq!(first.seen[0], "Starting 3 servers and 1 observer ...");
    let mut sorted = roles(&before);
    assert_eq!(sorted[3], "observer");
    sorted.sort_unstable();
    assert_eq!(sorted, ["follower", "follower", "leader", "observer"]);
    said(here, &["shell", "-server", &before[0][2], "create", "/a", "kept"]);

    let (sentence, code) = refused(here, &["cluster", "--data", "c"]);
    assert!(sentence.ends_with("/c: another zabkeeper cluster runs here") && code == Some(3), "{sentence}");

    // A server that is killed is told and started again.
    let killed = (leader(&before) + 1) % 3;
    signal(before[killed][5].parse().expect("a process"), Signal::KILL);
    let line = first.wait_for("has ended by itself");
    let expected = "has ended by itself (signal: 9 (SIGKILL)); it is started again in 0.2 s";
    assert_eq!(line, format!("server {} {expected}", killed + 1));
    first.wait_for(&format!("server {} is started again, as process ", killed + 1));
    until("an ensemble that serves", || run(here, &["status", "--cluster", "c"]).status.success().then_some(()));

    assert_eq!(first.stop(), Some(0), "{:?}", first.seen);
    let stopped: Vec<&String> = first.seen.iter().filter(|line| line.ends_with(") has stopped")).collect();
    assert_eq!(stopped.len(), 4, "{:?}", first.seen);
    assert_eq!(stopped[0], "server 4 (observer) has stopped");
    assert_eq!(*stopped[3], format!("server {} (leader) has stopped", leader(&before) + 1));
    assert_eq!(first.seen.last().expect("words"), "All servers have stopped; their data and ports are kept.");

    // Again, without a word about ports: as it was.
    let mut second = cluster(here, &[]);
    let after = second.table();
    let addresses = |table: &[Vec<String>]| table.iter().map(|row| row[2..5].to_vec()).collect::<Vec<_>>();
    assert_eq!(addresses(&before), addresses(&after));
    assert!(said(here, &["shell", "-server", &after[3][2], "get", "/a"]).contains("kept"));
    what_the_servers_tell(here, &after);
    assert_eq!(second.stop(), Some(0));
}

/// `srvr`, `mntr` and the table of an ensemble that has begun its second epoch.
fn what_the_servers_tell(here: &Path, table: &[Vec<String>]) {
    let leader = leader(table);
    said(here, &["shell", "-server", &table[leader][2], "set", "/a", "again"]);
    let numbers = monitored(&table[leader][2]);
    let number = |name: &str| *numbers.get(name).unwrap_or_else(|| panic!("no {name} in {numbers:?}"));
    for (name, value) in [
        ("quorum_size", 3.0),
        ("learners", 3.0),
        ("synced_followers", 2.0),
        ("synced_observers", 1.0),
        ("synced_non_voting_followers", 0.0),
        ("pending_syncs", 0.0),
        ("looking_count", 1.0),
        ("leading_count", 1.0),
        ("following_count", 0.0),
        ("cnt_election_time", 1.0),
        ("cnt_leader_unavailable_time", 1.0),
    ] {
        assert_eq!(number(name), value, "{name}");
    }
    for name in ["leader_uptime", "last_proposal_size", "min_proposal_size", "proposal_count", "cnt_fsynctime"] {
        assert!(number(name) > 0.0, "{name}: {numbers:?}");
    }
    assert!(number("cnt_quorum_ack_latency") > 0.0 && number("diff_count") >= 3.0, "{numbers:?}");
    let last = number("max_proposal_size").max(number("last_proposal_size"));
    assert!(number("p99_quorum_ack_latency") <= number("max_quorum_ack_latency") && last < 1000.0, "{numbers:?}");
    let numbers = monitored(&table[(leader + 1) % 3][2]);
    for name in ["cnt_proposal_latency", "cnt_follower_sync_time", "learner_proposal_received_count"] {
        assert!(numbers[name] > 0.0, "{name}: {numbers:?}");
    }
    assert!(!numbers.contains_key("learners") && numbers["cnt_quorum_ack_latency"] == 0.0);
    assert_eq!(monitored(&table[3][2])["cnt_observer_sync_time"], 1.0);
    let srvr = word(&table[leader][2], "srvr");
    assert!(srvr.contains("Mode: leader\n") && srvr.contains("Proposal sizes last/min/max: "), "{srvr}");

    let shown: Value = serde_json::from_str(&said(here, &["status", "--cluster", "c", "--json"])).expect("JSON");
    let servers = shown["servers"].as_array().expect("servers");
    let column = |name: &str| servers.iter().map(|server| server[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("id"), [1, 2, 3, 4]);
    assert_eq!(column("epoch"), vec![servers[leader]["epoch"].clone(); 4]);
    assert!(servers[leader]["epoch"].as_u64() > Some(0), "{shown}");
    assert_eq!((&servers[leader]["synced"], &servers[leader]["learners"]), (&3.into(), &3.into()));
    assert!(column("lag").iter().all(|lag| lag.as_u64() <= Some(9)), "{shown}");
}

#[test]
fn an_ensemble_does_not_grow_and_a_foreign_directory_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    std::fs::create_dir_all(here.join("foreign/version-2")).expect("made");
    let (sentence, code) = refused(here, &["cluster", "--data", "foreign"]);
    let expected = "foreign: is not empty and holds no cluster that zabkeeper has made; \
                    name another directory with --data";
    assert!(sentence.ends_with(expected) && code == Some(3), "{sentence}");
    assert!(!here.join("foreign/1").exists());

    let arguments = ["--servers", "3", "--observers", "0", "--no-restart"];
    let mut running = cluster(here, &[&arguments[..], &ANY].concat());
    let table = running.table();
    // One is down, and stays so; the others go on.
    signal(table[2][5].parse().expect("a process"), Signal::KILL);
    running.wait_for("server 3 has ended by itself (signal: 9 (SIGKILL)); it stays down (--no-restart)");
    let shown = until("a new leader", || {
        let shown = run(here, &["status", "--cluster", "c"]);
        let table = text(&shown.stdout);
        (table.contains(" leader ") && table.contains(" down ") && !table.contains(" looking ")).then_some(shown)
    });
    assert_eq!((text(&shown.stderr).as_str(), shown.status.code()), ("not serving: 1 of 3\n", Some(1)));
    assert_eq!(running.stop(), Some(0));

    for (arguments, end) in [
        (["--servers", "5"], "/c: holds a cluster of 3 servers, which cannot become one of 5 servers; "),
        (
            ["--observers", "1"],
            "/c: holds a cluster of 3 servers, which cannot become one of 3 servers and 1 observer; ",
        ),
        (["--quorum-port", "1"], "not at 1; "),
    ] {
        let (sentence, code) = refused(here, &[&["cluster", "--data", "c"][..], &arguments].concat());
        assert!(sentence.contains(end) && sentence.ends_with("; name another directory with --data"), "{sentence}");
        assert_eq!(code, Some(2));
    }
    // A port in use, before anything is started.
    let port = table[1][3].rsplit(':').next().expect("a port").parse::<u16>().expect("a port");
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).expect("free by now");
    let (sentence, code) = refused(here, &["cluster", "--data", "c"]);
    assert!(sentence.starts_with(&format!("127.0.0.1:{port}, the quorum port of server 2, is in use: ")), "{sentence}");
    assert_eq!(code, Some(14));
}
