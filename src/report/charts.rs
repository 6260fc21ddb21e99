//! Charts as inline SVG: a plane with two axes, on which points, lines and steps are drawn.
//!
//! Colours come from the page's classes, so that light and dark need no second drawing.

use crate::drawing::escape;
use std::fmt::Write;

/// Size of a chart.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
/// Space around the plane: left, top, right, bottom.
const MARGIN: [f64; 4] = [62.0, 14.0, 14.0, 44.0];
/// About how many ticks an axis has.
const TICKS: f64 = 6.0;
/// Most marks on a chart; of more, evenly spaced ones are drawn, so that the page stays small.
const MARKS_MAX: usize = 4000;

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: &'static str,
    /// Whether it is logarithmic (base 10).
    pub logarithmic: bool,
    /// How a value is written at a tick.
    pub write: fn(f64) -> String,
}

/// One mark.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Value on the horizontal axis.
    pub x: f64,
    /// Value on the vertical axis.
    pub y: f64,
    /// Class, for the colour.
    pub class: &'static str,
    /// What a pointer that rests on it is told.
    pub title: String,
}

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// For readers that do not see it.
    pub label: &'static str,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Points.
    pub marks: Vec<Mark>,
    /// A line through points, drawn as steps.
    pub steps: Vec<(f64, f64)>,
    /// Straight lines through points, each with its class.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// From values to the page.
struct Scale {
    min: f64,
    max: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, axis: &Axis, from: f64, to: f64) -> Self {
        let values = values.filter(|value| value.is_finite() && (!axis.logarithmic || *value > 0.0));
        let values = values.map(|value| if axis.logarithmic { value.log10() } else { value });
        let (mut min, mut max) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)));
        if min > max {
            (min, max) = (0.0, 1.0);
        }
        let pad = if max > min { 0.04 * (max - min) } else { 0.5 * max.abs().max(0.1) };
        Self { min: min - pad, max: max + pad, from, to, logarithmic: axis.logarithmic }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        self.from + (value - self.min) / (self.max - self.min) * (self.to - self.from)
    }

    /// Round values within the scale, about `TICKS` of them.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.max - self.min) / TICKS;
        if self.logarithmic && rough < 1.0 {
            return self.logarithmic_ticks();
        }
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
        let step = if self.logarithmic { step.unwrap_or(power).round() } else { step.unwrap_or(power) };
        let first = (self.min / step).ceil() as i64;
        let last = (self.max / step).floor() as i64;
        let ticks = (first..=last.min(first + 20)).map(|index| index as f64 * step);
        ticks.map(|tick| if self.logarithmic { 10f64.powf(tick) } else { tick }).collect()
    }

    /// Powers of ten, with 2 and 5 between them where there is room.
    fn logarithmic_ticks(&self) -> Vec<f64> {
        let factors: &[f64] = if self.max - self.min < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = self.min.floor() as i32..=self.max.ceil() as i32;
        let ticks = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
        ticks.filter(|tick| (self.min..=self.max).contains(&tick.log10())).collect()
    }
}

impl Chart {
    /// The chart as an `svg` element.
    pub fn svg(&self) -> String {
        let [left, top, right, bottom] = MARGIN;
        let lines = || self.lines.iter().flat_map(|(_, points)| points.iter());
        let xs =
            self.marks.iter().map(|mark| mark.x).chain(self.steps.iter().chain(lines()).map(|point| point.0));
        let ys =
            self.marks.iter().map(|mark| mark.y).chain(self.steps.iter().chain(lines()).map(|point| point.1));
        let x = Scale::of(xs, &self.x, left, WIDTH - right);
        let y = Scale::of(ys, &self.y, HEIGHT - bottom, top);
        let mut text = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(self.label)
        );
        self.draw_axes(&mut text, &x, &y);
        let every = self.marks.len().div_ceil(MARKS_MAX).max(1);
        for mark in self.marks.iter().step_by(every).filter(|mark| mark.x.is_finite() && mark.y.is_finite()) {
            let Mark { class, title, .. } = mark;
            let (x, y) = (x.place(mark.x), y.place(mark.y));
            _ = writeln!(
                text,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"><title>{}</title></circle>",
                escape(title)
            );
        }
        for (class, points) in &self.lines {
            let points: Vec<_> =
                points.iter().map(|(a, b)| format!("{:.1},{:.1}", x.place(*a), y.place(*b))).collect();
            _ = writeln!(text, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
        }
        self.draw_steps(&mut text, &x, &y);
        text.push_str("</svg>\n");
        text
    }

    fn draw_axes(&self, text: &mut String, x: &Scale, y: &Scale) {
        let [left, top, right, bottom] = MARGIN;
        for tick in x.ticks() {
            let at = x.place(tick);
            _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{at:.1} {top} V{low}\"/><text class=\"tick\" x=\"{at:.1}\" y=\"{label}\" \
                 text-anchor=\"middle\">{}</text>",
                escape(&(self.x.write)(tick)),
                low = HEIGHT - bottom,
                label = HEIGHT - bottom + 16.0
            );
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{left} {at:.1} H{end}\"/><text class=\"tick\" x=\"{label}\" y=\"{base:.1}\" \
                 text-anchor=\"end\">{}</text>",
                escape(&(self.y.write)(tick)),
                end = WIDTH - right,
                label = left - 6.0,
                base = at + 4.0
            );
        }
        _ = writeln!(
            text,
            "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"axis\" transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (left + WIDTH - right) / 2.0,
            HEIGHT - 8.0,
            escape(self.x.title),
            (top + HEIGHT - bottom) / 2.0,
            escape(self.y.title)
        );
    }

    fn draw_steps(&self, text: &mut String, x: &Scale, y: &Scale) {
        let Some((first, rest)) = self.steps.split_first() else { return };
        let mut path = format!("M{:.1} {:.1}", x.place(first.0), y.place(first.1));
        for (a, b) in rest {
            _ = write!(path, " H{:.1} V{:.1}", x.place(*a), y.place(*b));
        }
        _ = write!(path, " H{:.1}", WIDTH - MARGIN[2]);
        _ = writeln!(text, "<path class=\"best\" d=\"{path}\"/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(marks: Vec<Mark>) -> Chart {
        let axis = |logarithmic| Axis { title: "x", logarithmic, write: |value| format!("{value:.0}") };
        Chart { label: "test", x: axis(true), y: axis(false), marks, steps: Vec::new(), lines: Vec::new() }
    }

    fn mark(x: f64, y: f64) -> Mark {
        Mark { x, y, class: "completed", title: "a < b".to_owned() }
    }

    #[test]
    fn odd_values_leave_the_chart_whole() {
        for marks in [
            vec![],
            vec![mark(1.0, 1.0)],
            vec![mark(0.0, 0.0), mark(10.0, f64::NAN)],
            vec![mark(1.0, 2.0), mark(1e12, -3.0)],
        ] {
            let svg = chart(marks).svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.ends_with("</svg>\n"));
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis { title: "", logarithmic: false, write: |value| value.to_string() };
        let scale = Scale::of([0.0, 97.0].into_iter(), &axis, 0.0, 100.0);
        assert_eq!(scale.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let axis = Axis { logarithmic: true, ..axis };
        let scale = Scale::of([90.0, 2100.0].into_iter(), &axis, 0.0, 100.0);
        assert_eq!(scale.ticks(), [100.0, 200.0, 500.0, 1000.0, 2000.0]);
    }
}
