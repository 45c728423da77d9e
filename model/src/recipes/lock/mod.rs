//! The model of [`zab::recipes::lock`]: contenders on a real tree, each behind a connection that delivers late, breaks
//! and loses what it carried; sessions that expire at any step; and the thing that the lock guards.

mod claims;
mod step;
mod tale;

use super::name_of;
use super::served::Served;
use super::tale::Recipe;
use crate::cli::table::counted;
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
    /// Each watches the one before, as in `zab::recipes::lock`.
    #[default]
    Queue,
    /// Everybody watches the znode of the one who holds: right, but every release wakes everybody.
    Herd,
    /// Mistake: the wrong neighbour; who has somebody behind it watches that one.
    WatchesBehind,
    /// Mistake: where there is nothing to watch any more, it waits all the same.
    WaitsForNobody,
    /// Mistake: whoever is woken believes that it is its turn.
    TrustsTheWakeUp,
    /// Mistake: it looks whether anybody is there before it creates its znode, and not again afterwards.
    LooksBeforeCreate,
    /// Mistake: a creation that was not answered is asked for again.
    CreatesTwice,
    /// Mistake: what the lock guards does not look at tokens.
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
        Lock { contenders: 3, expiries: 1, breaks: 0, variant: Variant::Queue }
    }
}

impl Lock {
    /// The bounds that show what there is to see of a variant.
    #[must_use]
    pub fn of(variant: Variant) -> Lock {
        let (contenders, expiries, breaks) = match variant {
            Variant::Queue | Variant::TrustsTheWakeUp => (3, 1, 0),
            Variant::Herd | Variant::WatchesBehind => (3, 0, 0),
            Variant::WaitsForNobody | Variant::LooksBeforeCreate => (2, 0, 0),
            Variant::CreatesTwice => (1, 0, 1),
            Variant::Unfenced => (2, 1, 0),
        };
        Lock { contenders, expiries, breaks, variant }
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
    /// Its write on the way to the guarded thing: it leaves as soon as the client believes to hold the lock.
    pub write: Option<Zxid>,
    /// Whether it was woken, and has not looked at the list since: what some mistakes look at.
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
    /// The highest token of all writes that came to it.
    pub newest: Zxid,
    /// Whether it accepted a write after one with a higher token, or refused one after none.
    pub disordered: bool,
    /// Whether it refused one.
    pub refused: bool,
    /// The token of the last who came to hold with a session that was open.
    pub entered: Zxid,
    /// How many did.
    pub entries: u8,
    /// Whether one of them was overtaken in the queue.
    pub overtaken: bool,
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
    /// The server reads a client's request.
    Serve(u8),
    /// A client reads what the server sent.
    Deliver(u8),
    /// A holder's write arrives at the guarded thing.
    Arrive(u8),
    /// A holder gives the lock back.
    Release(u8),
    /// A client's session expires.
    Expire(u8),
    /// A client's connection breaks, with all that it carried, and there is another.
    Break(u8),
}

impl Lock {
    /// All want the lock. One who comes later is one whose first request is long on its way.
    fn initial(&self) -> World {
        let client = |id: u8| Client {
            contender: Contender::new(&format!("c{id}-lock-")),
            request: None,
            inbox: Vec::new(),
            watched: None,
            seen: Zxid::ZERO,
            write: None,
            woken: false,
        };
        let mut world = World {
            served: Served::new(self.contenders, LOCK),
            clients: (0..self.contenders).map(client).collect(),
            fence: Fence::default(),
            newest: Zxid::ZERO,
            disordered: false,
            refused: false,
            entered: Zxid::ZERO,
            entries: 0,
            overtaken: false,
            woken_at_once: 0,
            notifications: 0,
            expiries: self.expiries,
            breaks: self.breaks,
        };
        (0..self.contenders).for_each(|id| step::begin(self, &mut world, id));
        world
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
            let stage = &client.contender.stage;
            let takes_part = world.served.is_open(id) && !matches!(stage, Stage::Released | Stage::Lost);
            let offered = [
                (Action::Serve(id), client.request.is_some()),
                (Action::Deliver(id), !client.inbox.is_empty()),
                (Action::Arrive(id), client.write.is_some()),
                (Action::Release(id), matches!(stage, Stage::Holding(..)) && client.write.is_none()),
                (Action::Expire(id), world.expiries > 0 && takes_part),
                (Action::Break(id), world.breaks > 0 && takes_part),
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
            Action::Arrive(id) => (2, id),
            Action::Release(id) => (3, id),
            Action::Expire(_) | Action::Break(_) => return None,
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
        let mut words = counted(self.contenders.into(), "contender", "contenders");
        for (count, one, many) in [(self.expiries, "expiry", "expiries"), (self.breaks, "break", "breaks")] {
            if count > 0 {
                words = format!("{words}, {}", counted(count.into(), one, many));
            }
        }
        format!("{words}, {}", self.variant())
    }

    fn variant(&self) -> String {
        name_of(&self.variant)
    }

    fn is_usual(&self) -> bool {
        *self == Lock::of(self.variant)
    }

    fn label(&self, world: &World, action: &Action) -> String {
        let client = |id: u8| &world.clients[usize::from(id)];
        match *action {
            Action::Serve(id) if !world.served.is_open(id) => {
                format!("the server refuses what c{id} asks: its session is over")
            }
            Action::Serve(id) => match &client(id).request {
                Some(ask) => format!("the server answers c{id}: {}", tale::asked(ask)),
                None => format!("the server answers c{id}"),
            },
            Action::Deliver(id) => format!("c{id} reads: {}", tale::told(&client(id).inbox[0].0)),
            Action::Arrive(id) => format!("c{id}'s write arrives"),
            Action::Release(id) => format!("c{id} gives the lock back"),
            Action::Expire(id) => format!("c{id}'s session expires"),
            Action::Break(id) => format!("c{id}'s connection breaks, and is made anew"),
        }
    }

    fn facts(&self, world: &World) -> Vec<String> {
        let mut facts = Vec::new();
        let names: Vec<&str> = world.served.tree.children(LOCK).collect();
        facts.push(format!("the queue: {}", if names.is_empty() { "nobody".into() } else { names.join(", ") }));
        for (client, id) in world.clients.iter().zip(0..) {
            facts.push(format!("c{id} {}", tale::standing(&client.contender.stage)));
            let watches = world.served.watches.iter().filter(|(watcher, ..)| *watcher == id);
            facts.extend(watches.map(|(_, path, _)| format!("the server watches {path} for c{id}")));
            facts.extend(client.write.map(|token| format!("c{id}'s write with the token {token} is on its way")));
            facts.extend(client.inbox.iter().map(|(tell, _)| format!("on its way to c{id}: {}", tale::told(tell))));
        }
        if world.fence.highest > Zxid::ZERO {
            facts.push(format!("the highest token seen is {}", world.fence.highest));
        }
        if world.refused {
            facts.push("a write was refused: its token is older than one that was seen".to_owned());
        }
        if world.disordered {
            facts.push("a write was accepted after one with a higher token, or refused after none".to_owned());
        }
        facts
    }
}
