//! Tools that know nothing of us read our topics: kcat, Kafka's own console consumer, and clients that
//! decode what they read with the schemas of a registry, ours or another.

use std::process::{Command, Output, Stdio};

use recount_tests::peers::confluent_events;
use reqwest::Client;
use serde_json::{Value, json};

use crate::nodes::Ground;
use crate::registries;

const POSTS: usize = 3;

fn said(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kcat_the_console_consumer_and_foreign_clients_read_what_was_written() {
    let ground = Ground::new().await;
    let node = ground.node("a");
    ground.served(&node).await;
    let mut streams = Vec::new();
    for n in 0..POSTS {
        let draft =
            json!({ "title": format!("title {n}"), "body": format!("body {n}"), "tags": [] });
        let request = Client::new().post(format!("{}/api/content/posts", node.base)).json(&draft);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        streams.push(answer["stream"].as_str().unwrap().to_owned());
    }
    let (brokers, topic) = (ground.brokers.bootstrap(), ground.topic("content.events"));

    let mut kcat = Command::new("kcat");
    kcat.args(["-b", &brokers, "-C", "-t", &topic, "-o", "beginning", "-e", "-q", "-f"]);
    let listed = said(kcat.arg("%p %o %k %h\n").stdin(Stdio::null()).output().unwrap());
    eprintln!("kcat -C -t {topic} -o beginning -e -f '%p %o %k %h\\n'");
    for stream in &streams {
        let line = listed.lines().find(|line| line.contains(stream.as_str())).unwrap();
        for header in
            ["ce_specversion=1.0", "ce_type=content.post.drafted.v1", "ce_id=", "ce_time="]
        {
            assert!(line.contains(header), "{header} in {line}");
        }
        eprintln!("  {}", line.chars().filter(|it| !it.is_control()).collect::<String>());
    }

    let mut console =
        ground.brokers.tool("org.apache.kafka.tools.consumer.ConsoleConsumer").unwrap();
    console.args(["--bootstrap-server", &brokers, "--topic", &topic, "--from-beginning"]);
    for property in ["print.key=true", "print.headers=true", "print.value=false"] {
        console.args(["--formatter-property", property]);
    }
    let records = registries::records(&brokers, &topic);
    console.args(["--max-messages", &records.len().to_string(), "--timeout-ms", "60000"]);
    let listed = said(console.stdin(Stdio::null()).output().unwrap());
    eprintln!("ConsoleConsumer --topic {topic} --from-beginning");
    // Headers, then the key. Not by lines: the header `rc` is bytes, and any of them may end a line.
    for stream in &streams {
        let before = listed.split_once(stream.as_str()).map(|(before, _)| before);
        let headers = before.and_then(|it| Some(&it[it.rfind("ce_specversion:1.0")?..]));
        let headers = headers.unwrap_or_else(|| panic!("{stream} is not in {listed}"));
        assert!(headers.contains("ce_type:content.post.drafted.v1"), "{headers}");
        eprintln!("  {}", headers.chars().filter(|it| !it.is_control()).collect::<String>());
    }

    let ours = format!("{}/registry", node.base);
    let apicurio = registries::filled(&ground);
    for registry in [&ours, &apicurio.url()] {
        eprintln!("schema_registry_converter::AvroDecoder over {registry}");
        registries::decode(registry, &records, &streams);
    }
    // Confluent's own client, too.
    let read = |registry: &str| {
        let mut events = confluent_events(&brokers, &topic, registry, POSTS);
        // Which lane comes first is nobody's promise.
        events.sort_by_key(|it| it["key"].to_string());
        events
    };
    let events = read(&apicurio.url());
    assert_eq!(events.len(), POSTS);
    eprintln!("confluent_kafka.schema_registry.avro.AvroDeserializer over {}", apicurio.url());
    for (n, stream) in streams.iter().enumerate() {
        let event = events.iter().find(|it| it["key"] == stream.as_str()).unwrap();
        assert_eq!(event["value"]["title"], format!("title {n}"), "{event}");
        assert_eq!(event["value"]["body"], format!("body {n}"), "{event}");
        eprintln!("  {event}");
    }
    assert_eq!(read(&ours), events, "both registries have the same schemas");
}
