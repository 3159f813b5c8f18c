//! Brings the counterparts to this machine: npm and pip, once, into the user's cache, at the versions
//! that `tests/counterparts` pins. What cannot be brought fails the test that needs it, with what the
//! installer said.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Raised when an install is made in another way than before.
const WAY: &str = "1";

const NODE: [(&str, &str); 2] = [
    ("package.json", include_str!("../../counterparts/node/package.json")),
    ("package-lock.json", include_str!("../../counterparts/node/package-lock.json")),
];
const PDS: [(&str, &str); 2] = [
    ("package.json", include_str!("../../counterparts/pds/package.json")),
    ("package-lock.json", include_str!("../../counterparts/pds/package-lock.json")),
];
const PYTHON: [(&str, &str); 1] =
    [("requirements.txt", include_str!("../../counterparts/python/requirements.txt"))];

const CONFLUENT: [(&str, &str); 1] =
    [("requirements.txt", include_str!("../../counterparts/confluent/requirements.txt"))];

const APICURIO: [(&str, &str); 2] = [
    ("pom.xml", include_str!("../../counterparts/apicurio/pom.xml")),
    ("requirements.txt", include_str!("../../counterparts/apicurio/requirements.txt")),
];
/// Pinned, as what it unpacks.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack-dependencies";

/// Node.js of the PDS, and the folder whose modules it runs with.
pub(super) fn pds() -> (PathBuf, PathBuf) {
    let node = once("node", &NODE, |dir| npm(dir, &["ci"]).run());
    let home = node_home(&node);
    let modules = once("pds", &PDS, |dir| {
        let (bin, path) = (home.join("bin"), std::env::var_os("PATH").unwrap_or_default());
        let path = [bin].into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path).expect("folders of the PATH can be joined again");
        let mut npm = npm(dir, &["ci", "--omit=optional"]);
        // One module is compiled here: against the Node that will run it.
        npm.0.env("PATH", path).env("npm_config_nodedir", &home);
        npm.run();
    });
    (home.join("bin/node"), modules)
}

/// Python with the counterparts that are written in it.
pub(super) fn python() -> PathBuf {
    venv("python", &PYTHON)
}

/// Python with Confluent's client of Kafka and of schema registries.
pub(super) fn confluent() -> PathBuf {
    venv("confluent", &CONFLUENT)
}

/// Python with a Java that is new enough for Apicurio, and the jar it is started by.
pub(super) fn apicurio() -> (PathBuf, PathBuf) {
    let dir = once("apicurio", &APICURIO, |dir| {
        fill_venv(dir);
        let mut maven = program("mvn").args(&["-B", "-q", "-ntp", UNPACK]);
        maven.0.arg(format!("-DoutputDirectory={}", dir.join("app").display())).current_dir(dir);
        maven.run();
    });
    (dir.join("venv/bin/python"), dir.join("app/quarkus-run.jar"))
}

fn venv(name: &str, pinned: &[(&str, &str)]) -> PathBuf {
    once(name, pinned, fill_venv).join("venv/bin/python")
}

fn fill_venv(dir: &Path) {
    program("python3").args(&["-m", "venv"]).arg(dir.join("venv")).run();
    let mut pip = program(dir.join("venv/bin/python"));
    pip.0.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.0.args(["--require-hashes", "--requirement"]).arg(dir.join("requirements.txt"));
    pip.run();
}

/// The folder of an install; made by `fill` when it is not there yet. Other processes wait.
fn once(name: &str, files: &[(&str, &str)], fill: impl FnOnce(&Path)) -> PathBuf {
    let pinned: String = files.iter().map(|(_, text)| *text).chain([WAY]).collect();
    let dir = cache().join(format!("{name}-{:016x}", hash(pinned.as_bytes())));
    fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let lock = File::create(dir.join(".lock")).expect("the cache can be written");
    lock.lock().expect("the cache can be locked");
    let done = dir.join(".installed");
    if !done.exists() {
        for (file, text) in files {
            fs::write(dir.join(file), text).expect("the cache can be written");
        }
        fill(&dir);
        fs::write(&done, WAY).expect("the cache can be written");
    }
    dir
}

/// A script beside what is installed, under a name of its own text.
pub(super) fn beside(dir: &Path, name: &str, text: &str) -> PathBuf {
    let script = dir.join(format!("{:016x}-{name}", hash(text.as_bytes())));
    let lock = File::create(dir.join(".lock")).expect("the cache can be written");
    lock.lock().expect("the cache can be locked");
    if !script.exists() {
        fs::write(&script, text).expect("the cache can be written");
    }
    script
}

fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("recount").join("counterparts")
}

/// FNV-1a: names a folder, guards nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Where `bin/node` and the headers are: the package brings them in one for this processor.
fn node_home(dir: &Path) -> PathBuf {
    let modules = dir.join("node_modules/node/node_modules");
    let found = fs::read_dir(&modules).into_iter().flatten().flatten();
    let home = found.map(|it| it.path()).find(|it| it.join("include/node").exists());
    home.unwrap_or_else(|| panic!("{} holds no Node.js", modules.display()))
}

struct Installer(Command);

fn program(name: impl AsRef<std::ffi::OsStr>) -> Installer {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    Installer(command)
}

fn npm(dir: &Path, args: &[&str]) -> Installer {
    let mut npm = program("npm").args(args);
    npm.0.args(["--no-audit", "--no-fund", "--loglevel=error"]).current_dir(dir);
    npm
}

impl Installer {
    fn args(mut self, args: &[&str]) -> Self {
        self.0.args(args);
        self
    }

    fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    fn run(mut self) {
        let shown = self.0.get_program().display().to_string();
        eprintln!("installing a counterpart by {shown}; the first time takes minutes");
        let output = self.0.output().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{shown} could not install a counterpart:\n{said}");
    }
}
