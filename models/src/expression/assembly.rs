//! What each gene means: the walk from layer genes to primitive operations.

use super::{
    blueprint::{Blueprint, Convolution, NotViable, Operation, Origin, Reason, STEPS_MAX, Step, VOLUME_MAX},
    pool_first::pool_first,
    shape::{Shape, slide},
};
use crate::{
    genome::{self, Activation, Genome, Groups, LayerGene, Norm, Padding, Pool, check},
    graph::operators::window::Window,
    problem::Problem,
};

/// Window of an inception module's pooling branch.
const INCEPTION_POOL: Pool = Pool { kernel: 3, stride: 1, padding: Padding::Same };

/// A step's index.
type Place = usize;

/// How a window slides, sides not yet known.
struct Sliding {
    kernel: [usize; 2],
    stride: usize,
    dilation: usize,
    padding: Padding,
}

/// Resolves a genome against a problem.
///
/// # Errors
/// The first gene that is out of range, or the first layer that cannot be where it is.
pub fn blueprint(genome: &Genome, problem: &Problem) -> Result<Blueprint, NotViable> {
    let mut blueprint = assemble(genome, problem)?;
    pool_first(&mut blueprint.steps);
    Ok(blueprint)
}

/// The same, each operation where the genes have it.
pub(super) fn assemble(genome: &Genome, problem: &Problem) -> Result<Blueprint, NotViable> {
    check(genome)?;
    check_problem(problem)?;
    let mut assembly = Assembly::new(genome.layers.len());
    let merge = genome.layers.iter().position(|gene| *gene == LayerGene::Merge);
    let mut trunk = 0;
    let mut place = match (problem.has_views(), merge) {
        (false, _) => assembly.input(problem),
        (true, None) => return Err(NotViable::NoMerge),
        (true, Some(merge)) => {
            trunk = merge + 1;
            assembly.towers(&genome.layers[..merge], problem)?
        }
    };
    assembly.view = None;
    for (index, gene) in genome.layers.iter().enumerate().skip(trunk) {
        place = assembly.layer(index, gene, place)?;
    }
    assembly.head(place, problem.task.outputs() as usize)?;
    Ok(Blueprint { steps: assembly.steps, layers: assembly.layers })
}

fn check_problem(problem: &Problem) -> Result<(), NotViable> {
    let Problem { channels, height, width, task, .. } = *problem;
    let outputs = task.outputs();
    let volume = u64::from(channels).saturating_mul(u64::from(height)).saturating_mul(u64::from(width));
    if outputs == 0 || volume == 0 || volume > VOLUME_MAX as u64 {
        return Err(NotViable::EmptyProblem { channels, height, width, outputs });
    }
    Ok(())
}

/// The network so far.
struct Assembly {
    steps: Vec<Step>,
    layers: Vec<Shape>,
    gene: Option<usize>,
    view: Option<usize>,
    part: &'static str,
}

impl Assembly {
    fn new(layers: usize) -> Self {
        Self {
            steps: Vec::with_capacity(4 * layers + 4),
            layers: Vec::with_capacity(layers),
            gene: None,
            view: None,
            part: "",
        }
    }

    fn input(&mut self, problem: &Problem) -> Place {
        let [channels, height, width] =
            [problem.channels as usize, problem.height as usize, problem.width as usize];
        let table = problem.is_table();
        let shape = if table { Shape::Flat(channels) } else { Shape::Spatial { channels, height, width } };
        self.push(Operation::Input, &[], shape)
    }

    /// One copy of the layers per channel, each with parameters of its own, and their channels side by side.
    fn towers(&mut self, layers: &[LayerGene], problem: &Problem) -> Result<Place, NotViable> {
        let input = self.input(problem);
        let shape =
            Shape::Spatial { channels: 1, height: problem.height as usize, width: problem.width as usize };
        let mut tops = Vec::with_capacity(problem.channels as usize);
        for channel in 0..problem.channels as usize {
            (self.view, self.gene, self.part) = (Some(channel), None, "");
            self.layers.clear();
            let mut place = self.push(Operation::View { channel }, &[input], shape);
            for (index, gene) in layers.iter().enumerate() {
                place = self.layer(index, gene, place)?;
            }
            tops.push(place);
            if self.steps.len() > STEPS_MAX {
                return Err(locate(layers.len(), &LayerGene::Merge, Reason::TooManySteps));
            }
        }
        (self.view, self.gene, self.part) = (None, Some(layers.len()), "");
        let place = self.concatenate(&tops);
        let place = place.map_err(|reason| locate(layers.len(), &LayerGene::Merge, reason))?;
        self.close_layer(layers.len(), &LayerGene::Merge, place)
    }

    fn layer(&mut self, index: usize, gene: &LayerGene, place: Place) -> Result<Place, NotViable> {
        (self.gene, self.part) = (Some(index), "");
        let place = self.express(gene, place).map_err(|reason| locate(index, gene, reason))?;
        self.close_layer(index, gene, place)
    }

    fn close_layer(&mut self, index: usize, gene: &LayerGene, place: Place) -> Result<Place, NotViable> {
        let volume = self.steps[place].shape.volume();
        if volume > VOLUME_MAX {
            return Err(locate(index, gene, Reason::TooLarge { volume: volume as u64 }));
        }
        if self.steps.len() > STEPS_MAX {
            return Err(locate(index, gene, Reason::TooManySteps));
        }
        self.layers.push(self.steps[place].shape);
        Ok(place)
    }

    fn express(&mut self, gene: &LayerGene, place: Place) -> Result<Place, Reason> {
        match gene {
            LayerGene::Convolution(genes) => self.convolution_layer(genes, place),
            LayerGene::MaxPool(genes) => self.pool(genes, Operation::MaxPool, place),
            LayerGene::AveragePool(genes) => self.pool(genes, Operation::AveragePool, place),
            LayerGene::GlobalAveragePool => {
                let (channels, ..) = self.spatial(place)?;
                Ok(self.push(Operation::GlobalAveragePool, &[place], Shape::Flat(channels)))
            }
            LayerGene::Inception(genes) => self.inception(genes, place),
            LayerGene::Residual(genes) => self.residual(genes, place),
            LayerGene::Dense(genes) => {
                let place = self.dense(place, genes.units as usize, genes.norm != Norm::Batch);
                self.tail(place, genes.norm, genes.activation)
            }
            LayerGene::Normalisation { norm } => self.normalise(place, *norm),
            LayerGene::Dropout { ratio } => Ok(self.keep_shape(Operation::Dropout { ratio: *ratio }, place)),
            LayerGene::Merge => Err(Reason::UnexpectedMerge),
        }
    }

    fn convolution_layer(&mut self, genes: &genome::Convolution, place: Place) -> Result<Place, Reason> {
        let (channels, ..) = self.spatial(place)?;
        let (filters, groups) = resolve_groups(genes.groups, channels, genes.filters as usize);
        let sliding = Sliding {
            kernel: genes.kernel.map(|side| side as usize),
            stride: genes.stride as usize,
            dilation: genes.dilation as usize,
            padding: genes.padding,
        };
        let place = self.convolve(place, filters, &sliding, groups, genes.norm != Norm::Batch)?;
        self.tail(place, genes.norm, genes.activation)
    }

    /// Branches: 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max pool then 1x1. Concatenated, normalised, activated.
    fn inception(&mut self, genes: &genome::Inception, place: Place) -> Result<Place, Reason> {
        let bias = genes.norm != Norm::Batch;
        let [one, three, five, pooled] = genes.branches.map(|width| width as usize);
        let mut tops = Vec::with_capacity(4);
        if one > 0 {
            tops.push(self.plain(place, "one", one, 1, 1, bias)?);
        }
        for (parts, width, kernel) in
            [(["three_entry", "three"], three, 3), (["five_entry", "five"], five, 5)]
        {
            if width > 0 {
                let entry = self.plain(place, parts[0], genes.bottleneck as usize, 1, 1, true)?;
                let entry = self.activate(entry, genes.activation);
                tops.push(self.plain(entry, parts[1], width, kernel, 1, bias)?);
            }
        }
        if pooled > 0 {
            let pool = self.pool(&INCEPTION_POOL, Operation::MaxPool, place)?;
            tops.push(self.plain(pool, "pooled", pooled, 1, 1, bias)?);
        }
        self.part = "";
        let place = self.concatenate(&tops)?;
        self.tail(place, genes.norm, genes.activation)
    }

    fn residual(&mut self, genes: &genome::Residual, place: Place) -> Result<Place, Reason> {
        let bias = genes.norm != Norm::Batch;
        let (filters, stride) = (genes.filters as usize, genes.stride as usize);
        let first = self.plain(place, "first", filters, 3, stride, bias)?;
        let first = self.tail(first, genes.norm, genes.activation)?;
        let second = self.plain(first, "second", filters, 3, 1, bias)?;
        let second = self.normalise(second, genes.norm)?;
        let shape = self.steps[second].shape;
        let skip = if self.steps[place].shape == shape {
            place
        } else {
            self.plain(place, "skip", filters, 1, stride, true)?
        };
        self.part = "";
        let sum = self.push(Operation::Add, &[second, skip], shape);
        Ok(self.activate(sum, genes.activation))
    }

    /// A square, undilated, ungrouped convolution of padding same.
    fn plain(
        &mut self,
        place: Place,
        part: &'static str,
        filters: usize,
        kernel: usize,
        stride: usize,
        bias: bool,
    ) -> Result<Place, Reason> {
        self.part = part;
        let sliding = Sliding { kernel: [kernel; 2], stride, dilation: 1, padding: Padding::Same };
        self.convolve(place, filters, &sliding, 1, bias)
    }

    fn convolve(
        &mut self,
        place: Place,
        filters: usize,
        sliding: &Sliding,
        groups: usize,
        bias: bool,
    ) -> Result<Place, Reason> {
        let (window, height, width) = self.window(place, sliding)?;
        let dilation = [sliding.dilation; 2];
        let operation = Operation::Convolution(Convolution { window, dilation, groups, bias });
        Ok(self.push(operation, &[place], Shape::Spatial { channels: filters, height, width }))
    }

    fn pool(
        &mut self,
        genes: &Pool,
        operation: fn(Window) -> Operation,
        place: Place,
    ) -> Result<Place, Reason> {
        let (channels, ..) = self.spatial(place)?;
        let sliding = Sliding {
            kernel: [genes.kernel as usize; 2],
            stride: genes.stride as usize,
            dilation: 1,
            padding: genes.padding,
        };
        let (window, height, width) = self.window(place, &sliding)?;
        Ok(self.push(operation(window), &[place], Shape::Spatial { channels, height, width }))
    }

    /// Slides a window over a step's rows and columns: the window, and rows and columns of the result.
    fn window(&self, place: Place, sliding: &Sliding) -> Result<(Window, usize, usize), Reason> {
        let (_, height, width) = self.spatial(place)?;
        let Sliding { kernel, stride, dilation, padding } = *sliding;
        let axis = |size: usize, kernel: usize| {
            let extent = (kernel - 1) * dilation + 1;
            slide(size, kernel, stride, dilation, padding).ok_or(Reason::WindowTooLarge { extent, size })
        };
        let (rows, columns) = (axis(height, kernel[0])?, axis(width, kernel[1])?);
        let pads = [rows.before, columns.before, rows.after, columns.after];
        Ok((Window { kernel, stride: [stride; 2], pads }, rows.size, columns.size))
    }

    fn dense(&mut self, place: Place, units: usize, bias: bool) -> Place {
        let shape = self.steps[place].shape;
        let place = match shape {
            Shape::Flat(_) => place,
            Shape::Spatial { .. } => self.push(Operation::Flatten, &[place], Shape::Flat(shape.volume())),
        };
        self.push(Operation::Dense { bias }, &[place], Shape::Flat(units))
    }

    fn head(&mut self, place: Place, outputs: usize) -> Result<(), NotViable> {
        (self.gene, self.part) = (None, "head");
        self.dense(place, outputs, true);
        if self.steps.len() > STEPS_MAX {
            return Err(NotViable::Head { reason: Reason::TooManySteps });
        }
        Ok(())
    }

    fn tail(&mut self, place: Place, norm: Norm, activation: Activation) -> Result<Place, Reason> {
        let place = self.normalise(place, norm)?;
        Ok(self.activate(place, activation))
    }

    fn normalise(&mut self, place: Place, norm: Norm) -> Result<Place, Reason> {
        match (norm, self.steps[place].shape) {
            (Norm::None, _) => Ok(place),
            (Norm::LocalResponse, Shape::Flat(_)) => Err(Reason::LocalResponse),
            _ => Ok(self.keep_shape(Operation::Normalise(norm), place)),
        }
    }

    fn activate(&mut self, place: Place, activation: Activation) -> Place {
        match activation {
            Activation::None => place,
            _ => self.keep_shape(Operation::Activate(activation), place),
        }
    }

    fn concatenate(&mut self, tops: &[Place]) -> Result<Place, Reason> {
        let [first, rest @ ..] = tops else { return Err(Reason::UnexpectedMerge) };
        if rest.is_empty() {
            return Ok(*first);
        }
        let total: usize = tops.iter().map(|&top| self.steps[top].shape.channels()).sum();
        let shape = match self.steps[*first].shape {
            Shape::Flat(_) => Shape::Flat(total),
            Shape::Spatial { height, width, .. } => Shape::Spatial { channels: total, height, width },
        };
        Ok(self.push(Operation::Concatenate, tops, shape))
    }

    fn spatial(&self, place: Place) -> Result<(usize, usize, usize), Reason> {
        match self.steps[place].shape {
            Shape::Spatial { channels, height, width } => Ok((channels, height, width)),
            Shape::Flat(values) => Err(Reason::NeedsPositions { values }),
        }
    }

    fn keep_shape(&mut self, operation: Operation, place: Place) -> Place {
        let shape = self.steps[place].shape;
        self.push(operation, &[place], shape)
    }

    fn push(&mut self, operation: Operation, inputs: &[Place], shape: Shape) -> Place {
        let origin = Origin { gene: self.gene, view: self.view, part: self.part };
        self.steps.push(Step { operation, inputs: inputs.into(), shape, origin });
        self.steps.len() - 1
    }
}

fn locate(index: usize, gene: &LayerGene, reason: Reason) -> NotViable {
    NotViable::Layer { layer: index + 1, kind: gene.kind(), reason }
}

/// Filters and groups as they come to be: the greatest number of groups up to the wish that divides both input
/// channels and filters; depthwise, the multiple of the input channels nearest to the wish.
pub(crate) fn resolve_groups(groups: Groups, channels: usize, filters: usize) -> (usize, usize) {
    match groups {
        Groups::Depthwise => {
            let multiple = ((filters + channels / 2) / channels).max(1);
            (multiple * channels, channels)
        }
        Groups::Count(wish) => {
            let common = greatest_common_divisor(channels, filters);
            let groups = (1..=common.min(wish as usize)).rev().find(|groups| common.is_multiple_of(*groups));
            (filters, groups.unwrap_or(1))
        }
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{genome::sample, problem::Task};

    const DIGITS: Problem = Problem {
        channels: 1,
        height: 8,
        width: 8,
        multi_view: false,
        task: Task::Classification { classes: 10 },
    };

    #[test]
    fn groups_are_the_greatest_that_divide() {
        assert_eq!(resolve_groups(Groups::Count(4), 6, 8), (8, 2));
        assert_eq!(resolve_groups(Groups::Count(4), 8, 12), (12, 4));
        assert_eq!(resolve_groups(Groups::Count(3), 4, 8), (8, 2));
        assert_eq!(resolve_groups(Groups::Depthwise, 12, 32), (36, 12));
        assert_eq!(resolve_groups(Groups::Depthwise, 64, 8), (64, 64));
    }

    #[test]
    fn layers_have_the_shapes_that_their_genes_say() {
        let blueprint = blueprint(&sample(), &DIGITS).unwrap();
        let shapes: Vec<String> = blueprint.layers.iter().map(Shape::to_string).collect();
        assert_eq!(shapes, ["32x8x8", "32x4x4", "128"]);
        assert_eq!(blueprint.steps.last().unwrap().shape, Shape::Flat(10));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let mut genome = sample();
        genome.layers.swap(0, 2);
        let message = blueprint(&genome, &DIGITS).unwrap_err().to_string();
        assert_eq!(
            message,
            "layer 2 (max_pool): it needs rows and columns, but its input is a row of 128 values"
        );
        let mut genome = sample();
        let LayerGene::Convolution(genes) = &mut genome.layers[0] else { panic!() };
        (genes.kernel, genes.padding) = ([3, 9], Padding::Valid);
        let message = blueprint(&genome, &DIGITS).unwrap_err().to_string();
        assert_eq!(
            message,
            "layer 1 (convolution): its window reaches over 9 values, but its input has only 8"
        );
        let mut genome = sample();
        genome.layers.insert(1, LayerGene::Merge);
        assert!(
            blueprint(&genome, &DIGITS).unwrap_err().to_string().starts_with("layer 2 (merge): merge is for")
        );
        genome.layers.remove(1);
        let views = Problem { channels: 2, multi_view: true, ..DIGITS };
        assert_eq!(blueprint(&genome, &views), Err(NotViable::NoMerge));
        let empty = Problem { height: 0, ..DIGITS };
        assert!(matches!(blueprint(&genome, &empty), Err(NotViable::EmptyProblem { .. })));
    }

    #[test]
    fn every_view_has_a_copy_of_its_own() {
        let mut genome = sample();
        genome.layers.insert(2, LayerGene::Merge);
        let views = Problem { channels: 3, multi_view: true, ..DIGITS };
        let blueprint = blueprint(&genome, &views).unwrap();
        let convolutions =
            blueprint.steps.iter().filter(|step| matches!(step.operation, Operation::Convolution(_))).count();
        assert_eq!(convolutions, 3);
        assert_eq!(blueprint.layers[2], Shape::Spatial { channels: 96, height: 4, width: 4 });
        genome.layers.insert(3, LayerGene::Merge);
        assert!(super::super::blueprint(&genome, &views).is_err());
    }
}
