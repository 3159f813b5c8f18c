//! What a machine needs for `up` and for the tests, and how to see that it is there.
//!
//! Installs nothing: that is `install`. Another need is one more entry in one of the two lists.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{succeeds, which};
use crate::workspace::Workspace;

/// One thing that has to be on the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// In a reader's words.
    pub(crate) what: &'static str,
    /// What for.
    pub(crate) why: &'static str,
    /// Debian packages that bring it.
    pub(crate) packages: &'static [&'static str],
    /// How to get it where there is no apt.
    pub(crate) elsewhere: &'static str,
    /// Looks, in milliseconds.
    pub(crate) present: fn() -> bool,
}

/// What building and running the product takes.
const PRODUCT: &[Need] = &[
    Need {
        what: "C compiler and linker",
        why: "builds the product",
        packages: &["build-essential"],
        elsewhere: "Fedora: dnf group install development-tools; macOS: xcode-select --install",
        present: has_compiler,
    },
    Need {
        what: "OpenSSL's headers",
        why: "builds the client of Kafka, which speaks TLS",
        packages: &["libssl-dev", "pkg-config"],
        elsewhere: "Fedora: dnf install openssl-devel; macOS: brew install openssl@3 pkgconf",
        present: has_openssl,
    },
    Need {
        what: "PostgreSQL server programs",
        why: "Recount runs a private server for its read models, unless DATABASE_URL is set",
        packages: &["postgresql"],
        elsewhere: "Fedora: dnf install postgresql-server; macOS: brew install postgresql@17",
        present: || std::env::var_os("DATABASE_URL").is_some() || has_postgres(),
    },
    Need {
        what: "certificates of public authorities",
        why: "calls of providers and downloads of crates",
        packages: &["ca-certificates"],
        elsewhere: "the package ca-certificates of your system",
        present: || {
            !cfg!(target_os = "linux")
                || Path::new("/etc/ssl/certs/ca-certificates.crt").exists()
                || Path::new("/etc/pki/tls/certs").exists()
        },
    },
];

/// What only the tests take.
const TESTS: &[Need] = &[
    Need {
        what: "PostgreSQL server and client programs",
        why: "tests of the private server",
        packages: &["postgresql", "postgresql-client"],
        elsewhere: "as above",
        present: || has_postgres() && which("psql").is_some(),
    },
    Need {
        what: "Chromium",
        why: "tests drive the console in a real browser",
        packages: &["chromium"],
        elsewhere: "install Chromium so that `chromium` is on the PATH",
        present: || which("chromium").is_some(),
    },
    Need {
        what: "a font",
        why: "screenshots show letters",
        packages: &["fonts-dejavu-core"],
        elsewhere: "the DejaVu fonts, or any other",
        present: || {
            !cfg!(target_os = "linux")
                || ["/usr/share/fonts/truetype", "/usr/share/fonts/dejavu-sans-fonts"]
                    .iter()
                    .any(|it| Path::new(it).exists())
        },
    },
    Need {
        what: "promtool",
        why: "checks what /metrics answers",
        packages: &["prometheus"],
        elsewhere: "the archive of Prometheus holds promtool; macOS: brew install prometheus",
        present: || which("promtool").is_some(),
    },
    Need {
        what: "strace",
        why: "tests let a sync fail",
        packages: &["strace"],
        elsewhere: "the package strace of your system",
        present: || !cfg!(target_os = "linux") || which("strace").is_some(),
    },
    Need {
        what: "Node.js 18 or newer",
        why: "runs the browser tests",
        packages: &["nodejs"],
        elsewhere: "https://nodejs.org, or the package manager of your system",
        present: || which("node").is_some(),
    },
    Need {
        what: "npm",
        why: "installs the browser driver at its pinned version",
        packages: &["npm"],
        elsewhere: "comes with Node.js",
        present: || which("npm").is_some(),
    },
    Need {
        what: "Python 3.11 or newer, with venv",
        why: "the providers' counterparts in tests: a payment server, a mail server",
        packages: &["python3", "python3-venv"],
        elsewhere: "https://www.python.org, or the package manager of your system",
        present: has_python,
    },
    Need {
        what: "kcat",
        why: "a test reads our topics with a tool that knows nothing of us",
        packages: &["kcat"],
        elsewhere: "Fedora: dnf install kcat; macOS: brew install kcat",
        present: || which("kcat").is_some(),
    },
];

/// What real Kafka brokers take.
const KAFKA: &[Need] = &[
    Need {
        what: "Java 17 or newer",
        why: "runs Kafka brokers",
        packages: &["default-jre-headless"],
        elsewhere: "Fedora: dnf install java-21-openjdk-headless; macOS: brew install openjdk",
        present: || {
            let home = std::env::var_os("JAVA_HOME").map(std::path::PathBuf::from);
            home.is_some_and(|it| it.join("bin/java").exists()) || which("java").is_some()
        },
    },
    Need {
        what: "Maven",
        why: "fetches the jars of Kafka at their pinned versions",
        packages: &["maven"],
        elsewhere: "Fedora: dnf install maven; macOS: brew install maven",
        present: || which("mvn").is_some(),
    },
];

/// What the peers of the bench take.
const PEERS: &[Need] = &[Need {
    what: "the compiler of Protocol Buffers, with Google's own files",
    why: "builds the client of UmaDB, a peer of the bench",
    packages: &["protobuf-compiler", "libprotobuf-dev"],
    elsewhere: "Fedora: dnf install protobuf-compiler protobuf-devel; macOS: brew install protobuf",
    present: || which("protoc").is_some(),
}];

/// What the peers of the bench take.
pub(crate) fn peers() -> Vec<Need> {
    [PEERS, KAFKA].concat()
}

/// What `kafka` takes.
pub(crate) fn kafka() -> Vec<Need> {
    KAFKA.to_vec()
}

/// What `up` takes.
pub(crate) fn product() -> Vec<Need> {
    PRODUCT.to_vec()
}

/// What `up` and the tests take.
pub(crate) fn all(_: &Workspace) -> Vec<Need> {
    [PRODUCT, TESTS, KAFKA].concat()
}

/// A compiler alone is not enough: without the C library's headers nothing in C builds.
fn has_compiler() -> bool {
    let mut compiler = Command::new("cc");
    compiler.args(["-x", "c", "-fsyntax-only", "-include", "stdlib.h", "/dev/null"]);
    let compiler = compiler.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    compiler.status().is_ok_and(|it| it.success())
}

/// As the build looks for them.
fn has_openssl() -> bool {
    let given = std::env::var_os("OPENSSL_DIR").is_some_and(|it| !it.is_empty());
    let mut found = Command::new("pkg-config");
    given || succeeds(found.args(["--exists", "openssl"]))
}

/// Debian ships Python without what makes environments of its own.
fn has_python() -> bool {
    let look = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";
    succeeds(Command::new("python3").args(["-c", look]))
}

/// As the product looks for it (`recount-postgres`, `binaries`).
fn has_postgres() -> bool {
    let given = std::env::var_os("PG_BIN").filter(|it| !it.is_empty());
    if let Some(dir) = given {
        return Path::new(&dir).join("postgres").exists();
    }
    let versions = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];
    which("postgres").is_some()
        || versions.iter().filter_map(|it| std::fs::read_dir(it).ok()).any(|mut dirs| {
            dirs.any(|dir| {
                let dir = dir.map(|it| it.path()).unwrap_or_default();
                dir.join("bin/postgres").exists() && dir.join("bin/initdb").exists()
            })
        })
}
