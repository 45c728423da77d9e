//! The model of [`zab::recipes::registry`]: providers come and go at a leader, a follower applies that later, and a
//! consumer moves between the two.

use super::name_of;
use super::served::{Served, create};
use super::tale::Recipe;
use crate::cli::table::counted;
use crate::engine::{Fair, Goal};
use clap::ValueEnum;
use stateright::{Model, Property};
use std::collections::BTreeSet;
use zab::Zxid;
use zab::recipes::lock::sequence;
use zab::recipes::registry::{Cache, Tell, may_move};
use zab::tree::{Change, CreateMode, SetWatches, Transaction, WatchMode};

impl Registry {
    /// The bounds that show what there is to see of a variant.
    #[must_use]
    pub fn of(variant: Variant) -> Registry {
        let moves = if variant == Variant::WatchesLater { 0 } else { Registry::default().moves };
        Registry { variant, moves, ..Registry::default() }
    }
}

const SERVICE: &str = "/service";

/// How the algorithm is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The list and the watch are asked for at once, as in `zab::recipes::registry`.
    #[default]
    Cached,
    /// Mistake: the consumer moves to servers that are behind it.
    MovesBackwards,
    /// Mistake: the list is asked for first, and the watch afterwards.
    WatchesLater,
}

/// The model, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registry {
    /// How often a provider registers, each time in a session of its own.
    pub registrations: u8,
    /// How often the consumer moves to the other server.
    pub moves: u8,
    /// What is planted.
    pub variant: Variant,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry { registrations: 3, moves: 2, variant: Variant::Cached }
    }
}

/// A state. The consumer is the client behind all providers.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct World {
    /// The leader, and a follower.
    pub servers: [Served; 2],
    /// What the follower has not applied.
    pub pending: Vec<Transaction>,
    /// Who was registered, after each transaction.
    pub moments: Vec<BTreeSet<String>>,
    /// How many have registered.
    pub registered: u8,
    /// Moves that are left.
    pub moves: u8,
    /// Which server the consumer is connected to.
    pub at: usize,
    /// The consumer's cache.
    pub cache: Cache,
    /// Whether its request is on its way to the server.
    pub request: bool,
    /// Whether its watch is still to be set, where that comes later.
    pub watch_due: bool,
    /// What the server has sent, and what it had applied by then.
    pub inbox: Vec<(Tell, Zxid)>,
    /// The last zxid that the consumer has heard of.
    pub seen: Zxid,
    /// Whether the consumer believes to watch.
    pub watching: bool,
    /// The registrations that the cache has lost.
    pub lost: BTreeSet<String>,
    /// The number of the youngest registration that the cache has shown.
    pub youngest: Option<i32>,
    /// Whether something appeared that is older than what was shown before.
    pub went_back: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The next provider registers.
    Register,
    /// The session of a registration expires.
    Expire(u8),
    /// The follower applies its next transaction.
    Apply,
    /// The server answers the consumer.
    Serve,
    /// The server sets the watch that came later.
    Watch,
    /// The consumer reads what the server sent.
    Deliver,
    /// The consumer's connection breaks, and it takes the other server.
    Move,
}

impl Registry {
    fn commit(&self, world: &mut World, client: u8, change: Change) {
        let transaction = world.servers[0].prepare(client, change);
        self.apply(world, 0, &transaction);
        world.pending.push(transaction);
        world.moments.push(there(&world.servers[0]));
    }

    fn apply(&self, world: &mut World, server: usize, transaction: &Transaction) {
        let (_, told) = world.servers[server].apply(transaction);
        for _ in told {
            self.send(world, Tell::Changed);
        }
    }

    fn send(&self, world: &mut World, tell: Tell) {
        let zxid = world.servers[world.at].tree.last_zxid();
        world.inbox.push((tell, zxid));
    }

    fn serve(&self, world: &mut World) {
        world.request = false;
        let names = there(&world.servers[world.at]).into_iter().collect();
        if self.variant == Variant::WatchesLater {
            world.watch_due = true;
        } else {
            world.servers[world.at].watch(self.registrations, SERVICE, WatchMode::Children);
        }
        self.send(world, Tell::Listed(names));
    }

    fn tell(&self, world: &mut World, tell: Tell) {
        match tell {
            Tell::Listed(_) => world.watching = true,
            Tell::Changed => world.watching = false,
            _ => {}
        }
        let before = world.cache.shown.clone();
        world.request |= world.cache.step(tell).is_some();
        for name in world.cache.shown.difference(&before) {
            world.went_back |= sequence(name) <= world.youngest;
        }
        let youngest = world.cache.shown.iter().filter_map(|name| sequence(name)).max();
        world.youngest = world.youngest.max(youngest);
        let lost: Vec<String> = before.difference(&world.cache.shown).cloned().collect();
        world.lost.extend(lost);
    }

    fn move_over(&self, world: &mut World) {
        world.moves -= 1;
        world.servers[world.at].disconnect(self.registrations);
        world.at = 1 - world.at;
        world.inbox.clear();
        (world.request, world.watch_due) = (false, false);
        if world.watching {
            let children = vec![SERVICE.to_owned()];
            let request = SetWatches { relative_zxid: world.seen, children, ..SetWatches::default() };
            let missed = world.servers[world.at].set_watches(self.registrations, &request);
            if !missed.is_empty() {
                self.send(world, Tell::Changed);
            }
        }
        self.tell(world, Tell::Interrupted);
    }
}

/// Who is registered, as this server knows it.
fn there(server: &Served) -> BTreeSet<String> {
    server.tree.children(SERVICE).map(str::to_owned).collect()
}

impl Model for Registry {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let server = Served::new(self.registrations + 1, SERVICE);
        let mut world = World {
            servers: [server.clone(), server],
            pending: Vec::new(),
            moments: vec![BTreeSet::new()],
            registered: 0,
            moves: self.moves,
            at: 1,
            cache: Cache::default(),
            request: false,
            watch_due: false,
            inbox: Vec::new(),
            seen: Zxid::ZERO,
            watching: false,
            lost: BTreeSet::new(),
            youngest: None,
            went_back: false,
        };
        self.tell(&mut world, Tell::Begin);
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let other = world.servers[1 - world.at].tree.last_zxid();
        let acceptable = self.variant == Variant::MovesBackwards || may_move(world.seen, other);
        let offered = [
            (Action::Register, world.registered < self.registrations),
            (Action::Apply, !world.pending.is_empty()),
            (Action::Serve, world.request),
            (Action::Watch, world.watch_due),
            (Action::Deliver, !world.inbox.is_empty()),
            (Action::Move, world.moves > 0 && acceptable),
        ];
        actions.extend(offered.into_iter().filter(|(_, may)| *may).map(|(action, _)| action));
        let open = |id: &u8| world.servers[0].is_open(*id);
        actions.extend((0..world.registered).filter(open).map(Action::Expire));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Register => {
                let path = format!("{SERVICE}/p{}-", world.registered % 2 + 1);
                let id = world.registered;
                world.registered += 1;
                self.commit(&mut world, id, create(&path, CreateMode::EphemeralSequential));
            }
            Action::Expire(id) => self.commit(&mut world, id, Change::CloseSession),
            Action::Apply => {
                let transaction = world.pending.remove(0);
                self.apply(&mut world, 1, &transaction);
            }
            Action::Serve => self.serve(&mut world),
            Action::Watch => {
                world.watch_due = false;
                world.servers[last.at].watch(self.registrations, SERVICE, WatchMode::Children);
            }
            Action::Deliver => {
                let (tell, seen) = world.inbox.remove(0);
                world.seen = seen;
                self.tell(&mut world, tell);
            }
            Action::Move => self.move_over(&mut world),
        }
        Some(world)
    }

    fn format_action(&self, action: &Action) -> String {
        format!("{action:?}")
    }

    fn format_step(&self, last: &World, action: Action) -> Option<String> {
        let label = self.label(last, &action);
        self.next_state(last, action).map(|next| [vec![label], self.facts(&next)].concat().join("\n"))
    }

    fn properties(&self) -> Vec<Property<Registry>> {
        vec![
            Property::<Registry>::always("ShowsOneMoment", |_, world| world.moments.contains(&world.cache.shown)),
            Property::<Registry>::sometimes("ShowsOneMoment: not the present", |_, world| {
                Some(&world.cache.shown) != world.moments.last()
            }),
            Property::<Registry>::always("LostStaysLost", |_, world| world.cache.shown.is_disjoint(&world.lost)),
            Property::<Registry>::sometimes("LostStaysLost: something is lost, and something shown", |_, world| {
                !world.lost.is_empty() && !world.cache.shown.is_empty()
            }),
            Property::<Registry>::always("NewIsYounger", |_, world| !world.went_back),
            Property::<Registry>::sometimes("NewIsYounger: a follower is behind the consumer", |_, world| {
                world.servers[1].tree.last_zxid() < world.seen
            }),
        ]
    }
}

impl Fair for Registry {
    fn class(&self, _world: &World, action: &Action) -> Option<u8> {
        match action {
            Action::Apply => Some(0),
            Action::Serve => Some(1),
            Action::Deliver => Some(2),
            Action::Watch => Some(3),
            Action::Register | Action::Expire(_) | Action::Move => None,
        }
    }

    fn goals(&self) -> Vec<Goal<Registry>> {
        vec![Goal {
            name: "L the cache is who is there",
            reached: |_, world| Some(&world.cache.shown) == world.moments.last(),
        }]
    }
}

impl Recipe for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn bounds(&self) -> String {
        let registrations = counted(self.registrations.into(), "registration", "registrations");
        let moves = counted(self.moves.into(), "move", "moves");
        format!("{registrations}, {moves}, {}", self.variant())
    }

    fn variant(&self) -> String {
        name_of(&self.variant)
    }

    fn is_usual(&self) -> bool {
        *self == Registry::of(self.variant)
    }

    fn label(&self, world: &World, action: &Action) -> String {
        let server = ["the leader", "the follower"];
        match *action {
            Action::Register => format!("provider p{} registers", world.registered % 2 + 1),
            Action::Expire(id) => format!("the session of p{}'s registration {id} expires", id % 2 + 1),
            Action::Apply => "the follower applies a transaction".to_owned(),
            Action::Serve => format!("{} lists for the consumer", server[world.at]),
            Action::Watch => format!("{} sets the consumer's watch", server[world.at]),
            Action::Deliver => format!("the consumer reads: {}", words(&world.inbox[0].0)),
            Action::Move => format!("the consumer moves to {}", server[1 - world.at]),
        }
    }

    fn facts(&self, world: &World) -> Vec<String> {
        let mut facts = vec![
            format!("the leader has {}", listed(&there(&world.servers[0]))),
            format!("the follower has {}", listed(&there(&world.servers[1]))),
            format!("the cache shows {}", listed(&world.cache.shown)),
        ];
        facts.extend(world.inbox.iter().map(|(tell, _)| format!("on its way to the consumer: {}", words(tell))));
        if !world.servers[world.at].watches.is_empty() {
            facts.push("the consumer's server watches for it".to_owned());
        }
        facts
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

fn words(tell: &Tell) -> String {
    match tell {
        Tell::Begin => "begin".to_owned(),
        Tell::Listed(names) => format!("there is {}", listed(names)),
        Tell::Changed => "who is there has changed".to_owned(),
        Tell::Interrupted => "the connection broke".to_owned(),
    }
}
