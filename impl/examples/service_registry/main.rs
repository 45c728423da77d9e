//! Three providers of a service, each a process of its own, and a consumer. One provider is killed with SIGKILL; then
//! the consumer is cut off from the server for a while, and goes on from its memory.
//!
//! ```text
//! cargo run --release -p zabkeeper --example service_registry [-- --address 127.0.0.1:2181]
//! ```

mod cable;
#[path = "../embedded/mod.rs"]
mod embedded;

use cable::Cable;
use clap::Parser;
use embedded::with_server;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zabkeeper::client::ClientOptions;
use zabkeeper::recipes::{
    Consumer, LeastActiveStrategy, Provider, Registration, RoundRobinStrategy, ServiceChange, ServiceChanges, Sessions,
};

const BASE: &str = "/services";
const SERVICE: &str = "orders";

/// How long a provider may be silent before it counts as dead.
const SESSION_TIMEOUT: Duration = Duration::from_secs(1);

/// Nothing takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// A service registry at work.
#[derive(Parser)]
struct Options {
    /// A running server; without it, the example starts one.
    #[arg(long)]
    address: Option<String>,
    /// Be a provider that says this of itself, until standard input ends.
    #[arg(long, hide = true, requires = "address")]
    provide: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if let (Some(what), Some(address)) = (&options.provide, &options.address) {
        return tokio::runtime::Runtime::new()?.block_on(provide(address, what));
    }
    with_server(options.address, async |address| consume(address).await)
}

// ---- A provider -----------------------------------------------------------------------------------------------------

async fn provide(address: &str, what: &str) -> Result<(), Box<dyn Error>> {
    let sessions = sessions(address).await?;
    let payload = format!("process {}", std::process::id());
    let registration = Registration { payload: payload.into(), ..Registration::new(what) };
    let provider = Provider::register(&sessions, BASE, SERVICE, &registration).await?;
    // Here it would serve.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(provider.unregister().await?)
}

async fn sessions(address: &str) -> Result<Sessions, Box<dyn Error>> {
    Ok(Sessions::connect(ClientOptions::new(address).session_timeout(SESSION_TIMEOUT)).await?)
}

/// The example once more, as a provider.
fn start(address: &str, what: &str) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.args(["--address", address, "--provide", what]).stdin(Stdio::piped()).spawn()?)
}

// ---- The consumer ---------------------------------------------------------------------------------------------------

async fn consume(address: &str) -> Result<(), Box<dyn Error>> {
    let mut cable = Cable::to(address).await?;
    let sessions = sessions(&cable.near().to_string()).await?;
    let consumer = Consumer::subscribe(&sessions, BASE, SERVICE).await?;
    let mut story = Story { start: Instant::now(), changes: consumer.changes() };
    story.say("The consumer has asked the server once. Three providers start, each a process of its own.");
    let mut children = Vec::new();
    for what in ["10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"] {
        children.push(start(address, what)?);
    }
    for _ in 0..3 {
        story.show_next().await?;
    }
    call(&story, &consumer);

    let mut victim = children.remove(1);
    // On Unix this is SIGKILL: the provider cannot say goodbye.
    story.say(format_args!("Process {} is killed, as by kill -9.", victim.id()));
    let killed = Instant::now();
    victim.kill().and(victim.wait())?;
    story.show_next().await?;
    let took = killed.elapsed().as_secs_f64();
    story.say(format_args!(
        "  That was {took:.1} s after its death: sessions end after {SESSION_TIMEOUT:?} of silence."
    ));
    call(&story, &consumer);

    story.say("The consumer is cut off from the server, and answers from its memory. A provider starts meanwhile.");
    cable.cut();
    eventually(|| !consumer.is_current()).await?;
    children.push(start(address, "10.0.0.4:9000")?);
    for _ in 0..3 {
        tokio::time::sleep(SESSION_TIMEOUT / 5).await;
        call(&story, &consumer);
    }
    story.say("The way to the server is free again.");
    cable.mend().await?;
    story.show_next().await?;
    call(&story, &consumer);

    story.say("The providers end in good order.");
    for mut child in children {
        drop(child.stdin.take());
        story.show_next().await?;
        child.wait()?;
    }
    story.say(format_args!("Left: {}.", consumer.instances().len()));
    Ok(())
}

async fn eventually(mut holds: impl FnMut() -> bool) -> Result<(), Box<dyn Error>> {
    let holding = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    Ok(tokio::time::timeout(LONGEST, holding).await?)
}

/// What happens, with its time.
struct Story {
    start: Instant,
    changes: ServiceChanges,
}

impl Story {
    fn say(&self, what: impl Display) {
        println!("{:7.3} s  {what}", self.start.elapsed().as_secs_f64());
    }

    /// What the consumer is told next.
    async fn show_next(&mut self) -> Result<(), Box<dyn Error>> {
        let change = tokio::time::timeout(LONGEST, self.changes.next()).await?.ok_or("the cache has ended")?;
        let (what, one) = match change {
            ServiceChange::Joined(one) => ("+", one),
            ServiceChange::Updated(one) => ("=", one),
            ServiceChange::Left(one) => ("-", one),
        };
        let payload = String::from_utf8_lossy(&one.registration.payload);
        self.say(format_args!("  {what} {}  ({payload})", one.registration.address));
        Ok(())
    }
}

/// Chooses from memory, without asking anybody.
fn call(story: &Story, consumer: &Consumer) {
    let round = RoundRobinStrategy::default();
    let mut calls = BTreeMap::<String, usize>::new();
    for _ in 0..600 {
        if let Some(call) = consumer.choose(&round, b"") {
            *calls.entry(call.registration.address.clone()).or_default() += 1;
        }
    }
    story.say(format_args!("  600 calls, round robin: {calls:?}"));
    let under_way: Vec<_> = (0..4).filter_map(|_| consumer.choose(&LeastActiveStrategy, b"")).collect();
    let busy: Vec<String> =
        consumer.instances().iter().map(|one| format!("{} has {}", one.registration.address, one.active())).collect();
    story.say(format_args!("  {} calls under way, least active: {}", under_way.len(), busy.join(", ")));
}
