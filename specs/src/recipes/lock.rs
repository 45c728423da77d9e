#![doc = include_str!("lock.md")]

use crate::Zxid;

/// One who wants the lock, in one session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contender {
    /// What its znode's name begins with: its protection, which nobody else has.
    pub prefix: String,
    /// How far it is.
    pub stage: Stage,
}

/// How far a contender is. Stages that ask have one request on its way, the others none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It does not want the lock.
    Idle,
    /// It asks for its znode.
    Creating,
    /// It asks whether the znode exists whose creation was not answered.
    Recovering,
    /// It asks who is before it.
    Listing(Ticket),
    /// It is the first, and asks for its token, which the lost answer had.
    Numbering(String),
    /// It asks to be told when its predecessor goes.
    Watching(Ticket),
    /// It waits for that.
    Waiting(Ticket),
    /// It believes that it has the lock. What it does under the lock carries this token.
    Holding(String, Zxid),
    /// It asks that its znode be deleted.
    Releasing(String),
    /// It had the lock, and has given it back.
    Released,
    /// Its session, and with it its znode, is over. It must begin anew, in another.
    Lost,
}

/// A contender's znode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// Its name.
    pub name: String,
    /// Its `czxid`, the token; `None` where the answer that said it was lost.
    pub token: Option<Zxid>,
}

/// What a contender asks of the ensemble.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// To create an ephemeral sequential znode whose name begins so.
    Create(String),
    /// For the names of all znodes of the lock.
    List,
    /// For the `czxid` of its own znode.
    Token(String),
    /// For a watch on a znode, if it exists (`getData`).
    Watch(String),
    /// To delete its znode.
    Delete(String),
}

/// What a contender is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tell {
    /// Its owner wants the lock.
    Acquire,
    /// Its owner gives it back.
    Release,
    /// Its znode is created.
    Created(Ticket),
    /// These znodes there are, in any order.
    Listed(Vec<String>),
    /// Its znode's `czxid`, if it exists.
    Token(Option<Zxid>),
    /// Whether the znode that it wanted to watch existed, and is watched now.
    Watched(bool),
    /// Its znode has gone, by this request or before it.
    Deleted,
    /// What it watched has gone.
    Woken,
    /// The connection broke while it asked: what it asked may have happened or not.
    Interrupted,
    /// Its session is over.
    Expired,
}

impl Contender {
    /// One who does not want the lock yet.
    #[must_use]
    pub fn new(prefix: &str) -> Contender {
        Contender { prefix: prefix.to_owned(), stage: Stage::Idle }
    }

    /// Takes one thing in, and says what to ask next, if anything. What comes too late, or twice, changes nothing.
    pub fn step(&mut self, tell: Tell) -> Option<Ask> {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        let (stage, ask) = self.next(stage, tell);
        self.stage = stage;
        ask
    }

    fn next(&self, stage: Stage, tell: Tell) -> (Stage, Option<Ask>) {
        match (stage, tell) {
            // Rule ExpiredIsOver.
            (_, Tell::Expired) => (Stage::Lost, None),
            (Stage::Idle, Tell::Acquire) => self.create(),
            (Stage::Creating, Tell::Created(ticket)) => list(ticket),
            // Rule ProtectCreate.
            (Stage::Creating | Stage::Recovering, Tell::Interrupted) => (Stage::Recovering, Some(Ask::List)),
            (Stage::Recovering, Tell::Listed(names)) => {
                match names.iter().position(|name| name.starts_with(&self.prefix)) {
                    Some(place) => judge(Ticket { name: names[place].clone(), token: None }, &names),
                    None => self.create(),
                }
            }
            (Stage::Listing(ticket), Tell::Listed(names)) => judge(ticket, &names),
            (Stage::Numbering(name), Tell::Token(token)) => match token {
                Some(token) => (Stage::Holding(name, token), None),
                None => (Stage::Lost, None),
            },
            (Stage::Numbering(name), Tell::Interrupted) => ask_token(name),
            (Stage::Watching(ticket), Tell::Watched(true)) => (Stage::Waiting(ticket), None),
            // Rules LookAgain, WakeIsAHint: whatever happened, the list says who is first.
            (Stage::Watching(ticket), Tell::Watched(false) | Tell::Interrupted)
            | (Stage::Listing(ticket), Tell::Interrupted)
            | (Stage::Waiting(ticket), Tell::Woken) => list(ticket),
            (Stage::Holding(name, _), Tell::Release) | (Stage::Releasing(name), Tell::Interrupted) => {
                (Stage::Releasing(name.clone()), Some(Ask::Delete(name)))
            }
            (Stage::Releasing(_), Tell::Deleted) => (Stage::Released, None),
            (stage, _) => (stage, None),
        }
    }

    fn create(&self) -> (Stage, Option<Ask>) {
        (Stage::Creating, Some(Ask::Create(self.prefix.clone())))
    }
}

fn list(ticket: Ticket) -> (Stage, Option<Ask>) {
    (Stage::Listing(ticket), Some(Ask::List))
}

fn ask_token(name: String) -> (Stage, Option<Ask>) {
    (Stage::Numbering(name.clone()), Some(Ask::Token(name)))
}

/// First, or behind whom: rules LowestHolds and WatchThePredecessor.
fn judge(ticket: Ticket, names: &[String]) -> (Stage, Option<Ask>) {
    let Some(own) = names.iter().find(|name| **name == ticket.name) else { return (Stage::Lost, None) };
    let before = names.iter().filter(|name| place(name) < place(own)).max_by_key(|name| place(name));
    match (before, ticket.token) {
        (Some(predecessor), _) => (Stage::Watching(ticket), Some(Ask::Watch(predecessor.clone()))),
        (None, Some(token)) => (Stage::Holding(ticket.name, token), None),
        (None, None) => ask_token(ticket.name),
    }
}

/// The ten digits at the end of a sequential znode's name: its place in the queue, whatever it begins with.
#[must_use]
pub fn place(name: &str) -> &str {
    name.get(name.len().saturating_sub(10)..).unwrap_or(name)
}

/// What the lock guards: it takes a write only with a token that is not below one that it has seen. Rule FenceByToken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The highest token seen.
    pub highest: Zxid,
}

impl Fence {
    /// Whether a write with this token is accepted.
    pub fn accept(&mut self, token: Zxid) -> bool {
        let accepted = token >= self.highest;
        self.highest = self.highest.max(token);
        accepted
    }
}
