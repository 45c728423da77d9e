//! A load for any ZooKeeper server: so many sessions, each with so many requests in flight, and what came of it.
//!
//! ```text
//! load --address 127.0.0.1:2181 set-data --sessions 64 --in-flight 16 --operations 200000
//! ```
//!
//! It runs on one thread, so that on a small machine the server has the others. Requests of one session leave together,
//! as replies come together: as a busy client's do.

use bytes::{Bytes, BytesMut};
use clap::{Args, Parser, Subcommand};
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zab::Zxid;
use zab::tree::{Acl, Change, CreateMode, OpCode, SessionId};
use zabkeeper::wire::request::WatchingRead;
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, ReplyHeader, encode_request,
};

const NODE_EXISTS: i32 = -110;

/// So much room there is for what a server sends.
const ROOM: usize = 16 << 10;

/// A load for a ZooKeeper server.
#[derive(Parser)]
struct Options {
    /// Where the servers are, with commas between: sessions are spread over them.
    #[arg(long, default_value = "127.0.0.1:2181", value_delimiter = ',')]
    address: Vec<SocketAddr>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets the data of one znode a session.
    SetData(Load),
    /// Reads the data of one znode a session.
    GetData(Load),
    /// Creates znodes, below one znode a session.
    Create(Load),
    /// Creates many znodes, a thousand below each parent.
    LoadTree {
        /// How many.
        nodes: u64,
    },
    /// Opens sessions that do nothing but ping.
    Idle {
        /// How many.
        sessions: usize,
        /// For how long after all are open.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Writes one request after another, at whichever server takes it, and tells the longest time between two that
    /// were acknowledged.
    Outage {
        /// For how long.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Waits for a server that is starting, until it has opened a session and read the root.
    FirstReply,
}

#[derive(Args, Clone, Copy)]
struct Load {
    #[arg(long, default_value_t = 16)]
    sessions: u64,
    /// Requests in flight, each session.
    #[arg(long, default_value_t = 16)]
    in_flight: u64,
    /// Requests in all.
    #[arg(long, default_value_t = 100_000)]
    operations: u64,
    /// Bytes of data.
    #[arg(long, default_value_t = 100)]
    bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let start = Instant::now();
    let Options { address: addresses, command } = Options::parse();
    let address = *addresses.first().ok_or_else(|| io::Error::other("no address is given"))?;
    match command {
        Command::SetData(load) => run(&addresses, load, set_data).await,
        Command::GetData(load) => run(&addresses, load, get_data).await,
        Command::Create(load) => run(&addresses, load, create_below).await,
        Command::Outage { seconds } => outage(&addresses, Duration::from_secs(seconds)).await,
        Command::LoadTree { nodes } => load_tree(address, nodes).await,
        Command::Idle { sessions, seconds } => idle(address, sessions, seconds).await,
        Command::FirstReply => first_reply(address, start).await,
    }
}

// ---- What is asked ------------------------------------------------------------------------------------------------

fn home(session: u64) -> String {
    format!("/load/{session:04}")
}

fn set_data(session: u64, _number: u64, data: &Bytes) -> ClientRequest {
    ClientRequest::Write(Change::SetData { path: home(session), data: Some(data.clone()), version: -1 })
}

fn get_data(session: u64, _number: u64, _data: &Bytes) -> ClientRequest {
    ClientRequest::GetData(WatchingRead { path: home(session), watch: false })
}

fn create_below(session: u64, _number: u64, data: &Bytes) -> ClientRequest {
    create(format!("{}/n", home(session)), data, CreateMode::PersistentSequential)
}

fn create(path: String, data: &Bytes, mode: CreateMode) -> ClientRequest {
    let (data, acl) = (Some(data.clone()), Acl::open());
    ClientRequest::Write(Change::Create { kind: OpCode::Create, path, data, acl, flags: mode as i32, ttl: -1 })
}

// ---- The measurements ---------------------------------------------------------------------------------------------

async fn run(addresses: &[SocketAddr], load: Load, ask: fn(u64, u64, &Bytes) -> ClientRequest) -> io::Result<()> {
    let data = Bytes::from(vec![b'x'; load.bytes]);
    let mut first = Session::open(addresses[0]).await?;
    first.create_or_find("/load").await?;
    let mut sessions = Vec::new();
    for number in 0..load.sessions {
        first.create_or_find(&home(number)).await?;
    }
    for address in addresses.iter().cycle().take(usize::try_from(load.sessions).unwrap_or(usize::MAX)) {
        let mut session = Session::open(*address).await?;
        // A server that has not heard of the last znode yet hears of it before it answers this.
        session.call(&ClientRequest::Sync { path: Some("/load".into()) }).await?;
        sessions.push(session);
    }
    first.call(&set_data(0, 0, &data)).await?;
    let each = load.operations / load.sessions;
    let start = Instant::now();
    let tasks = sessions.into_iter().zip(0..).map(|(mut session, number)| {
        let data = data.clone();
        tokio::spawn(async move { session.pump(each, load.in_flight, |index| ask(number, index, &data)).await })
    });
    let mut latencies = Histogram::<u64>::new(3).expect("three digits are possible");
    for task in tasks.collect::<Vec<_>>() {
        latencies.add(task.await??).expect("histograms of one kind");
    }
    report(each * load.sessions, start.elapsed(), &latencies);
    Ok(())
}

async fn load_tree(address: SocketAddr, nodes: u64) -> io::Result<()> {
    let data = Bytes::from(vec![b'x'; 100]);
    let mut session = Session::open(address).await?;
    session.create_or_find("/tree").await?;
    for parent in 0..nodes.div_ceil(1000) {
        session.create_or_find(&format!("/tree/{parent:06}")).await?;
    }
    let start = Instant::now();
    let ask = |index| create(format!("/tree/{:06}/{index:08}", index / 1000), &data, CreateMode::Persistent);
    let latencies = session.pump(nodes, 512, ask).await?;
    report(nodes, start.elapsed(), &latencies);
    Ok(())
}

async fn idle(address: SocketAddr, count: usize, seconds: u64) -> io::Result<()> {
    let mut tasks = Vec::with_capacity(count);
    for _ in 0..count {
        let mut session = Session::open(address).await?;
        tasks.push(tokio::spawn(async move {
            loop {
                tokio::time::sleep(session.timeout / 3).await;
                session.call(&ClientRequest::Ping).await?;
            }
        }));
    }
    println!("open {count}");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let lost = tasks.iter().filter(|task: &&tokio::task::JoinHandle<io::Result<()>>| task.is_finished()).count();
    println!("lost {lost}");
    Ok(())
}

async fn outage(addresses: &[SocketAddr], time: Duration) -> io::Result<()> {
    /// A server that hangs is left.
    const PATIENCE: Duration = Duration::from_millis(1000);
    let data = Bytes::from(vec![b'x'; 100]);
    let (start, mut longest, mut acknowledged) = (Instant::now(), Duration::ZERO, 0_u64);
    let (mut last, mut servers) = (None::<Instant>, addresses.iter().cycle());
    while start.elapsed() < time {
        let Some(address) = servers.next() else { break };
        let attempt = async {
            let mut session = Session::open(*address).await?;
            session.create_or_find("/outage").await?;
            Ok::<Session, io::Error>(session)
        };
        let Ok(Ok(mut session)) = tokio::time::timeout(PATIENCE, attempt).await else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        let request =
            ClientRequest::Write(Change::SetData { path: "/outage".into(), data: Some(data.clone()), version: -1 });
        while start.elapsed() < time {
            let Ok(Ok(0)) = tokio::time::timeout(PATIENCE, session.call(&request)).await else { break };
            let now = Instant::now();
            longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
            (last, acknowledged) = (Some(now), acknowledged + 1);
        }
    }
    println!("acknowledged {acknowledged} longest_ms {}", longest.as_millis());
    Ok(())
}

async fn first_reply(address: SocketAddr, start: Instant) -> io::Result<()> {
    let root = ClientRequest::Exists(WatchingRead { path: "/".into(), watch: false });
    while start.elapsed() < Duration::from_secs(120) {
        let attempt = async { Session::open(address).await?.call(&root).await };
        // Apache's server may accept a connection before it serves, and never answer it.
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(500), attempt).await {
            println!("first_reply_ms {}", start.elapsed().as_millis());
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(io::Error::other("no reply in two minutes"))
}

/// One line: what a script reads, field by field.
fn report(operations: u64, elapsed: Duration, latencies: &Histogram<u64>) {
    let rate = operations as f64 / elapsed.as_secs_f64();
    let at = |quantile| latencies.value_at_quantile(quantile);
    println!(
        "operations {operations} seconds {:.3} per_second {rate:.0} p50_us {} p99_us {} p999_us {} max_us {}",
        elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.max()
    );
}

// ---- A session ----------------------------------------------------------------------------------------------------

struct Session {
    stream: TcpStream,
    decoder: FrameDecoder,
    input: BytesMut,
    timeout: Duration,
    xid: i32,
}

impl Session {
    async fn open(address: SocketAddr) -> io::Result<Session> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let decoder = FrameDecoder::client(64 << 20);
        let mut session = Session { stream, decoder, input: BytesMut::new(), timeout: Duration::ZERO, xid: 0 };
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid(0),
            timeout: 30_000,
            session: SessionId(0),
            password: Some(Bytes::from_static(&[0; 16])),
            read_only: Some(false),
        };
        let mut frame = Vec::new();
        request.encode(&mut frame);
        session.stream.write_all(&frame).await?;
        let packet = session.packet().await?;
        let response = ConnectResponse::decode(&packet).map_err(io::Error::other)?;
        session.timeout = Duration::from_millis(u64::try_from(response.timeout).unwrap_or_default());
        session.input = BytesMut::new();
        Ok(session)
    }

    async fn create_or_find(&mut self, path: &str) -> io::Result<()> {
        let request = create(path.to_owned(), &Bytes::new(), CreateMode::Persistent);
        match self.call(&request).await? {
            0 | NODE_EXISTS => Ok(()),
            code => Err(io::Error::other(format!("cannot create {path}: {code}"))),
        }
    }

    /// One request, and the code of its reply.
    async fn call(&mut self, request: &ClientRequest) -> io::Result<i32> {
        self.xid += 1;
        let mut frame = Vec::new();
        encode_request(&mut frame, self.xid, request);
        self.stream.write_all(&frame).await?;
        let packet = self.packet().await?;
        self.input = BytesMut::new();
        Ok(ReplyHeader::split(packet).map_err(io::Error::other)?.0.err)
    }

    /// So many requests, with so many in flight; how long each took, in microseconds.
    async fn pump(
        &mut self,
        count: u64,
        in_flight: u64,
        ask: impl Fn(u64) -> ClientRequest,
    ) -> io::Result<Histogram<u64>> {
        let mut latencies = Histogram::new(3).expect("three digits are possible");
        let mut sent = VecDeque::new();
        let (mut next, mut output) = (0, Vec::new());
        while next < count || !sent.is_empty() {
            let now = Instant::now();
            output.clear();
            while next < count && (sent.len() as u64) < in_flight {
                encode_request(&mut output, next as i32, &ask(next));
                sent.push_back(now);
                next += 1;
            }
            self.stream.write_all(&output).await?;
            let mut packet = Some(self.packet().await?);
            let now = Instant::now();
            while let Some(reply) = packet {
                let (header, _) = ReplyHeader::split(reply).map_err(io::Error::other)?;
                if header.err != 0 {
                    return Err(io::Error::other(format!("request {} failed: {}", header.xid, header.err)));
                }
                let since = sent.pop_front().ok_or_else(|| io::Error::other("a reply to nothing"))?;
                latencies
                    .record(u64::try_from((now - since).as_micros()).unwrap_or(u64::MAX))
                    .map_err(io::Error::other)?;
                packet = self.waiting_packet()?;
            }
        }
        Ok(latencies)
    }

    /// The next packet, when it has come.
    async fn packet(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(packet) = self.waiting_packet()? {
                return Ok(packet);
            }
            // With room to spare the runtime sees that nothing more is there, and lets other sessions have their turn.
            self.input.reserve(ROOM);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn waiting_packet(&mut self) -> io::Result<Option<Bytes>> {
        match self.decoder.decode(&mut self.input).map_err(io::Error::other)? {
            Some(Frame::Packet(packet)) => Ok(Some(packet)),
            Some(Frame::Word(_)) => Err(io::Error::other("a server does not say words")),
            None => Ok(None),
        }
    }
}
