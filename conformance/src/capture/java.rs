//! Three servers of Java's, each of which finds the others behind proxies.

use super::proxy::{self, Port, Target};
use super::record::{Event, Recorder};
use bytes::BytesMut;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zab::tree::{Acl, Change, OpCode, SessionId};
use zab::{ServerId, Zxid};
use zabkeeper::wire::{
    ClientRequest, ConnectRequest, ConnectResponse, Frame, FrameDecoder, ReplyHeader, encode_request,
};

/// The environment variable with the class path of another version than Debian's.
pub const CLASS_PATH: &str = "ZABKEEPER_APACHE_CLASSPATH";
/// Debian's package `zookeeper`: the manifest of the first jar names the others that it needs.
const DEBIAN: &[&str] =
    &["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];
/// Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const LOG4J: &str = "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                     log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
                     log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p [%t:%C{1}@%L] - %m%n\n";

/// Where Java's classes are.
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

struct Member {
    configuration: PathBuf,
    client: SocketAddr,
    child: Option<Child>,
}

/// The servers; they end with this value.
pub struct JavaEnsemble {
    members: BTreeMap<ServerId, Member>,
    class_path: String,
    directory: TempDir,
    recorder: Recorder,
}

impl JavaEnsemble {
    /// Prepares so many voters. None is started.
    ///
    /// # Errors
    /// The system's, and a sentence where there is no Java.
    pub fn new(voters: u8, recorder: Recorder) -> io::Result<JavaEnsemble> {
        let class_path = class_path().map_err(io::Error::other)?;
        let directory = TempDir::new()?;
        std::fs::write(directory.path().join("log4j.properties"), LOG4J)?;
        let ids: Vec<ServerId> = (1..=voters).map(ServerId).collect();
        let (mut real, mut listeners, mut elections) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let mut apparent = BTreeMap::new();
        for id in &ids {
            let (quorum, election) = (proxy::listen()?, proxy::listen()?);
            elections.insert(*id, election.local_addr()?);
            apparent.insert(*id, (quorum.local_addr()?.port(), election.local_addr()?.port()));
            real.insert(*id, (free_port()?, free_port()?));
            listeners.push((*id, quorum, election));
        }
        let elections = Arc::new(elections);
        for (id, quorum, election) in listeners {
            for (listener, port) in [(quorum, Port::Quorum), (election, Port::Election)] {
                let number = if port == Port::Quorum { real[&id].0 } else { real[&id].1 };
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
                proxy::serve(listener, Target { id, port, address, elections: elections.clone() }, recorder.clone());
            }
        }
        let mut members = BTreeMap::new();
        for id in &ids {
            let own = directory.path().join(id.0.to_string());
            let client = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
            std::fs::create_dir_all(own.join("data"))?;
            std::fs::write(own.join("data/myid"), id.0.to_string())?;
            let mut text = format!(
                "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\ntickTime=1000\ninitLimit=20\nsyncLimit=10\n\
                 admin.enableServer=false\n4lw.commands.whitelist=*\npreAllocSize=1024\n",
                own.join("data").display(),
                client.port()
            );
            for other in &ids {
                let (quorum, election) = if other == id { real[other] } else { apparent[other] };
                text += &format!("server.{}=127.0.0.1:{quorum}:{election}\n", other.0);
            }
            let configuration = own.join("zoo.cfg");
            std::fs::write(&configuration, text)?;
            members.insert(*id, Member { configuration, client, child: None });
        }
        Ok(JavaEnsemble { members, class_path, directory, recorder })
    }

    /// Who takes part.
    #[must_use]
    pub fn ids(&self) -> Vec<ServerId> {
        self.members.keys().copied().collect()
    }

    /// Starts a server.
    ///
    /// # Errors
    /// Java cannot be run.
    pub fn start(&mut self, id: ServerId) -> io::Result<()> {
        let folder = self.directory.path().to_owned();
        let member = self.members.get_mut(&id).ok_or(io::ErrorKind::NotFound)?;
        let log = File::options().create(true).append(true).open(folder.join(format!("{}/log.txt", id.0)))?;
        self.recorder.add(Event::Started(id));
        let child = Command::new("java")
            .args(["-Xmx128m", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{}:{}", folder.display(), self.class_path))
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(&member.configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        member.child = Some(child);
        Ok(())
    }

    /// Kills a server, as `kill -9` does.
    pub fn kill(&mut self, id: ServerId) {
        if let Some(mut child) = self.members.get_mut(&id).and_then(|member| member.child.take()) {
            let _ = (child.kill(), child.wait());
            self.recorder.add(Event::Killed(id));
        }
    }

    /// Waits until all servers that run serve, and tells who leads.
    ///
    /// # Errors
    /// When they do not come to it.
    pub fn wait_until_serving(&self) -> io::Result<ServerId> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let running = self.members.iter().filter(|(_, member)| member.child.is_some());
            let modes: Vec<_> = running.map(|(id, member)| (*id, mode(member.client).unwrap_or_default())).collect();
            let leader = modes.iter().find(|(_, mode)| mode == "leader");
            if let Some((leader, _)) = leader.filter(|_| modes.iter().all(|(_, mode)| !mode.is_empty())) {
                return Ok(*leader);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("Java's servers do not come to serve; server 1 says\n{}", self.log(ServerId(1)))))
    }

    /// What a server has printed.
    #[must_use]
    pub fn log(&self, id: ServerId) -> String {
        std::fs::read_to_string(self.directory.path().join(format!("{}/log.txt", id.0))).unwrap_or_default()
    }

    /// Where a server's clients connect.
    #[must_use]
    pub fn client(&self, id: ServerId) -> SocketAddr {
        self.members[&id].client
    }
}

/// A client creates so many znodes, asks for a sync, and closes its session.
///
/// # Errors
/// The connection's, and what the server refuses.
pub fn write(server: SocketAddr, name: &str, count: usize) -> io::Result<()> {
    let mut client = WritingClient::open(server)?;
    for number in 0..count {
        let change = Change::Create {
            kind: OpCode::Create,
            path: format!("/{name}-{number}"),
            data: Some("x".into()),
            acl: Acl::open(),
            flags: 0,
            ttl: 0,
        };
        client.call(&ClientRequest::Write(change))?;
    }
    client.call(&ClientRequest::Sync { path: Some("/".to_owned()) })?;
    client.call(&ClientRequest::Write(Change::CloseSession))
}

impl Drop for JavaEnsemble {
    fn drop(&mut self) {
        self.ids().into_iter().for_each(|id| self.kill(id));
    }
}

fn free_port() -> io::Result<u16> {
    Ok(proxy::listen()?.local_addr()?.port())
}

/// `leader` or `follower`, of a server that serves.
fn mode(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"srvr").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
}

struct WritingClient {
    stream: TcpStream,
    input: BytesMut,
    xid: i32,
}

impl WritingClient {
    fn open(address: SocketAddr) -> io::Result<WritingClient> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = WritingClient { stream, input: BytesMut::new(), xid: 0 };
        let password = Some(vec![0; 16].into());
        let (protocol_version, last_zxid_seen, session) = (0, Zxid::ZERO, SessionId(0));
        let read_only = Some(false);
        let connect =
            ConnectRequest { protocol_version, last_zxid_seen, timeout: 10_000, session, password, read_only };
        let mut bytes = Vec::new();
        connect.encode(&mut bytes);
        client.stream.write_all(&bytes)?;
        let answer = ConnectResponse::decode(&client.frame()?);
        answer.map(|_| client).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn call(&mut self, request: &ClientRequest) -> io::Result<()> {
        self.xid += 1;
        let mut bytes = Vec::new();
        encode_request(&mut bytes, self.xid, request);
        self.stream.write_all(&bytes)?;
        loop {
            let (header, _) = ReplyHeader::split(self.frame()?).map_err(io::Error::other)?;
            if header.xid == self.xid {
                let refused = io::Error::other(format!("the server refuses with {}", header.err));
                return if header.err == 0 { Ok(()) } else { Err(refused) };
            }
        }
    }

    fn frame(&mut self) -> io::Result<bytes::Bytes> {
        let mut frames = FrameDecoder::client(1 << 20);
        loop {
            if let Some(Frame::Packet(bytes)) = frames.decode(&mut self.input).map_err(io::Error::other)? {
                return Ok(bytes);
            }
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&buffer[..count]);
        }
    }
}
