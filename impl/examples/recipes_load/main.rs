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

mod cost;
mod lock;
mod watch;

use bytes::Bytes;
use clap::{Args, Parser, Subcommand};
use cost::{Meter, histogram, micros};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use watch::WatchKind;
use zabkeeper::client::{
    Acl, Client, ClientOptions, Code, CreateMode, Error as ClientError, Pending, SessionState, Stat,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DATA: &str = "/recipes-load-data";

/// Bytes that are written and read.
const LENGTH: usize = 100;

/// So many sessions are opened at once: Apache's server lets 50 connections wait to be accepted.
const TOGETHER: usize = 32;

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
        Command::Lock { contenders, handoffs } => lock::lock(&address, server, contenders, handoffs).await,
        Command::Watch { kind, watchers, writes } => watch::watch(&address, server, kind, watchers, writes).await,
        Command::GetData(load) => {
            let whole = |(data, _): &(Bytes, Stat)| data.len() == LENGTH;
            throughput(&address, server, load, |client| client.get_data(DATA), whole).await
        }
        Command::SetData(load) => {
            let whole = |stat: &Stat| stat.data_length == LENGTH as i32;
            throughput(&address, server, load, |client| client.set_data(DATA, [b'x'; LENGTH], None), whole).await
        }
        Command::Idle { sessions, seconds } => idle(&address, sessions, seconds).await,
    }
}

// ---- One session, and many ------------------------------------------------------------------------------------------

async fn throughput<T>(
    address: &str,
    server: Option<u32>,
    load: Load,
    ask: impl Fn(&Client) -> Pending<T>,
    whole: impl Fn(&T) -> bool,
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
        if !whole(&pending.await?) {
            return Err("a reply tells of other data".into());
        }
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
