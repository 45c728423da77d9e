//! Three servers of Java's, each of which finds the others behind proxies.

use super::proxy::{self, Port, Target};
use super::record::{Event, Recorder};
use crate::apache::{class_path, free_port, mode, write_logging};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zab::ServerId;

/// Whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many lines of a log are shown.
const WORDS: usize = 30;
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
        write_logging(directory.path())?;
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
    /// When they do not come to it, or one of them has left: its port may have gone to somebody else meanwhile.
    pub fn wait_until_serving(&mut self) -> io::Result<ServerId> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let running = self.members.iter().filter(|(_, member)| member.child.is_some());
            let modes: Vec<_> = running.map(|(id, member)| (*id, mode(member.client).unwrap_or_default())).collect();
            let leader = modes.iter().find(|(_, mode)| mode == "leader");
            if let Some((leader, _)) = leader.filter(|_| modes.iter().all(|(_, mode)| !mode.is_empty())) {
                return Ok(*leader);
            }
            if let Some(id) = self.left() {
                return Err(io::Error::other(format!("Java's server {} has left\n{}", id.0, self.last_words(id))));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let words: Vec<String> =
            self.ids().into_iter().map(|id| format!("server {} says\n{}", id.0, self.last_words(id))).collect();
        Err(io::Error::other(format!("Java's servers do not come to serve\n{}", words.join("\n"))))
    }

    /// A server that should run, and whose process has ended by itself.
    fn left(&mut self) -> Option<ServerId> {
        let has_left = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
        let mut members = self.members.iter_mut();
        members.find_map(|(id, member)| member.child.as_mut().is_some_and(has_left).then_some(*id))
    }

    /// The end of what a server has printed, without what it was asked by [`mode`].
    fn last_words(&self, id: ServerId) -> String {
        let log = self.directory.path().join(format!("{}/log.txt", id.0));
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("Processing srvr command")).collect();
        lines[lines.len().saturating_sub(WORDS)..].join("\n")
    }

    /// Where a server's clients connect.
    #[must_use]
    pub fn client(&self, id: ServerId) -> SocketAddr {
        self.members[&id].client
    }
}

impl Drop for JavaEnsemble {
    fn drop(&mut self) {
        self.ids().into_iter().for_each(|id| self.kill(id));
    }
}
