//! The texts of the four-letter words, compared with snapshots that were compared with Apache ZooKeeper's.

mod front;
#[path = "harness/mod.rs"]
mod harness;

use front::Fixed;
use harness::{Client, eventually};
use proptest::prelude::*;
use std::sync::atomic::Ordering;
use zabkeeper::four_letter::{Command, NOT_SERVING, Whitelist, answer};
use zabkeeper::status::{ConnectionSession, Mode, StatusSource, Summary};
use zabkeeper::wire::ClientRequest;
use zabkeeper::{Server, ServerOptions};

fn all() -> Whitelist {
    Whitelist::new("*", false)
}

fn ask(word: &str, source: &Fixed) -> String {
    let word = word.as_bytes().try_into().expect("four letters");
    answer(Command::from_bytes(word).expect("a command"), &[], &all(), source)
}

/// Every line break and tab of the answer stays visible.
macro_rules! told {
    ($name:literal, $word:literal, $source:expr) => {
        insta::assert_snapshot!($name, ask($word, &$source).replace('\t', "→").replace('\n', "↵\n"));
    };
}

#[test]
fn of_a_standalone_server() {
    let source = Fixed::standalone();
    told!("conf", "conf", source);
    told!("cons", "cons", source);
    told!("crst", "crst", source);
    told!("dirs", "dirs", source);
    told!("dump", "dump", source);
    told!("gtmk", "gtmk", source);
    told!("hash", "hash", source);
    told!("isro", "isro", source);
    told!("mntr", "mntr", source);
    told!("ruok", "ruok", source);
    told!("srst", "srst", source);
    told!("srvr", "srvr", source);
    told!("stat", "stat", source);
    told!("wchc", "wchc", source);
    told!("wchp", "wchp", source);
    told!("wchs", "wchs", source);
    assert_eq!(source.resets.load(Ordering::Relaxed), 1);
    assert_eq!(source.connection_resets.load(Ordering::Relaxed), 1);
}

#[test]
fn of_an_ensemble() {
    let (leader, follower) = (Fixed::member(Mode::Leader), Fixed::member(Mode::Follower));
    told!("conf-leader", "conf", leader);
    told!("srvr-leader", "srvr", leader);
    told!("mntr-leader", "mntr", leader);
    told!("dump-follower", "dump", follower);
    told!("srvr-follower", "srvr", follower);
    assert!(ask("mntr", &follower).contains("\nzk_peer_state\tfollowing - broadcast\n"));
    let mut alone = Fixed::member(Mode::ReadOnly);
    alone.status.mode = Mode::ReadOnly;
    assert_eq!(ask("isro", &alone), "ro");
    assert!(ask("srvr", &alone).contains("\nREAD-ONLY mode; serving only read-only clients\nLatency"));
}

#[test]
fn of_a_server_that_does_not_serve() {
    for command in Command::ALL {
        let said = answer(*command, &7_i64.to_be_bytes(), &all(), &Fixed::silent());
        match command {
            Command::Ruok => assert_eq!(said, "imok"),
            Command::Isro => assert_eq!(said, "null"),
            Command::Gtmk => assert_eq!(said, "306"),
            Command::Stmk => assert_eq!(said, "7"),
            Command::Hash => assert_eq!(said, NOT_SERVING),
            Command::Envi => assert!(said.starts_with("Environment:\nzookeeper.version=3.9.5-")),
            _ => assert_eq!(said, "This ZooKeeper instance is not currently serving requests\n", "{command:?}"),
        }
    }
}

#[test]
fn the_environment_has_javas_names() {
    let said = ask("envi", &Fixed::standalone());
    let names: Vec<&str> = said.lines().skip(1).filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = "zookeeper.version host.name java.version java.vendor java.home java.class.path java.library.path \
                    java.io.tmpdir java.compiler os.name os.arch os.version user.name user.home user.dir \
                    os.memory.free os.memory.max os.memory.total";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn the_trace_mask_is_eight_bytes() {
    let source = Fixed::standalone();
    assert_eq!(answer(Command::Stmk, &(-2_i64).to_be_bytes(), &all(), &source), "-2");
    assert_eq!(source.trace_mask(), -2);
    assert_eq!(answer(Command::Stmk, &[0; 7], &all(), &source), "");
    assert_eq!(source.trace_mask(), -2);
    assert_eq!(answer(Command::Stmk, &[0; 8], &Whitelist::new("", false), &source), refusal("stmk"));
    assert_eq!(source.trace_mask(), -2);
}

fn refusal(word: &str) -> String {
    format!("{word} is not executed because it is not in the whitelist.\n")
}

#[test]
fn the_whitelist() {
    let allowed = |list: &str, read_only_mode| {
        let whitelist = Whitelist::new(list, read_only_mode);
        let allowed = Command::ALL.iter().filter(|command| whitelist.allows(**command));
        allowed.map(|command| command.name()).collect::<Vec<_>>().join(" ")
    };
    let every = Command::ALL.iter().map(|command| command.name()).collect::<Vec<_>>().join(" ");
    for (list, read_only_mode, expected) in [
        ("", false, "srvr"),
        ("", true, "isro srvr"),
        ("stat, ruok ,,conf", false, "conf ruok srvr stat"),
        ("STAT,nope,st at", false, "srvr"),
        ("mntr, *, stat", false, every.as_str()),
        ("mntr,**", false, "mntr srvr"),
    ] {
        assert_eq!(allowed(list, read_only_mode), expected, "{list:?}");
    }
    let said = answer(Command::Ruok, &[], &Whitelist::new("", false), &Fixed::silent());
    assert_eq!(said, refusal("ruok"));
}

#[test]
fn a_summary_rounds_to_four_decimals() {
    for (values, average) in
        [(vec![], 0.0), (vec![1, 1, 2], 1.3333), (vec![0, 0, 0, 0, 0, 0, 0, 1], 0.125), (vec![1, 2, 2], 1.6667)]
    {
        assert_eq!(Summary::of(values.clone()).average(), average, "{values:?}");
    }
    let summary = Summary::of([7, -1, 3]);
    assert_eq!((summary.min(), summary.max(), summary.count(), summary.sum()), (-1, 7, 3, 9));
    assert_eq!((Summary::default().min(), Summary::default().max()), (0, 0));
}

/// What `cons` says of the only connection of a real server.
fn told_of(server: &Server) -> ConnectionSession {
    let mut connections = server.source().connections();
    assert_eq!(connections.len(), 1);
    connections.remove(0).session.expect("a session")
}

/// Waits until the server's clock has moved: what is said of a time before cannot be said of now.
fn later(server: &Server) {
    let before = server.shared().uptime();
    eventually("time passes", || server.shared().uptime() > before + 2);
}

#[test]
fn a_connection_is_told_of_by_its_last_reply() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(ServerOptions::new(directory.path())).expect("it starts");
    later(&server);
    let before = i64::try_from(server.shared().uptime()).expect("a time");
    let mut client = Client::open(server.address());
    client.create("/a", b"x", zab::tree::CreateMode::Persistent).expect("created");
    client.get("/a").expect("there");
    eventually("the reply is counted", || told_of(&server).last_operation == "GETD");
    let first = told_of(&server);
    assert_eq!((first.last_cxid, first.last_zxid), (2, Some(server.shared().tree.read().last_zxid())));
    later(&server);
    assert_eq!(told_of(&server), first, "while nothing happens, the last reply is the same");
    let after = i64::try_from(server.shared().uptime()).expect("a time");
    assert!((before..after).contains(&first.last_response_time), "{before} {} {after}", first.last_response_time);

    // A ping is an answer, but its number is none that a person looks for.
    client.send(&[ClientRequest::Ping]);
    client.reply();
    eventually("the ping is counted", || told_of(&server).last_response_time > first.last_response_time);
    let second = told_of(&server);
    assert_eq!((second.last_operation, second.last_cxid, second.last_zxid), ("PING", 2, first.last_zxid));

    server.source().reset_connection_statistics();
    let fresh = told_of(&server);
    assert_eq!((fresh.last_operation, fresh.last_cxid, fresh.last_zxid), ("NA", -1, None));
    assert_eq!((fresh.last_response_time, fresh.last_latency, fresh.max_latency), (0, 0, 0));
    server.stop().expect("it stops");
}

proptest! {
    #[test]
    fn four_bytes_are_a_command_or_a_length(word in any::<[u8; 4]>()) {
        if let Some(command) = Command::from_bytes(word) {
            prop_assert_eq!(command.name().as_bytes(), word);
            prop_assert!(u32::from_be_bytes(word) > 1_600_000_000);
        }
    }
}

#[test]
fn every_command_is_known_by_its_bytes() {
    for command in Command::ALL {
        let word = command.name().as_bytes().try_into().expect("four letters");
        assert_eq!(Command::from_bytes(word), Some(*command));
    }
    assert_eq!(Command::from_bytes(*b"lead"), None);
}
