//! The access control lists of all znodes, each kept once.

use super::acl::{Acl, Id, Perms};
use super::node::AclId;
use imbl::OrdMap;
use std::sync::Arc;

/// Lists by number, with how many znodes use each (`ReferenceCountedACLCache`). A list that nobody uses any more goes.
///
/// The numbers are each server's own: they go into its snapshots, never into transactions.
#[derive(Clone, Debug)]
pub struct AclTable {
    lists: OrdMap<AclId, Interned>,
    ids: OrdMap<Arc<[Acl]>, AclId>,
    /// The highest number given so far.
    last: AclId,
    open: Arc<[Acl]>,
    /// Of a number that stands for nothing.
    closed: Arc<[Acl]>,
}

#[derive(Clone, Debug)]
struct Interned {
    list: Arc<[Acl]>,
    used: u64,
}

impl AclTable {
    pub(super) fn new() -> AclTable {
        let closed = Acl { perms: Perms(0), id: Id::new("world", "anyone") };
        AclTable {
            lists: OrdMap::new(),
            ids: OrdMap::new(),
            last: AclId(0),
            open: Acl::open().into(),
            closed: Arc::new([closed]),
        }
    }

    /// The list with this number. Rule UnknownAclIsClosed: a number that stands for nothing allows nothing.
    #[must_use]
    pub fn get(&self, id: AclId) -> &Arc<[Acl]> {
        if id == AclId::OPEN {
            return &self.open;
        }
        self.lists.get(&id).map_or(&self.closed, |interned| &interned.list)
    }

    /// Every list with its number, as a snapshot holds them; not [`AclId::OPEN`], which needs no entry.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (AclId, &Arc<[Acl]>)> {
        self.lists.iter().map(|(id, interned)| (*id, &interned.list))
    }

    /// The number of this list, used once more. The open list and the empty one (Java's null, of old transactions)
    /// are [`AclId::OPEN`].
    pub(super) fn acquire(&mut self, list: &[Acl]) -> AclId {
        if list.is_empty() || list == &*self.open {
            return AclId::OPEN;
        }
        if let Some(id) = self.ids.get(list).copied() {
            self.use_again(id);
            return id;
        }
        self.last = AclId(self.last.0.wrapping_add(1));
        let list: Arc<[Acl]> = list.into();
        self.ids.insert(list.clone(), self.last);
        self.lists.insert(self.last, Interned { list, used: 1 });
        self.last
    }

    /// Counts one use more of a number that a snapshot names; nothing if it stands for nothing, as Java.
    pub(super) fn use_again(&mut self, id: AclId) {
        if let Some(interned) = self.lists.get_mut(&id) {
            interned.used += 1;
        }
    }

    /// Counts one use less; the last one takes the list along.
    pub(super) fn release(&mut self, id: AclId) {
        let Some(interned) = self.lists.get_mut(&id) else {
            return;
        };
        interned.used = interned.used.saturating_sub(1);
        if interned.used == 0 {
            self.drop_list(id);
        }
    }

    fn drop_list(&mut self, id: AclId) {
        if let Some(interned) = self.lists.remove(&id)
            && self.ids.get(&interned.list) == Some(&id)
        {
            self.ids.remove(&interned.list);
        }
    }

    /// An entry of a snapshot, not used yet. A number that comes twice has the later list, and of a list with two
    /// numbers the later one is given out, as in Java.
    /// [`AclId::OPEN`] can have no other list.
    pub(super) fn load(&mut self, id: AclId, list: &[Acl]) {
        if id == AclId::OPEN {
            return;
        }
        self.drop_list(id);
        let list: Arc<[Acl]> = list.into();
        self.last = self.last.max(id);
        self.ids.insert(list.clone(), id);
        self.lists.insert(id, Interned { list, used: 0 });
    }

    /// Keeps this number from being given to a list: a znode of a fuzzy snapshot has it, though the table has not.
    pub(super) fn reserve(&mut self, id: AclId) {
        self.last = self.last.max(id);
    }

    /// Drops what no znode uses (`purgeUnused`).
    pub(super) fn purge_unused(&mut self) {
        let unused: Vec<AclId> =
            self.lists.iter().filter(|(_, interned)| interned.used == 0).map(|(id, _)| *id).collect();
        for id in unused {
            self.drop_list(id);
        }
    }
}
