//! Strangers at the ports between servers.

use crate::compare::check;
use crate::faults::{ensemble, sleep};
use crate::harness::cluster::Cluster;
use crate::writers::Writers;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The ports of a server: the quorum port, and the election port.
fn ports(cluster: &Cluster, id: u8) -> [u16; 2] {
    let path = cluster.directory().join(format!("{id}/zoo.cfg"));
    let text = std::fs::read_to_string(path).expect("a configuration");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("server.{id}=127.0.0.1:"))).expect("a line");
    let mut ports = line.split(':').take(2).map(|port| port.parse().expect("a port"));
    [ports.next().expect("a port"), ports.next().expect("a port")]
}

/// Packets that nobody says first, lengths that nobody has, and what ends in the middle.
fn words() -> Vec<Vec<u8>> {
    let number = |number: i32| number.to_be_bytes().to_vec();
    let long = |number: i64| number.to_be_bytes().to_vec();
    let hello = |version: i64, id: i64, length: i32| [long(version), long(id), number(length)].concat();
    let info = |id: i64, version: i32| [long(id), number(version), long(0)].concat();
    let introduction = |kind: i32, data: Vec<u8>| {
        [number(kind), long(0), number(i32::try_from(data.len()).expect("short")), data, number(-1)].concat()
    };
    let notification = |length: i32| [hello(-65536, 3, 4), b"h:11".to_vec(), number(length), vec![1; 40]].concat();
    vec![
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 4096],
        vec![0; 4096],
        hello(-65536, 1, i32::MAX),
        hello(-65536, 1, -1),
        hello(-65535, 99, 10),
        hello(i64::MIN, i64::MIN, 0),
        notification(i32::MAX),
        notification(-5),
        notification(40),
        // FOLLOWERINFO: of a server that is none, with the wrong length, with an epoch that has no next.
        introduction(11, info(77, 0x10000)),
        introduction(11, vec![9; 3]),
        [number(11), long(-1), number(20), info(3, 0x10000), number(-1)].concat(),
        // PROPOSAL, ACK, SNAP, UPTODATE and a number that is none, as the first packet.
        introduction(2, vec![1; 100]),
        introduction(3, vec![]),
        introduction(15, vec![]),
        introduction(12, vec![]),
        introduction(1_000_000, vec![]),
        [number(11), long(0), number(i32::MAX)].concat(),
        [number(11), long(0), number(20)].concat(),
        // A good introduction of an observer that nobody has heard of, and rubbish behind.
        [introduction(16, info(4, 0x10000)), vec![0x7f; 500]].concat(),
    ]
}

fn open_files(cluster: &Cluster, id: u8) -> Option<u64> {
    cluster.monitor(id).remove("open_file_descriptor_count")?.parse().ok()
}

#[test]
fn strangers_at_the_ports_between_servers_change_nothing() {
    let cluster = ensemble(3, 1);
    let writers = Writers::begin(&cluster);
    let leader = cluster.wait_until_serving();
    let mut slow = Vec::new();
    for id in [1, 2, 3] {
        for port in ports(&cluster, id) {
            for word in words() {
                // A follower's quorum port is closed.
                let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let _ = stream.write_all(&word);
                stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
                let _ = stream.read(&mut [0; 64]);
                slow.push(stream);
            }
            // Far more than wait for a hello at once; half of them say a part of one.
            for number in 0..100 {
                let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                if number % 2 == 0 {
                    let _ = stream.write_all(&[0, 0, 0]);
                }
                slow.push(stream);
            }
        }
        writers.go_on();
    }
    sleep(200);
    writers.go_on();
    drop(slow);
    // The ensemble can still elect: another leads, and everybody comes.
    cluster.pause(leader);
    let others: Vec<u8> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    cluster.wait_for(&others);
    cluster.resume(leader);
    check(&cluster, &writers.finish());
    for id in cluster.ids() {
        assert!(!cluster.log(id).contains("panicked"), "server {id}: {}", cluster.log(id));
        let open = open_files(&cluster, id).expect("a number");
        assert!(open < 200, "server {id} keeps the connections of strangers: {open}");
    }
}
