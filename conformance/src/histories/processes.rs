//! Real servers, as processes that are killed again and again, and clients that remember.

use super::{Client, Entry, History, What};
use crate::dice::Dice;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// So many servers run.
const SERVERS: u8 = 3;

/// `tickTime` of the servers, in milliseconds.
const TICK: u64 = 200;

/// The timeout of the clients' sessions, in milliseconds.
const TIMEOUT: i32 = 4000;

/// When nothing fails any more, everything that must come comes within so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a run on processes is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's program.
    pub program: PathBuf,
    /// How long servers are killed.
    pub time: Duration,
    /// How many clients there are.
    pub clients: usize,
    /// Chooses who is killed and what is asked. Times are not chosen by it alone, so no two runs are the same.
    pub seed: u64,
}

/// What came of it.
pub struct Run {
    /// What the clients saw.
    pub history: History,
    /// How often a server was killed.
    pub killed: usize,
    /// The servers' directories, with what each recorded in `traces`.
    pub directory: TempDir,
}

impl Run {
    /// Where the servers' traces are.
    #[must_use]
    pub fn traces(&self) -> PathBuf {
        self.directory.path().join("traces")
    }
}

/// Runs servers and clients, and kills servers meanwhile.
///
/// # Errors
/// When servers cannot be run, or do not serve when nothing fails any more.
pub fn run(options: &Options) -> Result<Run, String> {
    let mut ensemble = Ensemble::new(&options.program).map_err(|error| error.to_string())?;
    (0..SERVERS).try_for_each(|server| ensemble.start(server)).map_err(|error| error.to_string())?;
    let history = Mutex::new(History::default());
    let (ends, addresses) = (AtomicBool::new(false), ensemble.addresses());
    let work = |number: usize| {
        let client = Client::new(number, TIMEOUT, options.seed.wrapping_mul(31).wrapping_add(number as u64));
        Worker { client, addresses: &addresses, history: &history, dice: Dice::new(number as u64) }
    };
    let killed = std::thread::scope(|scope| {
        let work = &work;
        let ends = &ends;
        let workers: Vec<_> = (1..=options.clients).map(|number| scope.spawn(move || work(number).run(ends))).collect();
        let killed = strike(&mut ensemble, options);
        ends.store(true, Ordering::Release);
        let ended: Result<Vec<()>, String> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a client panicked".into())))
            .collect();
        ended.and(killed)
    })?;
    // The sessions that were left behind are over some ticks after their time.
    std::thread::sleep(Duration::from_millis(TIMEOUT as u64 + 5 * TICK));
    work(options.clients + 1).audit()?;
    ensemble.kill_all();
    let history = history.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Run { history, killed, directory: ensemble.directory.take().ok_or("there is a directory")? })
}

/// Kills one server after the other, or all of them, and starts them again.
fn strike(ensemble: &mut Ensemble, options: &Options) -> Result<usize, String> {
    let (mut dice, start, mut killed) = (Dice::new(options.seed), Instant::now(), 0);
    let wait = |least, most, dice: &mut Dice| std::thread::sleep(Duration::from_millis(dice.between(least, most)));
    wait(1500, 2000, &mut dice);
    while start.elapsed() < options.time {
        let first = u8::try_from(dice.below(SERVERS.into())).unwrap_or(0);
        let victims: Vec<u8> = if dice.once_in(5) { (0..SERVERS).collect() } else { vec![first] };
        victims.iter().for_each(|server| ensemble.kill(*server));
        killed += victims.len();
        wait(10, 1500, &mut dice);
        victims.iter().try_for_each(|server| ensemble.start(*server)).map_err(|error| error.to_string())?;
        wait(300, 4000, &mut dice);
    }
    Ok(killed)
}

// ---- Servers ------------------------------------------------------------------------------------------------------

/// Processes, which are killed when this value goes.
struct Ensemble {
    program: PathBuf,
    directory: Option<TempDir>,
    path: PathBuf,
    ports: Vec<u16>,
    children: Vec<Option<Child>>,
}

impl Ensemble {
    fn new(program: &Path) -> io::Result<Ensemble> {
        let directory = TempDir::new()?;
        let path = directory.path().to_owned();
        // Held until all are chosen, so that none is chosen twice.
        let listeners =
            (0..3 * SERVERS).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<io::Result<Vec<_>>>()?;
        let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
        let ports = ports.collect::<io::Result<Vec<u16>>>()?;
        let children = (0..SERVERS).map(|_| None).collect();
        let ensemble = Ensemble { program: program.to_owned(), directory: Some(directory), path, ports, children };
        (0..SERVERS).try_for_each(|server| ensemble.configure(server))?;
        Ok(ensemble)
    }

    fn port(&self, server: u8, which: u8) -> u16 {
        self.ports[usize::from(3 * server + which)]
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        (0..SERVERS).map(|server| SocketAddr::from(([127, 0, 0, 1], self.port(server, 0)))).collect()
    }

    fn configure(&self, server: u8) -> io::Result<()> {
        let (own, traces) = (self.path.join((server + 1).to_string()), self.path.join("traces"));
        std::fs::create_dir_all(own.join("data"))?;
        std::fs::write(own.join("data/myid"), (server + 1).to_string())?;
        let mut text = format!(
            "dataDir={}\ntraceDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\ntickTime={TICK}\ninitLimit=20\n\
             syncLimit=5\nadmin.enableServer=false\n",
            own.join("data").display(),
            traces.display(),
            self.port(server, 0)
        );
        for other in 0..SERVERS {
            let (quorum, election) = (self.port(other, 1), self.port(other, 2));
            text += &format!("server.{}=127.0.0.1:{quorum}:{election}\n", other + 1);
        }
        std::fs::write(own.join("zoo.cfg"), text)
    }

    fn start(&mut self, server: u8) -> io::Result<()> {
        let own = self.path.join((server + 1).to_string());
        let log = File::options().create(true).append(true).open(own.join("log.txt"))?;
        let mut command = Command::new(&self.program);
        command.arg("start-foreground").arg(own.join("zoo.cfg")).current_dir(&own);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.children[usize::from(server)] = Some(command.spawn()?);
        Ok(())
    }

    fn kill(&mut self, server: u8) {
        if let Some(mut child) = self.children[usize::from(server)].take() {
            // Only a child that has ended already cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn kill_all(&mut self) {
        (0..SERVERS).for_each(|server| self.kill(server));
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        self.kill_all();
    }
}

// ---- Clients ------------------------------------------------------------------------------------------------------

/// A client on sockets.
struct Worker<'a> {
    client: Client,
    addresses: &'a [SocketAddr],
    history: &'a Mutex<History>,
    dice: Dice,
}

impl Worker<'_> {
    /// What is asked is noted before it is sent, what is answered after it has come: so the history's order is one that
    /// time allows.
    fn noted<T>(&mut self, act: impl FnOnce(&mut Client, &mut History) -> T) -> T {
        act(&mut self.client, &mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works until the end, and says goodbye.
    fn run(mut self, ends: &AtomicBool) -> Result<(), String> {
        let mut left: Option<Instant> = None;
        while left.is_none_or(|since| since.elapsed() < PATIENCE) {
            if ends.load(Ordering::Acquire) && left.is_none() {
                left = Some(Instant::now());
            }
            let leaving = left.is_some();
            if self.connection(|worker| {
                if leaving || ends.load(Ordering::Acquire) {
                    return worker.noted(Client::close);
                }
                if worker.dice.once_in(400) {
                    worker.noted(Client::abandon);
                    return Vec::new();
                }
                worker.noted(Client::burst)
            })? {
                return Ok(());
            }
        }
        Err(format!("client {} could not leave within {PATIENCE:?} after the last fault", self.client.number))
    }

    /// Reads everything once.
    fn audit(mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let mut asked = false;
            let done = self.connection(|worker| {
                let all_read = std::mem::replace(&mut asked, true);
                worker.noted(if all_read { Client::close } else { Client::audit })
            })?;
            if done {
                return Ok(());
            }
        }
        Err(format!("nobody could read everything within {PATIENCE:?}"))
    }

    /// One connection, from beginning to end; whether the session was closed on it.
    fn connection(&mut self, mut act: impl FnMut(&mut Self) -> Vec<u8>) -> Result<bool, String> {
        std::thread::sleep(Duration::from_millis(self.dice.between(5, 100)));
        let Some(address) = self.dice.one_of(self.addresses).copied() else { return Ok(false) };
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return Ok(false) };
        let silence = Duration::from_millis(TIMEOUT as u64 * 2 / 3);
        // On the loopback interface a port where nobody listens can connect with itself.
        let is_own = stream.local_addr().ok() == stream.peer_addr().ok();
        if is_own || stream.set_read_timeout(Some(silence)).is_err() || stream.set_nodelay(true).is_err() {
            return Ok(false);
        }
        let opening = self.client.open();
        let mut sent = stream.write_all(&opening).is_ok();
        let mut closed = false;
        while sent && !closed {
            let mut buffer = [0; 16 << 10];
            let length = match stream.read(&mut buffer) {
                Ok(length) if length > 0 => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => break,
            };
            let (out, over) = self.take(&buffer[..length])?;
            let Some(mut out) = out else {
                closed = over;
                break;
            };
            if self.client.is_idle() {
                std::thread::sleep(Duration::from_millis(self.dice.between(1, 30)));
                out.extend(act(self));
            }
            sent = stream.write_all(&out).is_ok();
        }
        self.noted(Client::lost);
        Ok(closed)
    }

    /// Takes bytes; what is to be sent, and whether the session was closed, as its client asked.
    fn take(&mut self, bytes: &[u8]) -> Result<(Option<Vec<u8>>, bool), String> {
        let number = self.client.number;
        self.noted(|client, history| {
            let before = history.entries.len();
            let out = client.receive(bytes, history)?;
            let own = |entry: &&Entry| entry.client == number;
            let news: Vec<&What> = history.entries[before..].iter().filter(own).map(|entry| &entry.what).collect();
            Ok((out, matches!(news[..], [.., What::Answered(..), What::Closed, What::Over(_)])))
        })
    }
}
