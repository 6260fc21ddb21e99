//! Runs evaluation models, on a training's state where it lies or on weights of their own.

use super::{
    Device, Runtime, RuntimeError, Shared, StateVector, Stepper, While,
    launch::Launch,
    small::{Place, SmallInput, SmallOutput},
    tensor,
};
use ort::{
    session::{IoBinding, Session},
    value::Tensor,
};

/// What an evaluation model computes of one batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchSums<'a> {
    /// Weighted sum of the samples' losses.
    pub loss: f32,
    /// Weighted number of samples classified rightly; 0 where the model does not say.
    pub correct: f32,
    /// Weighted number of predictions of each class; empty where the model does not say.
    pub counts: &'a [f32],
    /// Weighted sum of each target's squared errors; empty where the model does not say.
    pub squares: &'a [f32],
}

/// An evaluation model, bound to one or several sets of weights.
#[derive(Debug)]
pub struct Evaluator {
    session: Session,
    device: Device,
    bindings: Vec<IoBinding>,
    index: SmallInput<i64>,
    weight: SmallInput<f32>,
    loss: SmallOutput,
    correct: SmallOutput,
    counts: SmallOutput,
    squares: SmallOutput,
}

impl Evaluator {
    /// An evaluator of a training's state; its sets are the stepper's buffer sets.
    ///
    /// # Errors
    /// Where the model is refused, names do not fit, or memory runs out.
    pub fn of_training(
        runtime: &Runtime,
        model: &[u8],
        shared: &[(&str, &Shared)],
        stepper: &Stepper,
        sizes: (usize, usize),
    ) -> Result<Self, RuntimeError> {
        let mut evaluator = Self::unbound(runtime, model, sizes)?;
        for turn in 0..2 {
            evaluator.bind(shared, stepper.buffers(turn))?;
        }
        Ok(evaluator)
    }

    /// An evaluator of one set of weights.
    ///
    /// # Errors
    /// As `of_training`.
    pub fn of_weights(
        runtime: &Runtime,
        model: &[u8],
        shared: &[(&str, &Shared)],
        weights: &[StateVector],
        sizes: (usize, usize),
    ) -> Result<Self, RuntimeError> {
        let mut evaluator = Self::unbound(runtime, model, sizes)?;
        let tensors = weights
            .iter()
            .map(|vector| tensor::vector(&evaluator.session, evaluator.device, &vector.values))
            .collect::<Result<Vec<_>, _>>()?;
        let named = weights.iter().map(|vector| vector.name.as_str()).zip(&tensors);
        evaluator.bind(shared, named)?;
        Ok(evaluator)
    }

    /// `sizes`: samples of a batch, and classes or targets.
    fn unbound(runtime: &Runtime, model: &[u8], sizes: (usize, usize)) -> Result<Self, RuntimeError> {
        let session = runtime.session(model, Launch::ByKernel)?;
        let place = Place::Host(runtime.device());
        let (batch, outputs) = sizes;
        Ok(Self {
            index: SmallInput::new(&session, place, "index", &[batch])?,
            weight: SmallInput::new(&session, place, "weight", &[batch])?,
            loss: SmallOutput::new(&session, place, "loss_sum", &[])?,
            correct: SmallOutput::new(&session, place, "correct", &[])?,
            counts: SmallOutput::new(&session, place, "counts", &[outputs])?,
            squares: SmallOutput::new(&session, place, "squares", &[outputs])?,
            session,
            device: runtime.device(),
            bindings: Vec::new(),
        })
    }

    fn bind<'a>(
        &mut self,
        shared: &[(&str, &Shared)],
        weights: impl Iterator<Item = (&'a str, &'a Tensor<f32>)>,
    ) -> Result<(), RuntimeError> {
        let doing = "binding an evaluation";
        let mut binding = self.session.create_binding().doing(doing)?;
        for (name, tensor) in shared {
            binding.bind_input(*name, &tensor.0).doing(doing)?;
        }
        let takes = |name: &str| self.session.inputs().iter().any(|input| input.name() == name);
        for (name, tensor) in weights.filter(|(name, _)| takes(name)) {
            binding.bind_input(name, tensor).doing(doing)?;
        }
        self.index.bind(&mut binding)?;
        self.weight.bind(&mut binding)?;
        self.loss.bind(&mut binding)?;
        self.correct.bind(&mut binding)?;
        self.counts.bind(&mut binding)?;
        self.squares.bind(&mut binding)?;
        self.bindings.push(binding);
        Ok(())
    }

    /// Evaluates one batch with one set of weights.
    ///
    /// # Errors
    /// Where ONNX Runtime fails or memory runs out.
    pub fn evaluate(
        &mut self,
        set: usize,
        index: &[i64],
        weight: &[f32],
    ) -> Result<BatchSums<'_>, RuntimeError> {
        self.index.write(index)?;
        self.weight.write(weight)?;
        let binding = &mut self.bindings[set];
        self.index.refresh(binding)?;
        self.weight.refresh(binding)?;
        self.session.run_binding(binding).doing("evaluating")?;
        Ok(BatchSums {
            loss: self.loss.read()?.first().copied().unwrap_or(f32::NAN),
            correct: self.correct.read()?.first().copied().unwrap_or(0.0),
            counts: self.counts.read()?,
            squares: self.squares.read()?,
        })
    }
}
