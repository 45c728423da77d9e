//! One server of Apache's, as a process: its configuration, its directory, its end.

use super::client;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zab::{Ensemble, ServerId};
use zabkeeper::disk::{DataDirectory, OperatingSystem};

/// The environment variable with the class path of another version than Debian's.
pub const CLASS_PATH: &str = "ZABKEEPER_APACHE_CLASSPATH";

/// Half of a leader's heartbeat, and the unit of its waits.
const TICK: Duration = Duration::from_secs(2);

/// Debian's package `zookeeper`: the manifest of the first jar names the others that it needs.
const DEBIAN: [&str; 3] =
    ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];

/// Where Apache's classes are.
///
/// # Errors
/// A sentence that says why they are nowhere.
pub fn class_path() -> Result<String, String> {
    if let Ok(class_path) = std::env::var(CLASS_PATH) {
        return Ok(class_path);
    }
    match DEBIAN.iter().find(|jar| !Path::new(jar).exists()) {
        Some(jar) => Err(format!("{jar} is missing (Debian: apt-get install zookeeper), and {CLASS_PATH} is not set")),
        None => Ok(DEBIAN.join(":")),
    }
}

/// Where a server of a played ensemble is.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Its learners connect here.
    pub quorum: u16,
    /// Elections are held here.
    pub election: u16,
}

impl Ports {
    /// Two that are free now.
    ///
    /// # Errors
    /// When there are none.
    pub fn free() -> std::io::Result<Ports> {
        Ok(Ports { quorum: free_port()?, election: free_port()? })
    }
}

/// A free port below those that the system gives to connections, which could take it before the server does.
///
/// # Errors
/// When there is none.
pub fn free_port() -> std::io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at one time begin far from each other.
    let first = std::process::id().wrapping_mul(7919);
    for _ in 0..2000 {
        let number = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + u16::try_from(number % 20_000).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::Error::other("there is no free port"))
}

/// The server: a directory, and a process while it is up. Dropping it ends the process.
pub struct Java {
    directory: TempDir,
    own: Ports,
    client: u16,
    process: Option<Child>,
}

impl Java {
    /// One that was never started, and will wait so long for an epoch to be established.
    ///
    /// # Errors
    /// A directory that cannot be made, or no free port for clients.
    pub fn new(
        id: ServerId,
        ensemble: &Ensemble,
        ports: &[(ServerId, Ports)],
        init_patience: Duration,
    ) -> std::io::Result<Java> {
        let client = free_port()?;
        let directory = TempDir::new()?;
        let data = directory.path().join("data");
        std::fs::create_dir(&data)?;
        std::fs::write(data.join("myid"), id.0.to_string())?;
        // Long waits: a story has as much time as it takes to tell it. Sessions of its own clients are nobody else's
        // affair: no story tells of them.
        let mut lines = format!(
            "tickTime={}\ninitLimit={}\nsyncLimit=10\ndataDir={}\nclientPort={client}\n\
             clientPortAddress=127.0.0.1\nlocalSessionsEnabled=true\nadmin.enableServer=false\n\
             4lw.commands.whitelist=*\n",
            TICK.as_millis(),
            init_patience.as_millis().div_ceil(TICK.as_millis()),
            data.display(),
        );
        for (server, ports) in ports {
            let role = if ensemble.is_observer(*server) { "observer" } else { "participant" };
            let Ports { quorum, election } = ports;
            lines += &format!("server.{}=127.0.0.1:{quorum}:{election}:{role}\n", server.0);
        }
        lines += &groups(ensemble);
        if ensemble.is_observer(id) {
            lines += "peerType=observer\n";
        }
        std::fs::write(directory.path().join("zoo.cfg"), lines)?;
        write_logging(directory.path())?;
        let own = ports.iter().find(|(server, _)| *server == id).map(|(_, ports)| *ports);
        let own = own.ok_or_else(|| std::io::Error::other("a server without ports"))?;
        Ok(Java { directory, own, client, process: None })
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> DataDirectory {
        let path = self.directory.path().join("data");
        DataDirectory::new(Arc::new(OperatingSystem), &path, &path)
    }

    /// Where its clients connect.
    #[must_use]
    pub fn client(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.client))
    }

    /// Removes what it has on its disk.
    ///
    /// # Errors
    /// Files that cannot be removed.
    pub fn forget(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.directory.path().join("data/version-2"))
    }

    /// Waits until it serves clients; whether it does.
    #[must_use]
    pub fn serves(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < super::actor::PATIENCE {
            if client::mode(self.client()).is_some() {
                // The vote is changed a moment after.
                std::thread::sleep(Duration::from_millis(20));
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Starts it, and waits until it listens on its election port.
    ///
    /// # Errors
    /// A sentence, when it cannot be started or does not come.
    pub fn start(&mut self) -> Result<(), String> {
        let folder = self.directory.path();
        let told = |error: std::io::Error| format!("java cannot be started: {error}");
        let log = File::options().create(true).append(true).open(self.log_file()).map_err(told)?;
        let child = Command::new("java")
            .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"])
            // How long its logs are must not decide what it sends to learners.
            .args(["-Dzookeeper.snapshotSizeFactor=1000000", "-cp"])
            .arg(format!("{}:{}", folder.display(), class_path()?))
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(folder.join("zoo.cfg"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(told)?)
            .stderr(log)
            .spawn()
            .map_err(told)?;
        self.process = Some(child);
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.own.election)).is_err() {
            if start.elapsed() > Duration::from_secs(60) || self.has_left() {
                return Err(format!("Apache's server does not come: {}", self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until its quorum port is open; whether it is.
    #[must_use]
    pub fn leads(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < super::actor::PATIENCE {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.own.quorum)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Waits until its process ends by itself; whether it does.
    pub fn leaves(&mut self) -> bool {
        let start = Instant::now();
        while !self.has_left() && start.elapsed() < super::actor::PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.has_left()
    }

    /// Whether its process has ended by itself.
    pub fn has_left(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(Some(_))))
    }

    /// The last lines of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log.txt")
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines for quorums of groups, if the ensemble has such.
fn groups(ensemble: &Ensemble) -> String {
    let ensemble = serde_json::to_value(ensemble).unwrap_or_default();
    let (mut groups, mut weights) = (BTreeMap::<u64, Vec<&str>>::new(), String::new());
    if ensemble["hierarchical"] == true {
        for (id, voter) in ensemble["voters"].as_object().into_iter().flatten() {
            groups.entry(voter["group"].as_u64().unwrap_or_default()).or_default().push(id);
            weights += &format!("weight.{id}={}\n", voter["weight"]);
        }
    }
    let groups = groups.into_iter().map(|(group, members)| format!("group.{group}={}\n", members.join(":")));
    groups.chain([weights]).collect()
}

/// What it logs is of use when it does not come: by log4j until 3.8.0, by log4j 2 where the class path has it.
///
/// # Errors
/// Files that cannot be written.
pub fn write_logging(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join("log4j.properties"), LOG4J)?;
    std::fs::write(folder.join("log4j2.properties"), LOG4J_2)
}

const LOG4J: &str = "log4j.rootLogger=INFO, A\nlog4j.appender.A=org.apache.log4j.ConsoleAppender\n\
    log4j.appender.A.layout=org.apache.log4j.PatternLayout\n\
    log4j.appender.A.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n\n";
const LOG4J_2: &str = "status=error\nappender.A.type=Console\nappender.A.name=A\n\
    appender.A.layout.type=PatternLayout\nappender.A.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n\n\
    rootLogger.level=info\nrootLogger.appenderRef.A.ref=A\n";
