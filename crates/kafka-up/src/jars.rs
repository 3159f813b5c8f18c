//! The jars of Kafka, and what makes brokers start fast: a class archive and a formatted folder. All in
//! one folder of the user's cache, made once.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Cluster, Error, Options};

/// The version of Kafka, as `pom.xml` pins it.
pub const VERSION: &str = "4.3.1";
const POM: &str = include_str!("../pom.xml");
const LOG4J: &str = include_str!("../log4j2.xml");
/// Pinned, as the jars are.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Where jars and the brokers of `cargo xtask kafka` are: `recount/kafka` in the user's cache.
pub fn cache_dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("recount").join("kafka")
}

/// What a broker is started from.
#[derive(Debug, Clone)]
pub struct Jars {
    dir: PathBuf,
    java: PathBuf,
    archive: Option<PathBuf>,
}

impl Jars {
    /// Makes sure that all is there. The first time it takes Maven and about half a minute.
    pub fn prepare() -> Result<Self, Error> {
        let dir = cache_dir().join(format!("{VERSION}-{:08x}", hash(POM.as_bytes())));
        fs::create_dir_all(&dir).map_err(Error::io("making", &dir))?;
        let java = java()?;
        // Several tests may begin at once, in several processes.
        let lock = dir.join("lock");
        let file = File::create(&lock).map_err(Error::io("making", &lock))?;
        file.lock().map_err(Error::io("locking", &lock))?;
        let jars = Self { archive: None, java, dir };
        jars.fetch()?;
        jars.format()?;
        let archive = jars.archive()?;
        Ok(Self { archive: Some(archive), ..jars })
    }

    /// A command that runs a class of Kafka's own tools.
    pub fn tool(&self, class: &str) -> Result<Command, Error> {
        let mut command = Command::new(&self.java);
        command.args(["-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args(self.common()?).arg(class);
        Ok(command)
    }

    /// The program and arguments that run a broker, without its `server.properties`.
    pub(crate) fn broker(&self, options: &Options) -> Result<Vec<OsString>, Error> {
        let mut line: Vec<OsString> = vec![self.java.clone().into()];
        line.extend(["-Xms64m".into(), format!("-Xmx{}m", options.heap_mb).into()]);
        if options.quick {
            line.extend(["-XX:+UseSerialGC".into(), "-XX:TieredStopAtLevel=1".into()]);
        }
        if let Some(archive) = &self.archive {
            line.extend(["-Xshare:auto".into(), flag("-XX:SharedArchiveFile=", archive)]);
        }
        line.extend(self.common()?);
        line.push("kafka.Kafka".into());
        Ok(line)
    }

    /// The folder of a broker that has never run; only its ids are to be replaced.
    pub(crate) fn template(&self) -> PathBuf {
        self.dir.join("template")
    }

    fn common(&self) -> Result<Vec<OsString>, Error> {
        let logging = self.dir.join("log4j2.xml");
        Ok(vec![flag("-Dlog4j2.configurationFile=", &logging), "-cp".into(), self.class_path()?])
    }

    /// Sorted, because the class archive holds for one class path only.
    fn class_path(&self) -> Result<OsString, Error> {
        let libs = self.dir.join("libs");
        let entries = fs::read_dir(&libs).map_err(Error::io("reading", &libs))?;
        let mut jars: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
        jars.retain(|it| it.extension().is_some_and(|it| it == "jar"));
        jars.sort_unstable();
        std::env::join_paths(jars).map_err(|error| Error::new(format!("class path: {error}")))
    }

    fn fetch(&self) -> Result<(), Error> {
        let libs = self.dir.join("libs");
        if libs.exists() {
            return Ok(());
        }
        let (pom, new) = (self.dir.join("pom.xml"), self.dir.join("libs.new"));
        fs::write(&pom, POM).map_err(Error::io("writing", &pom))?;
        let logging = self.dir.join("log4j2.xml");
        fs::write(&logging, LOG4J).map_err(Error::io("writing", &logging))?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-ntp", "-f"]).arg(&pom).args([COPY, "-DincludeScope=runtime"]);
        maven.arg(flag("-DoutputDirectory=", &new));
        run(&mut maven, "Maven (Debian package maven; `cargo xtask install` installs it)")?;
        fs::rename(&new, &libs).map_err(Error::io("renaming to", &libs))
    }

    /// Formatting costs a second for each broker, so one is formatted and copied.
    fn format(&self) -> Result<(), Error> {
        let template = self.template();
        if template.exists() {
            return Ok(());
        }
        let new = self.dir.join("template.new");
        let _ = fs::remove_dir_all(&new);
        let properties = self.dir.join("template.properties");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\nlog.dirs={}\n",
            new.display()
        );
        fs::write(&properties, text).map_err(Error::io("writing", &properties))?;
        let mut tool = self.tool("kafka.tools.StorageTool")?;
        tool.args(["format", "-t", &crate::cluster::random_id()?, "-c"]).arg(&properties);
        run(&mut tool, "Java")?;
        fs::rename(&new, &template).map_err(Error::io("renaming to", &template))
    }

    /// The classes that a broker loads at its start, ready to be mapped: made by one run of a broker.
    fn archive(&self) -> Result<PathBuf, Error> {
        let of_java = hash(self.java.as_os_str().as_encoded_bytes());
        let archive = self.dir.join(format!("classes-{of_java:08x}.jsa"));
        if archive.exists() {
            return Ok(archive);
        }
        let new = archive.with_extension("new");
        let mut line = self.broker(&Options::for_test(1))?;
        line.insert(1, flag("-XX:ArchiveClassesAtExit=", &new));
        let cluster = Cluster::start_with(&Options::for_test(1), self, &line)?;
        cluster.broker(1)?.stop()?;
        fs::rename(&new, &archive).map_err(Error::io("renaming to", &archive))?;
        Ok(archive)
    }
}

/// The Java to use, by its real path, so that another version gets another class archive.
fn java() -> Result<PathBuf, Error> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = home.into_iter().chain(std::env::split_paths(&path).map(|dir| dir.join("java")));
    let found = all.find(|it| it.is_file()).and_then(|it| it.canonicalize().ok());
    found.ok_or_else(|| {
        Error::new(
            "Java is missing: Debian package default-jre-headless; `cargo xtask install` installs it",
        )
    })
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

fn run(command: &mut Command, what: &str) -> Result<(), Error> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Error::new(format!("{what} did not start: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(Error::new(format!("{what} failed ({}):\n{}", output.status, said.trim())))
}

/// FNV-1a, 64 bits: names folders, proves nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
