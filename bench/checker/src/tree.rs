//! Trees of splits, as certificates hold them: a list of nodes, children after their parents, node 0 the root.
//!
//! A split has two children, and one of them holds for every solution that its parent holds for; so every solution is found at a leaf, and
//! what is proved leaf by leaf is proved. Children come after parents and have one each, so walking up from a leaf ends at the root.

use crate::Violation;

/// A tree whose links are sound. What a node's kinds are is the problem's affair.
pub(crate) struct Tree<'a, N> {
    nodes: &'a [N],
    /// The split above every node, and whether the node is its first child; the root has none.
    parents: Vec<Option<(usize, bool)>>,
    leaves: Vec<usize>,
}

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The node.
    pub(crate) node: usize,
    /// The constraint it breaks.
    pub(crate) what: &'static str,
}

impl Flaw {
    /// As a violation; `tree` is the place of the tree in the certificate, e.g. `slots[3].`, or nothing.
    pub(crate) fn violation(self, tree: &str) -> Violation {
        Violation::new(self.what, format!("{tree}nodes[{}]", self.node), 1.0, "node")
    }
}

impl<'a, N> Tree<'a, N> {
    /// The tree of these nodes. `children` names the children of a split and `None` for a leaf; it looks at the rest of the node, too, and says
    /// what is wrong with it.
    ///
    /// # Errors
    /// The first flaw, by node.
    pub(crate) fn new(
        nodes: &'a [N],
        children: impl Fn(&N) -> Result<Option<[u32; 2]>, &'static str>,
    ) -> Result<Self, Flaw> {
        if nodes.is_empty() {
            return Err(Flaw { node: 0, what: "a price tree has a root" });
        }
        let mut parents = vec![None; nodes.len()];
        let mut leaves = Vec::new();
        for (node, content) in nodes.iter().enumerate() {
            let flaw = |what| Flaw { node, what };
            if node > 0 && parents[node].is_none() {
                return Err(flaw("every node but the root hangs below an earlier one"));
            }
            let Some([first, second]) = children(content).map_err(flaw)? else {
                leaves.push(node);
                continue;
            };
            for (child, is_first) in [(first, true), (second, false)] {
                let child = child as usize;
                if child <= node || child >= nodes.len() || parents[child].is_some() {
                    return Err(flaw("children come after their parent and have no other"));
                }
                parents[child] = Some((node, is_first));
            }
        }
        Ok(Self { nodes, parents, leaves })
    }

    /// The leaves, ascending.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (usize, &'a N)> + '_ {
        self.leaves.iter().map(|leaf| (*leaf, &self.nodes[*leaf]))
    }

    /// The splits above a node, the nearest first, and whether the way from the root takes their first child.
    pub(crate) fn above(&self, node: usize) -> impl Iterator<Item = (&'a N, bool)> + '_ {
        std::iter::successors(self.parents[node], |(parent, _)| self.parents[*parent])
            .map(|(parent, is_first)| (&self.nodes[parent], is_first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leaf, or a split with its children.
    type Node = Option<[u32; 2]>;

    fn tree(nodes: &[Node]) -> Result<Tree<'_, Node>, Flaw> {
        Tree::new(nodes, |node| Ok(*node))
    }

    #[test]
    fn the_way_up_from_a_leaf_tells_every_turn() {
        // 0 -> 2, 1;   1 -> 3, 4
        let nodes = [Some([2, 1]), Some([3, 4]), None, None, None];
        let tree = tree(&nodes).expect("sound");
        assert_eq!(tree.leaves().map(|(at, _)| at).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(tree.above(0).count(), 0);
        assert_eq!(tree.above(2).collect::<Vec<_>>(), [(&nodes[0], true)]);
        assert_eq!(tree.above(4).collect::<Vec<_>>(), [(&nodes[1], false), (&nodes[0], false)]);
    }

    #[test]
    fn links_that_are_not_a_trees_are_refused() {
        let refused = |nodes: &[Node]| tree(nodes).err().map(|flaw| (flaw.node, flaw.what));
        let children = "children come after their parent and have no other";
        let hangs = "every node but the root hangs below an earlier one";
        assert_eq!(refused(&[]), Some((0, "a price tree has a root")));
        assert_eq!(refused(&[None]), None);
        assert_eq!(refused(&[Some([0, 1]), None]), Some((0, children)));
        assert_eq!(refused(&[Some([1, 1]), None]), Some((0, children)));
        assert_eq!(refused(&[Some([1, 3]), None, None]), Some((0, children)));
        assert_eq!(refused(&[Some([1, 2]), Some([2, 3]), None, None]), Some((1, children)));
        assert_eq!(refused(&[None, None]), Some((1, hangs)));
        let named =
            Tree::new(&[Some([1, 2]), None, None], |node| if node.is_none() { Err("no leaves") } else { Ok(*node) });
        assert_eq!(named.err().map(|flaw| flaw.violation("slots[3].").at), Some("slots[3].nodes[1]".into()));
    }
}
