//! An ensemble of processes: ours, or Apache's, or both.

use super::process::{free_port, server_program};
use super::{Client, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Which program a server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Ours.
    Zabkeeper,
    /// Apache ZooKeeper, from these jars.
    Apache(String),
}

/// Where a server runs.
#[derive(Clone, Debug)]
pub struct Host {
    pub address: IpAddr,
    /// The network namespace, if it is not this process's.
    pub namespace: Option<String>,
}

struct Member {
    directory: PathBuf,
    host: Host,
    client: SocketAddr,
    child: Option<Child>,
}

/// Servers on one machine, killed when this value goes.
pub struct Cluster {
    members: BTreeMap<u8, Member>,
    directory: TempDir,
}

impl Cluster {
    /// Prepares servers 1 to `voters`, and behind them `observers`, with short ticks. `keys` are lines of zoo.cfg for
    /// all of them. None is started.
    pub fn new(voters: u8, observers: u8, keys: &[&str]) -> Cluster {
        let host = Host { address: IpAddr::from([127, 0, 0, 1]), namespace: None };
        Cluster::on(vec![host; usize::from(voters + observers)], observers, keys)
    }

    /// As [`Cluster::new`], one server on each of these hosts, the last ones observers.
    pub fn on(hosts: Vec<Host>, observers: u8, keys: &[&str]) -> Cluster {
        let directory = TempDir::new().expect("a temporary directory");
        let voters = u8::try_from(hosts.len()).expect("few") - observers;
        let line = |(id, host): (u8, &Host)| {
            let role = if id > voters { ":observer" } else { "" };
            format!("server.{id}={}:{}:{}{role}", host.address, free_port(), free_port())
        };
        let lines: Vec<String> = (1..).zip(&hosts).map(line).collect();
        let member = |(id, host): (u8, Host)| {
            let own = directory.path().join(id.to_string());
            let client = SocketAddr::from((host.address, free_port()));
            std::fs::create_dir_all(own.join("data")).expect("a directory");
            std::fs::write(own.join("data/myid"), id.to_string()).expect("written");
            let mut text = format!(
                "dataDir={}\nclientPort={}\nclientPortAddress={}\ntickTime=500\ninitLimit=20\nsyncLimit=6\n\
                 admin.enableServer=false\n4lw.commands.whitelist=*\n",
                own.join("data").display(),
                client.port(),
                host.address
            );
            for more in keys.iter().copied().chain(lines.iter().map(String::as_str)) {
                text += more;
                text.push('\n');
            }
            if id > voters {
                text += "peerType=observer\n";
            }
            std::fs::write(own.join("zoo.cfg"), text).expect("written");
            (id, Member { directory: own, host, client, child: None })
        };
        let members = (1..).zip(hosts).map(member).collect();
        Cluster { members, directory }
    }

    /// The folder with a folder for each server: `1/zoo.cfg`, `1/data`, `1/log.txt`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn ids(&self) -> Vec<u8> {
        self.members.keys().copied().collect()
    }

    pub fn address(&self, id: u8) -> SocketAddr {
        self.members[&id].client
    }

    // ---- Processes -----------------------------------------------------------------------------------------------

    pub fn start_all(&mut self) {
        self.ids().into_iter().for_each(|id| self.start(id));
    }

    pub fn start(&mut self, id: u8) {
        self.start_as(id, &Program::Zabkeeper);
    }

    pub fn start_as(&mut self, id: u8, program: &Program) {
        let member = self.members.get_mut(&id).expect("a server of this ensemble");
        assert!(member.child.is_none(), "server {id} runs already");
        let configuration = member.directory.join("zoo.cfg");
        let log = File::options().create(true).append(true).open(member.directory.join("log.txt")).expect("a log");
        let in_its_place = |program: &Path| match &member.host.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        let mut command = match program {
            Program::Zabkeeper => {
                let mut command = in_its_place(&server_program());
                command.args(["start-foreground", "--log", "info"]);
                command
            }
            Program::Apache(class_path) => {
                let mut command = in_its_place(Path::new("java"));
                command.args(["-Xmx256m", "-Dznode.container.checkIntervalMs=300", "-cp", class_path]);
                command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain");
                command
            }
        };
        command.arg(configuration).current_dir(&member.directory).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a handle")).stderr(log);
        member.child = Some(command.spawn().expect("it can be run"));
    }

    /// Ends a server as a crash does.
    pub fn kill(&mut self, id: u8) {
        if let Some(mut child) = self.members.get_mut(&id).and_then(|member| member.child.take()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends all servers at one moment, as a power cut does (but what the system has of their files stays).
    pub fn kill_all(&mut self) {
        let mut children: Vec<Child> = self.members.values_mut().filter_map(|member| member.child.take()).collect();
        for child in &mut children {
            let _ = child.kill();
        }
        for child in &mut children {
            let _ = child.wait();
        }
    }

    /// Asks a server to leave, and waits until it has.
    pub fn stop(&mut self, id: u8) {
        self.signal(id, Signal::TERM);
        let Some(mut child) = self.members.get_mut(&id).and_then(|member| member.child.take()) else { return };
        let start = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("server {id} does not leave");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets a server hang.
    pub fn pause(&self, id: u8) {
        self.signal(id, Signal::STOP);
    }

    /// Lets a server that hangs go on.
    pub fn resume(&self, id: u8) {
        self.signal(id, Signal::CONT);
    }

    fn signal(&self, id: u8, signal: Signal) {
        let Some(child) = &self.members[&id].child else { return };
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("a child can be signalled");
    }

    pub fn is_started(&self, id: u8) -> bool {
        self.members[&id].child.is_some()
    }

    /// The number of a server's process, while it is started.
    pub fn process(&self, id: u8) -> Option<u32> {
        self.members[&id].child.as_ref().map(Child::id)
    }

    /// A server that has ended though nobody asked it to.
    pub fn ended(&mut self) -> Option<(u8, ExitStatus)> {
        let mut children = self.members.iter_mut().filter_map(|(id, member)| Some((*id, member.child.as_mut()?)));
        children.find_map(|(id, child)| Some((id, child.try_wait().expect("a child")?)))
    }

    /// Leaves everything on the disk when this value goes.
    pub fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// What a server has logged.
    pub fn log(&self, id: u8) -> String {
        std::fs::read_to_string(self.members[&id].directory.join("log.txt")).unwrap_or_default()
    }

    // ---- What they say -------------------------------------------------------------------------------------------

    /// The answer to a four-letter word; `None` from a server that does not answer within a second.
    pub fn word(&self, id: u8, word: &str) -> Option<String> {
        let patience = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&self.members[&id].client, patience).ok()?;
        stream.set_read_timeout(Some(patience)).ok()?;
        stream.write_all(word.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// What a server is (`leader`, `follower`, `observer`), while it serves.
    pub fn mode(&self, id: u8) -> Option<String> {
        let text = self.word(id, "srvr")?;
        text.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
    }

    /// The numbers of `mntr`, without the prefix `zk_`.
    pub fn monitor(&self, id: u8) -> BTreeMap<String, String> {
        let text = self.word(id, "mntr").unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.strip_prefix("zk_")?.split_once('\t'));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    pub fn leader(&self) -> Option<u8> {
        let mut started = self.ids().into_iter().filter(|id| self.is_started(*id));
        started.find(|id| self.mode(*id).as_deref() == Some("leader"))
    }

    /// Waits until all servers that are started serve, and says who leads.
    pub fn wait_until_serving(&self) -> u8 {
        let started: Vec<u8> = self.ids().into_iter().filter(|id| self.is_started(*id)).collect();
        self.wait_for(&started)
    }

    /// Waits until these servers serve, and says which of them leads.
    pub fn wait_for(&self, ids: &[u8]) -> u8 {
        self.until("serve", || {
            let modes: Vec<Option<String>> = ids.iter().map(|id| self.mode(*id)).collect();
            let leader = modes.iter().position(|mode| mode.as_deref() == Some("leader"))?;
            modes.iter().all(Option::is_some).then(|| ids[leader])
        })
    }

    /// Waits until something is so.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            if start.elapsed() > 2 * PATIENCE {
                let logs: String = self.ids().iter().map(|id| format!("--- {id}\n{}", self.log(*id))).collect();
                panic!("they do not {what}:\n{logs}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A client with a session at this server.
    pub fn client(&self, id: u8) -> Client {
        Client::open(self.address(id))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for id in self.ids() {
            self.kill(id);
        }
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            eprintln!("what the servers left: {}", self.directory.path().display());
        }
    }
}
