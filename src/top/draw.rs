//! How a run is drawn on whatever room there is. Texts come from elsewhere: none of their characters is a command.

use super::view::{NodeView, State, View};
use crate::output::{duration, grouped, percent, plain};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Chart, Dataset, Gauge, GraphType, Paragraph, Wrap},
};

/// Lines that a chart needs to say anything, and the most that it takes.
const CHART_LINES: (u16, u16) = (6, 10);
/// Lines above the chart: name and state, budget, gauge, best.
const HEAD_LINES: u16 = 5;
/// Lines below the tables: outcomes, incidents, keys.
const FOOT_LINES: u16 = 3;
/// From so many lines on there is a chart.
const CHART_FROM_LINES: u16 = 22;
/// From so many columns on the two tables stand side by side.
const TWO_TABLES_FROM_COLUMNS: u16 = 100;

/// Draws it all.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let Some(view) = &state.view else {
        frame.render_widget(Paragraph::new("looking .."), area);
        return;
    };
    let chart = if area.height >= CHART_FROM_LINES {
        (area.height / 3).clamp(CHART_LINES.0, CHART_LINES.1)
    } else {
        0
    };
    let [head_area, chart_area, tables_area, foot_area] = Layout::vertical([
        Constraint::Length(HEAD_LINES),
        Constraint::Length(chart),
        Constraint::Min(0),
        Constraint::Length(FOOT_LINES),
    ])
    .areas(area);
    head(frame, head_area, view);
    if chart > 0 {
        course(frame, chart_area, view);
    }
    let [left, right] = if area.width >= TWO_TABLES_FROM_COLUMNS {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(tables_area)
    } else {
        Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(tables_area)
    };
    frame.render_widget(Paragraph::new(nodes(view)), left);
    frame.render_widget(Paragraph::new(ranking(view)), right);
    foot(frame, foot_area, state, view);
}

fn head(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let [words, gauge, best] =
        Layout::vertical([Constraint::Length(2), Constraint::Length(1), Constraint::Length(2)]).areas(area);
    let left = view.left_s.map(|left| format!(", about {} left", duration(left))).unwrap_or_default();
    let of = view.evaluations_max.map(|max| format!(" of {}", grouped(max))).unwrap_or_default();
    let title = Line::from(vec![
        Span::styled(plain(&view.title).into_owned(), Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}", plain(&view.state))),
    ]);
    let budget = format!(
        "{}{of} evaluations in {}{left}; {:.0} an hour, trainers {} busy",
        grouped(view.evaluations),
        duration(view.elapsed_s),
        view.per_hour,
        percent(view.utilisation)
    );
    frame.render_widget(Paragraph::new(vec![title, Line::from(budget)]), words);
    frame
        .render_widget(Gauge::default().gauge_style(Style::new().fg(Color::Green)).ratio(spent(view)), gauge);
    let lines = match view.ranking.first() {
        Some(first) => vec![
            Line::from(format!(
                "best: network {}, {} {}, {} parameters",
                first.id,
                plain(&view.score_name),
                score(view, first.score),
                grouped(first.parameters)
            )),
            Line::from(format!("      {}", plain(&first.summary))),
        ],
        None => vec![Line::from("best: none yet")],
    };
    frame.render_widget(Paragraph::new(lines), best);
}

/// The share of the budget that is spent: of evaluations and of time the greater one.
fn spent(view: &View) -> f64 {
    let by_count = view.evaluations_max.map_or(0.0, |max| view.evaluations as f64 / max.max(1) as f64);
    let by_time =
        view.left_s.map_or(0.0, |left| view.elapsed_s / (view.elapsed_s + left).max(f64::MIN_POSITIVE));
    let spent = by_count.max(by_time);
    if spent.is_finite() { spent.clamp(0.0, 1.0) } else { 0.0 }
}

/// The best over time, in steps.
fn course(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (seconds, score) in
        view.course.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite())
    {
        points.extend(points.last().map(|(_, before)| (seconds, *before)));
        points.push((seconds, score));
    }
    let Some((&(_, low), &(_, high))) = points.first().zip(points.last()) else { return };
    let end = view.elapsed_s.max(points.last().map_or(0.0, |point| point.0)).max(1.0);
    points.push((end, high));
    // A flat course is drawn in the middle.
    let room = if high > low { 0.0 } else { 0.5 * low.abs().max(0.1) };
    let bounds = [low - room, high + room];
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::new().fg(Color::Cyan))
        .data(&points);
    let label = |value: f64| Span::raw(score(view, Some(value)));
    let chart = Chart::new(vec![dataset])
        .x_axis(Axis::default().bounds([0.0, end]).labels([Span::raw("0s"), Span::raw(duration(end))]))
        .y_axis(Axis::default().bounds(bounds).labels([label(bounds[0]), label(bounds[1])]));
    frame.render_widget(chart, area);
}

fn nodes(view: &View) -> Vec<Line<'static>> {
    let mut order: Vec<&NodeView> = view.nodes.iter().collect();
    order.sort_by_key(|node| node.slots.is_empty());
    let mut lines = vec![heading(format!("nodes ({})", view.nodes.len()))];
    for node in order {
        lines.push(Line::from(format!(
            "{}  {}, {} done",
            plain(&node.name),
            plain(&node.state),
            node.evaluations
        )));
        for slot in &node.slots {
            let epoch = slot.epoch.map(|epoch| format!("{epoch}/")).unwrap_or_default();
            lines.push(Line::from(format!(
                "  {:>6}  epoch {epoch}{}  {}  {}",
                slot.evaluation,
                slot.epochs,
                duration(slot.seconds),
                plain(&slot.summary)
            )));
        }
    }
    lines
}

fn ranking(view: &View) -> Vec<Line<'static>> {
    let mut lines = vec![heading(format!("best by {}", plain(&view.score_name)))];
    lines.extend(view.ranking.iter().map(|one| {
        let (score, parameters) = (score(view, one.score), grouped(one.parameters));
        Line::from(format!("  {:>6}  {score:>8}  {parameters:>11}  {}", one.id, plain(&one.summary)))
    }));
    lines
}

/// What is in the way of a look takes the place of all else.
fn foot(frame: &mut Frame<'_>, area: Rect, state: &State, view: &View) {
    let wrapped = |lines: Vec<Line<'static>>| Paragraph::new(lines).wrap(Wrap { trim: false });
    if let Some(trouble) = &state.trouble {
        let line = Line::styled(plain(trouble).into_owned(), Style::new().fg(Color::Red));
        frame.render_widget(wrapped(vec![line]), area);
        return;
    }
    let [words, keys] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let incidents: Vec<_> = view.incidents.iter().map(|one| plain(one).into_owned()).collect();
    let incidents = Line::styled(incidents.join("; "), Style::new().fg(Color::Yellow));
    frame.render_widget(wrapped(vec![Line::from(ended(view)), incidents]), words);
    frame.render_widget(Line::styled("q ends", Style::new().add_modifier(Modifier::DIM)), keys);
}

/// How evaluations ended, and who made the networks.
fn ended(view: &View) -> String {
    let outcome =
        |(word, count): &(String, u64)| format!("{} {}", grouped(*count), plain(word).replace('_', " "));
    let outcomes: Vec<String> = view.outcomes.iter().map(outcome).collect();
    let maker = |(maker, count): &(String, u64)| format!("{} {}", plain(maker), grouped(*count));
    let makers: Vec<String> = view.makers.iter().map(maker).collect();
    let made = if makers.is_empty() { String::new() } else { format!("; made by {}", makers.join(", ")) };
    format!("{}{made}", outcomes.join(", "))
}

fn heading(words: String) -> Line<'static> {
    Line::styled(words, Style::new().add_modifier(Modifier::BOLD))
}

fn score(view: &View, score: Option<f64>) -> String {
    match score {
        Some(score) if view.score_name == "accuracy" => percent(score),
        Some(score) => format!("{score:.4}"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::view::{Ranked, SlotView};
    use ratatui::{Terminal, backend::TestBackend};

    fn state() -> State {
        let slot = SlotView {
            evaluation: 61,
            epoch: Some(3),
            epochs: 10,
            seconds: 4.2,
            summary: "conv \u{1b}[31m<script>".to_owned(),
        };
        let node = NodeView {
            name: "worker-0@host".to_owned(),
            state: "here".to_owned(),
            evaluations: 30,
            slots: vec![slot],
        };
        let gone =
            NodeView { name: "worker-1@host".to_owned(), state: "gone: silent".to_owned(), ..node.clone() };
        let best = Ranked { id: 42, score: Some(0.9875), parameters: 41_234, summary: "dense 8".to_owned() };
        let view = View {
            title: "digits-1".to_owned(),
            state: "search".to_owned(),
            elapsed_s: 75.0,
            left_s: Some(45.0),
            evaluations: 60,
            evaluations_max: Some(100),
            per_hour: 2880.0,
            utilisation: 0.97,
            score_name: "accuracy".to_owned(),
            ranking: vec![best],
            course: vec![(2.0, 0.5), (30.0, 0.9), (60.0, 0.9875)],
            outcomes: vec![("completed".to_owned(), 58), ("out_of_memory".to_owned(), 2)],
            makers: vec![("breeder".to_owned(), 40), ("refiner".to_owned(), 20)],
            nodes: vec![NodeView { slots: vec![], ..gone }, node],
            incidents: vec!["worker restarts 1".to_owned()],
        };
        State { view: Some(view), trouble: None }
    }

    fn drawn(state: &State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn everything_is_there_on_a_usual_terminal() {
        let screen = drawn(&state(), 120, 40);
        for words in [
            "digits-1  search",
            "60 of 100 evaluations in 1m15s, about 45s left; 2880 an hour, trainers 97.00 % busy",
            "63%",
            "best: network 42, accuracy 98.75 %, 41,234 parameters",
            "nodes (2)",
            "worker-0@host  here, 30 done",
            "epoch 3/10  4.2s  conv ␛[31m<script>",
            "worker-1@host  gone: silent",
            "best by accuracy",
            "58 completed, 2 out of memory; made by breeder 40, refiner 20",
            "worker restarts 1",
            "q ends",
        ] {
            assert!(screen.contains(words), "{words:?} is missing in\n{screen}");
        }
        let braille = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
        assert!(screen.contains(braille) && !screen.contains('\u{1b}'), "{screen}");
    }

    #[test]
    fn what_matters_most_stays_where_there_is_little_room() {
        let screen = drawn(&state(), 40, 12);
        assert!(
            screen.contains("60 of 100") && screen.contains("network 42") && screen.contains("q ends"),
            "{screen}"
        );
        for (width, height) in [(1, 1), (3, 40), (200, 2), (20, 5), (10, 23), (100, 22)] {
            drawn(&state(), width, height);
            drawn(&State { view: Some(View::default()), trouble: None }, width, height);
            drawn(&State::default(), width, height);
        }
    }

    #[test]
    fn a_view_with_odd_numbers_is_drawn() {
        let mut state = state();
        if let Some(view) = &mut state.view {
            view.course = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 0.5)];
            (view.elapsed_s, view.left_s, view.evaluations_max) = (f64::NAN, Some(f64::INFINITY), Some(0));
        }
        assert!(drawn(&state, 80, 30).contains("digits-1"));
    }

    #[test]
    fn trouble_is_said_below_the_last_look() {
        let mut state = state();
        state.on_look(Err("http://x cannot be reached".to_owned()));
        let screen = drawn(&state, 80, 24);
        assert!(screen.contains("cannot be reached") && screen.contains("digits-1"), "{screen}");
    }
}
