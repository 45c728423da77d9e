//! Every operation through every server: the answers are the same wherever it is asked, whoever leads.

use crate::ensemble::Mixed;
use crate::harness::{Client, Packet, auth, children, create, delete, exists, get, set};
use bytes::Bytes;
use zab::Zxid;
use zab::tree::{Acl, Change, Code, CreateMode, Id, OpCode, Perms, Stat};
use zabkeeper::wire::ClientRequest::{self, *};
use zabkeeper::wire::Reply;
use zabkeeper::wire::multi::{OperationResult, ReadOperation};
use zabkeeper::wire::request::{WatchSelection, WatchingRead};

#[test]
fn through_every_server_under_java() {
    let Some(mut mixed) = Mixed::new(2, 1, &[]) else { return };
    mixed.start(1);
    mixed.start_java(2);
    mixed.start(3);
    assert_eq!(mixed.wait_until_serving(), 2, "the larger leads");
    assert_eq!(mixed.mode(3).as_deref(), Some("observer"));
    every_operation_everywhere(&mixed);
}

#[test]
fn through_every_server_under_ours() {
    let Some(mut mixed) = Mixed::new(2, 1, &[]) else { return };
    mixed.start_java(1);
    mixed.start(2);
    mixed.start_java(3);
    assert_eq!(mixed.wait_until_serving(), 2, "the larger leads");
    assert_eq!(mixed.mode(3).as_deref(), Some("observer"));
    every_operation_everywhere(&mixed);
}

fn every_operation_everywhere(mixed: &Mixed) {
    let mut first: Option<Vec<String>> = None;
    for id in mixed.ids() {
        let answers = Teller::tell(mixed, id);
        let expected = first.get_or_insert_with(|| answers.clone());
        for (number, (expected, answer)) in expected.iter().zip(&answers).enumerate() {
            assert_eq!(expected, answer, "answer {number} of server 1 and of server {id}");
        }
        assert_eq!(expected.len(), answers.len(), "server {id}");
    }
    collected_everywhere(mixed);
    watched_everywhere(mixed);
    mixed.agree();
}

/// The leader deletes empty containers and what has outlived its time, on all servers.
fn collected_everywhere(mixed: &Mixed) {
    for id in mixed.ids() {
        let mut client = mixed.client(id);
        let soon = creation(OpCode::CreateTtl, &format!("/by-{id}/soon"), CreateMode::PersistentWithTtl, 300);
        client.call(soon).expect("created");
        for path in ["container/child", "container", "soon"] {
            let path = format!("/by-{id}/{path}");
            if path.ends_with("child") {
                client.call(delete(&path)).expect("deleted");
            }
            mixed.until("collect it", || (!client.exists(&path)).then_some(()));
        }
        client.close();
    }
}

/// What is changed through one server fires the watches at all.
fn watched_everywhere(mixed: &Mixed) {
    let mut clients: Vec<Client> = mixed.ids().into_iter().map(|id| mixed.client(id)).collect();
    for writer in 0..clients.len() {
        let path = format!("/watched-{writer}");
        for client in &mut clients {
            assert_eq!(client.call(exists(&path, true)), Err(Code::NoNode));
        }
        clients[writer].create(&path, b"", CreateMode::Ephemeral).expect("created");
        for client in &mut clients {
            if client.events.is_empty() {
                let event = client.event();
                client.events.push(event);
            }
            let events = std::mem::take(&mut client.events);
            assert_eq!(events, [(zabkeeper::wire::EventType::NodeCreated, path.clone())]);
        }
    }
    clients.into_iter().for_each(Client::close);
}

/// Tells one story through one server, and writes down what it is answered, as if nobody else had a part in it.
struct Teller {
    client: Client,
    other: Client,
    own: String,
    /// Zxids are counted from here.
    base: Zxid,
    answers: Vec<String>,
}

impl Teller {
    fn tell(mixed: &Mixed, id: u8) -> Vec<String> {
        let other = mixed.client(id);
        let mut client = mixed.client(id);
        let own = format!("/by-{id}");
        let (path, stat) = match client.call(creation(OpCode::Create2, &own, CreateMode::Persistent, -1)) {
            Ok(Reply::Create2 { path, stat }) => (path, stat),
            other => panic!("{other:?} to a create2"),
        };
        assert_eq!(path, own);
        let mut teller = Teller { client, other, own, base: stat.persisted.czxid, answers: Vec::new() };
        teller.create();
        teller.change();
        teller.protect();
        teller.combine();
        teller.watch();
        teller.count();
        let Teller { client, other, answers, .. } = teller;
        client.close();
        other.close();
        answers
    }

    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.own)
    }

    fn ask(&mut self, request: ClientRequest) {
        let reply = self.client.call(request);
        self.note(&reply);
    }

    fn ask_other(&mut self, request: ClientRequest) {
        let reply = self.other.call(request);
        self.note(&reply);
    }

    fn note(&mut self, reply: &Result<Reply, Code>) {
        let mut reply = reply.clone();
        match &mut reply {
            Ok(
                Reply::Create2 { stat, .. } | Reply::Stat(stat) | Reply::Data { stat, .. } | Reply::Acl { stat, .. },
            ) => {
                self.tame(stat);
            }
            Ok(Reply::NamesAndStat { names, stat }) => {
                names.sort();
                self.tame(stat);
            }
            Ok(Reply::Names(names)) => names.sort(),
            Ok(Reply::WhoAmI(identities)) => identities.sort_by(|one, other| one.scheme.cmp(&other.scheme)),
            Ok(Reply::Multi(results)) => results.iter_mut().for_each(|result| match result {
                OperationResult::Create2 { stat, .. } | OperationResult::SetData(stat) => self.tame(stat),
                OperationResult::GetData { stat, .. } => self.tame(stat),
                OperationResult::GetChildren(names) => names.sort(),
                _ => {}
            }),
            _ => {}
        }
        self.answers.push(format!("{reply:?}").replace(&self.own, "~"));
    }

    /// Without what belongs to the hour, to this session and to this place in the history.
    fn tame(&self, stat: &mut Stat) {
        let stat = &mut stat.persisted;
        for zxid in [&mut stat.czxid, &mut stat.mzxid, &mut stat.pzxid] {
            zxid.0 = zxid.0.wrapping_sub(self.base.0);
        }
        (stat.ctime, stat.mtime) = (0, 0);
        if stat.ephemeral_owner == self.client.session.0 {
            stat.ephemeral_owner = 1;
        }
    }

    // ---- The story ------------------------------------------------------------------------------------------------

    fn create(&mut self) {
        use CreateMode::*;
        let kinds = [
            (OpCode::Create, "/a", Persistent, -1),
            (OpCode::Create2, "/b", Persistent, -1),
            (OpCode::Create, "/a/s-", PersistentSequential, -1),
            (OpCode::Create2, "/a/s-", PersistentSequential, -1),
            (OpCode::Create, "/e", Ephemeral, -1),
            (OpCode::Create2, "/a/e-", EphemeralSequential, -1),
            (OpCode::CreateContainer, "/container", Container, -1),
            (OpCode::Create, "/container/child", Persistent, -1),
            (OpCode::CreateTtl, "/ttl", PersistentWithTtl, 600_000),
            (OpCode::CreateTtl, "/long-", PersistentSequentialWithTtl, 3_600_000),
            (OpCode::Create, "/a", Persistent, -1),
            (OpCode::Create, "/none/a", Persistent, -1),
            (OpCode::Create, "/e/a", Persistent, -1),
            (OpCode::Create, "//", Persistent, -1),
            (OpCode::CreateContainer, "/container", Persistent, -1),
            (OpCode::CreateTtl, "/ttl-", PersistentWithTtl, 0),
        ];
        for (kind, name, mode, ttl) in kinds {
            self.ask(creation(kind, &self.at(name), mode, ttl));
        }
        for name in ["", "/a", "/b", "/e", "/container", "/container/child", "/a/s-0000000000"] {
            self.ask(get(&self.at(name), false));
            self.ask(exists(&self.at(name), false));
            self.ask(GetChildren2(WatchingRead { path: self.at(name), watch: false }));
            self.ask(GetAcl { path: self.at(name) });
        }
        self.ask(GetEphemerals { prefix: None });
        self.ask(GetEphemerals { prefix: Some(self.at("/a")) });
        self.ask(GetAllChildrenNumber { path: self.own.clone() });
    }

    fn change(&mut self) {
        let data = |path, data: Option<&'static str>, version| {
            Write(Change::SetData { path, data: data.map(Bytes::from), version })
        };
        let gone = |path, version| Write(Change::Delete { path, version });
        self.ask(data(self.at("/a"), Some("one"), 0));
        self.ask(data(self.at("/a"), Some("two"), 0));
        self.ask(data(self.at("/a"), None, 1));
        self.ask(get(&self.at("/a"), false));
        self.ask(data(self.at("/none"), None, -1));
        self.ask(gone(self.at("/a"), -1));
        self.ask(gone(self.at("/b"), 7));
        self.ask(gone(self.at("/none"), -1));
        self.ask(gone(self.at("/b"), 0));
        self.ask(exists(&self.at("/b"), false));
        self.ask(gone(self.at("/e"), -1));
        self.ask(exists(&self.own.clone(), false));
        self.ask(Sync { path: Some(self.own.clone()) });
    }

    fn protect(&mut self) {
        let path = self.at("/mine");
        let acl = |id: Id, perms| Acl { perms, id };
        let mine = vec![acl(Id::new("auth", ""), Perms::ALL)];
        let set_acl = |acl, version| Write(Change::SetAcl { path: path.clone(), acl, version });
        self.ask(create(&path, b"secret", CreateMode::Persistent));
        self.ask(set_acl(mine.clone(), 0));
        self.ask(set_acl(vec![acl(Id::new("none", "x"), Perms::ALL)], 0));
        self.ask(auth("digest", "joe:secret"));
        self.ask(set_acl(mine.clone(), 0));
        self.ask(set_acl(mine.clone(), 0));
        self.ask(GetAcl { path: path.clone() });
        self.ask_other(get(&path, false));
        self.ask_other(set(&path, b"stolen"));
        self.ask_other(delete(&path));
        self.ask_other(GetAcl { path: path.clone() });
        self.ask(set(&path, b"mine"));
        self.ask_other(auth("digest", "joe:secret"));
        self.ask_other(set(&path, b"ours"));
        self.ask_other(create(&format!("{path}/child"), b"", CreateMode::Persistent));
        let here = vec![acl(Id::new("ip", "127.0.0.0/8"), Perms::ALL), acl(Id::new("world", "anyone"), Perms::READ)];
        self.ask(set_acl([mine, here].concat(), -1));
        self.ask(GetAcl { path: path.clone() });
        self.ask(WhoAmI);
    }

    fn combine(&mut self) {
        let node = |path: String, mode| match creation(OpCode::Create, &path, mode, -1) {
            Write(change) => change,
            other => panic!("{other:?}"),
        };
        let data = |path| Change::SetData { path, data: Some(Bytes::from("multi")), version: -1 };
        let check = |path, version| Change::Check { path, version };
        // Without create2: before 3.9 it is a create there (ZOOKEEPER-4026).
        let whole = vec![
            node(self.at("/m"), CreateMode::Persistent),
            data(self.at("/m")),
            check(self.at("/m"), 1),
            Change::Delete { path: self.at("/m"), version: 1 },
            node(self.at("/m-"), CreateMode::PersistentSequential),
            node(self.at("/m-"), CreateMode::EphemeralSequential),
        ];
        self.ask(Write(Change::Multi(whole)));
        let broken =
            vec![node(self.at("/never"), CreateMode::Persistent), check(self.at("/a"), 99), data(self.at("/a"))];
        self.ask(Write(Change::Multi(broken)));
        self.ask(Write(Change::Multi(vec![data(self.at("/none"))])));
        self.ask(exists(&self.at("/never"), false));
        let reads = vec![
            ReadOperation::GetData { path: self.at("/a") },
            ReadOperation::GetChildren { path: self.at("/a") },
            ReadOperation::GetData { path: self.at("/none") },
        ];
        self.ask(MultiRead(reads));
    }

    fn watch(&mut self) {
        let path = self.at("/watched");
        self.ask(exists(&path, true));
        self.ask(children(&self.own.clone(), true));
        self.ask(AddWatch { path: self.at("/a"), mode: 1 });
        self.ask(create(&path, b"", CreateMode::Persistent));
        self.ask(get(&path, true));
        self.ask(set(&path, b"1"));
        self.ask(set(&path, b"2"));
        self.ask(create(&self.at("/a/new"), b"", CreateMode::Persistent));
        self.ask(set(&self.at("/a/new"), b"x"));
        self.ask(RemoveWatches(WatchSelection { path: self.at("/a"), kind: 3 }));
        self.ask(delete(&self.at("/a/new")));
        let (xids, mut answered) = (self.client.send(&[exists(&path, false)]), false);
        while !answered {
            match self.client.receive().expect("not the end") {
                Packet::Event { kind, path, .. } => self.client.events.push((kind, path)),
                Packet::Reply { xid, .. } => answered = xid == xids[0],
            }
        }
        let events = format!("{:?}", self.client.events).replace(&self.own, "~");
        self.client.events.clear();
        self.answers.push(events);
    }

    /// What is used below a znode with limits is counted on every server by itself.
    fn count(&mut self) {
        let quota = format!("/zookeeper/quota{}", self.own);
        let limited = |path: String, text: &str| create(&path, text.as_bytes(), CreateMode::Persistent);
        self.ask(limited(quota.clone(), ""));
        self.ask(limited(format!("{quota}/zookeeper_limits"), "count=1000,bytes=100000"));
        self.ask(limited(format!("{quota}/zookeeper_stats"), "count=0,bytes=0"));
        self.ask(create(&self.at("/counted"), b"12345", CreateMode::Persistent));
        self.ask(set(&self.at("/counted"), b"1234567"));
        self.ask(get(&format!("{quota}/zookeeper_stats"), false));
        self.ask(delete(&self.at("/counted")));
        self.ask(get(&format!("{quota}/zookeeper_stats"), false));
    }
}

fn creation(kind: OpCode, path: &str, mode: CreateMode, ttl: i64) -> ClientRequest {
    let (path, data) = (path.into(), Some(Bytes::from_static(b"data")));
    Write(Change::Create { kind, path, data, acl: Acl::open(), flags: mode.number(), ttl })
}
