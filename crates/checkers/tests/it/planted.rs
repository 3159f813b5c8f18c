//! Twelve kinds of anomaly and some more, planted into clean histories: each is found, by the right law.

use std::collections::{BTreeMap, BTreeSet};

use checkers::{Asked, Call, End, Finding, History, Lane, Told, analyse, linearizable, read_lane};

use crate::world::{Effect, Random, World, genesis_of};

/// Calls of a history.
const CALLS: usize = 60;

/// Calls of a history that is searched: to find that there is no order, every order is tried.
const CALLS_SEARCHED: usize = 16;

/// Seeds of each kind: 1,000, or `RECOUNT_PLANTED`.
fn seeds(default: u64) -> impl Iterator<Item = u64> {
    let asked = std::env::var("RECOUNT_PLANTED").ok().and_then(|it| it.parse().ok());
    0..asked.unwrap_or(default)
}

#[test]
fn clean_histories_pass() {
    for seed in seeds(10_000) {
        let world = World::new(seed, CALLS);
        let found = analyse(&world.history, &world.lanes());
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
    }
}

#[test]
fn clean_histories_have_an_order() {
    let mut left_out = 0;
    for seed in seeds(1_000) {
        let (found, long) = linearizable(&World::new(seed, CALLS).history);
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
        left_out += long;
    }
    assert_eq!(left_out, 0);
}

#[test]
fn a_history_survives_its_lines() {
    for seed in seeds(100) {
        let history = World::new(seed, CALLS).history;
        let lines = history.lines();
        let text: Vec<String> =
            lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        let mut read = History::parse(&text.join("\n")).unwrap();
        read.calls.sort_by_key(|call| (call.invoked, call.call));
        assert_eq!(read, history, "seed {seed}");
    }
}

/// Plants one; `None` where this history has no place for it.
type Plant = fn(&mut World, &mut Random) -> Option<()>;

/// Plants each kind into many histories, and gives how often it was found under which laws.
fn all_found(plant: Plant, laws: &[&str], also_linear: bool) {
    let mut planted = 0;
    for seed in seeds(1_000) {
        let mut world = World::new(seed, CALLS);
        let mut random = Random(seed ^ 0xabcd);
        if plant(&mut world, &mut random).is_none() {
            continue;
        }
        planted += 1;
        let found = analyse(&world.history, &world.lanes());
        let by: BTreeSet<&str> = found.iter().map(|it| it.law).collect();
        assert!(
            laws.iter().any(|law| by.contains(law)),
            "seed {seed}: not found by {laws:?}: {found:#?}"
        );
    }
    assert!(planted * 2 > seeds(1_000).count(), "only {planted} were planted");
    if also_linear {
        no_order(plant);
    }
}

/// The search finds the same kind, from the history alone, in small histories.
fn no_order(plant: Plant) {
    let mut planted = 0;
    for seed in seeds(1_000) {
        let mut world = World::new(seed, CALLS_SEARCHED);
        if plant(&mut world, &mut Random(seed ^ 0xabcd)).is_some() {
            planted += 1;
            assert!(!linearizable(&world.history).0.is_empty(), "seed {seed}: has an order");
        }
    }
    assert!(planted * 20 > seeds(1_000).count(), "only {planted} were planted");
}

/// The accepted calls: place in the history, stream, version, ids.
fn accepted(history: &History) -> Vec<(usize, &Call, &Told)> {
    let told = |(at, call): (usize, &'_ Call)| match &call.end {
        Some((_, End::Ok(told @ Told::Accepted { .. }))) => Some((at, told.clone())),
        _ => None,
    };
    let all: Vec<_> = history.calls.iter().enumerate().filter_map(told).collect();
    all.into_iter()
        .filter_map(|(at, _)| match &history.calls[at].end {
            Some((_, End::Ok(told))) => Some((at, &history.calls[at], told)),
            _ => None,
        })
        .collect()
}

/// An acknowledged effect.
fn acknowledged(world: &World, random: &mut Random) -> Option<usize> {
    let marks: BTreeSet<&str> = accepted(&world.history)
        .into_iter()
        .filter_map(|(_, call, _)| match &call.asked {
            Asked::Command { mark, .. } => Some(mark.as_str()),
            Asked::Read { .. } => None,
        })
        .collect();
    let fits = |(_, it): &(usize, &Effect)| !it.ids.is_empty() && marks.contains(it.mark.as_str());
    let all: Vec<usize> = world.effects.iter().enumerate().filter(fits).map(|(at, _)| at).collect();
    if all.is_empty() { None } else { Some(all[random.below(all.len())]) }
}

/// A call with an answer of a kind.
fn answered(history: &History, random: &mut Random, fits: fn(&Told) -> bool) -> Option<usize> {
    let fits = |call: &Call| matches!(&call.end, Some((_, End::Ok(told))) if fits(told));
    let all: Vec<usize> =
        history.calls.iter().enumerate().filter(|(_, it)| fits(it)).map(|(at, _)| at).collect();
    if all.is_empty() { None } else { Some(all[random.below(all.len())]) }
}

fn told(history: &mut History, at: usize) -> &mut Told {
    match &mut history.calls[at].end {
        Some((_, End::Ok(told))) => told,
        _ => panic!("this call was answered"),
    }
}

#[test]
fn a_lost_command_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            world.effects.remove(at);
            Some(())
        },
        &["I1"],
        false,
    );
}

#[test]
fn a_command_that_happened_twice_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let mut again = world.effects[at].clone();
            // Decided anew: other ids and another time, under another key of the log or the same.
            again.ids.iter_mut().for_each(|id| *id |= 1 << 100);
            again.at = world.effects.last()?.at;
            if random.one_in(2) {
                again.key += 1_000_000;
            }
            world.effects.push(again);
            Some(())
        },
        &["I3"],
        false,
    );
}

#[test]
fn an_event_that_is_there_twice_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let mut again = world.effects[at].clone();
            again.at = world.effects.last()?.at;
            world.effects.push(again);
            Some(())
        },
        &["I3"],
        false,
    );
}

#[test]
fn a_command_that_nobody_asked_for_is_found() {
    all_found(
        |world, random| {
            let mut ghost = world.effects[acknowledged(world, random)?].clone();
            ghost.ids.iter_mut().for_each(|id| *id |= 1 << 100);
            ghost.at = world.effects.last()?.at;
            ghost.key += 1_000_000;
            ghost.mark = "ghost".to_owned();
            world.effects.push(ghost);
            Some(())
        },
        &["I2"],
        false,
    );
}

#[test]
fn a_failed_command_that_happened_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let mark = world.effects[at].mark.clone();
            for call in &mut world.history.calls {
                if matches!(&call.asked, Asked::Command { mark: of, .. } if *of == mark) {
                    call.end = Some((call.invoked + 1, End::Fail));
                }
            }
            Some(())
        },
        &["I2"],
        false,
    );
}

#[test]
fn a_torn_command_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            if world.effects[at].ids.len() < 2 {
                return None;
            }
            // Only some of its events took effect, as a whole frame.
            let torn = if random.one_in(2) { 0 } else { world.effects[at].ids.len() - 1 };
            world.effects[at].ids.remove(torn);
            Some(())
        },
        &["I1", "I6"],
        false,
    );
}

#[test]
fn a_command_in_two_frames_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let last =
                if world.effects[at].ids.len() < 2 { None } else { world.effects[at].ids.pop() };
            let mut rest = world.effects[at].clone();
            rest.ids = vec![last?];
            rest.key += 1_000_000;
            world.effects.insert(at + 1, rest);
            Some(())
        },
        &["I6", "I3"],
        false,
    );
}

#[test]
fn commands_in_another_order_than_they_were_told_are_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let stream = world.effects[at].stream;
            let next = world
                .effects
                .iter()
                .skip(at + 1)
                .position(|it| it.stream == stream && !it.ids.is_empty())?
                + at
                + 1;
            world.effects.swap(at, next);
            let (a, b) = (world.effects[at].at, world.effects[next].at);
            (world.effects[at].at, world.effects[next].at) = (b, a);
            Some(())
        },
        &["I1"],
        false,
    );
}

#[test]
fn a_repetition_with_another_answer_is_found() {
    all_found(
        |world, random| {
            let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
            let mut second = Vec::new();
            for (at, call, _) in accepted(&world.history) {
                if let Asked::Command { key, .. } = &call.asked
                    && keys.insert(key, at).is_some()
                {
                    second.push(at);
                }
            }
            let at =
                if second.is_empty() { None } else { Some(second[random.below(second.len())]) };
            match told(&mut world.history, at?) {
                Told::Accepted { version, .. } => *version += 1,
                _ => return None,
            }
            Some(())
        },
        &["I3"],
        true,
    );
}

#[test]
fn a_refusal_of_what_happened_is_found() {
    all_found(
        |world, random| {
            let at = answered(&world.history, random, |it| matches!(it, Told::Accepted { .. }))?;
            *told(&mut world.history, at) = Told::Refused { rule: "not_now".to_owned() };
            Some(())
        },
        &["I3"],
        false,
    );
}

#[test]
fn a_stale_read_is_found() {
    all_found(
        |world, _| {
            // A read that began after something was told of its stream, and saw less.
            let mut highest: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
            for call in &world.history.calls {
                if let Some((at, End::Ok(Told::Accepted { stream, version, .. }))) = &call.end {
                    highest.entry(stream.clone()).or_default().push((*at, *version));
                }
            }
            for call in &mut world.history.calls {
                let Asked::Read { stream } = &call.asked else { continue };
                let told = highest.get(stream).into_iter().flatten();
                let floor = told.filter(|(at, _)| *at < call.invoked).map(|(_, it)| *it).max();
                if let (Some(floor), Some((_, End::Ok(answer)))) = (floor, &mut call.end) {
                    *answer = Told::Version(floor - 1);
                    return Some(());
                }
            }
            None
        },
        &["I5"],
        true,
    );
}

#[test]
fn a_read_of_the_future_is_found() {
    all_found(
        |world, random| {
            let at = answered(&world.history, random, |it| matches!(it, Told::Version(_)))?;
            let Asked::Read { stream } = &world.history.calls[at].asked else { return None };
            // Asked for when its key was first invoked: a repetition is no new command.
            let mut began: BTreeMap<&str, u64> = BTreeMap::new();
            for call in &world.history.calls {
                if let Asked::Command { key, .. } = &call.asked {
                    began.entry(key).or_insert(call.invoked);
                }
            }
            let last = accepted(&world.history).into_iter().filter_map(|(_, call, it)| {
                match (it, &call.asked) {
                    (Told::Accepted { stream: of, version, .. }, Asked::Command { key, .. })
                        if of == stream =>
                    {
                        Some((began[key.as_str()], *version))
                    }
                    _ => None,
                }
            });
            let ended = world.history.calls[at].end.as_ref().map(|(at, _)| *at)?;
            let future = last.filter(|(began, _)| *began >= ended).map(|(_, it)| it).max();
            *told(&mut world.history, at) = Told::Version(future.unwrap_or(1_000));
            Some(())
        },
        &["I5"],
        false,
    );
}

#[test]
fn a_session_that_goes_back_is_found() {
    all_found(
        |world, _| {
            let mut read: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for at in 0..world.history.calls.len() {
                let call = &world.history.calls[at];
                let (Asked::Read { stream }, Some((ended, End::Ok(Told::Version(version))))) =
                    (&call.asked, &call.end)
                else {
                    continue;
                };
                if let Some((before, seen)) = read.get(stream)
                    && *before < call.invoked
                    && *seen > 0
                {
                    let back = seen - 1;
                    *told(&mut world.history, at) = Told::Version(back);
                    return Some(());
                }
                read.insert(stream.clone(), (*ended, *version));
            }
            None
        },
        &["I5"],
        true,
    );
}

#[test]
fn log_time_that_falls_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            world.effects[at].at = -1;
            let before = &world.effects[..at];
            let lane = world.effects[at].stream % 2;
            before.iter().any(|it| it.stream % 2 == lane).then_some(())
        },
        &["I28"],
        false,
    );
}

#[test]
fn an_event_of_another_tenant_is_found() {
    all_found(
        |world, random| {
            let at = acknowledged(world, random)?;
            let stream = world.effects[at].stream;
            let earlier =
                world.effects[..at].iter().any(|it| it.stream == stream && !it.ids.is_empty());
            world.effects[at].tenant = "foreign";
            earlier.then_some(())
        },
        &["I23"],
        false,
    );
}

/// Anomalies that lie under the rule: planted into what it reads or gives.
fn all_found_in(plant: fn(&World, &mut Random) -> Option<Vec<Finding>>, law: &str) {
    let mut planted = 0;
    for seed in seeds(1_000) {
        let world = World::new(seed, CALLS);
        let Some(found) = plant(&world, &mut Random(seed ^ 0xabcd)) else { continue };
        planted += 1;
        assert!(found.iter().any(|it| it.law == law), "seed {seed}: {found:#?}");
    }
    assert!(planted * 2 > seeds(1_000).count(), "only {planted} were planted");
}

#[test]
fn a_changed_byte_breaks_the_chain() {
    all_found_in(
        |world, random| {
            let (name, mut stored) = world.raw().swap_remove(random.below(2));
            let (clean, _) = read_lane(&name, genesis_of(&name), &stored);
            // In the text of an event that is valid and not the last.
            let voids = |stored: &[checkers::Stored]| read_lane(&name, genesis_of(&name), stored);
            let at = random.below(stored.len() - 1);
            let len = stored[at].bytes.len();
            stored[at].bytes[len - 1] ^= 1 << random.below(6);
            let (lane, mut found) = voids(&stored);
            if lane == clean {
                // It was void before.
                return None;
            }
            found.extend(analyse(&world.history, std::slice::from_ref(&lane)));
            // The heads differ whatever else was found, so whoever compares them knows.
            assert_ne!(lane.head, clean.head);
            Some(vec![Finding::new("I24", format!("{found:?}"))])
        },
        "I24",
    );
}

#[test]
fn a_record_of_an_older_epoch_that_took_effect_is_found() {
    all_found_in(
        |world, random| {
            let mut lanes = world.lanes();
            let lane = random.below(lanes.len());
            let at = lanes[lane].frames.iter().rposition(|frame| frame.epoch > 1)?;
            lanes[lane].frames[at].epoch -= 1;
            Some(analyse(&world.history, &lanes))
        },
        "I7",
    );
}

#[test]
fn a_hole_in_the_positions_is_found() {
    all_found_in(
        |world, random| {
            let mut lanes: Vec<Lane> = world.lanes();
            let lane = random.below(lanes.len());
            let at = random.below(lanes[lane].frames.len());
            lanes[lane].frames[at..].iter_mut().for_each(|frame| frame.first += 1);
            Some(analyse(&world.history, &lanes))
        },
        "I4",
    );
}
