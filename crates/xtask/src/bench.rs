//! `cargo xtask bench`: builds the bench, and the product where a workload starts it, installs the peers
//! that stand beside it, and runs it. What is measured is the bench's to say.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::program::{Failed, run, step};
use crate::workspace::Workspace;
use crate::{install, needs};

/// Workloads that start the product's binary.
const NEED_THE_PRODUCT: [&str; 2] = ["w7", "w8"];
/// The workload that peers stand beside, and the flags without which they do.
const HAS_PEERS: &str = "w1";
const WITHOUT: [&str; 3] = ["--ours", "--smoke", "--no-peers"];
/// Rows on real brokers, which run when they are named, and beside controls alone.
const ON_KAFKA: [&str; 2] = ["W1-K", "W8-K"];
/// A peer that is a program: its package, its version, its binary, and where the bench looks for it.
const STREAMS: [&str; 4] =
    ["durable-streams", "0.1.5", "durable-streams-server", "RECOUNT_PEER_DURABLE_STREAMS"];

/// One that npm brings, with the Node.js that it wants: what it is made of, and where the bench looks.
const RESTATE: [(&str, &str); 3] = [
    ("package.json", include_str!("../../bench/peers/restate/package.json")),
    ("package-lock.json", include_str!("../../bench/peers/restate/package-lock.json")),
    ("note.mjs", include_str!("../../bench/peers/restate/note.mjs")),
];
const RESTATE_AT: &str = "RECOUNT_PEER_RESTATE";

/// One that pip brings, into an environment of its own.
const UMADB: [&str; 3] = ["umadb", "0.7.8", "RECOUNT_PEER_UMADB"];

/// Runs one workload.
pub(crate) fn run_workload(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    if args.iter().any(|arg| NEED_THE_PRODUCT.contains(arg))
        && std::env::var_os("RECOUNT_BIN").is_none()
    {
        run(&mut at.cargo(&["build", "--release", "--quiet", "-p", "recount"]))?;
    }
    let on_kafka = args.iter().any(|arg| ON_KAFKA.iter().any(|family| arg.starts_with(family)));
    let peers =
        args.contains(&HAS_PEERS) && !on_kafka && !args.iter().any(|arg| WITHOUT.contains(arg));
    if peers {
        install::run(at, &needs::peers())?;
    }
    let mut build = vec!["run", "--release", "--quiet", "-p", "bench"];
    if peers {
        build.extend(["--features", "peers"]);
    }
    if on_kafka {
        build.extend(["--features", "kafka"]);
    }
    build.push("--");
    build.extend(args.iter().copied().filter(|arg| *arg != "--no-peers"));
    let mut bench = at.cargo(&build);
    if std::env::var_os("RECOUNT_BIN").is_none() {
        bench.env("RECOUNT_BIN", at.binary());
    }
    if peers && std::env::var_os(STREAMS[3]).is_none() {
        bench.env(STREAMS[3], streams(at)?);
    }
    if peers && std::env::var_os(RESTATE_AT).is_none() {
        bench.env(RESTATE_AT, restate(at)?);
    }
    if peers && std::env::var_os(UMADB[2]).is_none() {
        bench.env(UMADB[2], umadb(at)?);
    }
    run(&mut bench)
}

/// The program of the `umadb` server, installed into the target directory when it is not there.
fn umadb(at: &Workspace) -> Result<PathBuf, Failed> {
    let [package, version, _] = UMADB;
    let root = at.target.join("peers").join(format!("{package}-{version}"));
    let there = root.join("bin").join(package);
    if !there.is_file() {
        step(Instant::now(), &format!("installing {package} {version} as a peer"));
        run(at.command("python3").args(["-m", "venv"]).arg(&root))?;
        let mut pip = at.command(&root.join("bin/pip").to_string_lossy());
        run(pip.args(["install", "--quiet", &format!("{package}=={version}")]))?;
    }
    Ok(there)
}

/// The binary of the `durable-streams` server, installed into the target directory when it is not there.
fn streams(at: &Workspace) -> Result<PathBuf, Failed> {
    let [package, version, binary, _] = STREAMS;
    let root = at.target.join("peers").join(format!("{package}-{version}"));
    let there = root.join("bin").join(binary);
    if !there.is_file() {
        step(Instant::now(), &format!("installing {package} {version} as a peer"));
        let mut install =
            at.cargo(&["install", package, "--version", version, "--locked", "--quiet"]);
        // It has nothing in common with ours but the machine.
        install.arg("--root").arg(&root).env("CARGO_TARGET_DIR", at.target.join("peers/build"));
        run(&mut install)?;
    }
    Ok(there)
}

/// The directory with Restate's packages, installed into the target directory when they are not there.
fn restate(at: &Workspace) -> Result<PathBuf, Failed> {
    let dir = at.target.join("peers/restate");
    let lock = RESTATE[1].1;
    // A copy of what was installed: the same text means the same packages.
    let installed = dir.join("node_modules/.installed-lock.json");
    let failed = |error: std::io::Error| Failed::Step(format!("{}: {error}", dir.display()));
    fs::create_dir_all(&dir).map_err(failed)?;
    for (name, text) in RESTATE {
        fs::write(dir.join(name), text).map_err(failed)?;
    }
    if !fs::read_to_string(&installed).is_ok_and(|it| it == lock) {
        step(Instant::now(), "installing Restate as a peer");
        let mut npm = at.command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&dir);
        run(npm.env("SCARF_ANALYTICS", "false"))?;
        fs::write(&installed, lock).map_err(failed)?;
    }
    Ok(dir)
}
