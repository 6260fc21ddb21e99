//! Operators that move values and compute nothing.

use super::{
    arithmetic::{broadcast, sum_to},
    exactly, misfit, names, signed,
    source::Filled,
};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// `[N, ..]` to `[N, product of the rest]`.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

/// Another shape of the same volume.
#[derive(Clone, Debug)]
pub struct Reshape {
    /// The new sizes.
    pub shape: Vec<usize>,
}

/// Axes in another order.
#[derive(Clone, Debug)]
pub struct Transpose {
    /// For each axis of the output, which axis of the input it is.
    pub perm: Vec<usize>,
}

/// Tensors one after another along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// The axis.
    pub axis: usize,
}

/// A tensor cut along an axis.
#[derive(Clone, Debug)]
pub struct Split {
    /// The axis.
    pub axis: usize,
    /// Size of each part; they add up to the axis's size.
    pub sizes: Vec<usize>,
}

/// The part `start..end` along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The axis.
    pub axis: usize,
    /// First index.
    pub start: usize,
    /// Index after the last.
    pub end: usize,
}

/// Zeros before and after a tensor along an axis.
#[derive(Clone, Copy, Debug)]
pub struct PadZeros {
    /// The axis.
    pub axis: usize,
    /// How many before.
    pub before: usize,
    /// How many after.
    pub after: usize,
}

/// Repeats along axes of size 1, by numpy's broadcasting.
#[derive(Clone, Debug)]
pub struct Expand {
    /// The new sizes.
    pub shape: Vec<usize>,
}

fn with_shape(fact: &Fact, shape: Vec<usize>) -> Vec<Fact> {
    vec![Fact { element: fact.element, shape }]
}

fn back_to_input_shape(graph: &mut Graph, application: &Application<'_>) -> InputGradients {
    let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
    let shape = graph.shape(application.inputs[0]).to_vec();
    Ok(vec![Some(graph.add(Reshape { shape }, &[upstream])?)])
}

impl Operator for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        match fact.shape.split_first() {
            Some((&samples, rest)) => Ok(with_shape(fact, vec![samples, rest.iter().product()])),
            None => Err(misfit(self.name(), "a scalar has no axis to keep")),
        }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        back_to_input_shape(graph, application)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if facts[0].shape.len() == 2 {
            return inputs.to_vec();
        }
        vec![emitter.op("Flatten", &[&inputs[0]], vec![("axis", Attribute::Int(1))])]
    }
}

impl Operator for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        match fact.volume() == self.shape.iter().product::<usize>() {
            true => Ok(with_shape(fact, self.shape.clone())),
            false => Err(misfit(self.name(), format!("{:?} to {:?}", fact.shape, self.shape))),
        }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        back_to_input_shape(graph, application)
    }

    /// A first axis that stays is written as 0: it may be the samples', whose number is not to be fixed.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if facts[0].shape == self.shape {
            return inputs.to_vec();
        }
        let mut shape = signed(&self.shape);
        if !shape.is_empty() && facts[0].shape.first() == self.shape.first() {
            shape[0] = 0;
        }
        vec![emitter.reshape(&inputs[0], &shape)]
    }
}

impl Operator for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        let mut sorted = self.perm.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..fact.shape.len()) {
            return Err(misfit(
                self.name(),
                format!("{:?} does not permute the axes of {:?}", self.perm, fact.shape),
            ));
        }
        Ok(with_shape(fact, self.perm.iter().map(|&axis| fact.shape[axis]).collect()))
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let mut perm = vec![0; self.perm.len()];
        self.perm.iter().enumerate().for_each(|(to, &from)| perm[from] = to);
        Ok(vec![Some(graph.add(Self { perm }, &[upstream])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.transpose(&inputs[0], &self.perm)]
    }
}

impl Operator for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let Some(first) = inputs.first() else { return Err(misfit(self.name(), "nothing to concatenate")) };
        let mut shape = first.shape.clone();
        if self.axis >= shape.len() {
            return Err(misfit(self.name(), format!("axis {} of shape {shape:?}", self.axis)));
        }
        shape[self.axis] = 0;
        for fact in inputs {
            let fits = fact.element == first.element
                && fact.shape.len() == shape.len()
                && (0..shape.len()).all(|axis| axis == self.axis || fact.shape[axis] == first.shape[axis]);
            if !fits {
                return Err(misfit(self.name(), format!("{fact:?} beside {first:?}")));
            }
            shape[self.axis] += fact.shape[self.axis];
        }
        Ok(with_shape(first, shape))
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else {
            return Ok(vec![None; application.inputs.len()]);
        };
        let sizes: Vec<usize> =
            application.inputs.iter().map(|&input| graph.shape(input)[self.axis]).collect();
        let parts = graph.add_many(Split { axis: self.axis, sizes }, &[upstream])?;
        Ok(parts.into_iter().map(Some).collect())
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        (self.axis > 0).then(|| Batching::element_wise(&vec![true; inputs.len()]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.concat(inputs, self.axis as i64)]
    }
}

impl Operator for Split {
    fn name(&self) -> &'static str {
        "split"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        if fact.shape.get(self.axis) != Some(&self.sizes.iter().sum()) {
            let message = format!("{:?} along axis {} into {:?}", fact.shape, self.axis, self.sizes);
            return Err(misfit(self.name(), message));
        }
        let part = |&size: &usize| {
            let mut part = fact.clone();
            part.shape[self.axis] = size;
            part
        };
        Ok(self.sizes.iter().map(part).collect())
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let mut parts = Vec::with_capacity(self.sizes.len());
        for (output, gradient) in application.outputs.iter().zip(application.output_gradients) {
            let part = match gradient {
                Some(gradient) => *gradient,
                None => graph.add(Filled { shape: graph.shape(*output).to_vec(), value: 0.0 }, &[])?,
            };
            parts.push(part);
        }
        Ok(vec![Some(graph.add(Concat { axis: self.axis }, &parts)?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        let summed = vec![false; self.sizes.len()];
        (self.axis > 0).then(|| Batching { summed, ..Batching::element_wise(&[true]) })
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if self.sizes.len() == 1 {
            return inputs.to_vec();
        }
        let sizes = emitter.integers(&signed(&self.sizes));
        let axis = vec![("axis", Attribute::Int(self.axis as i64))];
        emitter.op_many("Split", &[&inputs[0], &sizes], self.sizes.len(), axis)
    }
}

impl Operator for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        let fits = self.start < self.end && fact.shape.get(self.axis).is_some_and(|&size| self.end <= size);
        if !fits {
            let message =
                format!("{}..{} along axis {} of {:?}", self.start, self.end, self.axis, fact.shape);
            return Err(misfit(self.name(), message));
        }
        let mut shape = fact.shape.clone();
        shape[self.axis] = self.end - self.start;
        Ok(with_shape(fact, shape))
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let size = graph.shape(application.inputs[0])[self.axis];
        let pad = PadZeros { axis: self.axis, before: self.start, after: size - self.end };
        Ok(vec![Some(graph.add(pad, &[upstream])?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        (self.axis > 0).then(|| Batching::element_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [axis, start, end] = [self.axis, self.start, self.end].map(|number| number as i64);
        vec![emitter.slice(&inputs[0], &[axis], &[start], &[end], &[1])]
    }
}

impl Operator for PadZeros {
    fn name(&self) -> &'static str {
        "pad zeros"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        if self.axis >= fact.shape.len() {
            return Err(misfit(self.name(), format!("axis {} of {:?}", self.axis, fact.shape)));
        }
        let mut shape = fact.shape.clone();
        shape[self.axis] += self.before + self.after;
        Ok(with_shape(fact, shape))
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let end = self.before + graph.shape(application.inputs[0])[self.axis];
        Ok(vec![Some(graph.add(Slice { axis: self.axis, start: self.before, end }, &[upstream])?)])
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        (self.axis > 0).then(|| Batching::element_wise(&[true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let rank = facts[0].shape.len();
        let mut pads = vec![0; 2 * rank];
        pads[self.axis] = self.before as i64;
        pads[rank + self.axis] = self.after as i64;
        let pads = emitter.integers(&pads);
        vec![emitter.op("Pad", &[&inputs[0], &pads], Vec::new())]
    }
}

impl Operator for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        match broadcast(&fact.shape, &self.shape) {
            Some(shape) if shape == self.shape => Ok(with_shape(fact, shape)),
            _ => Err(misfit(self.name(), format!("{:?} to {:?}", fact.shape, self.shape))),
        }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let shape = graph.shape(application.inputs[0]).to_vec();
        Ok(vec![Some(sum_to(graph, upstream, &shape)?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        if facts[0].shape == self.shape {
            return inputs.to_vec();
        }
        let shape = emitter.integers(&signed(&self.shape));
        let inputs = names(inputs);
        vec![emitter.op("Expand", &[inputs[0], &shape], Vec::new())]
    }
}
