//! The problem: what goes in, what is to come out. Genomes, graphs and data meet here and know no more of each other.

use serde::{Deserialize, Serialize};

/// The problem that fixes a network's input stem and head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// Channels of an image; the number of features of a table.
    pub channels: u32,
    /// Rows of an image; 1 for a table.
    pub height: u32,
    /// Columns of an image; 1 for a table.
    pub width: u32,
    /// Whether each channel is a view of its own: the layers before `merge` are then built once per channel.
    pub multi_view: bool,
    /// What is predicted.
    pub task: Task,
}

impl Problem {
    /// Whether samples are rows of a table: features without positions.
    pub const fn is_table(&self) -> bool {
        self.height == 1 && self.width == 1
    }

    /// Whether the layers before `merge` are built once per channel. A table has no views.
    pub const fn has_views(&self) -> bool {
        self.multi_view && !self.is_table()
    }
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Task {
    /// One of this many classes; loss: softmax cross-entropy.
    Classification {
        /// Number of classes, at least 2.
        classes: u32,
    },
    /// This many real numbers; loss: mean squared error of standardised targets.
    Regression {
        /// Number of targets, at least 1.
        targets: u32,
    },
}

impl Task {
    /// Width of the output layer.
    pub const fn outputs(self) -> u32 {
        match self {
            Self::Classification { classes } => classes,
            Self::Regression { targets } => targets,
        }
    }
}
