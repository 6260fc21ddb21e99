//! Pictures of networks: first a sketch (which boxes, which words), then SVG or Graphviz DOT.
//!
//! It must not know runs, journals or files.

mod dot;
mod svg;

pub use dot::dot;
pub use svg::{escape, svg};

use crate::output::grouped;
use hatchery_models::{
    expression::{Blueprint, Shape, blueprint},
    genome::{Genome, LayerGene, Norm},
    problem::{Problem, Task},
};

/// Kind of a box, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Input and output.
    End,
    /// Convolutions and modules made of them.
    Convolution,
    /// Pools.
    Pool,
    /// Fully connected layers.
    Dense,
    /// Normalisation, dropout, merge.
    Helper,
}

/// What is drawn within a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Nothing.
    Plain,
    /// Parallel branches.
    Branches(Vec<String>),
    /// A connection around the box.
    Skip,
}

/// One box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Kind, for the colour.
    pub family: Family,
    /// What it is.
    pub title: String,
    /// Shape of its output and parameters.
    pub detail: String,
    /// What is drawn within.
    pub inside: Inside,
    /// How many copies run side by side (views of a multi-view network); 1 otherwise.
    pub copies: u32,
}

/// A network as boxes from input to output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// The boxes.
    pub blocks: Vec<Block>,
}

impl Sketch {
    /// The sketch of a genome; where it is viable for the problem, with shapes and parameters.
    pub fn of(genome: &Genome, problem: &Problem) -> Self {
        let resolved = blueprint(genome, problem).ok();
        let merge = genome.layers.iter().position(|layer| matches!(layer, LayerGene::Merge));
        let copies = |index: usize| match merge {
            Some(merge) if problem.multi_view && index < merge => problem.channels,
            _ => 1,
        };
        let mut blocks = vec![input(problem)];
        blocks.extend(genome.layers.iter().enumerate().map(|(index, layer)| Block {
            family: family(layer),
            title: title(layer),
            detail: resolved.as_ref().map(|resolved| detail(resolved, index)).unwrap_or_default(),
            inside: inside(layer),
            copies: copies(index),
        }));
        blocks.push(output(problem));
        Self { blocks }
    }
}

/// Shape behind a layer.
fn detail(resolved: &Blueprint, index: usize) -> String {
    match resolved.layers.get(index) {
        Some(Shape::Flat(values)) => format!("{} values", grouped(*values as u64)),
        Some(Shape::Spatial { channels, height, width }) => format!("{channels} x {height} x {width}"),
        None => String::new(),
    }
}

fn input(problem: &Problem) -> Block {
    let Problem { channels, height, width, .. } = problem;
    let shape = match (height, width) {
        (1, 1) => format!("{channels} features"),
        _ => format!("{channels} x {height} x {width}"),
    };
    end("input, normalised".to_owned(), shape)
}

fn output(problem: &Problem) -> Block {
    match problem.task {
        Task::Classification { classes } => end("dense, softmax".to_owned(), format!("{classes} classes")),
        Task::Regression { targets: 1 } => end("dense".to_owned(), "1 target".to_owned()),
        Task::Regression { targets } => end("dense".to_owned(), format!("{targets} targets")),
    }
}

fn end(title: String, detail: String) -> Block {
    Block { family: Family::End, title, detail, inside: Inside::Plain, copies: 1 }
}

fn family(layer: &LayerGene) -> Family {
    match layer {
        LayerGene::Convolution(_) | LayerGene::Inception(_) | LayerGene::Residual(_) => Family::Convolution,
        LayerGene::MaxPool(_) | LayerGene::AveragePool(_) | LayerGene::GlobalAveragePool => Family::Pool,
        LayerGene::Dense(_) => Family::Dense,
        LayerGene::Normalisation { .. } | LayerGene::Dropout { .. } | LayerGene::Merge => Family::Helper,
    }
}

fn title(layer: &LayerGene) -> String {
    match layer {
        LayerGene::GlobalAveragePool => "global average pool".to_owned(),
        LayerGene::Merge => "merge views".to_owned(),
        LayerGene::Normalisation { norm: Norm::Batch } => "batch normalisation".to_owned(),
        LayerGene::Normalisation { norm: Norm::Layer } => "layer normalisation".to_owned(),
        LayerGene::Normalisation { norm: Norm::LocalResponse } => "local response normalisation".to_owned(),
        other => other.to_string(),
    }
}

fn inside(layer: &LayerGene) -> Inside {
    match layer {
        LayerGene::Residual(_) => Inside::Skip,
        LayerGene::Inception(genes) => {
            let names = ["1x1", "3x3", "5x5", "pool"];
            let branches = names.iter().zip(genes.branches).filter(|(_, filters)| *filters > 0);
            Inside::Branches(branches.map(|(name, filters)| format!("{name} {filters}")).collect())
        }
        _ => Inside::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn every_layer_has_a_box_with_its_shape() {
        let sketch = Sketch::of(&fixture::genome(), &fixture::problem());
        assert_eq!(sketch.blocks.len(), fixture::genome().layers.len() + 2);
        assert_eq!(sketch.blocks[0].detail, "1 x 8 x 8");
        assert_eq!(sketch.blocks[1].detail, "8 x 8 x 8");
        assert_eq!(
            sketch.blocks[2].inside,
            Inside::Branches(vec!["1x1 4".into(), "3x3 4".into(), "pool 4".into()])
        );
        assert_eq!(sketch.blocks[4].inside, Inside::Skip);
        assert_eq!(sketch.blocks[5].detail, "8 values");
    }

    #[test]
    fn pictures_have_a_shape_for_every_box_and_no_raw_text() {
        let mut sketch = Sketch::of(&fixture::genome(), &fixture::problem());
        sketch.blocks[1].title = "<a> & \"b\"".to_owned();
        let picture = svg(&sketch);
        assert_eq!(picture.matches("rx=\"6\"").count(), sketch.blocks.len());
        assert!(picture.contains("&lt;a&gt; &amp; &quot;b&quot;") && !picture.contains("<a>"));
        let graph = dot(&sketch);
        assert!(graph.contains("<a> & \\\"b\\\""), "{graph}");
        assert!(graph.starts_with("digraph") && graph.ends_with("}\n"));
    }

    #[test]
    fn views_run_side_by_side_up_to_the_merge() {
        let mut genome = fixture::genome();
        genome.layers.insert(1, LayerGene::Merge);
        let problem = Problem { channels: 3, multi_view: true, ..fixture::problem() };
        let sketch = Sketch::of(&genome, &problem);
        let copies: Vec<u32> = sketch.blocks.iter().map(|block| block.copies).collect();
        assert_eq!(copies[..4], [1, 3, 1, 1]);
        let graph = dot(&sketch);
        assert!(
            ["b0_0 -> b1_0", "b0_0 -> b1_2", "b1_0 -> b2_0", "b1_2 -> b2_0"]
                .iter()
                .all(|edge| graph.contains(edge))
        );
    }
}
