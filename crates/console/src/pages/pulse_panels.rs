//! The panels of the pulse: the queue, the heat table, breakers, timers. Each is sent as a patch too.

use maud::{Markup, html};
use orchestrator::{Cause, Instance, SagaRow, Verb};

use super::pulse::{DUE_STEP_MS, HUMAN, Pulse, QUEUE_ROWS};
use super::{saga_rows, sagas};
use crate::cx::Cx;
use crate::desk::Breaker;
use crate::filter::query;
use crate::format;
use crate::parts;
use crate::saga::look;
use crate::saga::risk::{Risk, risk};
use crate::saga::sentence;
use crate::saga::{SagaState, parked_since, state, url};

/// States of the tally.
const TALLY: [SagaState; 4] =
    [SagaState::InDoubt, SagaState::UndoFailed, SagaState::Parked, SagaState::Held];

/// What needs a human.
pub(crate) fn queue(cx: &Cx, pulse: &Pulse) -> Markup {
    let rows: Vec<&SagaRow> = pulse.parked.rows.iter().take(QUEUE_ROWS).collect();
    let more = pulse.parked.total.saturating_sub(rows.len() as u64);
    let body = html! {
        ul.tally { @for state in TALLY { (tallied(cx, pulse, state)) } }
        @if rows.is_empty() { (parts::empty("Nothing waits for a human.")) }
        @else {
            (parts::scroll("Queue of sagas that need a human", &html! {
                table.t.cards.base.rows role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" { "Cause" }
                            th scope="col" { "What is asked" }
                            th.p2 scope="col" { "At risk" }
                            th.num scope="col" { "Age" }
                            th.num.p2 scope="col" { "Time left" }
                            th scope="col" { span.vh { "Action" } }
                        }
                    }
                    tbody role="rowgroup" { @for row in rows { (asked(cx, row)) } }
                }
            }))
        }
        @if more > 0 { footer { a href=(sagas::address(HUMAN)) { (format::num(more)) " more" } } }
    };
    parts::panel("queue", "Needs a human", "by risk, then age", &html! {}, &body)
}

fn tallied(cx: &Cx, pulse: &Pulse, of: SagaState) -> Markup {
    let count = pulse.count(of);
    let look = of.look();
    let oldest = pulse.rows(of).filter_map(|row| parked_since(&row.instance.0)).min();
    let mut at_risk = Risk::default();
    pulse.rows(of).for_each(|row| at_risk.all(&risk(&row.instance.0)));
    html! {
        li {
            a href=(sagas::address(of.filter())) {
                (look.st())
                b.quiet[count == 0] { (format::num(count)) }
                small {
                    @match oldest.filter(|_| count > 0) {
                        Some(oldest) => {
                            "oldest " (format::span(u64::try_from(cx.now.ms_since(oldest)).unwrap_or(0)))
                            br; (at_risk.words())
                        },
                        None => "none",
                    }
                }
            }
        }
    }
}

fn asked(cx: &Cx, row: &SagaRow) -> Markup {
    let is = &row.instance.0;
    let look = state(is).look();
    let since = parked_since(is).unwrap_or(is.last_at);
    let at_risk = risk(is).words();
    let Ok(stream) = row.stream.parse::<domain::StreamId>() else { return html! {} };
    html! {
        tr role="row" data-row data-peek={ (url(&stream)) "/peek" } {
            td.a-st role="cell" { (look.chip()) }
            td.a-main.what-cell role="cell" {
                (question(is))
                small { a.rowlink href=(url(&stream)) { (row.plan) "@" (row.plan_version) } " · " (format::uuid(stream.id())) }
                small.narrow { (at_risk) " · " (saga_rows::left(is, cx.now, cx.now)) }
            }
            td.p2 role="cell" { (at_risk) }
            td.num.nowrap.a-age role="cell" { (sentence::since(cx.now, since, true)) }
            td.num.nowrap.p2 role="cell" { (saga_rows::left(is, cx.now, cx.now)) }
            td.num.a-act role="cell" { (answer(&stream, is)) }
        }
    }
}

/// What a human is asked.
fn question(is: &Instance) -> Markup {
    html! {
        @for (at, (step, park)) in is.parks.iter().enumerate() {
            @if at > 0 { " " }
            @match park.cause {
                Cause::InDoubt => { "Did " b { (step) } " happen? " (park.detail) "." },
                Cause::UndoFailed => { "The undo of " b { (step) } " failed: " (park.detail) "." },
                Cause::RetriesExhausted => { b { (step) } " used up its attempts: " (park.detail) "." },
                Cause::Refused => { b { (step) } " is behind the pivot and was refused: " (park.detail) "." },
                Cause::OperatorHold => { b { "Held: " } (park.detail) "." },
                Cause::NoExecutor => { b { "No executor: " } (park.detail) ". It goes on by itself when one registers." },
                Cause::Poison => { b { "Poison: " } (park.detail) "." },
                Cause::DeadlinePassed | Cause::LockTimeout => {
                    b { (look::cause(park.cause).word) } @if !step.is_empty() { " at " b { (step) } } ": " (park.detail) "."
                },
            }
        }
    }
}

/// The way to the answer: the dialog of the one action that is asked for, or the saga.
fn answer(stream: &domain::StreamId, is: &Instance) -> Markup {
    let pressing = is.parks.iter().find_map(|(step, park)| match park.cause {
        Cause::InDoubt => Some((Verb::Resolve, step.as_str(), "Resolve")),
        Cause::OperatorHold => Some((Verb::Release, "", "Release")),
        Cause::NoExecutor => None,
        Cause::Poison => Some((Verb::Retry, "", "Retry")),
        _ if !step.is_empty() => Some((Verb::Retry, step.as_str(), "Retry")),
        _ => None,
    });
    html! {
        @match pressing {
            Some((verb, step, word)) => a.btn data-dialog href={ (url(stream)) "/" (verb) (query(&[("step", step)])) } { (word) },
            None => a.btn href=(url(stream)) { "Open" },
        }
    }
}

/// States of the heat table: what moves, then what does not.
const HEAT: [SagaState; 7] = [
    SagaState::Running,
    SagaState::Waiting,
    SagaState::Undoing,
    SagaState::InDoubt,
    SagaState::UndoFailed,
    SagaState::Parked,
    SagaState::Held,
];

/// How everything stands, by type.
pub(crate) fn heat(pulse: &Pulse) -> Markup {
    let flight: u64 = HEAT.into_iter().map(|state| pulse.count(state)).sum();
    let body = html! {
        @if pulse.heat.is_empty() { (parts::empty("No saga was started yet.")) }
        @else { (parts::scroll("State by saga type", &heat_table(pulse))) }
    };
    let dim = format!("{}, exact", format::count(flight, "instance"));
    parts::panel(
        "heat",
        "In flight, state by saga",
        &dim,
        &html! { span.dim { "ended on the right" } },
        &body,
    )
}

fn heat_table(pulse: &Pulse) -> Markup {
    let most = |states: &[SagaState]| {
        pulse.heat.iter().flat_map(|heat| states.iter().map(|s| heat.count(*s))).max().unwrap_or(0)
    };
    let (flow, human) = (most(&HEAT[..3]), most(&HEAT[3..]));
    let head = |state: SagaState| {
        html! { th.num scope="col" { (state.look().st()) } }
    };
    let ended = [SagaState::Done, SagaState::Undone];
    html! {
        table.t.heat {
            thead {
                tr {
                    th scope="col" { "Saga" }
                    @for state in HEAT { (head(state)) }
                    @for state in ended { th.num.p3 scope="col" { (state.look().word) } }
                }
            }
            tbody {
                @for heat in &pulse.heat {
                    @let of = format!("type:{} version:{}", heat.name, heat.version);
                    tr {
                        th scope="row" { a.rowlink href=(sagas::address(&of)) { (heat.name) span.dim { "@" (heat.version) } } }
                        @for (at, state) in HEAT.into_iter().enumerate() {
                            (cell(heat.count(state), state, &of, if at < 3 { flow } else { human }, at >= 3))
                        }
                        @for state in ended {
                            td.p3 { a.zero href=(sagas::address(&format!("{of} {}", state.filter()))) { (format::num(heat.count(state))) } }
                        }
                    }
                }
            }
            tfoot {
                tr {
                    th scope="row" { "all types" }
                    @for state in HEAT { td.num { (format::num(pulse.count(state))) } }
                    @for state in ended { td.num.p3 { (format::num(pulse.count(state))) } }
                }
            }
        }
    }
}

fn cell(count: u64, state: SagaState, of: &str, most: u64, human: bool) -> Markup {
    let class = format!("{} {}", step(count, most, human), state.look().class);
    html! {
        @if count == 0 { td { span.zero { "0" } } }
        @else { td class=(class) { a href=(sagas::address(&format!("{of} {}", state.filter()))) { (format::num(count)) } } }
    }
}

/// Four steps on a logarithmic scale; where a human is needed never the faintest.
fn step(count: u64, most: u64, human: bool) -> &'static str {
    let share = (count + 1).ilog2() * 4 / ((most + 1).ilog2().max(1));
    match share.clamp(if human { 2 } else { 1 }, 4) {
        1 => "h1",
        2 => "h2",
        3 => "h3",
        _ => "h4",
    }
}

/// Targets outside that are not asked as usual.
pub(crate) fn targets(cx: &Cx, pulse: &Pulse) -> Markup {
    let closed = pulse.targets.iter().filter(|one| one.breaker == Breaker::Closed).count();
    let open = pulse.targets.iter().filter(|one| one.breaker != Breaker::Closed);
    let all = pulse.targets.len();
    let dim = html! { span.dim { (closed) " of " (all) " closed" } };
    let body = html! {
        @if all == 0 { (parts::empty("No target was asked since this process started.")) }
        @else if closed == all { (parts::empty("Every target is asked as usual.")) }
        @else {
            div.pad.stack.tight { @for one in open {
                @let look = look::breaker(one.breaker);
                div {
                    p.row { (look.chip()) b { (one.name) }
                        span.dim.push { "since " (format::time(cx.now, one.since)) } }
                    p.up.gap1 {
                        @if !one.says.is_empty() { (one.says) ". " }
                        @match one.breaker {
                            Breaker::Open { until } => { "Next call at " (format::time(cx.now, until)) ". " },
                            _ => "One call tries whether it is back. ",
                        }
                        a href=(sagas::address(&format!("target~\"{}\" waits:retry", one.name.replace('"', "")))) { "Who waits" } "."
                    }
                }
            } }
        }
    };
    parts::panel("breakers", "Breakers", "", &dim, &body)
}

/// Timers of the next hour, by five minutes.
pub(crate) fn due(cx: &Cx, pulse: &Pulse) -> Markup {
    let all: u64 = pulse.due.iter().sum();
    let most = pulse.due.iter().copied().max().unwrap_or(0);
    let begin = cx.now.as_millis() / DUE_STEP_MS * DUE_STEP_MS;
    let clock = |at: usize| {
        let ms = begin + i64::try_from(at).unwrap_or(0) * DUE_STEP_MS;
        format::words(cx.now, domain::Timestamp::from_millis(ms))
            .chars()
            .take(5)
            .collect::<String>()
    };
    let peak = pulse.due.iter().position(|n| *n == most).unwrap_or(0);
    let says = if all == 0 {
        "No timer fires in the next hour".to_owned()
    } else {
        format!("Timers due in the next hour by five minutes; {most} of {all} from {}", clock(peak))
    };
    let body = html! {
        div.pad {
            svg.fig.small.is-idle viewBox="0 -14 320 104" role="img" aria-label=(says) {
                path.hair d="M0 70.5h320" {}
                @for (at, count) in pulse.due.iter().enumerate() {
                    @let high = if *count == 0 { 0 } else { 3 + count * 55 / most.max(1) };
                    @let x = 4 + at * 26;
                    @if high > 0 { rect.cf x=(x) y=(70 - high) width="20" height=(high) rx="2" {} }
                    @if *count > 0 && at == peak { text.q2 x=(x + 10) y=(64 - high) text-anchor="middle" { (format::num(*count)) } }
                }
                text.q x="4" y="85" { (clock(0)) }
                text.q x="161" y="85" text-anchor="middle" { (clock(6)) }
                text.q x="316" y="85" text-anchor="end" { (clock(12)) }
            }
            @if all == 0 { p.empty { "None fires in the next hour." } }
        }
    };
    parts::panel(
        "timers",
        "Timers due next hour",
        "",
        &html! { span.dim { (format::num(all)) } },
        &body,
    )
}
