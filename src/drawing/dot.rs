//! A sketch as a Graphviz DOT file.

use super::{Block, Family, Inside, Sketch};
use std::fmt::Write;

/// The sketch as a directed graph; views and branches are drawn side by side.
pub fn dot(sketch: &Sketch) -> String {
    let mut text = "digraph network {\n  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n"
        .to_owned();
    // Where the arrows into the next block come from.
    let mut sources: Vec<String> = Vec::new();
    for (index, block) in sketch.blocks.iter().enumerate() {
        let copies = block.copies.max(1) as usize;
        let mut ends = Vec::new();
        for copy in 0..copies {
            let from: Vec<String> = match sources.len() {
                // Views stay apart: each goes on from its own copy.
                count if count == copies && copies > 1 => sources.get(copy).cloned().into_iter().collect(),
                _ => sources.clone(),
            };
            ends.push(write_block(&mut text, block, &format!("b{index}_{copy}"), &from));
        }
        sources = ends;
    }
    text.push_str("}\n");
    text
}

/// Writes one copy of a block with the arrows into it; returns the node that arrows leave from.
fn write_block(text: &mut String, block: &Block, id: &str, from: &[String]) -> String {
    let label = format!("{}\\n{}", escape(&block.title), escape(&block.detail));
    _ = writeln!(text, "  {id} [label=\"{label}\", fillcolor=\"{}\"];", colour(block.family));
    match &block.inside {
        Inside::Plain => arrows(text, from, id, ""),
        Inside::Skip => {
            let sum = format!("{id}_sum");
            _ = writeln!(text, "  {sum} [label=\"+\", shape=circle, fillcolor=\"{}\"];", colour(Family::End));
            arrows(text, from, id, "");
            arrows(text, from, &sum, " [style=dashed]");
            _ = writeln!(text, "  {id} -> {sum};");
            return sum;
        }
        Inside::Branches(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                let node = format!("{id}_{index}");
                _ = writeln!(
                    text,
                    "  {node} [label=\"{}\", fillcolor=\"{}\"];",
                    escape(branch),
                    colour(Family::End)
                );
                arrows(text, from, &node, "");
                _ = writeln!(text, "  {node} -> {id};");
            }
        }
    }
    id.to_owned()
}

fn arrows(text: &mut String, from: &[String], to: &str, style: &str) {
    for source in from {
        _ = writeln!(text, "  {source} -> {to}{style};");
    }
}

const fn colour(family: Family) -> &'static str {
    match family {
        Family::End => "#ececf1",
        Family::Convolution => "#cfe3ff",
        Family::Pool => "#d7f2dc",
        Family::Dense => "#ffe3c4",
        Family::Helper => "#eee0fa",
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
