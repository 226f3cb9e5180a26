//! An isolation tree: random cuts until every row is isolated or the tree is as deep as a balanced one.

use ndarray::Array2;
use rand::{Rng, RngExt};

/// Stored numbers per node: feature, cut, left, right, rows. The feature is -1 for a leaf, and -2 in the row
/// that starts a tree.
pub(super) const COLUMNS: usize = 5;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Leaf {
        rows: f64,
    },
    /// Values below the cut go left, the others right.
    Cut {
        feature: usize,
        at: f64,
        left: usize,
        right: usize,
        rows: f64,
    },
}

impl Node {
    fn rows(&self) -> f64 {
        match *self {
            Node::Leaf { rows } | Node::Cut { rows, .. } => rows,
        }
    }
}

/// Nodes in order of growth: the root is first, and children come after their parent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree(Vec<Node>);

/// Mean depth of `n` rows in a random tree: `c(n) = 2 H(n - 1) - 2 (n - 1) / n` (equation 1).
pub(super) fn usual_depth(n: f64) -> f64 {
    match n {
        n if n <= 1.0 => 0.0,
        n if n <= 2.0 => 1.0,
        n => 2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n,
    }
}

impl Tree {
    /// Grows a tree from rows `[ψ, D]`, with NaN for missing values.
    pub(super) fn grow(rows: &Array2<f64>, rng: &mut impl Rng) -> Self {
        let deepest = (rows.nrows() as f64).log2().ceil() as usize;
        let mut nodes = vec![Node::Leaf { rows: rows.nrows() as f64 }];
        let mut open = vec![(0, (0..rows.nrows()).collect::<Vec<_>>(), 0)];
        while let Some((node, members, depth)) = open.pop() {
            if depth >= deepest || members.len() < 2 {
                continue;
            }
            let Some((feature, low, high)) = choose(rows, &members, rng) else { continue };
            // Above `low` and at most `high`, so that neither side is empty, even if no number lies between
            // them.
            let at = (low + (high - low) * rng.random::<f64>()).clamp(low.next_up(), high);
            let side = |row: &usize, rng: &mut dyn FnMut() -> bool| match rows[[*row, feature]] {
                value if value.is_nan() => rng(),
                value => value < at,
            };
            let (left, right): (Vec<_>, Vec<_>) =
                members.iter().partition(|row| side(row, &mut || rng.random_bool(0.5)));
            let (below, above) = (nodes.len(), nodes.len() + 1);
            nodes[node] = Node::Cut { feature, at, left: below, right: above, rows: members.len() as f64 };
            nodes.push(Node::Leaf { rows: left.len() as f64 });
            nodes.push(Node::Leaf { rows: right.len() as f64 });
            open.push((below, left, depth + 1));
            open.push((above, right, depth + 1));
        }
        Tree(nodes)
    }

    /// Number of cuts that isolate the row, plus the mean number that a leaf of several rows would still
    /// need.
    pub(super) fn depth(&self, row: &[f64]) -> f64 {
        let mut total = 0.0;
        let mut open = vec![(0usize, 0.0f64, 1.0f64)];
        while let Some((mut node, mut depth, weight)) = open.pop() {
            loop {
                match self.0[node] {
                    Node::Leaf { rows } => {
                        total += weight * (depth + usual_depth(rows));
                        break;
                    }
                    Node::Cut { feature, at, left, right, .. } => {
                        depth += 1.0;
                        let value = row[feature];
                        if value.is_nan() {
                            let (a, b) = (self.0[left].rows(), self.0[right].rows());
                            let share = if a + b > 0.0 { a / (a + b) } else { 0.5 };
                            // Each side gets its share of the weight; the outer loop follows both in turn.
                            open.push((right, depth, weight * (1.0 - share)));
                            open.push((left, depth, weight * share));
                            break;
                        }
                        node = if value < at { left } else { right };
                    }
                }
            }
        }
        total
    }
}

/// A random column among those in which the rows differ, with its minimum and maximum.
fn choose(rows: &Array2<f64>, members: &[usize], rng: &mut impl Rng) -> Option<(usize, f64, f64)> {
    let range = |feature: usize| {
        let values = members.iter().map(|&row| rows[[row, feature]]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let width = rows.ncols();
    // On usual data a few guesses suffice; otherwise all columns are checked.
    for _ in 0..4 {
        let feature = rng.random_range(0..width);
        let (low, high) = range(feature);
        if low < high {
            return Some((feature, low, high));
        }
    }
    let ranges = (0..width).map(|feature| (feature, range(feature)));
    let spread: Vec<_> = ranges.filter(|(_, (low, high))| low < high).collect();
    if spread.is_empty() {
        return None;
    }
    let (feature, (low, high)) = spread[rng.random_range(0..spread.len())];
    Some((feature, low, high))
}

/// Stores trees as rows of numbers.
pub(super) fn to_matrix(trees: &[Tree]) -> Array2<f64> {
    let mut numbers = Vec::new();
    for tree in trees {
        numbers.extend([-2.0, 0.0, 0.0, 0.0, 0.0]);
        for node in &tree.0 {
            numbers.extend(match *node {
                Node::Leaf { rows } => [-1.0, 0.0, 0.0, 0.0, rows],
                Node::Cut { feature, at, left, right, rows } => {
                    [feature as f64, at, left as f64, right as f64, rows]
                }
            });
        }
    }
    Array2::from_shape_vec((numbers.len() / COLUMNS, COLUMNS), numbers).expect("whole rows")
}

/// Restores trees from rows of finite numbers, and checks that each node but the root is the child of exactly
/// one earlier node.
pub(super) fn from_matrix(numbers: &Array2<f64>, width: usize) -> Result<Vec<Tree>, &'static str> {
    let mut trees: Vec<Tree> = Vec::new();
    for row in numbers.outer_iter() {
        if row[0] == -2.0 {
            trees.push(Tree(Vec::new()));
            continue;
        }
        let tree = trees.last_mut().ok_or("a node comes before the first tree")?;
        let rows = row[4];
        if rows < 0.0 {
            return Err("a node has a negative number of rows");
        }
        tree.0.push(if row[0] == -1.0 {
            Node::Leaf { rows }
        } else {
            let index = |value: f64, most: usize| {
                (value >= 0.0 && value.fract() == 0.0 && value < most as f64).then_some(value as usize)
            };
            let feature = index(row[0], width).ok_or("a cut uses a column that does not exist")?;
            let child =
                |value| index(value, numbers.nrows()).ok_or("a cut refers to a node that does not exist");
            Node::Cut { feature, at: row[1], left: child(row[2])?, right: child(row[3])?, rows }
        });
    }
    if trees.is_empty() {
        return Err("the forest has no trees");
    }
    for Tree(nodes) in &trees {
        let mut parents = vec![0; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if let Node::Cut { left, right, .. } = *node {
                if left <= index || right <= index || left >= nodes.len() || right >= nodes.len() {
                    return Err("a node comes before its parent, or does not exist");
                }
                parents[left] += 1;
                parents[right] += 1;
            }
        }
        let alone = parents.first() == Some(&0) && parents[1..].iter().all(|&parents| parents == 1);
        if !alone {
            return Err("a node has no parent, or several");
        }
    }
    Ok(trees)
}
