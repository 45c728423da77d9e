//! The election port.

use super::{LONG, channel, free_address, next};
use bytes::BytesMut;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zab::{Epoch, Notification, Round, ServerId, ServerState, Vote, Zxid};
use zabkeeper::config::HostPort;
use zabkeeper::link::{ElectionOptions, ElectionPort, LinkEvent};
use zabkeeper::wire::election::{Hello, encode_notification};

type Addresses = BTreeMap<ServerId, SocketAddr>;

fn addresses(count: u8) -> Addresses {
    (1..=count).map(|id| (ServerId(id), free_address())).collect()
}

fn start(runtime: &Runtime, id: u8, addresses: &Addresses) -> (ElectionPort, Receiver<LinkEvent>) {
    let (own, (tell, events)) = (ServerId(id), channel());
    let peers = addresses.iter().map(|(id, at)| (*id, vec![HostPort::new(&at.ip().to_string(), at.port())])).collect();
    let address = addresses[&own].to_string();
    let connect_timeout = Duration::from_millis(500);
    let options = ElectionOptions { own, address, peers, config: "version=0".to_owned(), connect_timeout };
    let listener = TcpListener::bind(addresses[&own]).expect("the port is free");
    (ElectionPort::start(runtime.handle(), options, vec![listener], tell).expect("a port"), events)
}

fn notification(round: u64) -> Notification {
    let vote = Some(Vote { leader: ServerId(2), zxid: Zxid(7), peer_epoch: Epoch(1) });
    Notification { state: ServerState::Looking, round: Round(round), vote }
}

/// Waits until this notification comes from this server. Others may come before: the last is sent again.
fn expect(events: &Receiver<LinkEvent>, from: u8, round: u64) {
    let end = Instant::now() + LONG;
    while Instant::now() < end {
        match next(events) {
            LinkEvent::Notification(id, found) if id == ServerId(from) && found == notification(round) => return,
            LinkEvent::Notification(..) => {}
            other => panic!("{other:?} on the election port"),
        }
    }
    panic!("notification {round} of {from} does not come");
}

#[test]
fn three_servers_hear_each_other() {
    let (runtime, addresses) = (Runtime::new().expect("a runtime"), addresses(3));
    let ports: Vec<_> = (1..=3).map(|id| start(&runtime, id, &addresses)).collect();
    for round in [1, 2] {
        for (from, (port, _)) in (1_u64..).zip(&ports) {
            (1..=3).for_each(|to| port.send(ServerId(to), notification(10 * round + from)));
        }
        for (own, (_, events)) in (1_u8..).zip(&ports) {
            let mut missing: Vec<u8> = (1..=3).filter(|from| *from != own).collect();
            while !missing.is_empty() {
                let LinkEvent::Notification(id, found) = next(events) else { panic!("no notification") };
                missing.retain(|from| *from != id.0 || found != notification(10 * round + u64::from(id.0)));
            }
        }
    }
}

/// The smaller one speaks first, so that the larger must connect back; then each of them starts again.
#[test]
fn a_server_that_starts_again_is_heard_and_hears() {
    let (runtime, addresses) = (Runtime::new().expect("a runtime"), addresses(2));
    let (one, heard_by_one) = start(&runtime, 1, &addresses);
    one.send(ServerId(2), notification(1));
    let (two, heard_by_two) = start(&runtime, 2, &addresses);
    expect(&heard_by_two, 1, 1);
    two.send(ServerId(1), notification(2));
    expect(&heard_by_one, 2, 2);

    drop(two);
    // The tasks of the old port end a moment later than it.
    let (two, heard_by_two) = retry(|| try_start(&runtime, 2, &addresses));
    two.send(ServerId(1), notification(3));
    expect(&heard_by_one, 2, 3);
    // Said once, before the restart: said again to the one that comes back.
    expect(&heard_by_two, 1, 1);
}

fn try_start(runtime: &Runtime, id: u8, addresses: &Addresses) -> Option<(ElectionPort, Receiver<LinkEvent>)> {
    drop(TcpListener::bind(addresses[&ServerId(id)]).ok()?);
    Some(start(runtime, id, addresses))
}

fn retry<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < end, "it does not come to pass");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn hello(id: u8, at: SocketAddr) -> Vec<u8> {
    let mut out = Vec::new();
    Hello { id: ServerId(id), addresses: at.to_string() }.encode(&mut out);
    out
}

fn read_hello(stream: &mut TcpStream) -> Hello {
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    let mut input = BytesMut::new();
    loop {
        if let Some(hello) = Hello::decode(&mut input).expect("a hello") {
            return hello;
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more of the hello");
        input.extend_from_slice(&byte);
    }
}

/// The larger one closes what the smaller one opened, and connects back; the smaller one leaves it at a hello.
#[test]
fn the_larger_server_keeps_its_own_connection() {
    let (runtime, addresses) = (Runtime::new().expect("a runtime"), addresses(3));
    let (two, events) = start(&runtime, 2, &addresses);
    let (one, three) = (addresses[&ServerId(1)], addresses[&ServerId(3)]);

    let listener = TcpListener::bind(one).expect("a port");
    let mut stream = TcpStream::connect(addresses[&ServerId(2)]).expect("it listens");
    stream.write_all(&hello(1, one)).expect("it reads");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0, "the smaller one's connection is closed");
    let (mut back, _) = listener.accept().expect("it connects back");
    assert_eq!(read_hello(&mut back).id, ServerId(2));
    let mut frame = Vec::new();
    encode_notification(&mut frame, &notification(5), "");
    back.write_all(&frame).expect("it reads");
    expect(&events, 1, 5);

    let listener = TcpListener::bind(three).expect("a port");
    two.send(ServerId(3), notification(6));
    let (mut stream, _) = listener.accept().expect("it connects");
    assert_eq!(read_hello(&mut stream).id, ServerId(2));
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0, "no more than a hello to the larger one");
    let mut own = TcpStream::connect(addresses[&ServerId(2)]).expect("it listens");
    own.write_all(&[hello(3, three), frame].concat()).expect("it reads");
    expect(&events, 3, 5);
    own.set_read_timeout(Some(LONG)).expect("a limit");
    let mut expected = Vec::new();
    encode_notification(&mut expected, &notification(6), "version=0");
    let mut found = vec![0; expected.len()];
    own.read_exact(&mut found).expect("the notification");
    assert_eq!(found, expected);
}

/// Strangers, slow ones and those who talk nonsense lose their connections; the others are heard.
#[test]
fn hostile_connections_end_and_harm_nobody() {
    let (runtime, addresses) = (Runtime::new().expect("a runtime"), addresses(3));
    let (_two, events) = start(&runtime, 2, &addresses);
    let (at, three) = (addresses[&ServerId(2)], addresses[&ServerId(3)]);
    let good = hello(3, three);
    let hostile: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &good[..10],
        b"",
        &hello(9, three),
        &[&good[..], &i32::MAX.to_be_bytes()].concat(),
        &[&good[..], &0_i32.to_be_bytes()].concat(),
    ];
    for bytes in hostile {
        let mut stream = TcpStream::connect(at).expect("it listens");
        stream.write_all(bytes).expect("it reads");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        // Zero bytes, or a reset: the end either way.
        let end = stream.read(&mut [0]);
        assert!(!end.as_ref().is_ok_and(|count| *count > 0), "{bytes:?} is answered");
        let waited = end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!waited, "{bytes:?} is not refused");
    }
    let mut frames = hello(3, three);
    // A notification of nonsense is passed over.
    frames.extend([0, 0, 0, 4, 9, 9, 9, 9]);
    encode_notification(&mut frames, &notification(8), "");
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.write_all(&frames).expect("it reads");
    expect(&events, 3, 8);
}

/// Of many for a server that is not there, it gets the newest.
#[test]
fn only_the_newest_unsent_counts() {
    let (runtime, addresses) = (Runtime::new().expect("a runtime"), addresses(2));
    let (two, _) = start(&runtime, 2, &addresses);
    (1..=100).for_each(|round| two.send(ServerId(1), notification(round)));
    std::thread::sleep(Duration::from_millis(100));
    let (_one, events) = start(&runtime, 1, &addresses);
    let LinkEvent::Notification(_, first) = next(&events) else { panic!("no notification") };
    assert_eq!(first, notification(100));
}
