//! Nodes and what they wait for.

use std::collections::BTreeSet;

/// Nodes by their position, each with the nodes it waits for.
pub(crate) struct Graph {
    needs: Vec<BTreeSet<usize>>,
}

impl Graph {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            needs: vec![BTreeSet::new(); nodes],
        }
    }

    /// `node` waits for `needed`.
    pub(crate) fn add(&mut self, node: usize, needed: usize) {
        if let Some(needs) = self.needs.get_mut(node) {
            needs.insert(needed);
        }
    }

    /// The nodes it waits for.
    pub(crate) fn needs(&self, node: usize) -> impl Iterator<Item = usize> {
        self.needs.get(node).into_iter().flatten().copied()
    }

    /// The nodes in an order that respects what each waits for; those of cycles are left out.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.needs.iter().map(BTreeSet::len).collect();
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); self.needs.len()];
        for (node, needs) in self.needs.iter().enumerate() {
            for &needed in needs {
                if let Some(followers) = followers.get_mut(needed) {
                    followers.push(node);
                }
            }
        }
        let mut order: Vec<usize> = (0..self.needs.len())
            .filter(|&node| waiting.get(node) == Some(&0))
            .collect();
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            for &follower in followers.get(node).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(follower) {
                    *count -= 1;
                    if *count == 0 {
                        order.push(follower);
                    }
                }
            }
        }
        order
    }

    /// For each node all that come before it: those it waits for, and those that these wait for. `order` is the
    /// graph's own.
    pub(crate) fn all_before(&self, order: &[usize]) -> Vec<Set> {
        let mut before = vec![Set::new(self.needs.len()); self.needs.len()];
        for &node in order {
            let mut all = Set::new(self.needs.len());
            for needed in self.needs(node) {
                all.add(needed);
                if let Some(further) = before.get(needed) {
                    all.add_all(further);
                }
            }
            if let Some(slot) = before.get_mut(node) {
                *slot = all;
            }
        }
        before
    }

    /// The loops, at least one for each knot of nodes; each node of a loop waits for the next.
    pub(crate) fn cycles(&self) -> Vec<Vec<usize>> {
        let free: BTreeSet<usize> = self.order().into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut cycles = Vec::new();
        for start in (0..self.needs.len()).filter(|node| !free.contains(node)) {
            // A node that is not free waits for one that is not free, so this walk ends only where it has been.
            let mut walk: Vec<usize> = Vec::new();
            let mut node = start;
            while seen.insert(node) {
                walk.push(node);
                match self.needs(node).find(|needed| !free.contains(needed)) {
                    Some(needed) => node = needed,
                    None => break,
                }
            }
            if let Some(position) = walk.iter().position(|&passed| passed == node)
                && walk.len() > 1
            {
                let mut cycle = walk.split_off(position);
                // The same loop reads the same wherever the walk entered it.
                let least = cycle
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, node)| **node)
                    .map_or(0, |(index, _)| index);
                cycle.rotate_left(least);
                cycles.push(cycle);
            }
        }
        cycles
    }
}

/// A set of nodes by their position: a bit for each.
#[derive(Clone)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    fn new(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    fn add(&mut self, node: usize) {
        if let Some(word) = self.0.get_mut(node / 64) {
            *word |= 1 << (node % 64);
        }
    }

    fn add_all(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(crate) fn has(&self, node: usize) -> bool {
        let word = self.0.get(node / 64);
        word.is_some_and(|word| word & (1 << (node % 64)) != 0)
    }
}
