//! A tree from the top down, as a person reads it.

use zab::tree::path::ROOT;
use zab::tree::{Node, Tree};

/// The znode with the path `start` and everything below it, each before its children, these by name; with it, how many
/// levels below `start` it stands. Nothing where there is no such znode.
pub(super) fn walk<'a>(tree: &'a Tree, start: &str) -> impl Iterator<Item = (usize, &'a Node)> {
    let mut open: Vec<(usize, &Node)> = tree.node(start).map(|node| (0, node)).into_iter().collect();
    std::iter::from_fn(move || {
        let (level, node) = open.pop()?;
        let children = open.len();
        let names = tree.children(node.path());
        open.extend(names.filter_map(|name| Some((level + 1, tree.node(&joined(node.path(), name))?))));
        open[children..].reverse();
        Some((level, node))
    })
}

fn joined(parent: &str, name: &str) -> String {
    if parent == ROOT { format!("/{name}") } else { format!("{parent}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children_and_these_by_name() {
        let tree = Tree::new(super::super::TREE);
        let paths: Vec<(usize, &str)> = walk(&tree, ROOT).map(|(level, node)| (level, node.path())).collect();
        assert_eq!(paths, [(0, "/"), (1, "/zookeeper"), (2, "/zookeeper/config"), (2, "/zookeeper/quota")]);
        assert_eq!(walk(&tree, "/zookeeper/quota").count(), 1);
        assert_eq!(walk(&tree, "/none").count(), 0);
    }
}
