//! Metrics as Vault gives them: JSON in go-metrics' shape, or the text that Prometheus reads.

use zeroize::Zeroizing;

use super::request::{ApiRequest, ApiResponse};
use crate::error::Result;
use crate::vault::{Caller, Metric, MetricKind, Vault};
use crate::wire::{Array, Object};

/// Answers `sys/metrics`; the query `format=prometheus` asks for text.
pub(super) fn metrics(vault: &Vault, caller: &Caller, request: &ApiRequest) -> Result<ApiResponse> {
    let metrics = vault.metrics(caller)?;
    let text = request
        .query
        .iter()
        .any(|(name, value)| name == "format" && value.as_str() == "prometheus");
    if text {
        let body = Zeroizing::new(prometheus(&metrics).into_bytes());
        return Ok(ApiResponse::text(body));
    }
    let mut lists = [Array::new(), Array::new(), Array::new()];
    for metric in &metrics {
        let [gauges, counters, samples] = lists;
        lists = match metric.kind {
            MetricKind::Gauge => [gauges.object(number(metric, "Value")), counters, samples],
            MetricKind::Counter => [gauges, counters.object(number(metric, "Count")), samples],
            MetricKind::Timer => [gauges, counters, samples.object(timer(metric))],
        };
    }
    let [gauges, counters, samples] = lists;
    let object = Object::new()
        .text("Timestamp", &vault.now().to_string())
        .array("Gauges", gauges)
        .array("Points", Array::new())
        .array("Counters", counters)
        .array("Samples", samples);
    Ok(ApiResponse::new(200, object.finish()))
}

fn number(metric: &Metric, value: &str) -> Object {
    Object::new()
        .text("Name", metric.name)
        .number(value, metric.value)
        .object("Labels", Object::new())
}

/// Times are milliseconds, as in Vault.
fn timer(metric: &Metric) -> Object {
    let millis = metric.micros / 1_000;
    number(metric, "Count")
        .number("Sum", millis)
        .number("Mean", millis.checked_div(metric.value).unwrap_or_default())
}

fn prometheus(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let name = metric.name.replace('.', "_");
        let (kind, lines) = match metric.kind {
            MetricKind::Gauge => ("gauge", format!("{name} {}\n", metric.value)),
            MetricKind::Counter => ("counter", format!("{name} {}\n", metric.value)),
            MetricKind::Timer => {
                let (whole, rest) = (metric.micros / 1_000, metric.micros % 1_000);
                let sum = format!("{name}_sum {whole}.{rest:03}\n");
                ("summary", format!("{sum}{name}_count {}\n", metric.value))
            }
        };
        text.push_str(&format!("# TYPE {name} {kind}\n{lines}"));
    }
    text
}
