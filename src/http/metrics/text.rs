//! Prometheus's text format (version 0.0.4) for figures that are read when somebody asks: those that are not there are
//! left out, which a recorder could not do.

use hatchery_actors::metrics::{Kind, METRICS, Metric};
use std::fmt::Write;

/// A page under construction.
pub struct Text {
    page: String,
    last: &'static str,
}

impl Text {
    /// What follows `page`.
    pub const fn new(page: String) -> Self {
        Self { page, last: "" }
    }

    /// A value of a metric of the list; values of one metric are put one after the other. One that is not on the list
    /// is left out: a test would find it.
    pub fn put(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let Some(metric) = METRICS.iter().find(|metric| metric.name == name) else { return };
        if self.last != metric.name {
            self.begin(metric);
        }
        self.page.push_str(metric.name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            _ = write!(self.page, "{before}{label}=\"{}\"", escaped(text));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        _ = writeln!(self.page, "{after} {}", number(value));
    }

    fn begin(&mut self, metric: &Metric) {
        self.last = METRICS.iter().find(|other| other.name == metric.name).map_or("", |metric| metric.name);
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = metric.help.replace('\\', "\\\\").replace('\n', "\\n");
        _ = writeln!(self.page, "# HELP {} {help}\n# TYPE {} {kind}", metric.name, metric.name);
    }

    /// The whole page.
    pub fn finish(self) -> String {
        self.page
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_help_and_kind_once_and_labels_are_data() {
        let mut text = Text::new(String::new());
        text.put("hatchery_workers", &[("state", "here")], 2.0);
        text.put("hatchery_workers", &[("state", "a\"b\\\n")], f64::INFINITY);
        text.put("process_cpu_seconds_total", &[], 0.25);
        text.put("not_on_the_list", &[], 1.0);
        let page = text.finish();
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 7, "{page}");
        assert!(
            lines[0].starts_with("# HELP hatchery_workers ") && lines[1] == "# TYPE hatchery_workers gauge"
        );
        assert_eq!(lines[2], "hatchery_workers{state=\"here\"} 2");
        assert_eq!(lines[3], "hatchery_workers{state=\"a\\\"b\\\\\\n\"} +Inf");
        assert_eq!(lines[6], "process_cpu_seconds_total 0.25");
    }
}
