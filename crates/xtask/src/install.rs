//! Installs what is missing: Debian packages by apt-get, the browser driver by npm.
//!
//! Says what it will do before it does it, starts no system service, and changes nothing when
//! everything is there.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::needs::Need;
use crate::program::{Failed, run_quietly, step, succeeds, which};
use crate::workspace::Workspace;

/// Mirrors and registries fail for a moment now and then.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(5);

const CERTIFICATE: &str = "\n  behind a proxy with a certificate of its own, set NODE_EXTRA_CA_CERTS \
                           to the file that holds it";

/// Runs as root. Packages may bring services: none is started now, and those that would start with
/// the next boot are switched off; no cluster of the distribution's own is made.
const APT: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d/recount-xtask.conf
undo=
trap 'rm -f $undo' EXIT
trap 'exit 130' HUP INT TERM
if [ ! -e $policy ] || grep -q 'cargo xtask' $policy; then
  undo="$undo $policy"
  printf '#!/bin/sh\n# cargo xtask installs packages: no service starts.\nexit 101\n' > $policy
  chmod 755 $policy
fi
undo="$undo $clusters"
mkdir -p "${clusters%/*}"
echo 'create_main_cluster = false' > $clusters
options='-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0'
apt-get $options -qq update
apt-get $options -qq -y --no-install-recommends install "$@"
if [ -d /run/systemd/system ]; then
  for package in "$@"; do
    case $package in prometheus) systemctl -q disable prometheus || : ;; esac
  done
fi
"#;

/// Installs those of the needs that are not there.
pub(crate) fn run(workspace: &Workspace, needs: &[Need]) -> Result<(), Failed> {
    let begun = Instant::now();
    packages(needs, begun)?;
    // Only the tests have needs that npm fulfils.
    if needs.iter().any(|it| it.packages.contains(&"npm")) {
        browser_driver(workspace, begun)?;
    }
    step(begun, "everything needed is installed");
    Ok(())
}

/// Makes sure of the needs; says nothing when all is there.
pub(crate) fn packages(needs: &[Need], begun: Instant) -> Result<(), Failed> {
    let missing: Vec<&Need> = needs.iter().filter(|it| !(it.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("This machine lacks:");
    for need in &missing {
        eprintln!("  - {} ({})", need.what, need.why);
    }
    let mut packages: Vec<&str> = missing.iter().flat_map(|it| it.packages).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    let Some(mut root) = as_root() else {
        return Err(Failed::Step(by_hand(&missing, &packages)));
    };
    step(begun, &format!("installing by apt-get: {}", packages.join(" ")));
    root.args(["sh", "-c", APT, "xtask-install"]).args(&packages);
    retried(begun, || run_quietly(&mut root))?;
    let still: Vec<&str> = needs.iter().filter(|it| !(it.present)()).map(|it| it.what).collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(Failed::Step(format!("still missing after the installation: {}", still.join(", "))))
}

/// A command that runs the rest of its arguments as root, where apt-get is and we may.
fn as_root() -> Option<Command> {
    which("apt-get")?;
    let mut id = Command::new("id");
    let me = id.arg("-u").output().ok()?;
    if me.stdout == b"0\n" {
        return Some(Command::new("env"));
    }
    let mut sudo = Command::new("sudo");
    succeeds(sudo.args(["-n", "true"])).then(|| {
        let mut sudo = Command::new("sudo");
        sudo.arg("-n");
        sudo
    })
}

fn by_hand(missing: &[&Need], packages: &[&str]) -> String {
    if which("apt-get").is_some() {
        return format!(
            "installing needs root; run this and start again:\n  sudo apt-get install {}",
            packages.join(" ")
        );
    }
    missing.iter().fold("install these and start again:".to_owned(), |text, need| {
        format!("{text}\n  - {}: {}", need.what, need.elsewhere)
    })
}

/// Puts the browser driver into `tests/browser/node_modules`, exactly as its lock file says.
fn browser_driver(workspace: &Workspace, begun: Instant) -> Result<(), Failed> {
    let dir = workspace.top.join("tests/browser");
    let Ok(lock) = fs::read(dir.join("package-lock.json")) else { return Ok(()) };
    // A copy of what was installed: the same text means the same modules.
    let installed = dir.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|it| it == lock) {
        return Ok(());
    }
    step(begun, "installing the browser driver by npm");
    let mut npm = workspace.command("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"])
        .current_dir(&dir);
    // The browser comes from the system's packages.
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1").env("NPM_CONFIG_UPDATE_NOTIFIER", "false");
    retried(begun, || run_quietly(&mut npm))?;
    let noted = fs::write(&installed, &lock);
    noted.map_err(|error| Failed::Step(format!("writing {}: {error}", installed.display())))
}

fn retried(begun: Instant, mut attempt: impl FnMut() -> Result<(), String>) -> Result<(), Failed> {
    let mut tries = 1;
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            // No second try makes a certificate trusted.
            Err(why) if why.contains("_CERT") => return Err(Failed::Step(why + CERTIFICATE)),
            Err(why) if tries == TRIES => return Err(Failed::Step(why)),
            Err(why) => step(begun, &format!("try {tries} of {TRIES}: {why}")),
        }
        std::thread::sleep(PAUSE * tries);
        tries += 1;
    }
}
