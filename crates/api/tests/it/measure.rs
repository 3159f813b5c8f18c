//! What is measured, under which names.

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::support::product;

#[tokio::test]
async fn requests_and_commands_are_measured_under_bounded_labels() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let product = product();
    let id = product.draft().await;
    product.get(&format!("/api/content/posts/{id}")).await;
    product.get("/nothing/of/ours").await;
    product.post("/api/content/posts", &json!({})).await;
    let text = handle.render();
    for line in [
        "recount_command_duration_seconds_count{context=\"content\",command=\"draft_post\",outcome=\"accepted\"} 1",
        "recount_command_duration_seconds_count{context=\"content\",command=\"draft_post\",outcome=\"invalid\"} 1",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/api/content/posts/{id}\",http_response_status_code=\"404\"} 1",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"\",http_response_status_code=\"404\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains(&id), "ids are no labels");
}
