//! Trees of splits, as certificates hold them: a list of nodes, children after their parents, node 0 the root.
//!
//! A split has two children, and one of them holds for every solution that its parent holds for; so every solution is found at a leaf, and
//! what is proved leaf by leaf is proved. Children come after parents and have one parent each, so every node but the root hangs below it.
//!
//! A tree is walked once, depth first ([`Tree::walk`]): the walker keeps what the splits above a node leave, changes it on the way down and
//! undoes the change on the way back up. So a split costs what it changes, twice, however many leaves are below it; a chain of n splits takes n
//! changes and not n^2. The walk keeps its own stack, so depth costs memory in proportion and nothing else.

use crate::verdict::Violation;

/// A tree whose links are sound. The kinds of nodes are the problem's.
pub(crate) struct Tree<'a, N> {
    nodes: &'a [N],
    /// The children of every split; leaves have none.
    children: Vec<Option<[u32; 2]>>,
}

/// A visitor of a tree.
pub(crate) trait Walker<'a, N> {
    /// Down from a split to one of its children.
    fn down(&mut self, split: &'a N, is_first: bool) -> Result<(), Violation>;
    /// Back up to the split that was left last.
    fn up(&mut self);
    /// At a leaf.
    fn leaf(&mut self, node: usize, leaf: &'a N) -> Result<(), Violation>;
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
        let mut has_parent = vec![false; nodes.len()];
        let mut all = Vec::with_capacity(nodes.len());
        for (node, content) in nodes.iter().enumerate() {
            let flaw = |what| Flaw { node, what };
            if node > 0 && !has_parent[node] {
                return Err(flaw("every node but the root hangs below an earlier one"));
            }
            let children = children(content).map_err(flaw)?;
            for child in children.into_iter().flatten() {
                let child = child as usize;
                if child <= node || child >= nodes.len() || has_parent[child] {
                    return Err(flaw("children come after their parent and have no other"));
                }
                has_parent[child] = true;
            }
            all.push(children);
        }
        Ok(Self { nodes, children: all })
    }

    /// Walks through the tree, depth first, first children first.
    ///
    /// # Errors
    /// The first that the walker has; the walk ends there.
    pub(crate) fn walk(&self, walker: &mut impl Walker<'a, N>) -> Result<(), Violation> {
        // Splits that are not done yet, and how many of their children are.
        let mut open: Vec<(u32, u8)> = Vec::new();
        let mut at = 0;
        loop {
            match self.children[at] {
                Some(_) => open.push((at as u32, 0)),
                None => walker.leaf(at, &self.nodes[at])?,
            }
            loop {
                let Some((split, done)) = open.last_mut() else { return Ok(()) };
                let split = *split as usize;
                if *done > 0 {
                    walker.up();
                }
                let children = self.children[split].expect("only splits are open");
                let Some(child) = children.get(usize::from(*done)) else {
                    open.pop();
                    continue;
                };
                walker.down(&self.nodes[split], *done == 0)?;
                *done += 1;
                at = *child as usize;
                break;
            }
        }
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

    /// What was walked through: turns on the way, and leaves with the turns that lead to them.
    #[derive(Default)]
    struct Trail {
        turns: Vec<(Node, bool)>,
        leaves: Vec<(usize, Vec<(Node, bool)>)>,
        steps: usize,
        deepest: usize,
    }

    impl<'a> Walker<'a, Node> for Trail {
        fn down(&mut self, split: &'a Node, is_first: bool) -> Result<(), Violation> {
            self.turns.push((*split, is_first));
            self.steps += 1;
            self.deepest = self.deepest.max(self.turns.len());
            Ok(())
        }

        fn up(&mut self) {
            self.turns.pop().expect("down comes before up");
            self.steps += 1;
        }

        fn leaf(&mut self, node: usize, leaf: &'a Node) -> Result<(), Violation> {
            assert_eq!(*leaf, None);
            self.steps += 1;
            if self.deepest <= 10 {
                self.leaves.push((node, self.turns.clone()));
            }
            if node == 1000 { Err(Violation::new("a thousand", "", 1.0, "")) } else { Ok(()) }
        }
    }

    #[test]
    fn a_walk_tells_every_turn() {
        // 0 -> 2, 1;   1 -> 3, 4
        let nodes = [Some([2, 1]), Some([3, 4]), None, None, None];
        let mut trail = Trail::default();
        tree(&nodes).expect("sound").walk(&mut trail).expect("no objections");
        let [root, split] = [nodes[0], nodes[1]];
        let expected = [
            (2, vec![(root, true)]),
            (3, vec![(root, false), (split, true)]),
            (4, vec![(root, false), (split, false)]),
        ];
        assert_eq!(trail.leaves, expected);
        assert!(trail.turns.is_empty());
        let mut alone = Trail::default();
        tree(&[None]).expect("sound").walk(&mut alone).expect("no objections");
        assert_eq!(alone.leaves, [(0, vec![])]);
    }

    /// A million splits, one below the other, on either side: every node is entered and left once, and no stack overflows.
    #[test]
    fn a_chain_is_walked_once() {
        let splits = 1_000_000;
        for is_first in [false, true] {
            let split = |at: u32| if is_first { [2 * at + 2, 2 * at + 1] } else { [2 * at + 1, 2 * at + 2] };
            let mut nodes: Vec<Node> = Vec::with_capacity(2 * splits + 1);
            for at in 0..splits as u32 {
                // A split at 2 at, and its leaf behind it.
                nodes.extend([Some(split(at)), None]);
            }
            nodes.push(None);
            let mut trail = Trail { deepest: 11, ..Trail::default() };
            tree(&nodes).expect("sound").walk(&mut trail).expect("no objections");
            assert_eq!((trail.deepest, trail.turns.len()), (splits, 0));
            assert_eq!(trail.steps, 2 * (nodes.len() - 1) + splits + 1);
        }
    }

    #[test]
    fn an_objection_ends_the_walk() {
        let mut nodes: Vec<Node> = (0..1000).map(|at| Some([2 * at + 1, 2 * at + 2])).collect();
        nodes.extend([None; 1001]);
        let mut trail = Trail::default();
        let objection = tree(&nodes).expect("sound").walk(&mut trail).expect_err("there is a leaf 1000");
        assert_eq!(objection.constraint, "a thousand");
        assert!(trail.leaves.iter().all(|(leaf, _)| *leaf != 1001));
    }

    #[test]
    fn links_that_are_not_a_trees_are_rejected() {
        let rejected = |nodes: &[Node]| tree(nodes).err().map(|flaw| (flaw.node, flaw.what));
        let children = "children come after their parent and have no other";
        let hangs = "every node but the root hangs below an earlier one";
        assert_eq!(rejected(&[]), Some((0, "a price tree has a root")));
        assert_eq!(rejected(&[None]), None);
        assert_eq!(rejected(&[Some([0, 1]), None]), Some((0, children)));
        assert_eq!(rejected(&[Some([1, 1]), None]), Some((0, children)));
        assert_eq!(rejected(&[Some([1, 3]), None, None]), Some((0, children)));
        assert_eq!(rejected(&[Some([1, 2]), Some([2, 3]), None, None]), Some((1, children)));
        assert_eq!(rejected(&[None, None]), Some((1, hangs)));
        let named =
            Tree::new(&[Some([1, 2]), None, None], |node| if node.is_none() { Err("no leaves") } else { Ok(*node) });
        assert_eq!(named.err().map(|flaw| flaw.violation("slots[3].").at), Some("slots[3].nodes[1]".into()));
    }
}
