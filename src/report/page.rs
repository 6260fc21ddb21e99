//! The page: figures, charts, the winner, its lineage, the best of the others.

use super::{
    charts::{Axis, Chart, Mark},
    finalists, lineage, makers,
    table::{Cell, table},
};
use crate::{
    drawing::{Sketch, escape, svg},
    output::{duration, grouped, percent, six_digits},
    view::{Row, Run},
    yardstick::Yardstick,
};
use hatchery_actors::protocol::LeaseKind;
use std::fmt::Write;

/// How many of the best are listed.
const BEST_MAX: usize = 20;

/// How many of the front are listed.
const FRONT_MAX: usize = 30;

const STYLE: &str = include_str!("report.css");

/// The whole page. It asks for nothing outside itself.
pub fn page(run: &Run) -> String {
    let title = escape(&format!("{}: what the search found", run.name));
    let mut body = format!("<h1>{title}</h1>\n");
    body.push_str(&figures(run));
    body.push_str("<section><h2>Best score over time</h2>\n");
    body.push_str(&over_time(run).svg());
    body.push_str("</section>\n<section><h2>Score against size</h2>\n");
    body.push_str(&against_size(run).svg());
    body.push_str("</section>\n<section><h2>How evaluations ended</h2>\n");
    body.push_str(&outcomes(run));
    body.push_str("</section>\n<section><h2>Who made them</h2>\n");
    body.push_str(&makers::table(run));
    body.push_str("</section>\n");
    body.push_str(&makers::starting_points(run));
    body.push_str(&front(run));
    body.push_str(&finalists::section(run));
    if let Some(best) = &run.best {
        body.push_str(&winner(run, best.id));
    }
    body.push_str(&best_table(run));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn figures(run: &Run) -> String {
    let best = run.best.as_ref();
    let row = best.and_then(|best| run.row(best.id));
    let mut figures: Vec<(&str, String)> = Vec::new();
    if let Some(best) = best {
        figures.push(("test score", run.write_score(best.test_score)));
        figures.extend(beside_the_test(run));
        let valid = format!("{} {}", run.write_score(best.valid_score()), best.valid_score_origin());
        figures.push(("validation score", valid));
    }
    if let Some(row) = row {
        figures.push(("parameters", grouped(row.parameters)));
        figures.push(("multiply-adds", grouped(row.multiply_adds)));
    }
    figures.extend([
        ("evaluations", run.rows.len().to_string()),
        ("time", duration(run.elapsed_s)),
        ("networks per hour", format!("{:.0}", run.networks_per_hour())),
        ("trainers busy", percent(run.utilisation())),
        ("data", run.source.clone()),
        ("seed", run.seed.to_string()),
    ]);
    let mut text = String::from("<dl class=\"figures\">\n");
    for (name, value) in figures {
        _ = writeln!(text, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    text.push_str("</dl>\n");
    text
}

/// What the test score is to be held against.
fn beside_the_test(run: &Run) -> Vec<(&'static str, String)> {
    match (run.test_rmse(), &run.yardstick) {
        (Some((rmse, baseline)), _) => {
            vec![("test RMSE", six_digits(rmse)), ("RMSE of always the mean", six_digits(baseline))]
        }
        (None, Some(Yardstick::Majority { share, .. })) => {
            vec![("always the most frequent class", percent(*share))]
        }
        (None, _) => Vec::new(),
    }
}

/// The lowest score that is drawn in its place. A few failures must not squeeze the good ones into a line: what is
/// lower lies on the edge, where a pointer that rests on it is told the truth.
fn floor(run: &Run) -> f64 {
    let mut scores: Vec<f64> = run.rows.iter().filter_map(|row| row.score).collect();
    scores.sort_by(f64::total_cmp);
    match (scores.get(scores.len() / 2), scores.last()) {
        (Some(median), Some(best)) => median - 3.0 * (best - median).max(0.002),
        _ => 0.0,
    }
}

fn mark(run: &Run, row: &Row, x: f64, score: f64, low: f64) -> Mark {
    let title = format!(
        "{}: {} after {}, {}",
        row.id,
        run.write_score(row.score),
        duration(row.seconds),
        row.summary
    );
    let is_best = run.best.as_ref().is_some_and(|best| best.id == row.id);
    let class = match (is_best, score < low) {
        (true, _) => "winner",
        (false, true) => "low",
        (false, false) => "one",
    };
    Mark { x, y: score.max(low), class, title }
}

fn score_axis(run: &Run) -> Axis {
    if run.is_classification() {
        Axis { title: "validation accuracy", logarithmic: false, write: tick_percent }
    } else {
        Axis { title: "validation R squared", logarithmic: false, write: |value| format!("{value:.3}") }
    }
}

/// A share as a percentage without idle zeros: `98 %`, `97.5 %`.
fn tick_percent(share: f64) -> String {
    let text = format!("{:.3}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn over_time(run: &Run) -> Chart {
    let scored = || run.rows.iter().filter_map(|row| Some((row, row.score?)));
    let low = floor(run);
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (row, score) in scored() {
        if steps.last().is_none_or(|(_, best)| score > *best) {
            steps.push((row.finished_s, score.max(low)));
        }
    }
    Chart {
        label: "validation score of each evaluation, and the best so far, over time",
        x: Axis { title: "time since the start", logarithmic: false, write: duration },
        y: score_axis(run),
        marks: scored().map(|(row, score)| mark(run, row, row.finished_s, score, low)).collect(),
        steps,
        lines: Vec::new(),
    }
}

fn against_size(run: &Run) -> Chart {
    let scored = run.rows.iter().filter_map(|row| Some((row, row.score?)));
    let low = floor(run);
    Chart {
        label: "validation score against the number of parameters",
        x: Axis { title: "parameters", logarithmic: true, write: |value| grouped(value.round() as u64) },
        y: score_axis(run),
        marks: scored.map(|(row, score)| mark(run, row, row.parameters.max(1) as f64, score, low)).collect(),
        steps: Vec::new(),
        lines: Vec::new(),
    }
}

fn outcomes(run: &Run) -> String {
    let seconds: f64 = run.rows.iter().map(|row| row.seconds).sum();
    let mut text = String::from(
        "<table><thead><tr><th>outcome</th><th>evaluations</th><th>share of the training time</th></tr></thead><tbody>\n",
    );
    for (outcome, count) in run.outcomes() {
        let spent: f64 =
            run.rows.iter().filter(|row| row.outcome.word() == outcome).map(|row| row.seconds).sum();
        let share = if seconds > 0.0 { spent / seconds } else { 0.0 };
        _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{count}</td><td class=\"n\">{}</td></tr>",
            outcome.replace('_', " "),
            percent(share)
        );
    }
    text.push_str("</tbody></table>\n");
    text
}

fn winner(run: &Run, id: u64) -> String {
    let Some(row) = run.row(id) else { return String::new() };
    let mut text =
        format!("<section><h2>The winner: network {id}</h2>\n<p class=\"g\">{}</p>\n", escape(&row.summary));
    text.push_str("<div class=\"pair\"><div>\n");
    text.push_str(&svg(&Sketch::of(&row.genome, &run.problem)));
    let training = if row.kind == LeaseKind::Search { "in the search" } else { "at full length" };
    _ = write!(text, "</div><div>\n<h3>Learning curve {training}</h3>\n");
    text.push_str(&curve(row));
    text.push_str("</div></div>\n<h3>Its lineage</h3>\n");
    text.push_str(&lineage::table(run, id));
    text.push_str("</section>\n");
    text
}

fn curve(row: &Row) -> String {
    let points = |value: fn(&hatchery_models::training::outcome::EpochReport) -> f64| {
        row.curve.iter().map(|report| (f64::from(report.epoch), value(report))).collect()
    };
    let chart = Chart {
        label: "loss over epochs",
        x: Axis { title: "epoch", logarithmic: false, write: |value| format!("{value:.0}") },
        y: Axis { title: "loss", logarithmic: false, write: |value| format!("{value:.3}") },
        marks: Vec::new(),
        steps: Vec::new(),
        lines: vec![
            ("training", points(|report| report.training_loss)),
            ("validation", points(|report| report.validation_loss)),
        ],
    };
    chart.svg()
        + "<p class=\"legend\"><i class=\"training\"></i> training <i class=\"validation\"></i> validation</p>\n"
}

fn best_table(run: &Run) -> String {
    networks("The best", &run.ranked().into_iter().take(BEST_MAX).collect::<Vec<_>>(), run)
}

/// Whom none reaches that costs no more, the best score first.
fn front(run: &Run) -> String {
    let others: Vec<&str> =
        run.objectives.iter().map(|one| one.word()).filter(|one| *one != "error").collect();
    let against =
        if others.is_empty() { "parameters".to_owned() } else { others.join(", ").replace('_', "-") };
    let rows: Vec<&Row> = run.front().into_iter().rev().take(FRONT_MAX).collect();
    networks(&format!("The front: score against {against}"), &rows, run)
}

fn networks(title: &str, rows: &[&Row], run: &Run) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            Cell::Figure(row.id.to_string()),
            Cell::Figure(run.write_score(row.score)),
            Cell::Figure(grouped(row.parameters)),
            Cell::Figure(grouped(row.multiply_adds)),
            Cell::Figure(duration(row.seconds)),
            Cell::Genome(row.summary.clone()),
        ]
    });
    let table = table(&["id", "score", "parameters", "multiply-adds", "time", "genome"], cells);
    format!("<section><h2>{}</h2>\n<div class=\"wide\">{table}</div></section>\n", escape(title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn the_page_is_whole_and_asks_for_nothing_outside_itself() {
        let page = page(&fixture::run());
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        for word in ["http://", "https://", "<script", "<link", "@import", "url(", "<img"] {
            assert!(!outside.contains(word), "{word}");
        }
        for tag in ["html", "body", "main", "section", "table", "tbody", "svg", "dl", "div"] {
            let opened = page.matches(&format!("<{tag}")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn words_are_escaped_and_figures_are_there() {
        let page = page(&fixture::run());
        assert!(page.contains("digits &amp; co") && page.contains("&lt;widen&gt;"));
        assert!(!page.contains("<widen>"));
        assert!(page.contains("88.00 %") && page.contains("The winner: network 4"));
        assert!(page.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn the_test_score_has_something_to_be_held_against() {
        let mut run = fixture::run();
        run.yardstick = Some(Yardstick::Majority { class: "3".to_owned(), share: 0.182 });
        assert!(page(&run).contains("<dt>always the most frequent class</dt><dd>18.20 %</dd>"));
        run.yardstick = Some(Yardstick::Mean { rmse: vec![10.0] });
        let page = page(&run);
        assert!(page.contains("<dt>test RMSE</dt><dd>3.46410</dd>"), "0.88 explained of 100");
        assert!(page.contains("<dt>RMSE of always the mean</dt><dd>10.0000</dd>"));
    }

    #[test]
    fn a_run_without_results_has_a_page_too() {
        let mut run = fixture::run();
        run.rows.clear();
        run.best = None;
        let page = page(&run);
        assert!(page.ends_with("</html>\n") && !page.contains("NaN"));
    }

    #[test]
    fn a_few_failures_lie_on_the_edge_with_the_truth_beside_them() {
        let mut run = fixture::run();
        run.rows =
            (1..=9).map(|id| fixture::row(id, Some(if id == 3 { 0.1 } else { 0.97 }), 100, &[])).collect();
        let chart = over_time(&run);
        let low = chart.marks.iter().find(|mark| mark.class == "low").unwrap();
        assert!(low.y > 0.9 && low.title.contains("10.00 %"), "{low:?}");
        assert_eq!(chart.marks.iter().filter(|mark| mark.class == "low").count(), 1);
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(tick_percent(0.975), "97.5 %");
        assert_eq!(tick_percent(1.0), "100 %");
        assert_eq!(tick_percent(0.0), "0 %");
    }
}
