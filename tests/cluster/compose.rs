//! What `docker-compose.kafka.yml` and the Dockerfile say, done outside of containers: brokers with these
//! settings, the script that prepares, nodes with this environment. Only addresses and paths are replaced;
//! that images can be built and pulled is not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kafka_up::{Cluster, Options, free_ports};
use postgres::server::{self, Server};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json as object};
use yaml_rust2::{Yaml, YamlLoader};

use crate::nodes::Node;

const COMPOSE: &str = include_str!("../../docker-compose.kafka.yml");
const DOCKERFILE: &str = include_str!("../../crates/recount/Dockerfile");
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");
/// What differs from broker to broker, or names places: replaced here.
const PLACES: [&str; 5] =
    ["node.id", "listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"];
const TAKEN_WITHIN: Duration = Duration::from_mins(2);

type Environment = BTreeMap<String, String>;

/// A document with what `<<` merges into its maps; texts, lists and maps are all that is in it.
fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Hash(all) => {
            let mut map = serde_json::Map::new();
            let merged = all.get(&Yaml::String("<<".to_owned())).map(json);
            map.extend(merged.as_ref().and_then(Value::as_object).cloned().into_iter().flatten());
            for (name, value) in all.iter().filter(|it| it.0.as_str() != Some("<<")) {
                map.insert(name.as_str().unwrap().to_owned(), json(value));
            }
            Value::Object(map)
        }
        Yaml::Array(all) => all.iter().map(json).collect(),
        Yaml::Null => Value::Null,
        text => Value::String(text.as_str().unwrap().to_owned()),
    }
}

fn service<'a>(compose: &'a Value, name: &str) -> &'a Value {
    let found = &compose["services"][name];
    assert!(found.is_object(), "there is no service {name}");
    found
}

fn environment(service: &Value) -> Environment {
    let all = service["environment"].as_object().unwrap().iter();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The properties of a broker, as its image makes them of the environment.
fn properties(environment: &Environment) -> BTreeMap<String, String> {
    let of = |(name, value): (&String, &String)| {
        let name = name.strip_prefix("KAFKA_")?.to_lowercase().replace('_', ".");
        Some((name.replace("...", "-").replace("..", "_"), value.clone()))
    };
    environment.iter().filter_map(of).collect()
}

/// Brokers with the settings of the file that are no places; what are places must fit together.
fn brokers(compose: &Value) -> Cluster {
    let mut shared = BTreeSet::new();
    for id in ["1", "2", "3"] {
        let name = format!("kafka-{id}");
        let service = service(compose, &name);
        assert_eq!(service["image"], format!("apache/kafka:{}", kafka_up::VERSION));
        let environment = environment(service);
        assert_eq!(environment["CLUSTER_ID"].len(), 22, "16 bytes in base64");
        let mut own = properties(&environment);
        let places = PLACES.map(|place| own.remove(place).unwrap_or_default());
        let [node, listeners, advertised, voters, data] = &places;
        assert_eq!(node, id);
        assert_eq!(listeners, "PLAINTEXT://:9092,CONTROLLER://:9093");
        assert_eq!(*advertised, format!("PLAINTEXT://{name}:9092"));
        assert!(voters.split(',').any(|it| it == format!("{id}@{name}:9093")), "{voters}");
        assert_eq!(service["volumes"], object!([format!("{name}:{data}")]), "data outlives it");
        shared.insert(own);
    }
    assert_eq!(shared.len(), 1, "all brokers have the same settings");
    let mut options = Options::for_test(3);
    options.properties.extend(shared.into_iter().flatten());
    Cluster::start(&options).unwrap()
}

/// What stands in the file, and what stands for it here.
struct Replaced(Vec<(String, String)>);

impl Replaced {
    fn text(&self, text: &str) -> String {
        let put = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.0.iter().fold(text.to_owned(), put)
    }

    /// A command with the environment of a service and nothing else that is ours.
    fn command(&self, program: &str, environment: &Environment, path: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", path);
        for (name, value) in environment {
            command.env(name, self.text(value));
        }
        command
    }
}

/// The words of a line of the Dockerfile in brackets.
fn words(instruction: &str) -> Vec<String> {
    let line = DOCKERFILE.lines().find_map(|line| line.strip_prefix(instruction)).unwrap();
    serde_json::from_str(line.trim()).unwrap()
}

/// A node as its service says, at a port of this machine.
fn node(compose: &Value, name: &str, dir: &Path, replaced: &Replaced, path: &str) -> Node {
    let service = service(compose, name);
    let port = free_ports(1).unwrap()[0];
    let mut places = vec![
        ("0.0.0.0:7070".to_owned(), format!("0.0.0.0:{port}")),
        (format!("http://{name}:7070"), format!("http://127.0.0.1:{port}")),
        ("/data/".to_owned(), format!("{}/", dir.join(name).display())),
    ];
    places.extend(replaced.0.iter().cloned());
    let published = service["ports"][0].as_str().unwrap();
    assert!(published.ends_with(":7070"), "the port that it listens on is published");
    let mut command =
        Replaced(places).command(&words("ENTRYPOINT")[0], &environment(service), path);
    let arguments = service["command"].as_array().unwrap();
    command.args(arguments.iter().map(|it| it.as_str().unwrap()));
    let mut node = Node::start(name, command, dir.join(format!("{name}.log")));
    node.base = format!("http://127.0.0.1:{port}");
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_compose_file_says_takes_commands() {
    let compose = json(&YamlLoader::load_from_str(COMPOSE).unwrap()[0]);
    let cluster = brokers(&compose);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let database = Server::start(server::Options::new(dir.path().join("postgres"))).await.unwrap();
    let asked = environment(service(&compose, "postgres"));
    let user = &asked["POSTGRES_USER"];
    let named = format!("postgres://{user}:{}@postgres/{user}", asked["POSTGRES_PASSWORD"]);
    let mut places = vec![
        (named, database.url().to_owned()),
        ("/shared/".to_owned(), format!("{}/", at("shared"))),
        ("/tmp/prepare".to_owned(), at("prepare")),
    ];
    for broker in cluster.brokers() {
        places.push((format!("kafka-{}:9092", broker.id()), broker.address()));
    }
    let replaced = Replaced(places);
    for made in ["shared", "bin", "a", "b"] {
        std::fs::create_dir(at(made)).unwrap();
    }
    let binary = std::env::var_os("RECOUNT_BIN").expect("RECOUNT_BIN names the built binary");
    std::os::unix::fs::symlink(binary, dir.path().join("bin/recount")).unwrap();
    let path = format!("{}:/usr/bin:/bin", at("bin"));

    // May be repeated.
    let prepare = service(&compose, "prepare");
    let list = |of: &str| {
        let words = prepare[of].as_array().unwrap().iter();
        words.map(|it| it.as_str().unwrap().replace("$$", "$")).collect::<Vec<_>>()
    };
    let (shell, script) = (list("entrypoint"), list("command"));
    let mut tokens = BTreeSet::new();
    for _ in 0..2 {
        let mut run = replaced.command(&shell[0], &environment(prepare), &path);
        run.args(&shell[1..]).args(script.iter().map(|it| replaced.text(it)));
        let done = run.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stdout));
        tokens.insert(std::fs::read_to_string(at("shared/token")).unwrap());
    }
    assert_eq!(tokens.len(), 1, "what is there stays");
    let token = tokens.pop_first().unwrap();

    let a = node(&compose, "a", dir.path(), &replaced, &path);
    let b = node(&compose, "b", dir.path(), &replaced, &path);
    let (began, client) = (Instant::now(), Client::new());
    let draft = object!({ "title": "composed", "body": "by a, read from b" });
    let drafted = loop {
        let request = client.post(format!("{}/api/content/posts", a.base)).bearer_auth(&token);
        let answer = request.header("idempotency-key", "first").json(&draft).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
        if status == StatusCode::CREATED {
            break answer;
        }
        assert!(status.is_server_error() && began.elapsed() < TAKEN_WITHIN, "{status} {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let (id, position) = (drafted["id"].as_str().unwrap(), drafted["position"].as_str().unwrap());
    let url = format!("{}/api/content/posts/{id}?min_position={position}", b.base);
    let read = loop {
        let answer = client.get(&url).bearer_auth(&token).send().await.unwrap();
        if answer.status() == StatusCode::OK {
            break answer.json::<Value>().await.unwrap();
        }
        assert!(began.elapsed() < TAKEN_WITHIN, "{}", answer.text().await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(read["title"], "composed");
    let stranger = client.get(&url).send().await.unwrap().status();
    assert_eq!(stranger, StatusCode::UNAUTHORIZED);
}

#[test]
fn the_image_is_built_with_our_compiler_and_has_what_the_binary_is_linked_to() {
    let toolchain: toml::Table = toml::from_str(TOOLCHAIN).unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    let image = DOCKERFILE.lines().find_map(|line| line.strip_prefix("FROM rust:")).unwrap();
    let version = image.split('-').next().unwrap();
    assert!(
        channel.starts_with(&format!("{version}.")) || channel == version,
        "{image}: {channel}"
    );
    assert!(DOCKERFILE.contains("RUN cargo build --release -p recount\n"));
    assert_eq!((words("ENTRYPOINT"), words("CMD")), (vec!["recount".into()], vec!["serve".into()]));
    let binary = std::env::var_os("RECOUNT_BIN").expect("RECOUNT_BIN names the built binary");
    let told = Command::new("ldd").arg(binary).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    for library in told.lines().filter_map(|line| line.split_whitespace().next()) {
        let package = match library.rsplit('/').next().unwrap().split('.').next().unwrap() {
            "linux-vdso" | "ld-linux-x86-64" | "libc" | "libm" | "libgcc_s" => continue,
            "libssl" | "libcrypto" => "libssl3",
            "libz" => "zlib1g",
            other => panic!("the image may lack {other}: {told}"),
        };
        assert!(DOCKERFILE.contains(&format!(" {package}")), "{library} needs {package}");
    }
}
