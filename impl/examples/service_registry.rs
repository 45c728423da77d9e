//! Three providers of a service, each a process of its own, and a consumer. One provider is killed with SIGKILL.
//!
//! ```text
//! cargo run --release -p zabkeeper --example service_registry [-- --address 127.0.0.1:2181]
//! ```

mod embedded;

use clap::Parser;
use embedded::with_server;
use std::collections::BTreeMap;
use std::error::Error;
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
    let sessions = sessions(address).await?;
    let consumer = Consumer::subscribe(&sessions, BASE, SERVICE).await?;
    let mut changes = consumer.changes();
    println!("the consumer has asked once; now three providers start");
    let mut children = Vec::new();
    for what in ["10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"] {
        children.push(start(address, what)?);
    }
    for _ in 0..3 {
        show_next(&mut changes).await?;
    }
    call(&consumer);

    let mut victim = children.remove(1);
    println!("process {} is killed", victim.id());
    let killed = Instant::now();
    victim.kill().and(victim.wait())?;
    show_next(&mut changes).await?;
    println!(
        "  {:.1} s after its death, the consumer was told (sessions end after {SESSION_TIMEOUT:?})",
        seconds(killed)
    );
    call(&consumer);

    println!("the others end in good order");
    for mut child in children {
        drop(child.stdin.take());
        show_next(&mut changes).await?;
        child.wait()?;
    }
    println!("left: {}", consumer.instances().len());
    Ok(())
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

/// What the consumer is told.
async fn show_next(changes: &mut ServiceChanges) -> Result<(), Box<dyn Error>> {
    let change = tokio::time::timeout(Duration::from_secs(60), changes.next()).await?.ok_or("the cache has ended")?;
    let (what, one) = match change {
        ServiceChange::Joined(one) => ("+", one),
        ServiceChange::Updated(one) => ("=", one),
        ServiceChange::Left(one) => ("-", one),
    };
    let payload = String::from_utf8_lossy(&one.registration.payload);
    println!("  {what} {}  ({payload})", one.registration.address);
    Ok(())
}

/// Chooses from memory, without asking anybody.
fn call(consumer: &Consumer) {
    let round = RoundRobinStrategy::default();
    let mut calls = BTreeMap::<String, usize>::new();
    for _ in 0..600 {
        if let Some(call) = consumer.choose(&round, b"") {
            *calls.entry(call.registration.address.clone()).or_default() += 1;
        }
    }
    println!("  600 calls, round robin: {calls:?}");
    let under_way: Vec<_> = (0..4).filter_map(|_| consumer.choose(&LeastActiveStrategy, b"")).collect();
    let busy: Vec<String> =
        consumer.instances().iter().map(|one| format!("{} has {}", one.registration.address, one.active())).collect();
    println!("  {} calls under way, least active: {}", under_way.len(), busy.join(", "));
}
