//! What can be wrong with bytes from outside.

/// Why a record could not be read. Where Java throws an `IOException` or runs into a null, we answer one of these; a
/// client's request then gets `MarshallingError`, or its connection is closed where its header is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes than the record needs, or than a length or count in it announces.
    #[error("the bytes end inside of `{0}`")]
    End(&'static str),
    /// A length below −1.
    #[error("`{field}` has the length {length}")]
    Length {
        /// The field as `zookeeper.jute` names it.
        field: &'static str,
        /// What its length claims to be, in bytes.
        length: i32,
    },
    /// Null (length −1) where ZooKeeper cannot do without a value.
    #[error("`{0}` is null")]
    Null(&'static str),
    /// A transaction of a type that no log of ZooKeeper holds.
    #[error("there is no transaction of type {0}")]
    Transaction(i32),
    /// An operation that may not stand in a multi or multiRead, a multi among them.
    #[error("an operation of type {0} cannot be part of this multi")]
    InMulti(i32),
    /// A create within a multi whose flags no create mode has, or one that asks a time to live without naming it.
    #[error("{0} is no create mode for this part of a multi")]
    CreateMode(i32),
    /// An event of a type that ZooKeeper does not have.
    #[error("there is no event of type {0}")]
    Event(i32),
    /// A packet on the quorum port that no server sends.
    #[error("there is no packet of type {0} between servers")]
    QuorumPacket(i32),
    /// A packet of a reconfiguration, which this server takes no part in.
    #[error("the ensemble is being reconfigured, which this server does not support")]
    Reconfiguration,
    /// The first packet of a learner is no introduction of one.
    #[error("a learner does not introduce itself as servers since 3.4.6 do")]
    Introduction,
    /// The first bytes on the election port are no hello.
    #[error("a server does not introduce itself as servers do")]
    Hello,
    /// A vote with a number that no server has.
    #[error("a vote whose `{0}` no server has")]
    Vote(&'static str),
    /// A notification of a server in a state that there is none.
    #[error("there is no state {0} of a server")]
    ServerState(i32),
    /// An event with a state that ZooKeeper does not have.
    #[error("there is no state {0} of a client")]
    State(i32),
}
