//! The model of [`zab::recipes::lock`]: contenders on a real tree, each behind a connection that delivers late, breaks
//! and loses what it carried; sessions that expire at any step; and the thing that the lock guards.

mod claims;
mod step;

use super::name_of;
use super::served::Served;
use super::tale::Recipe;
use crate::engine::{Fair, Goal};
use clap::ValueEnum;
use stateright::{Model, Property};
use zab::Zxid;
use zab::recipes::lock::{Ask, Contender, Fence, Stage, Tell};

/// The lock's znode.
pub const LOCK: &str = "/lock";

/// How the algorithm is written: as it is, at a cost, or with a mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// As in `zab::recipes::lock`.
    #[default]
    Queue,
    /// Everybody watches the znode of the one who holds: right, but every release wakes everybody.
    Herd,
    /// Who has somebody behind it watches that one.
    WatchesBehind,
    /// Where there was nothing to watch any more, it waits all the same.
    WaitsForNobody,
    /// Whoever is woken believes that it is its turn.
    TrustsTheWakeUp,
    /// A creation that was not answered is asked for again.
    CreatesTwice,
    /// What the lock guards does not look at tokens.
    Unfenced,
}

/// The model, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// How many want the lock, once each.
    pub contenders: u8,
    /// How many sessions expire.
    pub expiries: u8,
    /// How often a connection breaks.
    pub breaks: u8,
    /// What is planted.
    pub variant: Variant,
}

impl Default for Lock {
    fn default() -> Lock {
        Lock { contenders: 3, expiries: 1, breaks: 1, variant: Variant::Queue }
    }
}

/// What a server sends to a client, and what it had applied by then.
pub type Packet = (Tell, Zxid);

/// A contender with its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// The algorithm.
    pub contender: Contender,
    /// What it has asked and the server has not read.
    pub request: Option<Ask>,
    /// What the server has sent and it has not read.
    pub inbox: Vec<Packet>,
    /// The znode that it believes to watch: to be watched again after a reconnection.
    pub watched: Option<String>,
    /// The last zxid that it has heard of.
    pub seen: Zxid,
    /// Its write on the way to the guarded thing.
    pub write: Option<Zxid>,
    /// Whether its write was answered.
    pub wrote: bool,
    /// Whether it was woken, and has not looked at the list since.
    pub woken: bool,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct World {
    /// The ensemble.
    pub served: Served,
    /// Who wants the lock.
    pub clients: Vec<Client>,
    /// The guarded thing.
    pub fence: Fence,
    /// The tokens of the writes that it accepted, in order.
    pub accepted: Vec<Zxid>,
    /// Whether it refused one.
    pub refused: bool,
    /// The tokens of those who came to hold with a session that was open, in order.
    pub entered: Vec<Zxid>,
    /// How many one transaction woke, at most.
    pub woken_at_once: u8,
    /// How many notifications there were in all.
    pub notifications: u8,
    /// Sessions that may still expire.
    pub expiries: u8,
    /// Connections that may still break.
    pub breaks: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A client wants the lock.
    Acquire(u8),
    /// The server reads a client's request.
    Serve(u8),
    /// A client reads what the server sent.
    Deliver(u8),
    /// Who believes to hold writes to the guarded thing.
    Write(u8),
    /// The write arrives there.
    Arrive(u8),
    /// A holder gives the lock back.
    Release(u8),
    /// A client's session expires.
    Expire(u8),
    /// A client's connection breaks, with all that it carried, and there is another.
    Break(u8),
}

impl Lock {
    fn initial(&self) -> World {
        let client = |id: u8| Client {
            contender: Contender::new(&format!("c{id}-lock-")),
            request: None,
            inbox: Vec::new(),
            watched: None,
            seen: Zxid::ZERO,
            write: None,
            wrote: false,
            woken: false,
        };
        World {
            served: Served::new(self.contenders, LOCK),
            clients: (0..self.contenders).map(client).collect(),
            fence: Fence::default(),
            accepted: Vec::new(),
            refused: false,
            entered: Vec::new(),
            woken_at_once: 0,
            notifications: 0,
            expiries: self.expiries,
            breaks: self.breaks,
        }
    }
}

impl Model for Lock {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.initial()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (client, id) in world.clients.iter().zip(0..) {
            let (stage, open) = (&client.contender.stage, world.served.is_open(id));
            let holds = matches!(stage, Stage::Holding(..)) && client.write.is_none();
            let offered = [
                (Action::Acquire(id), *stage == Stage::Idle && open),
                (Action::Serve(id), client.request.is_some()),
                (Action::Deliver(id), !client.inbox.is_empty()),
                (Action::Write(id), holds && !client.wrote),
                (Action::Arrive(id), client.write.is_some()),
                (Action::Release(id), holds && client.wrote),
                (Action::Expire(id), world.expiries > 0 && open && *stage != Stage::Idle),
                (Action::Break(id), world.breaks > 0 && open && *stage != Stage::Idle),
            ];
            actions.extend(offered.into_iter().filter(|(_, may)| *may).map(|(action, _)| action));
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        step::act(self, &mut world, action);
        Some(world)
    }

    fn format_action(&self, action: &Action) -> String {
        format!("{action:?}")
    }

    fn format_step(&self, last: &World, action: Action) -> Option<String> {
        let label = self.label(last, &action);
        self.next_state(last, action).map(|next| [vec![label], self.facts(&next)].concat().join("\n"))
    }

    fn properties(&self) -> Vec<Property<Lock>> {
        claims::properties(self)
    }
}

impl Fair for Lock {
    fn class(&self, _world: &World, action: &Action) -> Option<u8> {
        let (kind, id) = match *action {
            Action::Serve(id) => (0, id),
            Action::Deliver(id) => (1, id),
            Action::Write(id) => (2, id),
            Action::Arrive(id) => (3, id),
            Action::Release(id) => (4, id),
            Action::Acquire(_) | Action::Expire(_) | Action::Break(_) => return None,
        };
        Some(kind * self.contenders + id)
    }

    fn goals(&self) -> Vec<Goal<Lock>> {
        vec![Goal { name: "L everyone who waits is served", reached: claims::nobody_waits }]
    }
}

impl Recipe for Lock {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn bounds(&self) -> String {
        let Lock { contenders, expiries, breaks, .. } = self;
        format!("{contenders} contenders, {expiries} expiry, {breaks} break, {}", self.variant())
    }

    fn variant(&self) -> String {
        name_of(&self.variant)
    }

    fn label(&self, world: &World, action: &Action) -> String {
        let client = |id: u8| &world.clients[usize::from(id)];
        match *action {
            Action::Acquire(id) => format!("c{id} wants the lock"),
            Action::Serve(id) => {
                format!("the server reads c{id}'s {:?}", client(id).request.as_ref().expect("a request"))
            }
            Action::Deliver(id) => format!("c{id} reads {:?}", client(id).inbox[0].0),
            Action::Write(id) => format!("c{id} writes under the lock"),
            Action::Arrive(id) => format!("c{id}'s write arrives"),
            Action::Release(id) => format!("c{id} gives the lock back"),
            Action::Expire(id) => format!("c{id}'s session expires"),
            Action::Break(id) => format!("c{id}'s connection breaks, and is made anew"),
        }
    }

    fn facts(&self, world: &World) -> Vec<String> {
        let mut facts = Vec::new();
        let names: Vec<&str> = world.served.tree.children(LOCK).collect();
        facts.push(format!("the queue is {}", if names.is_empty() { "empty".into() } else { names.join(", ") }));
        for (client, id) in world.clients.iter().zip(0..) {
            facts.push(format!("c{id} is {:?}", client.contender.stage));
            let of = |(watcher, path, _): &&(u8, String, _)| *watcher == id && !path.is_empty();
            facts.extend(world.served.watches.iter().filter(of).map(|(_, path, _)| format!("c{id} watches {path}")));
            facts.extend(client.write.map(|token| format!("c{id}'s write with token {token} is on its way")));
            facts.extend(client.inbox.iter().map(|(tell, _)| format!("on its way to c{id}: {tell:?}")));
        }
        facts.push(format!("accepted writes have the tokens {:?}", world.accepted));
        if world.refused {
            facts.push("a write was refused: its token is older than one that was seen".to_owned());
        }
        facts
    }
}
