//! The faults: which there are, in which order they come, and what each does.

use crate::harness::PATIENCE;
use crate::harness::cluster::Cluster;
use crate::harness::load::Random;
use crate::harness::{Client, set};
use std::time::{Duration, Instant};

/// The server that is spared, once the warm-up is over, by all faults that end processes: its memory and descriptors
/// have time to grow.
pub const ELDER: u8 = 1;

/// Something that servers must bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    LeaderKilled,
    FollowerKilled,
    ObserverKilled,
    LeaderHangs,
    FollowerHangs,
    ObserverHangs,
    RestartedInTurn,
    AllKilled,
    DiskEmptied,
    KeptAway,
}

impl Fault {
    /// All that come before any comes again, some of them more than once.
    pub const ROUND: [Fault; 12] = [
        Fault::LeaderKilled,
        Fault::LeaderKilled,
        Fault::FollowerKilled,
        Fault::FollowerKilled,
        Fault::ObserverKilled,
        Fault::LeaderHangs,
        Fault::FollowerHangs,
        Fault::ObserverHangs,
        Fault::RestartedInTurn,
        Fault::AllKilled,
        Fault::DiskEmptied,
        Fault::KeptAway,
    ];

    /// What happens, for people.
    pub fn name(self) -> &'static str {
        match self {
            Fault::LeaderKilled => "leader killed",
            Fault::FollowerKilled => "follower killed",
            Fault::ObserverKilled => "observer killed",
            Fault::LeaderHangs => "leader hangs",
            Fault::FollowerHangs => "follower hangs",
            Fault::ObserverHangs => "observer hangs",
            Fault::RestartedInTurn => "restarted in turn",
            Fault::AllKilled => "all killed at once",
            Fault::DiskEmptied => "killed, its disk emptied",
            Fault::KeptAway => "killed, kept away, lags far",
        }
    }
}

/// What a fault has cost.
pub struct Cost {
    /// The servers that it hit.
    pub hit: Vec<u8>,
    /// From each server's start, or from its waking, until it served again with all that was committed before.
    pub back: Vec<Duration>,
}

/// An ensemble of which the last server is an observer, and who may be hit.
pub struct Victims<'a> {
    pub cluster: &'a mut Cluster,
    pub random: &'a mut Random,
    /// Whether [`ELDER`] is spared.
    pub spares: bool,
    /// So many znodes, `/ballast/0` and so on, can be set to let a server lag.
    pub ballast: u64,
}

impl Victims<'_> {
    /// Lets it happen, and waits until all servers serve again. What has happened may be another fault than was asked
    /// for: a leader that must be spared hangs instead.
    pub fn strike(&mut self, fault: Fault) -> (Fault, Cost) {
        let leader = self.cluster.wait_until_serving();
        let observer = *self.cluster.ids().last().expect("servers");
        let fault = if fault == Fault::LeaderKilled && self.is_spared(leader) { Fault::LeaderHangs } else { fault };
        let cost = match fault {
            Fault::LeaderKilled => self.killed(leader),
            Fault::LeaderHangs => self.hangs(leader),
            Fault::ObserverKilled => self.killed(observer),
            Fault::ObserverHangs => self.hangs(observer),
            Fault::FollowerHangs => {
                let id = self.one_of(|id| id != leader && id != observer);
                self.hangs(id)
            }
            Fault::RestartedInTurn => self.in_turn(),
            Fault::AllKilled => self.all_killed(),
            Fault::FollowerKilled | Fault::DiskEmptied | Fault::KeptAway => {
                let spares = self.spares;
                let follows = |id| id != leader && (id != observer || fault != Fault::FollowerKilled);
                let id = self.one_of(|id| follows(id) && !(spares && id == ELDER));
                match fault {
                    Fault::DiskEmptied => self.emptied(id),
                    Fault::KeptAway => self.kept_away(id, leader),
                    _ => self.killed(id),
                }
            }
        };
        self.cluster.wait_until_serving();
        (fault, cost)
    }

    fn is_spared(&self, id: u8) -> bool {
        self.spares && id == ELDER
    }

    fn one_of(&mut self, may: impl Fn(u8) -> bool) -> u8 {
        let ids: Vec<u8> = self.cluster.ids().into_iter().filter(|id| may(*id)).collect();
        ids[usize::try_from(self.random.below(ids.len() as u64)).expect("few")]
    }

    fn sleep(&mut self, least: u64, most: u64) {
        std::thread::sleep(Duration::from_millis(least + self.random.below(most - least)));
    }

    fn killed(&mut self, id: u8) -> Cost {
        self.cluster.kill(id);
        // While the others elect, right after, or much later.
        let most = if self.random.below(2) == 0 { 100 } else { 3000 };
        self.sleep(0, most);
        let back = vec![self.start(id)];
        Cost { hit: vec![id], back }
    }

    fn hangs(&mut self, id: u8) -> Cost {
        self.cluster.pause(id);
        // Too short to be noticed, or so long that the others have left it.
        self.sleep(300, 5000);
        let (before, start) = (newest(self.cluster), Instant::now());
        self.cluster.resume(id);
        let back = vec![self.is_back(id, before, start)];
        Cost { hit: vec![id], back }
    }

    fn in_turn(&mut self) -> Cost {
        let hit: Vec<u8> = self.cluster.ids().into_iter().filter(|id| !self.is_spared(*id)).collect();
        let restart = |id: &u8| {
            self.cluster.stop(*id);
            let back = self.start(*id);
            self.cluster.wait_until_serving();
            back
        };
        let back = hit.iter().map(restart).collect();
        Cost { hit, back }
    }

    fn all_killed(&mut self) -> Cost {
        let hit: Vec<u8> = self.cluster.ids().into_iter().filter(|id| !self.is_spared(*id)).collect();
        if self.spares {
            hit.iter().for_each(|id| self.cluster.kill(*id));
        } else {
            self.cluster.kill_all();
        }
        self.sleep(0, 1000);
        let start = Instant::now();
        hit.iter().for_each(|id| self.cluster.start(*id));
        let back = hit.iter().map(|id| self.is_back(*id, 0, start)).collect();
        Cost { hit, back }
    }

    fn emptied(&mut self, id: u8) -> Cost {
        self.cluster.kill(id);
        let files = self.cluster.directory().join(format!("{id}/data/version-2"));
        std::fs::remove_dir_all(files).expect("removed");
        let back = vec![self.start(id)];
        Cost { hit: vec![id], back }
    }

    /// Others write, while it is away, more than a leader keeps in memory, and more than it reads from its log.
    fn kept_away(&mut self, id: u8, leader: u8) -> Cost {
        self.cluster.kill(id);
        let mut client = self.cluster.client(leader);
        let paths: Vec<String> = (0..self.ballast).map(|number| format!("/ballast/{number}")).collect();
        for _ in 0..3 {
            for part in paths.chunks(500) {
                let requests: Vec<_> = part.iter().map(|path| set(path, &[7; 200])).collect();
                client.send(&requests);
                part.iter()
                    .for_each(|path| drop(client.reply().expect("a reply").unwrap_or_else(|_| panic!("{path}"))));
            }
        }
        client.close();
        self.sleep(3000, 6000);
        let back = vec![self.start(id)];
        Cost { hit: vec![id], back }
    }

    fn start(&mut self, id: u8) -> Duration {
        let (before, start) = (newest(self.cluster), Instant::now());
        self.cluster.start(id);
        self.is_back(id, before, start)
    }

    /// Waits until a server serves, under a leader that there is, and shows what was committed before; how long since.
    fn is_back(&self, id: u8, before: u64, start: Instant) -> Duration {
        let serves = |id: u8| Some((self.cluster.mode(id)?, zxid(self.cluster, id)?));
        loop {
            if let Some((mode, shown)) = serves(id) {
                let leads = mode == "leader";
                if shown >= before && (leads || self.cluster.leader().is_some()) {
                    return start.elapsed();
                }
            }
            if start.elapsed() > 2 * PATIENCE {
                panic!("server {id} does not come back, and said:\n{}", self.cluster.log(id));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The last transaction that a server shows.
pub fn zxid(cluster: &Cluster, id: u8) -> Option<u64> {
    let text = cluster.word(id, "srvr")?;
    let zxid = text.lines().find_map(|line| line.strip_prefix("Zxid: 0x"))?;
    u64::from_str_radix(zxid, 16).ok()
}

/// The last transaction that any server shows. Servers that hang are not waited for long.
fn newest(cluster: &Cluster) -> u64 {
    let started = cluster.ids().into_iter().filter(|id| cluster.is_started(*id));
    started.filter_map(|id| zxid(cluster, id)).max().unwrap_or(0)
}

/// Creates the znodes that are set to let a server lag.
pub fn create_ballast(client: &mut Client, count: u64) {
    use crate::harness::create;
    use zab::tree::CreateMode::Persistent;
    client.create("/ballast", b"", Persistent).expect("created");
    let numbers: Vec<u64> = (0..count).collect();
    for part in numbers.chunks(500) {
        let of = |number: &u64| create(&format!("/ballast/{number}"), &[7; 200], Persistent);
        client.send(&part.iter().map(of).collect::<Vec<_>>());
        part.iter().for_each(|_| drop(client.reply().expect("a reply").expect("created")));
    }
}
