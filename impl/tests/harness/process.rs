//! The server as a process of its own, which can be killed.

use super::{Client, PATIENCE};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server; it is killed when this value goes.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

/// The built server. Cargo tells tests where it is; an example lies in the folder below.
pub fn server_program() -> PathBuf {
    let beside = || std::env::current_exe().ok()?.parent()?.parent().map(|folder| folder.join("zabkeeper"));
    option_env!("CARGO_BIN_EXE_zabkeeper").map(PathBuf::from).or_else(beside).expect("a folder of built programs")
}

/// A port that nobody uses at this moment. It is below those that the system gives to connections: a server that
/// starts again finds it free.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 22_000;
    loop {
        // Tests that run side by side begin in different places.
        let number = (std::process::id().wrapping_mul(331).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))) % PORTS;
        let port = u16::try_from(FIRST + number).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    /// Starts a server on this directory. `keys` are lines of zoo.cfg.
    pub fn spawn(directory: &Path, port: u16, keys: &[&str]) -> Process {
        let configuration = directory.join("zoo.cfg");
        let data = format!("dataDir={}", directory.join("data").display());
        let (port, address) = (format!("clientPort={port}"), SocketAddr::from(([127, 0, 0, 1], port)));
        let own = [data.as_str(), &port, "clientPortAddress=127.0.0.1", "admin.enableServer=false"];
        std::fs::write(&configuration, [&own, keys].concat().join("\n")).expect("written");
        let log = std::fs::File::create(directory.join("log.txt")).expect("a file");
        let mut command = Command::new(server_program());
        command.arg("start-foreground").arg(&configuration).current_dir(directory).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a handle")).stderr(log);
        Process { child: command.spawn().expect("it can be run"), address }
    }

    /// As [`Process::spawn`], and waits until it serves.
    pub fn start(directory: &Path, port: u16, keys: &[&str]) -> Process {
        let mut process = Process::spawn(directory, port, keys);
        let start = Instant::now();
        while TcpStream::connect(process.address).is_err() {
            let ended = process.child.try_wait().expect("a child");
            let said = || std::fs::read_to_string(directory.join("log.txt")).unwrap_or_default();
            assert!(ended.is_none(), "it has ended ({ended:?}) and said:\n{}", said());
            assert!(start.elapsed() < PATIENCE, "it does not listen, and said:\n{}", said());
            std::thread::sleep(Duration::from_millis(2));
        }
        // It listens before it serves; whoever connects meanwhile is served later.
        Client::open(process.address).close();
        process
    }

    /// Ends it as a crash does: at once, wherever it is.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Only a child that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The most memory that it ever had, in bytes.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kibibytes: usize = peak.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kibibytes << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
