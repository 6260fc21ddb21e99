//! Hatchery's kernels as operators of a session.
//!
//! Everything about the custom-operator interface of ONNX Runtime is here; what the kernels compute is in `kernels`.

use crate::{
    graph::emitter::{KERNEL_DOMAIN, KERNEL_OUTPUTS},
    training::kernels::{ANY, CATALOGUE, Entry, Kernel, Request, Team, Vectors},
};
use ort::{
    Error,
    operator::{
        self, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
        ShapeInferenceContext,
    },
    value::{SymbolicDimensions, TensorElementType, ValueType},
};

/// The kernels for sessions of this many threads; none where the processor has no vectors for them.
pub(super) fn domain(threads: usize) -> Result<Option<OperatorDomain>, Error> {
    let Some(vectors) = Vectors::of_this_processor() else { return Ok(None) };
    let mut domain = OperatorDomain::new(KERNEL_DOMAIN)?;
    for entry in CATALOGUE {
        domain = domain.add(Registered { entry, vectors, threads })?;
    }
    Ok(Some(domain))
}

/// A kernel of the catalogue.
struct Registered {
    entry: Entry,
    vectors: Vectors,
    threads: usize,
}

/// A kernel that is planned for one node.
struct Planned {
    kernel: Box<dyn Kernel>,
    shapes: Vec<Vec<i64>>,
    threads: usize,
}

impl Registered {
    fn shapes(&self, sizes: Option<Vec<i64>>) -> Result<Vec<Vec<i64>>, Error> {
        sizes.and_then(|sizes| (self.entry.shapes)(&sizes)).ok_or_else(|| self.misfit())
    }

    fn misfit(&self) -> Error {
        Error::new(format!("{} has no sizes or those of another kernel", self.entry.name))
    }
}

impl Operator for Registered {
    type Kernel<'attr> = Planned;

    fn name(&self) -> &str {
        self.entry.name
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let Entry { inputs, optional_inputs, .. } = self.entry;
        let floats = TensorElementType::Float32;
        (0..if inputs == ANY { 1 } else { inputs }).map(move |index| match index + optional_inputs < inputs {
            _ if inputs == ANY => OperatorInput::variadic(1).homogenous(floats),
            true => OperatorInput::required(floats),
            false => OperatorInput::optional(floats),
        })
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        let Entry { outputs, optional_outputs, .. } = self.entry;
        let floats = TensorElementType::Float32;
        (0..if outputs == ANY { 1 } else { outputs }).map(move |index| {
            match index + optional_outputs < outputs {
                _ if outputs == ANY => OperatorOutput::variadic(1).homogenous(floats),
                true => OperatorOutput::required(floats),
                false => OperatorOutput::optional(floats),
            }
        })
    }

    fn create_kernel<'attr>(&self, context: &KernelContext<'attr>) -> Result<Planned, Error> {
        let sizes: Option<Vec<i64>> = context.get("sizes");
        let rectified = context.get::<i64>("rectified") == Some(1);
        let activation = context.get("activation");
        let plan =
            |sizes| (self.entry.plan)(&Request { sizes, rectified, activation, vectors: self.vectors });
        let kernel = sizes.as_deref().and_then(plan);
        let kernel = kernel.ok_or_else(|| self.misfit())?;
        Ok(Planned { kernel, shapes: self.shapes(sizes)?, threads: self.threads })
    }

    fn infer_shape(&self, context: &mut ShapeInferenceContext) -> Result<(), Error> {
        let count: i64 = context.attr(KERNEL_OUTPUTS)?;
        let shapes = self.shapes(context.attr("sizes").ok())?;
        for (index, shape) in shapes.into_iter().enumerate().take(count as usize) {
            let dimension_symbols = SymbolicDimensions::empty(shape.len());
            let ty = TensorElementType::Float32;
            context.set_output(index, &ValueType::Tensor { ty, shape: shape.into(), dimension_symbols })?;
        }
        Ok(())
    }
}

impl operator::Kernel for Planned {
    fn compute(&mut self, context: &ComputeContext) -> Result<(), Error> {
        let count = context.num_inputs()?;
        let inputs = (0..count).map(|index| context.input(index)).collect::<Result<Vec<_>, _>>()?;
        let inputs = inputs.iter().flatten().map(|input| Ok(input.try_extract_tensor::<f32>()?.1));
        let inputs = inputs.collect::<Result<Vec<_>, Error>>()?;
        let outputs = self.shapes.iter().enumerate().take(context.num_outputs()?);
        let outputs = outputs.map(|(index, shape)| context.output(index, shape.clone()));
        let mut outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        let outputs =
            outputs.iter_mut().flatten().map(|output| Ok(output.try_extract_tensor_mut::<f32>()?.1));
        let mut outputs = outputs.collect::<Result<Vec<_>, Error>>()?;
        self.kernel.compute(&inputs, &mut outputs, &Threads { context, count: self.threads });
        Ok(())
    }
}

/// The session's threads.
struct Threads<'a> {
    context: &'a ComputeContext,
    count: usize,
}

impl Team for Threads<'_> {
    fn threads(&self) -> usize {
        self.count
    }

    fn each(&self, parts: usize, task: &(dyn Fn(usize) + Sync)) {
        if parts > 1 && self.context.par_for(parts, parts, task).is_ok() {
            return;
        }
        (0..parts).for_each(task);
    }
}
