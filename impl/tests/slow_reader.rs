//! Clients that ask and do not read must not cost memory: what they ask is read only as they take the replies.
#![cfg(target_os = "linux")]

mod harness;

use harness::process::{Process, free_port};
use harness::{Client, create, get, set};
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;
use zab::tree::CreateMode;

const CLIENTS: usize = 8;
const LENGTH: usize = 900 << 10;
/// A server with nothing to do has some 15 MiB.
const PEAK: usize = 300 << 20;

/// What each of them asks, for replies of `LENGTH` bytes each.
fn check(requests: impl Fn(&mut Client, &mut Vec<u8>)) {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Process::start(directory.path(), free_port(), &["preAllocSize=1024"]);
    let mut good = Client::open(server.address);
    good.create("/big", &vec![7; LENGTH], CreateMode::Persistent).expect("created");
    good.create("/n", b"", CreateMode::Persistent).expect("created");
    let mut stuck: Vec<Client> = (0..CLIENTS).map(|_| Client::open(server.address)).collect();
    let threads: Vec<_> = stuck
        .iter_mut()
        .map(|client| {
            let mut bytes = Vec::new();
            requests(client, &mut bytes);
            let mut writer = client.wire.writer();
            std::thread::spawn(move || drop(writer.write_all(&bytes)))
        })
        .collect();
    for _ in 0..50 {
        good.get("/n").expect("served");
        std::thread::sleep(Duration::from_millis(10));
    }
    let peak = server.peak_memory();
    assert!(peak < PEAK, "{} MiB", peak >> 20);
    for client in &stuck {
        let _ = client.wire.stream().shutdown(Shutdown::Both);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn reads_wait_until_their_client_reads() {
    check(|client, bytes| {
        for _ in 0..5000 {
            client.encode(&get("/big", false), bytes);
        }
    });
}

#[test]
fn reads_behind_writes_wait_as_well() {
    check(|client, bytes| {
        for number in 0..5000 {
            if number % 500 == 0 {
                client.encode(&set("/n", b"x"), bytes);
            }
            client.encode(&get("/big", false), bytes);
        }
        client.encode(&create("/end", b"", CreateMode::Persistent), bytes);
    });
}
