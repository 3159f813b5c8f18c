//! The words of `recount saga`. Not what they do.

use clap::{Arg, ArgAction, Command};
use orchestrator::filter::{Group, Key, Sort};

use crate::output_arg;

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed or refused, 2 usage (a filter that cannot be read), \
                          4 cannot reach the product, 5 conflict: somebody was faster, or it does not \
                          fit the saga's state";

/// `recount saga`.
pub(crate) fn command() -> Command {
    let list = Command::new("list")
        .visible_alias("ls")
        .about("Sagas that pass a filter")
        .after_help(filter_help())
        .arg(filter())
        .arg(output_arg(&["table", "json", "ids"]))
        .arg(limit("Most sagas, over as many pages as it takes").default_value("50"));
    let show = Command::new("show")
        .about("All that is known of one saga: why, steps, ledger, timers, what can be done")
        .arg(id())
        .arg(flag("events", "Its events too"))
        .arg(output_arg(&["table", "json"]));
    let why = Command::new("why").about("One sentence: why it is where it is").arg(id());
    let tail = Command::new("tail")
        .about("Each saga that passes a filter, whenever it has changed; until interrupted")
        .after_help(filter_help())
        .arg(filter())
        .arg(limit("Stop after so many changes"))
        .arg(output_arg(&["table", "json", "ids"]));
    let plan = Command::new("plan")
        .about("The plan of a type, as text; without a type, all of them")
        .arg(Arg::new("type").value_name("TYPE").help("As publish-post"))
        .arg(output_arg(&["table", "json"]));
    let all = [list, show, why, tail, plan].into_iter().chain(actions());
    Command::new("saga")
        .about("See and steer sagas of a running product")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .subcommands(all.map(|verb| verb.args(reach())))
}

fn actions() -> [Command; 6] {
    let step = |needed: bool| {
        let arg = Arg::new("step").value_name("STEP").required(needed);
        arg.help("As charge-boost, or publish/bluesky")
    };
    let output = || {
        let arg = Arg::new("result").long("output-json").value_name("JSON");
        arg.help("What the step gave, an answer of this saga")
    };
    let happened = flag("happened", "It was done").conflicts_with("did-not-happen");
    let not = flag("did-not-happen", "It was not done").required_unless_present("happened");
    let verbs = [
        Command::new("retry")
            .about("Ask again what is parked, or waits for its next attempt")
            .arg(id())
            .arg(step(false)),
        Command::new("resolve")
            .about("Say what became of a step in doubt")
            .arg(id())
            .arg(step(true))
            .args([happened, not, output()]),
        Command::new("skip")
            .about("Go on as if a parked step were done, or taken back")
            .arg(id())
            .arg(step(true))
            .arg(output()),
        Command::new("undo").about("Take everything back").arg(id()),
        Command::new("hold").about("Stop it until it is released").arg(id()),
        Command::new("release").about("Let it go on").arg(id()),
    ];
    verbs.map(|verb| verb.args(of_actions()))
}

/// What every action takes.
fn of_actions() -> Vec<Arg> {
    let value = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    vec![
        value("reason", "TEXT", "Why; it stands in the saga's history").required(true),
        value("ticket", "TEXT", "The ticket it is done for"),
        value("approver", "ACTOR", "Who approved it"),
        number("revision", "Only if this is still its revision; without it, the present one"),
        flag("dry-run", "Only say what it would do: events, asks, where it would then stand"),
        flag("wait", "Return when the lists show it"),
        value("key", "KEY", "Idempotency key; drawn when none is given"),
        output_arg(&["table", "json"]),
    ]
}

fn reach() -> [Arg; 2] {
    let url = Arg::new("url").long("url").value_name("URL").env("RECOUNT_URL");
    let url = url.default_value("http://127.0.0.1:7070").help("The running product");
    let token = Arg::new("token-file").long("token-file").value_name("FILE");
    let token = token.env("RECOUNT_TOKEN_FILE").help("File with the bearer token");
    [url, token]
}

fn id() -> Arg {
    let arg = Arg::new("id").value_name("ID").required(true);
    arg.help("The saga's stream, as publish_post-0190e2a4-..., or its id alone")
}

fn filter() -> Arg {
    // Words with a hyphen in front are options, wherever they stand: else `-o json` behind a filter
    // would be a term of it.
    let arg = Arg::new("filter").value_name("FILTER").num_args(0..);
    arg.help(
        "As 'state:parked type:publish-post age>2h'; in quotes, the shell reads > and ~. One that \
         begins with a hyphen stands last, behind --",
    )
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn limit(help: &'static str) -> Arg {
    number("limit", help).value_parser(clap::value_parser!(u64).range(1..))
}

fn number(name: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).value_name("N").help(help);
    arg.value_parser(clap::value_parser!(u64))
}

/// The filter language, a line a key.
fn filter_help() -> String {
    let keys: Vec<_> = Key::ALL.iter().map(|key| format!("  {key:<9} {}", key.help())).collect();
    format!(
        "A filter is terms that all hold, each with `-` in front for its contrary; `:` takes several \
         values with commas:\n{}\n  a word    id, type, step or error has it\n  sort:     {} (`-`: from \
         the largest on)\n  group:    {}",
        keys.join("\n"),
        Sort::WORDS.join(", "),
        Group::WORDS.join(", ")
    )
}
