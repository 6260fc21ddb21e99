//! Runs training steps: two buffer sets, each step reads one and writes the other.
//!
//! Nothing is copied and no address changes from step to step but the few small inputs, and not even theirs where steps
//! are recorded. It must not know what a step
//! computes, nor when training ends.

use super::{
    Device, Runtime, RuntimeError, Shared, While,
    launch::{Launch, Launcher},
    small::{Place, SmallInput, SmallOutput},
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
    launcher: Launcher,
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
    /// Prepares a training-step model on batches of `batch` of the shared inputs (by name), beginning with `state`. Where
    /// the runtime records steps and this one cannot be recorded, it is launched kernel by kernel, which is logged.
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
        let launched = |launch| {
            let mut stepper = Self::unbound(runtime, model, state, batch, launch)?;
            stepper.bind(shared)?;
            Ok(stepper)
        };
        if !runtime.cuda_graphs() {
            return launched(Launch::ByKernel);
        }
        match launched(Launch::Recorded).and_then(|stepper| stepper.recorded(state)) {
            Err(RuntimeError::Failed { message, .. }) => {
                tracing::warn!(
                    "a training step cannot be recorded, and is launched kernel by kernel: {message}"
                );
                launched(Launch::ByKernel)
            }
            stepper => stepper,
        }
    }

    fn unbound(
        runtime: &Runtime,
        model: &[u8],
        state: &[StateVector],
        batch: usize,
        launch: Launch,
    ) -> Result<Self, RuntimeError> {
        let session = runtime.session(model, launch)?;
        let device = runtime.device();
        let place = match launch {
            Launch::ByKernel => Place::Host(device),
            Launch::Recorded => Place::Fixed(device),
        };
        let new_binding = || session.create_binding().doing("binding a training step");
        Ok(Self {
            bindings: [new_binding()?, new_binding()?],
            state: state.iter().map(|vector| buffers(&session, device, vector)).collect::<Result<_, _>>()?,
            index: SmallInput::new(&session, place, "index", &[batch])?,
            learning_rate: SmallInput::new(&session, place, "learning_rate", &[])?,
            step: SmallInput::new(&session, place, "step", &[])?,
            seed: SmallInput::new(&session, place, "seed", &[])?,
            loss: SmallOutput::new(&session, place, "loss", &[])?,
            launcher: Launcher::new(launch)?,
            session,
            device,
            turn: 0,
        })
    }

    /// Runs each binding, which records it, and puts the state back to what it was.
    fn recorded(mut self, state: &[StateVector]) -> Result<Self, RuntimeError> {
        for turn in 0..self.bindings.len() {
            self.run(turn)?;
        }
        for (vector, before) in self.state.iter_mut().zip(state) {
            tensor::write(&self.session, self.device, &mut vector.buffers[0], &before.values)?;
        }
        Ok(self)
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
        self.run(self.turn)?;
        self.turn = 1 - self.turn;
        Ok(self.loss.read()?.first().copied().unwrap_or(f32::NAN))
    }

    /// Runs one of the bindings on the inputs as they were written.
    fn run(&mut self, turn: usize) -> Result<(), RuntimeError> {
        let binding = &mut self.bindings[turn];
        self.index.refresh(binding)?;
        self.learning_rate.refresh(binding)?;
        self.step.refresh(binding)?;
        self.seed.refresh(binding)?;
        self.launcher.run(&mut self.session, binding, turn)
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
