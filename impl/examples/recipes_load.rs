//! Our client and our recipes at work on any ZooKeeper server, and what came of it: handoffs of a lock, a write that a
//! thousand watchers are told of, requests of one session, sessions that only ping.
//!
//! ```text
//! recipes_load --address 127.0.0.1:2181 lock --contenders 16 --handoffs 10000
//! ```
//!
//! `benches/recipes_beside_apache.sh` runs it on two servers in turn. It runs on one thread, so that on a small machine
//! the server has the others; all it asks goes through [`zabkeeper::client`], as a program's requests would (the
//! example `load` writes its own packets, and asks more of a server).

use clap::{Args, Parser, Subcommand, ValueEnum};
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, process};
use tokio::task::JoinHandle;
use zab::Zxid;
use zabkeeper::client::{
    Acl, AddWatchMode, Client, ClientOptions, Code, CreateMode, Error as ClientError, EventType, OneShotWatch, Pending,
    SessionState, Watch, WatchedEvent,
};
use zabkeeper::recipes::Mutex;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const LOCK: &str = "/recipes-load-lock";
const WATCHED: &str = "/recipes-load-watched";
const DATA: &str = "/recipes-load-data";

/// Bytes that are written and read.
const LENGTH: usize = 100;

/// So many sessions are opened at once: Apache's server lets 50 connections wait to be accepted.
const TOGETHER: usize = 32;

/// In these Linux tells CPU time, whatever the kernel itself counts in (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A load of recipes for a ZooKeeper server.
#[derive(Parser)]
struct Options {
    /// Where the server is.
    #[arg(long, default_value = "127.0.0.1:2181")]
    address: String,
    /// The server's process: its CPU time is told as well.
    #[arg(long)]
    server: Option<u32>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A lock that goes from one to the next. Whoever had it stands in the line again at once. It is checked that one
    /// at a time has it, that tokens grow, and that a release wakes one waiter at most.
    Lock {
        /// How many want it, each with a session of its own.
        #[arg(long, default_value_t = 16)]
        contenders: u64,
        /// How often it is taken; as often as there are contenders before that is not measured.
        #[arg(long, default_value_t = 10_000)]
        handoffs: u64,
    },
    /// A znode that many watch, each with a session of its own (of one session a server knows one watch a znode, so a
    /// thousand watchers are a thousand sessions). It is written again when the last one was told. What is measured is
    /// the time from the write's submission to the last event.
    Watch {
        /// Watches that must be set again after each event, or that stay.
        #[arg(long, value_enum, default_value = "one-shot")]
        kind: WatchKind,
        /// How many watch.
        #[arg(long, default_value_t = 1000)]
        watchers: usize,
        /// How often it is written.
        #[arg(long, default_value_t = 100)]
        writes: u64,
    },
    /// Reads of a hundred bytes.
    GetData(Load),
    /// Writes of a hundred bytes.
    SetData(Load),
    /// Opens sessions that do nothing but ping.
    Idle {
        /// How many.
        sessions: usize,
        /// For how long after all are open.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum WatchKind {
    OneShot,
    Persistent,
}

#[derive(Args, Clone, Copy)]
struct Load {
    /// Requests in flight, of the one session.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// Requests in all.
    #[arg(long, default_value_t = 100_000)]
    operations: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let Options { address, server, command } = Options::parse();
    match command {
        Command::Lock { contenders, handoffs } => lock(&address, server, contenders, handoffs).await,
        Command::Watch { kind, watchers, writes } => watch(&address, server, kind, watchers, writes).await,
        Command::GetData(load) => throughput(&address, server, load, |client| client.get_data(DATA)).await,
        Command::SetData(load) => {
            throughput(&address, server, load, |client| client.set_data(DATA, [b'x'; LENGTH], None)).await
        }
        Command::Idle { sessions, seconds } => idle(&address, sessions, seconds).await,
    }
}

// ---- The lock -------------------------------------------------------------------------------------------------------

async fn lock(address: &str, server: Option<u32>, contenders: u64, handoffs: u64) -> Result<(), Failure> {
    let clients = connect(address, usize::try_from(contenders)?).await?;
    let ledger = Ledger {
        server,
        first: contenders,
        last: contenders + handoffs,
        had: 0,
        held: false,
        token: Zxid::ZERO,
        released: Instant::now(),
        times: histogram()?,
        meter: None,
        cost: None,
    };
    let ledger = Arc::new(std::sync::Mutex::new(ledger));
    let contend = |client: &Client| tokio::spawn(contend(client.clone(), ledger.clone()));
    for task in clients.iter().map(contend).collect::<Vec<JoinHandle<_>>>() {
        task.await??;
    }
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let woken: u64 = clients.iter().map(|client| client.metrics().events.load(Relaxed)).sum();
    if woken > ledger.had {
        return Err(format!("{} releases woke {woken} waiters", ledger.had).into());
    }
    let cost = ledger.cost.take().ok_or("the lock was not taken as often as asked")?;
    println!("{}", cost.told(handoffs, &ledger.times));
    drop(ledger);
    close(clients).await
}

/// Takes the lock and gives it back, until it was had often enough.
async fn contend(client: Client, ledger: Arc<std::sync::Mutex<Ledger>>) -> Result<(), Failure> {
    let mutex = Mutex::new(&client, LOCK);
    loop {
        let guard = mutex.lock().await?;
        let more = ledger.lock().unwrap_or_else(PoisonError::into_inner).enter(guard.fencing_token())?;
        // The others have their turn: if one of them had the lock as well, it would show.
        tokio::task::yield_now().await;
        ledger.lock().unwrap_or_else(PoisonError::into_inner).leave();
        guard.release().await?;
        if !more {
            return Ok(());
        }
    }
}

/// Who had the lock, and when.
struct Ledger {
    server: Option<u32>,
    /// With this holder, counted from 1, the measurement begins: all have come by then.
    first: u64,
    /// With this one it ends. Those who still wait are let in once.
    last: u64,
    had: u64,
    held: bool,
    token: Zxid,
    released: Instant,
    /// From the beginning of a release to the next holder.
    times: Histogram<u64>,
    meter: Option<Meter>,
    cost: Option<Cost>,
}

impl Ledger {
    /// A holder comes. Whether more are wanted.
    fn enter(&mut self, token: Zxid) -> Result<bool, Failure> {
        if self.held {
            return Err("two have the lock".into());
        }
        if token <= self.token {
            return Err(format!("the token {token:?} comes after {:?}", self.token).into());
        }
        (self.held, self.token, self.had) = (true, token, self.had + 1);
        if self.meter.is_some() {
            self.times.record(micros(self.released.elapsed()))?;
        }
        if self.had == self.first {
            self.meter = Some(Meter::start(self.server)?);
        } else if self.had == self.last {
            self.cost = self.meter.take().map(Meter::stop).transpose()?;
        }
        Ok(self.had < self.last)
    }

    fn leave(&mut self) {
        (self.held, self.released) = (false, Instant::now());
    }
}

// ---- Watchers -------------------------------------------------------------------------------------------------------

async fn watch(
    address: &str,
    server: Option<u32>,
    kind: WatchKind,
    watchers: usize,
    writes: u64,
) -> Result<(), Failure> {
    let writer = Client::connect(address).await?;
    create_or_find(&writer, WATCHED).await?;
    let clients = connect(address, watchers).await?;
    let mut watches = Watches::set(kind, &clients).await?;
    let (mut submitted_to_last, mut reply_to_last) = (histogram()?, histogram()?);
    let mut spread = Duration::ZERO;
    let meter = Meter::start(server)?;
    for write in 0..writes {
        if write > 0 && matches!(kind, WatchKind::OneShot) {
            watches = Watches::set(kind, &clients).await?;
        }
        let submitted = Instant::now();
        let reply = async { writer.set_data(WATCHED, [b'x'; LENGTH], None).await.map(|_| Instant::now()) };
        let (replied, told) = tokio::join!(reply, watches.all_told());
        let (replied, told) = (replied?, told?);
        submitted_to_last.record(micros(told - submitted))?;
        reply_to_last.record(micros(told.saturating_duration_since(replied)))?;
        spread += told - submitted;
    }
    // The time in which watches are set again is not that of the events; their CPU time is counted.
    let cost = Cost { elapsed: spread, ..meter.stop()? };
    let after_reply = reply_to_last.value_at_quantile(0.5);
    println!("{} after_reply_p50_us {after_reply}", cost.told(watchers as u64 * writes, &submitted_to_last));
    close(clients).await?;
    writer.close().await;
    Ok(())
}

/// One of each client.
enum Watches {
    OneShot(Vec<OneShotWatch>),
    Persistent(Vec<Watch>),
}

impl Watches {
    async fn set(kind: WatchKind, clients: &[Client]) -> Result<Watches, ClientError> {
        Ok(match kind {
            WatchKind::OneShot => {
                let pending = clients.iter().map(|client| client.get_data_and_watch(WATCHED)).collect();
                Watches::OneShot(all(pending).await?.into_iter().map(|(_, watch)| watch).collect())
            }
            WatchKind::Persistent => {
                let pending = clients.iter().map(|client| client.watch(WATCHED, AddWatchMode::Persistent)).collect();
                Watches::Persistent(all(pending).await?)
            }
        })
    }

    /// When the last one was told.
    async fn all_told(&mut self) -> Result<Instant, Failure> {
        match self {
            Watches::OneShot(watches) => {
                for watch in watches {
                    expect(Some(watch.await))?;
                }
            }
            Watches::Persistent(watches) => {
                for watch in watches {
                    expect(watch.next().await)?;
                }
            }
        }
        Ok(Instant::now())
    }
}

fn expect(event: Option<WatchedEvent>) -> Result<(), Failure> {
    match event {
        Some(event) if event.kind == EventType::NodeDataChanged => Ok(()),
        other => Err(format!("not the event of a write: {other:?}").into()),
    }
}

/// What was asked together, in its order.
async fn all<T>(pending: Vec<Pending<T>>) -> Result<Vec<T>, ClientError> {
    let mut results = Vec::with_capacity(pending.len());
    for pending in pending {
        results.push(pending.await?);
    }
    Ok(results)
}

// ---- One session, and many ------------------------------------------------------------------------------------------

async fn throughput<T>(
    address: &str,
    server: Option<u32>,
    load: Load,
    ask: impl Fn(&Client) -> Pending<T>,
) -> Result<(), Failure> {
    let client = Client::connect(address).await?;
    create_or_find(&client, DATA).await?;
    client.set_data(DATA, [b'x'; LENGTH], None).await?;
    let (mut sent, mut left, mut times) = (VecDeque::new(), load.operations, histogram()?);
    let meter = Meter::start(server)?;
    loop {
        while left > 0 && sent.len() < load.in_flight {
            sent.push_back((Instant::now(), ask(&client)));
            left -= 1;
        }
        let Some((since, pending)) = sent.pop_front() else { break };
        pending.await?;
        times.record(micros(since.elapsed()))?;
    }
    println!("{}", meter.stop()?.told(load.operations, &times));
    client.close().await;
    Ok(())
}

async fn idle(address: &str, sessions: usize, seconds: u64) -> Result<(), Failure> {
    let clients = connect(address, sessions).await?;
    println!("open {}", clients.len());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let lost = clients.iter().filter(|client| *client.state().borrow() != SessionState::Connected).count();
    println!("lost {lost}");
    Ok(())
}

/// So many sessions.
async fn connect(address: &str, count: usize) -> Result<Vec<Client>, Failure> {
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let next = TOGETHER.min(count - clients.len());
        let tasks: Vec<_> = (0..next).map(|_| tokio::spawn(ClientOptions::new(address).connect())).collect();
        for task in tasks {
            clients.push(task.await??);
        }
    }
    Ok(clients)
}

/// Ends the sessions, so that the server does not end them while the next thing is measured.
async fn close(clients: Vec<Client>) -> Result<(), Failure> {
    let close = |client: Client| tokio::spawn(async move { client.close().await });
    for task in clients.into_iter().map(close).collect::<Vec<_>>() {
        task.await?;
    }
    Ok(())
}

async fn create_or_find(client: &Client, path: &str) -> Result<(), ClientError> {
    match client.create(path, b"", CreateMode::Persistent, &Acl::open()).await {
        Ok(_) | Err(ClientError::Server(Code::NodeExists)) => Ok(()),
        Err(error) => Err(error),
    }
}

// ---- What it took ---------------------------------------------------------------------------------------------------

/// A measurement that has begun.
struct Meter {
    server: Option<u32>,
    start: Instant,
    client_cpu: f64,
    server_cpu: f64,
}

/// What was measured: time that passed, and CPU seconds of both processes.
struct Cost {
    elapsed: Duration,
    client_cpu: f64,
    server_cpu: f64,
}

impl Meter {
    fn start(server: Option<u32>) -> io::Result<Meter> {
        let (client_cpu, server_cpu) = (cpu(Some(process::id()))?, cpu(server)?);
        Ok(Meter { server, start: Instant::now(), client_cpu, server_cpu })
    }

    fn stop(self) -> io::Result<Cost> {
        let elapsed = self.start.elapsed();
        let client_cpu = cpu(Some(process::id()))? - self.client_cpu;
        Ok(Cost { elapsed, client_cpu, server_cpu: cpu(self.server)? - self.server_cpu })
    }
}

impl Cost {
    /// One line: what a script reads, field by field. CPU in seconds per 100,000 operations.
    fn told(&self, operations: u64, times: &Histogram<u64>) -> String {
        let (seconds, at) = (self.elapsed.as_secs_f64(), |quantile| times.value_at_quantile(quantile));
        let per_operations = 100_000.0 / operations as f64;
        format!(
            "operations {operations} seconds {seconds:.3} per_second {:.0} p50_us {} p99_us {} max_us {} \
             server_cpu {:.3} client_cpu {:.3}",
            operations as f64 / seconds,
            at(0.5),
            at(0.99),
            times.max(),
            self.server_cpu * per_operations,
            self.client_cpu * per_operations,
        )
    }
}

/// CPU seconds that a process has used; 0 of none.
fn cpu(process: Option<u32>) -> io::Result<f64> {
    let Some(process) = process else { return Ok(0.0) };
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The process's name stands in brackets, and may hold anything; user and system time are the 12th and 13th behind.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>();
    ticks.map(|ticks| ticks / TICKS_PER_SECOND).map_err(io::Error::other)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn histogram() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new(3)
}
