//! A gauge that is sampled at each scrape.

use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str, figure: u64) {
    registry.register(name, help, ConstGauge::new(figure));
}
