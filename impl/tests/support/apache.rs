//! Apache ZooKeeper, standalone, as a child process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Debian's package `zookeeper`: the manifest of the first jar names the others that it needs.
const DEBIAN: &[&str] =
    &["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];

/// The environment variable with the class path of another version than Debian's.
pub const CLASS_PATH: &str = "ZABKEEPER_APACHE_CLASSPATH";

/// A running server, and its directory. Dropping it ends the process.
pub struct Apache {
    _process: Running,
    /// Where clients connect.
    pub address: SocketAddr,
    /// As `srvr` says it: `3.8.0-…`.
    pub version: String,
    /// Data, configuration and output; removed with the server, if they are its own.
    _directory: Option<TempDir>,
}

impl Apache {
    /// Starts a server on a free port of the loopback interface. `settings` are system properties, without `-D`.
    ///
    /// # Errors
    /// A sentence that says why there is none: no Java, no jars.
    ///
    /// # Panics
    /// When what is installed does not come to serve.
    pub fn start(settings: &[&str]) -> Result<Apache, String> {
        let directory = TempDir::new().expect("a temporary directory");
        let apache = Apache::start_in(directory.path(), settings)?;
        Ok(Apache { _directory: Some(directory), ..apache })
    }

    /// As [`Apache::start`], in a directory of the caller's: what is in its `data` is Apache's now.
    ///
    /// # Errors
    /// As [`Apache::start`].
    pub fn start_in(directory: &Path, settings: &[&str]) -> Result<Apache, String> {
        let class_path = class_path()?;
        let address = free_address();
        let (configuration, output) = (directory.join("zoo.cfg"), directory.join("output"));
        std::fs::write(&configuration, zoo_cfg(directory, address)).expect("a configuration that is written");
        let output = File::create(output).expect("a file for the server's output");
        let child = Command::new("java")
            .args(["-Xmx256m", "-cp", &class_path])
            .args(settings.iter().map(|setting| format!("-D{setting}")))
            .arg("org.apache.zookeeper.server.ZooKeeperServerMain")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .map_err(|error| format!("java cannot be started: {error}"))?;
        let mut apache = Apache { _process: Running(child), address, version: String::new(), _directory: None };
        apache.version = apache.wait_until_serving();
        Ok(apache)
    }

    /// A number of `mntr`.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn metric(&self, name: &str) -> u64 {
        let answer = ask(self.address, b"mntr").expect("an answer");
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {answer}"))
    }

    fn wait_until_serving(&self) -> String {
        let start = Instant::now();
        loop {
            let answer = ask(self.address, b"srvr").unwrap_or_default();
            if let Some(version) = answer.strip_prefix("Zookeeper version: ") {
                return version.split([' ', ',']).next().unwrap_or_default().to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(60), "Apache ZooKeeper does not come to serve: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The process; it ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where its classes are.
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

fn zoo_cfg(directory: &Path, address: SocketAddr) -> String {
    let (data, port) = (directory.join("data"), address.port());
    format!(
        "tickTime=2000\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
         admin.enableServer=false\n4lw.commands.whitelist=*\n",
        data.display()
    )
}

/// Free a moment ago; the system gives no port twice in a row.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address")
}

/// A four-letter word's answer.
fn ask(address: SocketAddr, word: &[u8; 4]) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(word)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
