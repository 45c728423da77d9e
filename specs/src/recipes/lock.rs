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
            (Stage::Recovering, Tell::Listed(names)) => match protected(&self.prefix, &names) {
                Some(name) => judge(Ticket { name: name.to_owned(), token: None }, &names),
                None => self.create(),
            },
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

/// First, or behind whom.
fn judge(ticket: Ticket, names: &[String]) -> (Stage, Option<Ask>) {
    match (before(&ticket.name, names, |_| true), ticket.token) {
        (Before::Gone, _) => (Stage::Lost, None),
        (Before::Waits(predecessor), _) => (Stage::Watching(ticket), Some(Ask::Watch(predecessor.to_owned()))),
        (Before::Nobody, Some(token)) => (Stage::Holding(ticket.name, token), None),
        (Before::Nobody, None) => ask_token(ticket.name),
    }
}

/// Who stands before one in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before<'a> {
    /// Nobody: rule LowestHolds.
    Nobody,
    /// This one stands next before: rule WatchThePredecessor.
    Waits(&'a str),
    /// One's own znode is not there.
    Gone,
}

/// Who stands before `own`, of those who count; all do but in a lock that readers share.
#[must_use]
pub fn before<'a>(own: &str, names: &'a [String], counts: impl Fn(&str) -> bool) -> Before<'a> {
    let (Some(number), true) = (sequence(own), names.iter().any(|name| name == own)) else { return Before::Gone };
    let ahead = |name: &'a String| {
        // Numbers begin anew below zero: the distance tells who is ahead.
        let distance = number.wrapping_sub(sequence(name)?);
        (distance > 0 && counts(name)).then_some((distance, name))
    };
    names.iter().filter_map(ahead).min().map_or(Before::Nobody, |(_, name)| Before::Waits(name))
}

/// The znode that a create with this protection made, if it made one: rule ProtectCreate.
#[must_use]
pub fn protected<'a>(prefix: &str, names: &'a [String]) -> Option<&'a str> {
    names.iter().map(String::as_str).find(|name| name.starts_with(prefix))
}

/// The number that the server put behind a sequential name, as `%010d`: its place in the queue, whatever it begins
/// with. Those of one parent grow, and begin anew below zero after 2³¹ znodes. `None` for a name without one.
#[must_use]
pub fn sequence(name: &str) -> Option<i32> {
    let start = name.len().checked_sub(10)?;
    let bytes = name.as_bytes();
    // `lock-2147483647`, `lock--2147483648`, `__READ__-2147483648`: only in the first the dash is none of the number's.
    let signed = start >= 2 && bytes[start - 1] == b'-' && matches!(bytes[start - 2], b'-' | b'_');
    name.get(start - usize::from(signed)..)?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_read() {
        for (name, number) in [
            ("_c_x-lock-0000000007", Some(7)),
            ("lock-2147483647", Some(i32::MAX)),
            ("lock--2147483648", Some(i32::MIN)),
            ("__READ__-1147483648", Some(-1_147_483_648)),
            ("lock--000000001", Some(-1)),
            ("__READ__0000000010", Some(10)),
            ("lock-", None),
            ("läck-ä12345678", None),
            ("", None),
        ] {
            assert_eq!(sequence(name), number, "{name}");
        }
    }

    #[test]
    fn the_queue_goes_on_where_numbers_begin_anew() {
        let names = ["b-lock--2147483648", "a-lock-2147483647", "z-lock-2147483646", "stray"].map(str::to_owned);
        let all = |own| before(own, &names, |_| true);
        assert_eq!(all("b-lock--2147483648"), Before::Waits("a-lock-2147483647"));
        assert_eq!(all("z-lock-2147483646"), Before::Nobody);
        assert_eq!(all("c-lock-2147483647"), Before::Gone);
        assert_eq!(all("stray"), Before::Gone);
        let without_a = before("b-lock--2147483648", &names, |name| !name.starts_with('a'));
        assert_eq!(without_a, Before::Waits("z-lock-2147483646"));
    }
}
