//! A broker that demands TLS and a SCRAM password: with the right settings the product works there, with
//! wrong ones it says what is wrong, and no password.

use std::path::Path;
use std::process::{Command, Stdio};

use kafka_up::{Cluster, Options, Secure};
use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::json;

const PASSWORD: &str = "only-for-this-test-4711";

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = said + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// A certificate that signs itself, and it with its key in one file, as brokers take it.
fn certificate(dir: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]);
    run(openssl.args(["-keyout", "key.pem", "-out", "ca.pem"]).current_dir(dir));
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    std::fs::write(dir.join("broker.pem"), read("key.pem") + &read("ca.pem")).unwrap();
}

fn broker(dir: &Path) -> Cluster {
    let listener = |name: &str, value: &str| (format!("listener.name.secure.{name}"), value.into());
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let mut options = Options::for_test(1);
    options.secure = Some(Secure {
        protocol: "SASL_SSL".to_owned(),
        advertised: None,
        properties: vec![
            listener("ssl.keystore.type", "PEM"),
            listener("ssl.keystore.location", &dir.join("broker.pem").display().to_string()),
            listener("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
            listener("scram-sha-512.sasl.jaas.config", scram),
        ],
    });
    // Who comes without a name, over the other listener, may do everything.
    for (name, value) in [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ] {
        options.properties.push((name.to_owned(), value.to_owned()));
    }
    let cluster = Cluster::start(&options).unwrap();
    let mut user = cluster.tool("kafka.admin.ConfigCommand").unwrap();
    user.args(["--bootstrap-server", &cluster.bootstrap(), "--alter", "--entity-type", "users"]);
    user.args(["--entity-name", "recount", "--add-config"]);
    run(user.arg(format!("SCRAM-SHA-512=[iterations=4096,password={PASSWORD}]")));
    cluster
}

/// Gives the user these rights on the topics of a log whose names begin with `live-`, and on its group.
fn grant(cluster: &Cluster, operations: &[&str]) {
    let mut acls = cluster.tool("org.apache.kafka.tools.AclCommand").unwrap();
    acls.args(["--bootstrap-server", &cluster.bootstrap(), "--add", "--force"]);
    acls.args(["--allow-principal", "User:recount", "--resource-pattern-type", "prefixed"]);
    acls.args(["--topic", "live-"]);
    for operation in operations {
        acls.args(["--operation", operation]);
    }
    run(&mut acls);
    if operations.contains(&"Read") {
        let mut acls = cluster.tool("org.apache.kafka.tools.AclCommand").unwrap();
        acls.args(["--bootstrap-server", &cluster.bootstrap(), "--add", "--force"]);
        acls.args(["--allow-principal", "User:recount", "--operation", "Read"]);
        run(acls.args(["--group", "live-recount"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_product_works_over_tls_with_a_scram_password_and_names_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    let cluster = broker(dir.path());
    let address = cluster.broker(1).unwrap().secure_address().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let settings = |name: &str, password: &str, ca: &str| {
        let text = format!(
            "# How the brokers are reached.\nsecurity.protocol=SASL_SSL\n{ca}\n\
             sasl.mechanism=SCRAM-SHA-512\nsasl.username=recount\nsasl.password={password}\n"
        );
        std::fs::write(dir.path().join(name), text).unwrap();
        path(name)
    };
    let ca = format!("ssl.ca.location={}", path("ca.pem"));
    let right = settings("right", PASSWORD, &ca);
    std::fs::write(dir.path().join("secret"), "0123456789abcdef0123456789abcdef").unwrap();
    let flags = |settings: &str| -> Vec<String> {
        let flags = [
            ("--log", "kafka"),
            ("--brokers", &address),
            ("--kafka-durability", "none"),
            ("--topic-prefix", "live-"),
            ("--lanes", "1"),
            ("--kafka-settings", settings),
            ("--cluster-secret-file", &path("secret")),
        ];
        flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
    };
    let apply = |settings: &str| {
        let verb = ["topics", "apply", "--data", &path("data")].map(str::to_owned);
        recount(verb.into_iter().chain(flags(settings)))
    };

    for (wrong, says) in [
        (settings("password", "another-one", &ca), "uthentication"),
        (settings("authority", PASSWORD, "# system's authorities"), "certificate"),
    ] {
        let refused = apply(&wrong);
        let said = refused.stderr + &refused.stdout;
        assert_eq!(refused.code, 1, "{said}");
        assert!(said.contains("RC0110") && said.contains(says), "{said}");
        assert!(!said.contains("another-one") && !said.contains(PASSWORD), "{said}");
        eprintln!("refused: {}", said.lines().last().unwrap_or_default());
    }

    // The right password, and no rights: what looks like no topics is said to be a lack of rights.
    let doctor = |settings: &str| {
        let verb = ["doctor", "--data", &path("data")].map(str::to_owned);
        recount(verb.into_iter().chain(flags(settings)))
    };
    let (told, refused) = (doctor(&right), apply(&right));
    for said in [&told.stdout, &refused.stderr] {
        assert!(said.contains("may not look at topic live-"), "{said}");
        assert!(said.contains("DescribeConfigs"), "{said}");
    }
    assert_eq!((told.code, refused.code), (3, 1));
    // What the guide names: to make the topics, and to run. What is still lacking then is named too.
    grant(&cluster, &["Create", "Describe", "DescribeConfigs", "Write"]);
    let made = apply(&right);
    assert!(made.code == 1 && made.stderr.contains("may not look at"), "{}", made.stderr);
    let told = doctor(&right).stdout;
    assert!(told.contains("topic live-recount.log lacks Read"), "{told}");
    assert!(told.contains("group live-recount lacks Read"), "{told}");
    grant(&cluster, &["Read"]);
    let made = apply(&right);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let told = doctor(&right).stdout;
    assert!(told.contains("ok    rights"), "{told}");
    let flags = [flags(&right), vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()]].concat();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let product = Product::start_with(&dir.path().join("data"), &flags);
    let draft = json!({ "title": "secret", "body": "service" });
    // Its lane finds its owner now.
    let began = std::time::Instant::now();
    loop {
        let request = Client::new().post(product.url("/api/content/posts")).json(&draft);
        let answer = request.header("idempotency-key", "the-first").send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        if status == 201 {
            break;
        }
        assert!(status == 503 && began.elapsed().as_secs() < 60, "{status}: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(!product.said().contains(PASSWORD), "the log holds no password");
}
