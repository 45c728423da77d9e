//! Sequences that chance would not find: what a server has before anybody came, limits, expiry, the super user.

use super::step::{Manner, Question, Sequence, Step};
use bytes::Bytes;
use zab::Zxid;
use zab::tree::{Acl, Change, OpCode, Perms};
use zabkeeper::wire::ClientRequest;
use zabkeeper::wire::request::{AuthPacket, SetWatches, WatchingRead};

pub fn sequences() -> [Sequence; 5] {
    [at_first(), timeouts(), super_user(), quotas(), expiry()].map(Sequence)
}

fn ask(seat: usize, request: ClientRequest) -> Step {
    Step::Ask(seat, vec![Question::Request(request)])
}

fn read(path: &str) -> WatchingRead {
    WatchingRead { path: path.into(), watch: false }
}

fn create(path: &str, flags: i32, acl: Vec<Acl>) -> ClientRequest {
    let (path, data) = (path.into(), Some(Bytes::from_static(b"data")));
    ClientRequest::Write(Change::Create { kind: OpCode::Create2, path, data, acl, flags, ttl: -1 })
}

/// The znodes of a new server.
fn at_first() -> Vec<Step> {
    let mut steps = Vec::new();
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", ""] {
        let all = [
            ClientRequest::GetData(read(path)),
            ClientRequest::GetChildren2(read(path)),
            ClientRequest::Exists(read(path)),
            ClientRequest::GetAcl { path: path.into() },
            ClientRequest::GetAllChildrenNumber { path: path.into() },
        ];
        steps.extend(all.map(|request| ask(0, request)));
    }
    let data = Some(Bytes::from_static(b"root"));
    steps.extend([
        ask(0, ClientRequest::Write(Change::SetData { path: "/".into(), data, version: -1 })),
        ask(0, ClientRequest::GetData(read("/"))),
        ask(0, create("/zookeeper/child", 1, Acl::open())),
        ask(0, ClientRequest::Write(Change::SetData { path: "/zookeeper/config".into(), data: None, version: -1 })),
    ]);
    steps
}

/// Below, at and above both limits.
fn timeouts() -> Vec<Step> {
    let wishes = [i32::MIN, -1, 0, 1, 3999, 4000, 4001, 20_000, 40_000, 40_001, i32::MAX];
    wishes.into_iter().flat_map(|wish| [Step::Connect(0, Manner::WithTimeout(wish))]).collect()
}

/// Who may do what nobody may.
fn super_user() -> Vec<Step> {
    let nobody = vec![Acl { perms: Perms(0), ..Acl::open().remove(0) }];
    let proof = AuthPacket { kind: 0, scheme: "digest".into(), auth: Some(Bytes::from_static(b"super:super")) };
    let data = Some(Bytes::from_static(b"changed"));
    let attempt = [
        ask(0, create("~/a", 0, nobody)),
        ask(0, ClientRequest::GetData(read("~/a"))),
        ask(0, ClientRequest::GetAcl { path: "~/a".into() }),
        ask(0, create("~/a/b", 0, vec![Acl { perms: Perms(31), id: zab::tree::Id::new("auth", "") }])),
        ask(0, ClientRequest::GetAcl { path: "~/a/b".into() }),
        ask(0, ClientRequest::Write(Change::SetData { path: "~/a".into(), data, version: -1 })),
        ask(0, ClientRequest::WhoAmI),
    ];
    let mut steps = attempt.to_vec();
    steps.push(ask(0, ClientRequest::Auth(proof)));
    steps.extend(attempt);
    steps
}

/// Limits of znodes and bytes below one: what is used of them is counted, and more is refused.
fn quotas() -> Vec<Step> {
    let set = |path: &str, size: usize| {
        let (path, data) = (path.into(), Some(Bytes::from(vec![0; size])));
        ask(0, ClientRequest::Write(Change::SetData { path, data, version: -1 }))
    };
    let quota = |path: &str, text: &'static str| {
        let (path, data) = (format!("/zookeeper/quota{path}"), Some(Bytes::from_static(text.as_bytes())));
        let kind = OpCode::Create2;
        ask(0, ClientRequest::Write(Change::Create { kind, path, data, acl: Acl::open(), flags: 0, ttl: -1 }))
    };
    let used = || ask(0, ClientRequest::GetData(read("/zookeeper/quota~/zookeeper_stats")));
    let delete = |path: &str| ask(0, ClientRequest::Write(Change::Delete { path: path.into(), version: -1 }));
    vec![
        quota("~", ""),
        quota("~/zookeeper_limits", "count=2,bytes=5,countHardLimit=4,byteHardLimit=20"),
        quota("~/zookeeper_stats", "count=0,bytes=0"),
        ask(0, create("~/a", 0, Acl::open())),
        used(),
        ask(0, create("~/b", 1, Acl::open())),
        used(),
        ask(0, create("~/c", 0, Acl::open())),
        ask(0, create("~/d", 0, Acl::open())),
        used(),
        set("~/a", 12),
        set("~/a", 13),
        used(),
        delete("~/a"),
        used(),
        set("~/c", 100),
        Step::Close(0),
        used(),
    ]
}

/// A session that nobody hears of any more: its znodes go, and whoever watches them is told.
fn expiry() -> Vec<Step> {
    let watches = SetWatches { relative_zxid: Zxid(0), child: vec!["~".into()], ..SetWatches::default() };
    vec![
        ask(0, create("~/e", 1, Acl::open())),
        ask(0, create("~/f", 1, Acl::open())),
        ask(1, ClientRequest::AddWatch { path: "~".into(), mode: 1 }),
        ask(2, ClientRequest::SetWatches(watches)),
        Step::Expire(0),
        ask(1, ClientRequest::GetChildren2(read("~"))),
        Step::Connect(0, Manner::Properly),
        ask(0, ClientRequest::GetEphemerals { prefix: None }),
    ]
}
