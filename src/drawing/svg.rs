//! A sketch as SVG, one column of boxes. It styles itself by classes so that a page can recolour it.

use super::{Block, Family, Inside, Sketch};
use std::fmt::Write;

/// Width of the picture.
const WIDTH: u32 = 360;
/// Left edge and width of a box.
const BOX: (u32, u32) = (30, 270);
// Heights of a plain box, of the row of branches, and of the gap between boxes.
const PLAIN: u32 = 40;
const BRANCHES: u32 = 24;
const GAP: u32 = 18;
/// Offset of each further copy behind a box.
const COPY: u32 = 5;
/// Most copies that are drawn behind a box.
const COPIES_MAX: u32 = 4;

/// Colours, light and dark; a page may override the classes.
const STYLE: &str = "
.hn text{font:12px system-ui,sans-serif;fill:#1b1b1f}.hn .d{font-size:10.5px;fill:#5a5a66}
.hn rect{stroke:#5a5a66;stroke-width:1}.hn .e{fill:#ececf1}.hn .c{fill:#cfe3ff}.hn .p{fill:#d7f2dc}
.hn .f{fill:#ffe3c4}.hn .h{fill:#eee0fa}.hn path{stroke:#5a5a66;fill:none;stroke-width:1.4}
.hn .a{fill:#5a5a66;stroke:none}
@media (prefers-color-scheme:dark){.hn text{fill:#ececf1}.hn .d{fill:#b6b6c2}.hn rect{stroke:#9a9aa6}
.hn .e{fill:#33333b}.hn .c{fill:#1f3a5f}.hn .p{fill:#1f4a2c}.hn .f{fill:#5c3d1a}.hn .h{fill:#44305a}
.hn path{stroke:#b6b6c2}.hn .a{fill:#b6b6c2;stroke:none}}";

/// The sketch as a whole SVG document, which may also stand inside an HTML page.
pub fn svg(sketch: &Sketch) -> String {
    let mut body = String::new();
    let mut top = 10;
    for (index, block) in sketch.blocks.iter().enumerate() {
        if index > 0 {
            arrow(&mut body, top, top + GAP);
            top += GAP;
        }
        draw(&mut body, block, top);
        top += height(block);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hn\" width=\"{WIDTH}\" height=\"{h}\" \
         viewBox=\"0 0 {WIDTH} {h}\" role=\"img\" aria-label=\"layers of the network\">\n<style>{STYLE}</style>\n{body}</svg>\n",
        h = top + 10
    )
}

fn height(block: &Block) -> u32 {
    match block.inside {
        Inside::Branches(_) => PLAIN + BRANCHES,
        _ => PLAIN,
    }
}

const fn class(family: Family) -> &'static str {
    match family {
        Family::End => "e",
        Family::Convolution => "c",
        Family::Pool => "p",
        Family::Dense => "f",
        Family::Helper => "h",
    }
}

fn draw(body: &mut String, block: &Block, top: u32) {
    let (left, width) = BOX;
    let (class, height) = (class(block.family), height(block));
    for copy in (1..block.copies.min(COPIES_MAX)).rev() {
        let (x, y) = (left + copy * COPY, top + copy * COPY);
        _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
    }
    _ = writeln!(
        body,
        "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
    );
    let copies = if block.copies > 1 { format!(", {} copies", block.copies) } else { String::new() };
    let middle = left + width / 2;
    text(body, middle, top + 17, "", &escape(&format!("{}{copies}", block.title)));
    text(body, middle, top + 32, " class=\"d\"", &escape(&block.detail));
    match &block.inside {
        Inside::Plain => {}
        Inside::Branches(branches) => draw_branches(body, branches, top + PLAIN - 2),
        Inside::Skip => {
            let (right, bottom) = (left + width, top + height + 6);
            let start = top - 6;
            _ = writeln!(
                body,
                "<path d=\"M{middle} {start} H{out} V{bottom} H{middle}\"/>",
                out = right + 16
            );
        }
    }
}

fn draw_branches(body: &mut String, branches: &[String], top: u32) {
    let (left, width) = BOX;
    let count = branches.len().max(1) as u32;
    let each = (width - 10) / count;
    for (index, branch) in branches.iter().enumerate() {
        let x = left + 5 + index as u32 * each;
        _ = writeln!(
            body,
            "<rect class=\"e\" x=\"{x}\" y=\"{top}\" width=\"{w}\" height=\"19\" rx=\"3\"/>",
            w = each - 4
        );
        text(body, x + (each - 4) / 2, top + 13, " class=\"d\"", &escape(branch));
    }
}

fn text(body: &mut String, x: u32, y: u32, class: &str, words: &str) {
    _ = writeln!(body, "<text{class} x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{words}</text>");
}

fn arrow(body: &mut String, from: u32, to: u32) {
    let x = BOX.0 + BOX.1 / 2;
    let neck = to - 6;
    _ = writeln!(
        body,
        "<path d=\"M{x} {from} V{neck}\"/><path class=\"a\" d=\"M{a} {neck} H{b} L{x} {to} Z\"/>",
        a = x - 4,
        b = x + 4
    );
}

/// Text as it may stand in XML and HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
