//! Runs training steps: two buffer sets, each step reads one and writes the other.
//!
//! Nothing is copied and no address changes from step to step but the few small inputs. It must not know what a step
//! computes, nor when training ends.

use super::{
    Device, Runtime, RuntimeError, Shared, While,
    small::{SmallInput, SmallOutput},
    tensor,
};
use ort::{
    session::{IoBinding, Session},
    value::Tensor,
};

/// A flat vector that steps replace: input `name`, output `next_name`.
#[derive(Clone, Debug, PartialEq)]
pub struct StateVector {
    /// Name of the input.
    pub name: String,
    /// Values before the first step.
    pub values: Vec<f32>,
}

/// What changes from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInputs<'a> {
    /// Samples of the batch.
    pub index: &'a [i64],
    /// Learning rate.
    pub learning_rate: f32,
    /// Number of the step, from 1.
    pub step: i64,
    /// Seed of the step's random draws.
    pub seed: i64,
}

#[derive(Debug)]
struct StateBuffers {
    name: String,
    buffers: [Tensor<f32>; 2],
}

/// A training-step model with its state on the device.
#[derive(Debug)]
pub struct Stepper {
    session: Session,
    device: Device,
    bindings: [IoBinding; 2],
    state: Vec<StateBuffers>,
    turn: usize,
    index: SmallInput<i64>,
    learning_rate: SmallInput<f32>,
    step: SmallInput<i64>,
    seed: SmallInput<i64>,
    loss: SmallOutput,
}

impl Stepper {
    /// Prepares a training-step model on batches of `batch` of the shared inputs (by name), beginning with `state`.
    ///
    /// # Errors
    /// Where the model is refused, names do not fit, or memory runs out.
    pub fn new(
        runtime: &Runtime,
        model: &[u8],
        shared: &[(&str, &Shared)],
        state: &[StateVector],
        batch: usize,
    ) -> Result<Self, RuntimeError> {
        let session = runtime.session(model)?;
        let device = runtime.device();
        let new_binding = || session.create_binding().doing("binding a training step");
        let mut stepper = Self {
            bindings: [new_binding()?, new_binding()?],
            state: state.iter().map(|vector| buffers(&session, device, vector)).collect::<Result<_, _>>()?,
            index: SmallInput::new(&session, "index", &[batch])?,
            learning_rate: SmallInput::new(&session, "learning_rate", &[])?,
            step: SmallInput::new(&session, "step", &[])?,
            seed: SmallInput::new(&session, "seed", &[])?,
            loss: SmallOutput::new(&session, "loss", &[])?,
            session,
            device,
            turn: 0,
        };
        stepper.bind(shared)?;
        Ok(stepper)
    }

    fn bind(&mut self, shared: &[(&str, &Shared)]) -> Result<(), RuntimeError> {
        let doing = "binding a training step";
        for (turn, binding) in self.bindings.iter_mut().enumerate() {
            for (name, tensor) in shared {
                binding.bind_input(*name, &tensor.0).doing(doing)?;
            }
            self.index.bind(binding)?;
            self.learning_rate.bind(binding)?;
            self.step.bind(binding)?;
            self.seed.bind(binding)?;
            self.loss.bind(binding)?;
            for state in &mut self.state {
                binding.bind_input(state.name.as_str(), &state.buffers[turn]).doing(doing)?;
                let output = format!("next_{}", state.name);
                binding.bind_output(output, &mut state.buffers[1 - turn]).doing(doing)?;
            }
        }
        Ok(())
    }

    /// Takes one step and returns its loss.
    ///
    /// # Errors
    /// Where ONNX Runtime fails or memory runs out; the state is then that before the step.
    pub fn step(&mut self, inputs: StepInputs<'_>) -> Result<f32, RuntimeError> {
        self.index.write(inputs.index)?;
        self.learning_rate.write(&[inputs.learning_rate])?;
        self.step.write(&[inputs.step])?;
        self.seed.write(&[inputs.seed])?;
        let binding = &mut self.bindings[self.turn];
        self.index.refresh(binding, self.device)?;
        self.learning_rate.refresh(binding, self.device)?;
        self.step.refresh(binding, self.device)?;
        self.seed.refresh(binding, self.device)?;
        self.session.run_binding(binding).doing("taking a training step")?;
        self.turn = 1 - self.turn;
        Ok(self.loss.read()?.first().copied().unwrap_or(f32::NAN))
    }

    /// The values of a state vector now; empty where there is none of that name.
    ///
    /// # Errors
    /// Where they cannot be copied from the device.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, RuntimeError> {
        match self.state.iter().find(|state| state.name == name) {
            Some(state) => tensor::read(&state.buffers[self.turn], self.device),
            None => Ok(Vec::new()),
        }
    }

    /// Which of the two buffer sets holds the state now.
    pub fn turn(&self) -> usize {
        self.turn
    }

    /// The state's names with the buffers of one set.
    pub(super) fn buffers(&self, turn: usize) -> impl Iterator<Item = (&str, &Tensor<f32>)> {
        self.state.iter().map(move |state| (state.name.as_str(), &state.buffers[turn]))
    }
}

fn buffers(session: &Session, device: Device, vector: &StateVector) -> Result<StateBuffers, RuntimeError> {
    let first = tensor::vector(session, device, &vector.values)?;
    let second = tensor::vector(session, device, &vector.values)?;
    Ok(StateBuffers { name: vector.name.clone(), buffers: [first, second] })
}
