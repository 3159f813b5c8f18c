//! The check of the check: what is left out to keep it small changes nothing that is found.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;

use crate::lane_model::{Act, LaneModel};
use crate::state::{Left, Node, World};

/// Owners, commands, claims, faults, crashes.
type Bounds = (u8, u8, u8, u8, u8);

fn model((nodes, commands, claims, faults, crashes): Bounds, reduce: bool) -> LaneModel {
    LaneModel { nodes, commands, left: Left { claims, faults, crashes }, reduce }
}

fn hashed(it: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

/// Everything, names and all.
fn whole(world: &World) -> u64 {
    hashed(&format!("{world:?}"))
}

fn next(model: LaneModel, world: &World) -> Vec<(Act, World)> {
    let mut actions = Vec::new();
    model.actions(world, &mut actions);
    let next = |act: Act| model.next_state(world, act).map(|next| (act, next));
    actions.into_iter().filter_map(next).collect()
}

/// Shapes that can come next, each with an act that leads there.
type Next = BTreeMap<Vec<u8>, Act>;

/// Every world that is told apart by `key`; gives how many there are.
fn explore(model: LaneModel, key: fn(&World) -> u64, mut visit: impl FnMut(World)) -> usize {
    let mut known: HashSet<u64> = HashSet::new();
    let mut stack = model.init_states();
    while let Some(world) = stack.pop() {
        let next = next(model, &world).into_iter().map(|(_, next)| next);
        stack.extend(next.filter(|world| known.insert(key(world))));
        visit(world);
    }
    known.len()
}

fn shapes(model: LaneModel, world: &World) -> Next {
    next(model, world).into_iter().map(|(act, next)| (next.shape(), act)).collect()
}

#[test]
fn worlds_of_one_shape_have_the_same_future() {
    for bounds in
        [(2, 2, 2, 0, 0), (2, 1, 2, 1, 0), (2, 1, 2, 0, 1), (1, 2, 2, 1, 0), (2, 1, 3, 0, 0)]
    {
        for reduce in [false, true] {
            let model = model(bounds, reduce);
            let mut first: BTreeMap<Vec<u8>, (World, Next)> = BTreeMap::new();
            let worlds = explore(model, whole, |world| {
                let shapes = shapes(model, &world);
                let (other, same) =
                    first.entry(world.shape()).or_insert_with(|| (world.clone(), shapes.clone()));
                let differs = same.keys().ne(shapes.keys());
                assert!(!differs, "{world:#?} leads to {shapes:?},\n{other:#?} to {same:?}");
            });
            assert!(worlds > first.len());
        }
    }
}

/// What remains where nothing can happen any more: commands that took effect, and what the owner of
/// the current epoch has seen and open.
type End = (u8, Vec<(u8, usize)>);

fn ends(model: LaneModel) -> (BTreeSet<End>, usize) {
    let mut ends = BTreeSet::new();
    let all = (1_u8 << model.commands) - 1;
    // An owner that could have taken more commands, and did not, is no end.
    let taken = |world: &World, node: &Node| {
        let taken = node.open.iter().fold(node.seen, |all, open| all | 1 << open.command);
        node.is_zombie(world.fold.epoch) || taken == all
    };
    let worlds = explore(model, hashed, |world| {
        let serving: Vec<_> = world.nodes.iter().filter(|it| it.tenure.is_serving()).collect();
        let still = world.left.faults == 0 && next(model, &world).is_empty();
        if still && serving.iter().all(|node| taken(&world, node)) {
            let owners = serving.iter().filter(|it| !it.is_zombie(world.fold.epoch));
            let owners = owners.map(|it| (it.seen, it.open.len())).collect();
            ends.insert((world.happened, owners));
        }
    });
    (ends, worlds)
}

#[test]
fn orders_that_are_left_out_lead_to_no_other_end() {
    for bounds in
        [(2, 2, 2, 0, 0), (2, 2, 2, 1, 0), (2, 2, 2, 0, 1), (2, 1, 3, 1, 0), (2, 2, 3, 0, 0)]
    {
        let (all, slow) = ends(model(bounds, false));
        let (reduced, fast) = ends(model(bounds, true));
        assert!(fast < slow && all.len() > 3);
        assert_eq!(all, reduced, "{bounds:?}");
    }
}

#[test]
fn worlds_of_one_shape_have_the_same_future_in_random_walks_too() {
    for bounds in [(2, 2, 2, 1, 1), (3, 2, 3, 1, 1), (2, 3, 3, 2, 1)] {
        let model = model(bounds, true);
        let mut first: BTreeMap<Vec<u8>, (World, Next)> = BTreeMap::new();
        let (mut random, mut compared) = (1_u64, 0);
        for _ in 0..10_000 {
            let mut world = model.begin();
            loop {
                let shapes = shapes(model, &world);
                let (other, same) =
                    first.entry(world.shape()).or_insert_with(|| (world.clone(), shapes.clone()));
                compared += usize::from(*other != world);
                let differs = same.keys().ne(shapes.keys());
                assert!(!differs, "{world:#?} leads to {shapes:?},\n{other:#?} to {same:?}");
                if shapes.is_empty() {
                    break;
                }
                // Knuth's linear congruential generator; its high bits are good enough to choose with.
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = usize::try_from(random >> 40).unwrap_or(0) % shapes.len();
                let act = shapes.into_values().nth(at);
                world = act.and_then(|act| model.next_state(&world, act)).unwrap_or(world);
            }
        }
        assert!(compared > first.len());
    }
}
