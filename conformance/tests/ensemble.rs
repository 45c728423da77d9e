//! Three processes are recorded while they serve, the leader is killed in the middle of its writes and comes back; what
//! they recorded is as specified.

use conformance::judge::validate;
use conformance::recording::read;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// On a busy machine everything takes long.
const PATIENCE: Duration = Duration::from_secs(180);

/// The words of the command that this process is to be, one a line.
const WORDS: &str = "ZABKEEPER_OF_A_TEST";

/// Not a test, but the program of the others' processes: Cargo builds no server for the tests of this package.
#[test]
fn zabkeeper_itself() {
    let Some(words) = std::env::var_os(WORDS) else { return };
    let words = words.into_string().expect("text");
    let words = std::iter::once("zabkeeper").chain(words.lines()).map(OsString::from);
    let code = zabkeeper::cli::run(words, zabkeeper::foreground::run);
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

fn zabkeeper(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "zabkeeper_itself", "--nocapture"]).env(WORDS, words.join("\n"));
    command
}

/// Ports that nobody has now, below those that the system gives to connections.
fn free_ports(count: usize) -> Vec<u16> {
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).expect("small");
    let free = (first..32_000).chain(10_000..first).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.take(count).collect()
}

struct Server {
    id: u8,
    directory: PathBuf,
    client: SocketAddr,
    process: Option<Child>,
}

impl Server {
    fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("log")).expect("a log");
        let configuration = self.directory.join("zoo.cfg");
        let mut command = zabkeeper(&["start-foreground", configuration.to_str().expect("text")]);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a handle")).stderr(log);
        self.process = Some(command.spawn().expect("a process"));
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).expect("it ran");
        }
    }

    /// What it says to a word of four letters; nothing if it does not answer.
    fn asked(&self, word: &str) -> String {
        let ask = || {
            let mut stream = TcpStream::connect(self.client)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(word.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        };
        ask().unwrap_or_default()
    }

    fn leads(&self) -> bool {
        self.process.is_some() && self.asked("srvr").contains("Mode: leader")
    }

    fn serves(&self) -> bool {
        self.asked("srvr").contains("Mode: ")
    }

    /// A client that creates znodes, in one session.
    fn begin_to_write(&self, name: &str, count: usize) -> Child {
        let address = self.client.to_string();
        let mut command = zabkeeper(&["shell", "-waitforconnection", "-server", &address]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().expect("a process");
        let mut input = process.stdin.take().expect("piped");
        let lines: String = (0..count).map(|number| format!("create /{name}-{number} data-{number}\n")).collect();
        // If its server is killed meanwhile it may be gone.
        let _ = input.write_all(lines.as_bytes());
        process
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ensemble(folder: &Path, traces: &Path) -> Vec<Server> {
    let ports = free_ports(9);
    let member = |id: usize| format!("server.{}=127.0.0.1:{}:{}\n", id, ports[id + 2], ports[id + 5]);
    let members: String = (1..=3).map(member).collect();
    let server = |id: u8| {
        let directory = folder.join(id.to_string());
        let (data, port) = (directory.join("data"), ports[usize::from(id) - 1]);
        std::fs::create_dir_all(&data).expect("a folder");
        std::fs::write(data.join("myid"), id.to_string()).expect("written");
        let configuration = format!(
            "tickTime=500\ninitLimit=40\nsyncLimit=20\ndataDir={}\ntraceDir={}\nclientPort={port}\n\
             clientPortAddress=127.0.0.1\nadmin.enableServer=false\n{members}",
            data.display(),
            traces.display()
        );
        std::fs::write(directory.join("zoo.cfg"), configuration).expect("written");
        Server { id, directory, client: SocketAddr::from(([127, 0, 0, 1], port)), process: None }
    };
    (1..=3).map(server).collect()
}

#[test]
fn what_an_ensemble_with_a_killed_leader_recorded_is_as_specified() {
    let (folder, traces) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut servers = ensemble(folder.path(), traces.path());
    servers.iter_mut().for_each(Server::start);
    wait_for("a reign", || servers.iter().all(Server::serves));
    for mut client in servers.iter().map(|server| server.begin_to_write(&format!("first-{}", server.id), 30)) {
        assert!(client.wait().expect("it ran").success());
    }
    let leader = servers.iter().position(Server::leads).expect("someone leads");
    let mut clients: Vec<Child> =
        servers.iter().map(|server| server.begin_to_write(&format!("second-{}", server.id), 300)).collect();
    wait_for("a write", || {
        let log = traces.path().join(format!("server-{}.000001.ndjson", leader + 1));
        std::fs::read_to_string(log).is_ok_and(|text| text.matches("\"Deliver\"").count() > 120)
    });
    servers[leader].kill();
    wait_for("another reign", || servers.iter().any(Server::leads));
    servers[leader].start();
    wait_for("its return", || servers[leader].serves());
    for client in &mut clients {
        client.kill().and_then(|()| client.wait()).expect("it ran");
    }
    let mut client = servers[leader].begin_to_write("third", 30);
    assert!(client.wait().expect("it ran").success());
    servers.iter_mut().for_each(Server::kill);

    let recording = read(&[traces.path().to_owned()]).expect("a recording");
    let report = validate(&recording).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(report.transactions >= 150 && report.epochs >= 2 && report.histories, "{report:?}");
}
