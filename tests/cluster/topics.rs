//! Topics that would lose events are refused by every verb, with the fix; `doctor` tells how the cluster does.

use serde_json::Value;

use crate::nodes::Ground;

/// The checks of `recount doctor` by name: verdict, and what it says.
fn doctor(ground: &Ground, node: &str, named: &str) -> (String, String) {
    let told = ground.run(node, &["doctor", "-o", "json"]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let checks = told["checks"].as_array().unwrap();
    let found = checks.iter().find(|it| it["name"] == named);
    let found = found.unwrap_or_else(|| panic!("{named} is not checked: {told:#}"));
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("verdict"), text("says"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_forget_are_refused_with_the_fix_and_doctor_knows_the_cluster() {
    let ground = Ground::new().await;
    let node = ground.node("a");
    ground.served(&node).await;
    let expected = [
        ("brokers", "Kafka 4.2 or newer"),
        ("rights", "all that a node needs"),
        ("topics", "as the log needs them"),
        ("replicas", "all in sync"),
        ("broker clocks", " ms; "),
        ("clocks", "a within"),
    ];
    for (name, part) in expected {
        let (verdict, says) = doctor(&ground, "a", name);
        eprintln!("doctor: {verdict} {name}: {says}");
        assert!(verdict == "ok" && says.contains(part), "{name}: {verdict} {says}");
    }

    ground.brokers.broker(3).unwrap().kill().unwrap();
    let began = std::time::Instant::now();
    // The others notice by themselves.
    while doctor(&ground, "a", "replicas").0 == "ok" {
        assert!(began.elapsed().as_secs() < 60, "a broker is down, and all replicas are in sync");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    eprintln!("doctor: {:?}", doctor(&ground, "a", "replicas"));
    let broker = ground.brokers.broker(3).unwrap();
    broker.start().unwrap();
    broker.wait_serving(3).unwrap();

    let topic = ground.topic("content.events");
    let mut alter = ground.brokers.tool("kafka.admin.ConfigCommand").unwrap();
    alter.args(["--bootstrap-server", &ground.brokers.bootstrap(), "--alter"]);
    alter.args(["--entity-type", "topics", "--entity-name", &topic]);
    let altered = alter.args(["--add-config", "retention.ms=3600000"]).output().unwrap();
    assert!(altered.status.success(), "{}", String::from_utf8_lossy(&altered.stderr));

    let fix = format!("--entity-name {topic} --add-config retention.ms=-1");
    let checked = ground.run("admin", &["topics", "check"]);
    assert_eq!(checked.code, 3, "{}", checked.stdout);
    assert!(checked.stdout.contains(&fix), "{}", checked.stdout);
    let applied = ground.run("admin", &["topics", "apply"]);
    assert!(applied.code == 1 && applied.stderr.contains("RC0111"), "{}", applied.stderr);
    let served = ground.run("b", &["serve"]);
    assert!(served.code == 1 && served.stderr.contains(&fix), "{}", served.stderr);
    let (verdict, says) = doctor(&ground, "a", "topics");
    assert!(verdict == "fail" && says.contains(&fix), "{verdict}: {says}");
}
