//! Configurations as a whole: what must be there, what must fit, and the lists of servers.

use super::{overrides, sentence, written};
use zab::ServerId;
use zabkeeper::config::{Config, ConfigError, HostPort, Overrides, PeerType, ServerLine};

const THREE: &str = "initLimit=10\nsyncLimit=5\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2;h:2183\n";

/// A whole file, with a `myid` (none for an empty text) in the data directory.
fn read(text: &str, my_id: &str) -> Result<Config, ConfigError> {
    let (dir, file) = written(text);
    if !my_id.is_empty() {
        std::fs::create_dir(dir.path().join("data")).expect("made");
        std::fs::write(dir.path().join("data/myid"), my_id).expect("written");
    }
    Config::from_file(file, &Overrides::default())
}

fn ensemble(lines: &str, my_id: &str) -> Result<Config, ConfigError> {
    read(&format!("dataDir=@/data\nclientPort=2181\n{THREE}{lines}"), my_id)
}

#[test]
fn what_is_missing_or_does_not_fit_is_one_sentence() {
    for (text, expected) in [
        ("clientPort=1", "dataDir is not set"),
        ("dataDir=@/data", "clientPort is not set"),
        ("dataDir=@/data\nclientPortAddress=h", "clientPortAddress is set but clientPort is not"),
        (
            "dataDir=@/data\nclientPort=1\nminSessionTimeout=9\nmaxSessionTimeout=8",
            "minSessionTimeout must not be larger than maxSessionTimeout",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2:observer",
            "observers without a server that votes make no ensemble",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2:observer\nserver.2=a:3:4",
            "observers need more than one server that votes, or standaloneEnabled=false",
        ),
        (
            "dataDir=@/data\nclientPort=1\nstandaloneEnabled=false",
            "standaloneEnabled=false needs at least one server.N",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2\nserver.2=a:3:4\nsyncLimit=1",
            "initLimit is not set, and an ensemble needs it",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2\nserver.2=a:3:4\ninitLimit=1",
            "syncLimit is not set, and an ensemble needs it",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2|b:1:2",
            "server.1 lists several addresses; multiAddress.enabled=true allows it",
        ),
        (
            "dataDir=@/data\nclientPort=1\nserver.1=a:1:2\nserver.2=a:3:4\ngroup.1=1",
            "server.2 is in no group, while others are",
        ),
    ] {
        assert_eq!(sentence(read(text, "")), format!("@/zoo.cfg: {expected}"), "{text}");
    }
    let missing = Config::from_file("no/such/zoo.cfg", &overrides(""));
    assert_eq!(sentence(missing), "no/such/zoo.cfg: cannot be read: No such file or directory (os error 2)");
    let malformed = sentence(read("\na=\\u1", ""));
    assert_eq!(malformed, "@/zoo.cfg, line 2: \\u must be followed by four hexadecimal digits");
}

#[test]
fn an_ensemble_needs_to_know_which_server_this_is() {
    let is = |my_id: &str| ensemble("", my_id).map(|config| config.quorum.my_id);
    assert_eq!(is("2").expect("right"), Some(ServerId(2)));
    assert_eq!(is("2\r\n").expect("right"), Some(ServerId(2)));
    assert_eq!(is("2\nanything").expect("right"), Some(ServerId(2)));
    let missing = "@/data/myid: is missing; it must hold the N of this server's server.N line";
    for (my_id, expected) in [
        ("", missing),
        ("4", "@/data/myid: holds 4, but there is no server.4"),
        ("one", "@/data/myid: holds \"one\" instead of a number from 0 to 255"),
        ("\n1", "@/data/myid: holds \"\" instead of a number from 0 to 255"),
        ("256", "@/data/myid: holds \"256\" instead of a number from 0 to 255"),
    ] {
        assert_eq!(sentence(ensemble("", my_id)), expected);
    }
    let ttl = ensemble("server.255=d:1:2\nextendedTypesEnabled=true", "255");
    let expected = "@/data/myid: holds 255, which TTL nodes (extendedTypesEnabled) are marked with; use 1 to 254";
    assert_eq!(sentence(ttl), expected);
    // A standalone server may have one, and needs none.
    assert!(read("dataDir=@/data\nclientPort=1", "7").is_ok());
    assert!(read("dataDir=@/data\nclientPort=1\nserver.1=a:1:2", "").is_ok());
}

#[test]
fn the_list_of_servers_says_who_votes_and_where_clients_connect() {
    let config = ensemble("peerType=observer\nserver.4=d:1:2:observer", "2").expect("right");
    assert_eq!(config.quorum.peer_type, PeerType::Participant);
    let warnings: Vec<&str> = config.warnings.iter().map(|warning| warning.sentence.as_str()).collect();
    let expected = "peerType does not fit the list of servers; this server is a participant, as listed";
    assert_eq!(warnings, [expected]);
    assert_eq!(config.quorum.observers().collect::<Vec<_>>(), [ServerId(4)]);
    // Java warns too where nothing is set.
    let observer = ensemble("server.4=d:1:2:observer", "4").expect("right");
    assert_eq!(observer.quorum.peer_type, PeerType::Observer);
    let warnings: Vec<&str> = observer.warnings.iter().map(|warning| warning.sentence.as_str()).collect();
    assert_eq!(warnings, ["peerType is not set; this server is an observer, as listed"]);
    assert!(ensemble("server.4=d:1:2:observer\npeerType=observer", "4").expect("right").warnings.is_empty());
    let built = config.quorum.ensemble().expect("an ensemble");
    assert!(built.is_quorum([ServerId(1), ServerId(2)]) && !built.is_quorum([ServerId(1), ServerId(4)]));

    let conflict = sentence(ensemble("", "3"));
    assert_eq!(conflict, "@/zoo.cfg: clients are to connect to 0.0.0.0:2181, but to h:2183 by the list of servers");
    let config = ensemble("clientPort=2183", "3").expect("the wildcard agrees with every address");
    assert_eq!(config.client, Some(HostPort::new("h", 2183)));
    let config = read(&format!("dataDir=@/data\n{THREE}"), "3").expect("right");
    assert_eq!(config.client, Some(HostPort::new("h", 2183)));
}

#[test]
fn an_ensemble_is_not_reconfigured_behind_the_others_backs() {
    let why = "the other servers would rewrite their lists of servers, and this one would not follow";
    let refused = sentence(ensemble("reconfigEnabled=true", "1"));
    assert_eq!(refused, format!("@/zoo.cfg, line 8: reconfigEnabled=true is refused: {why}"));
    assert!(read("dataDir=@/data\nclientPort=1\nreconfigEnabled=true", "").is_ok());
}

#[test]
fn groups_and_weights() {
    let groups = "group.1=1:2\ngroup.2=3\nweight.2=0";
    let quorum = ensemble(groups, "1").expect("right").quorum;
    assert_eq!(quorum.groups.values().copied().collect::<Vec<_>>(), [1, 1, 2]);
    let built = quorum.ensemble().expect("an ensemble");
    assert!(built.is_quorum([ServerId(1), ServerId(3)]) && !built.is_quorum([ServerId(2), ServerId(3)]));
    for (line, wrong) in [
        ("group.x=1", "a group is group.N, N from 0 to 255"),
        ("group.1=1:x", "x is no server: they are 0 to 255"),
        ("group.1=1:1", "server 1 is in a group twice"),
        ("weight.1=-1", "it takes a number from 0 to 4294967295"),
        ("server.x=a:1:2", "x is no server: they are 0 to 255"),
        ("version=x", "it takes a hexadecimal number"),
    ] {
        assert_eq!(sentence(ensemble(line, "1")), format!("@/zoo.cfg, line 8: {line}: {wrong}"));
    }
}

#[test]
fn lines_of_servers() {
    for (text, printed) in [
        ("h:2888:3888", "h:2888:3888:participant"),
        ("h:2888:3888:Observer", "h:2888:3888:observer"),
        ("h:2888:3888;2181", "h:2888:3888:participant;0.0.0.0:2181"),
        ("h:2888:3888:participant;[::1]:2181", "h:2888:3888:participant;[::1]:2181"),
        ("[2001:db8::1]:2888:3888", "[2001:db8::1]:2888:3888:participant"),
        ("b:2888:3888|a:2889:3889", "a:2889:3889|b:2888:3888:participant"),
        (" h : 2888:3888", "h:2888:3888:participant"),
    ] {
        assert_eq!(ServerLine::parse(text).map(|line| line.to_string()).as_deref(), Ok(printed), "{text}");
    }
    for text in
        ["", "h", "h:1", "h:1:2:3", "h:1:x", ":1:2", "[::1:1:2", "h:1:2;", "h:1:2;1;2", "h:1:2|", "h:1:2:participant:x"]
    {
        assert!(ServerLine::parse(text).is_err(), "{text}");
    }
    let same = ServerLine::parse("h:1:1").expect_err("wrong").to_string();
    assert_eq!(same, "the ports for followers and for election must differ");
    let roles = ServerLine::parse("h:1:2:observer|h:3:4:participant").expect_err("wrong").to_string();
    assert_eq!(roles, "all addresses of a server must have the same role");
}

#[test]
fn a_dynamic_file_lists_the_servers() {
    let text = "dataDir=@/data\nclientPort=1\ninitLimit=1\nsyncLimit=1\ndynamicConfigFile=@/zoo.cfg.dynamic.1a\n";
    let read = |lines: &str, servers: &str| {
        let (dir, file) = written(&format!("{text}{lines}"));
        std::fs::create_dir(dir.path().join("data")).expect("made");
        std::fs::write(dir.path().join("data/myid"), "2").expect("written");
        std::fs::write(dir.path().join("zoo.cfg.dynamic.1a"), servers).expect("written");
        Config::from_file(file, &Overrides::default())
    };
    let config = read("", "server.1=a:1:2\nserver.2=b:1:2\n").expect("right");
    assert_eq!((config.quorum.servers.len(), config.quorum.version), (2, 0x1a));
    assert!(config.warnings.iter().all(|warning| !warning.sentence.contains("dynamicConfigFile")));
    let here = "server.1 must stand in the file that dynamicConfigFile names, not here";
    assert_eq!(sentence(read("server.1=a:1:2", "")), format!("@/zoo.cfg, line 6: {here}"));
    let there = "tickTime has no place in a dynamic file: it lists servers only";
    assert_eq!(sentence(read("", "tickTime=1")), format!("@/zoo.cfg.dynamic.1a, line 1: {there}"));
}
