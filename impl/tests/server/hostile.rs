//! Clients that do harm, or nothing at all, and what the others notice of it.

use crate::harness::{Client, Wire, create, eventually, get, opening, set};
use crate::{Place, hasten};
use std::net::Shutdown;
use std::time::{Duration, Instant};
use zab::tree::CreateMode;
use zabkeeper::wire::Reply;

/// So long may a request of one client take while another does harm.
const UNDISTURBED: Duration = Duration::from_secs(2);

#[test]
fn garbage_hurts_nobody_else() {
    let place = Place::new();
    let mut good = place.client();
    good.create("/n", b"", CreateMode::Persistent).expect("created");
    let mut number = 1_u32;
    for length in 0..200_usize {
        // A generator as good as any for bytes without meaning.
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            number.to_be_bytes()[0]
        })
        .take(length * 3)
        .collect();
        let mut wire = Wire::connect(place.address());
        let mut sent = Vec::new();
        if length % 2 == 0 {
            opening(10_000).encode(&mut sent);
        }
        if length % 4 < 2 {
            // Well framed.
            sent.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
        }
        sent.extend(bytes);
        let _ = wire.send(&sent);
        let _ = wire.stream().shutdown(Shutdown::Write);
        wire.rest();
        good.set("/n", b"x").expect("served as ever");
    }
    assert!(place.server().is_running());
    eventually("every connection but one ends", || place.server().shared().connections.lock().len() == 1);
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection() {
    let place = Place::with(|options| options.clients.max_packet = 1000);
    for length in [1001_i32, i32::MAX, -1, i32::MIN] {
        let mut client = place.client();
        client.wire.send(&length.to_be_bytes()).expect("sent");
        assert!(client.is_closed(), "{length}");
    }
    let mut client = place.client();
    client.create("/long", &[0; 900], CreateMode::Persistent).expect("below the limit");
    client.send(&[set("/long", &[0; 1000])]);
    assert!(client.is_closed());
    assert_eq!(place.client().get("/long").expect("unharmed").0.len(), 900);
}

#[test]
fn a_packet_that_comes_byte_by_byte_is_a_packet() {
    let place = Place::new();
    let mut client = place.client();
    let mut bytes = Vec::new();
    client.encode(&create("/slow", b"data", CreateMode::Persistent), &mut bytes);
    client.encode(&get("/slow", false), &mut bytes);
    for byte in bytes {
        client.wire.send(&[byte]).expect("sent");
        std::thread::yield_now();
    }
    assert!(matches!(client.reply(), Some(Ok(Reply::Create { .. }))));
    assert!(matches!(client.reply(), Some(Ok(Reply::Data { .. }))));
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let place = Place::with(|options| options.clients.max_per_address = 3);
    let mut clients: Vec<Client> = (0..3).map(|_| place.client()).collect();
    assert!(Client::try_connect(place.address(), &opening(10_000)).is_none());
    clients.iter_mut().for_each(|client| assert!(client.exists("/")));
    clients.pop().expect("three").close();
    eventually("one leaves, another comes", || Client::try_connect(place.address(), &opening(10_000)).is_some());
}

#[test]
fn so_many_connections_are_all_there_are() {
    let place = Place::with(|options| options.clients.max_connections = 2);
    let clients = [place.client(), place.client()];
    assert!(Client::try_connect(place.address(), &opening(10_000)).is_none());
    drop(clients);
    eventually("both leave", || Client::try_connect(place.address(), &opening(10_000)).is_some());
}

#[test]
fn a_client_that_reads_late_gets_everything_it_asked() {
    const LENGTH: usize = 500 << 10;
    const READS: usize = 200;
    let place = Place::new();
    let mut client = place.client();
    client.create("/big", &vec![7; LENGTH], CreateMode::Persistent).expect("created");
    client.send(&vec![get("/big", false); READS]);
    std::thread::sleep(Duration::from_millis(200));
    for number in 0..READS {
        let Some(Ok(Reply::Data { data, .. })) = client.reply() else { panic!("no data in reply {number}") };
        assert_eq!(data.map(|data| data.len()), Some(LENGTH));
    }
}

#[test]
fn a_client_that_stops_reading_slows_nobody_and_ends_with_its_session() {
    let place = Place::hasty();
    let mut good = place.client();
    good.create("/big", &vec![7; 900 << 10], CreateMode::Persistent).expect("created");
    let mut stuck = Client::open_for(place.address(), 1000);
    stuck.create("/stuck", b"", CreateMode::Ephemeral).expect("created");
    // More than any socket's buffers take; a thread may have to wait until the connection ends.
    let mut bytes = Vec::new();
    for _ in 0..3000 {
        stuck.encode(&get("/big", true), &mut bytes);
    }
    let mut writer = stuck.wire.writer();
    let writing = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut writer, &bytes);
    });
    let mut slowest = Duration::ZERO;
    for number in 0_u32..100 {
        let start = Instant::now();
        good.set("/big", &number.to_be_bytes()).expect("set");
        good.get("/big").expect("there");
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < UNDISTURBED, "{slowest:?}");
    eventually("the session expires", || !good.exists("/stuck"));
    // Its connection is not held until the client has read: that is never.
    eventually("its connection ends", || place.server().shared().connections.lock().len() == 1);
    drop(stuck);
    writing.join().expect("no panic");
}

#[test]
fn a_watcher_that_stops_reading_is_left() {
    // Events of 500 KB each.
    let place = Place::new();
    let (mut writer, mut stuck) = (place.client(), place.client());
    let path = format!("/{}", "w".repeat(500 << 10));
    writer.create(&path, b"", CreateMode::Persistent).expect("created");
    stuck.call(zabkeeper::wire::ClientRequest::AddWatch { path: path.clone(), mode: 0 }).expect("watched");
    let connections = || place.server().shared().connections.lock().len();
    let start = Instant::now();
    while connections() == 2 {
        assert!(start.elapsed() < crate::harness::PATIENCE, "it is still there");
        writer.set(&path, b"").expect("set");
    }
    writer.get(&path).expect("the writer is served");
    assert!(stuck.again(place.address()).is_some(), "its session is as it was");
}

#[test]
fn a_server_stops_in_good_order_under_load() {
    let mut place = Place::with(hasten);
    place.client().create("/n", b"", CreateMode::Persistent).expect("created");
    let address = place.address();
    let load = std::thread::spawn(move || {
        let mut client = Client::open(address);
        let mut acknowledged = 0;
        'load: loop {
            client.send(&vec![set("/n", b"x"); 100]);
            for _ in 0..100 {
                match client.reply() {
                    Some(Ok(Reply::Stat(stat))) => acknowledged = stat.persisted.version,
                    Some(other) => panic!("{other:?}"),
                    None => break 'load,
                }
            }
        }
        acknowledged
    });
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    place.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "it stops though requests come and come");
    let acknowledged = load.join().expect("no panic");
    place.start(hasten).expect("it starts again");
    let version = place.client().get("/n").expect("there").1.persisted.version;
    assert!(acknowledged > 0 && version >= acknowledged, "{version} on the disk, {acknowledged} acknowledged");
    assert!(version <= acknowledged + 100, "{version}: what the client had not asked yet cannot be done");
}
