//! Optimizers: one step as a piece of graph on flat vectors `[P]`.
//!
//! It must not know layers: parameters are one vector, of which a prefix takes part in weight decay. Schedules live
//! outside; the learning rate is a value of the graph.
//!
//! Moments are sums, not means: where a textbook keeps `m = β m + (1 - β) g` we keep `m' = β m' + g` with `m = (1 - β)
//! m'`, and put the factor into a scalar. That saves a pass over the parameters for each moment.

use super::{
    Fact, Graph, GraphError, Outlet,
    operators::{
        arithmetic::{
            Add, AddScalar, AtMost, Divide, Multiply, PowerOf, Reciprocal, Scale, Square, SquareRoot,
            Subtract,
        },
        cast::ToFloat,
        reduce::ReduceSum,
        shape::Concat,
        source::Filled,
    },
};
use hatchery_config::vocabulary::Optimizer;

/// Decay of the mean of squared gradients of Adam and AdamW.
pub const SQUARE_DECAY: f32 = 0.999;
/// Keeps divisions by the root of squared gradients finite, in RMSProp, Adam and AdamW.
pub const EPSILON: f32 = 1e-8;
/// Keeps the division by the gradient's norm finite.
const CLIP_EPSILON: f32 = 1e-6;

/// How parameters are changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Momentum of momentum and Nesterov, decay of squares of RMSProp, first-moment decay of Adam and AdamW.
    pub momentum: f32,
    /// Weight decay: added to the gradient as `decay * p`; AdamW's is taken off the parameter as `rate * decay * p`.
    pub weight_decay: f32,
    /// Largest norm of the gradient, 0 for none; applied before the decay is added.
    pub gradient_clip: f32,
    /// How many parameters, from the first on, take part in weight decay.
    pub decayed: usize,
}

/// What one step gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The next parameters `[P]`.
    pub parameters: Outlet,
    /// The next moments `[P]`, as many as went in.
    pub moments: Vec<Outlet>,
}

/// How many vectors of state an optimizer keeps beside the parameters.
pub const fn moments(optimizer: Optimizer) -> usize {
    match optimizer {
        Optimizer::Sgd => 0,
        Optimizer::Momentum | Optimizer::Nesterov | Optimizer::RmsProp => 1,
        Optimizer::Adam | Optimizer::AdamW => 2,
    }
}

/// Adds one step to the graph. `parameters`, `gradient` and each of `moments` are `[P]`, the moments zero before the
/// first step; `learning_rate` is an f32 scalar, `step` an i64 scalar that counts from 1.
///
/// # Errors
/// `GraphError::Shape` where shapes or the number of moments do not fit.
pub fn update(
    graph: &mut Graph,
    rule: &Rule,
    parameters: Outlet,
    gradient: Outlet,
    moments: &[Outlet],
    learning_rate: Outlet,
    step: Outlet,
) -> Result<Updated, GraphError> {
    let numbers = Numbers { square_decay: SQUARE_DECAY, epsilon: EPSILON };
    let given = Given { parameters, gradient, learning_rate, step };
    update_with(graph, rule, numbers, given, moments)
}

/// What the field has agreed on, and the ONNX standard's test vectors have not.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    square_decay: f32,
    epsilon: f32,
}

/// What goes into a step beside the moments.
#[derive(Clone, Copy, Debug)]
struct Given {
    parameters: Outlet,
    gradient: Outlet,
    learning_rate: Outlet,
    step: Outlet,
}

fn update_with(
    graph: &mut Graph,
    rule: &Rule,
    numbers: Numbers,
    given: Given,
    moments: &[Outlet],
) -> Result<Updated, GraphError> {
    let Given { parameters, gradient, learning_rate, .. } = given;
    check(graph, rule, parameters, gradient, moments)?;
    let gradient = clipped(graph, rule.gradient_clip, gradient)?;
    let (gradient, parameters) = decayed(graph, rule, gradient, parameters, learning_rate)?;
    let mut step = Step { graph, rule, numbers, given: Given { parameters, gradient, ..given } };
    match (rule.optimizer, moments) {
        (Optimizer::Momentum, &[velocity]) => step.momentum(velocity),
        (Optimizer::Nesterov, &[velocity]) => step.nesterov(velocity),
        (Optimizer::RmsProp, &[squares]) => step.rms_prop(squares),
        (Optimizer::Adam | Optimizer::AdamW, &[velocity, squares]) => step.adam(velocity, squares),
        _ => step.descend(gradient, learning_rate, Vec::new()),
    }
}

fn check(
    graph: &Graph,
    rule: &Rule,
    parameters: Outlet,
    gradient: Outlet,
    moments: &[Outlet],
) -> Result<(), GraphError> {
    let error = |message: String| Err(GraphError::Shape { operator: "optimizer", message });
    let fact = graph.fact(parameters);
    if fact.shape.len() != 1 || *fact != Fact::f32(&fact.shape) {
        return error(format!("parameters are {fact:?}, expected a vector of F32"));
    }
    if rule.decayed > fact.volume() {
        return error(format!("{} of {} parameters cannot decay", rule.decayed, fact.volume()));
    }
    if moments.len() != self::moments(rule.optimizer) {
        return error(format!(
            "{} keeps {} moments, got {}",
            rule.optimizer,
            self::moments(rule.optimizer),
            moments.len()
        ));
    }
    match moments.iter().chain([&gradient]).find(|outlet| graph.fact(**outlet) != fact) {
        Some(other) => error(format!("{:?} beside parameters {:?}", graph.fact(*other), fact)),
        None => Ok(()),
    }
}

/// The gradient, shortened to the largest norm where it is longer (Pascanu et al., 2013).
fn clipped(graph: &mut Graph, norm_max: f32, gradient: Outlet) -> Result<Outlet, GraphError> {
    if norm_max <= 0.0 {
        return Ok(gradient);
    }
    let squares = graph.add(Square, &[gradient])?;
    let sum = graph.add(ReduceSum { axes: vec![0], keep: false }, &[squares])?;
    let norm = graph.add(SquareRoot, &[sum])?;
    let norm = graph.add(AddScalar(CLIP_EPSILON), &[norm])?;
    let inverse = graph.add(Reciprocal, &[norm])?;
    let factor = graph.add(Scale(norm_max), &[inverse])?;
    let factor = graph.add(AtMost(1.0), &[factor])?;
    graph.add(Multiply, &[gradient, factor])
}

/// Applies weight decay: to the gradient, or, for AdamW, to the parameters.
fn decayed(
    graph: &mut Graph,
    rule: &Rule,
    gradient: Outlet,
    parameters: Outlet,
    learning_rate: Outlet,
) -> Result<(Outlet, Outlet), GraphError> {
    if rule.weight_decay <= 0.0 || rule.decayed == 0 {
        return Ok((gradient, parameters));
    }
    let decay = decay_per_parameter(graph, rule, graph.fact(parameters).volume())?;
    if rule.optimizer == Optimizer::AdamW {
        let decay = graph.add(Multiply, &[decay, learning_rate])?;
        let loss = graph.add(Multiply, &[parameters, decay])?;
        return Ok((gradient, graph.add(Subtract, &[parameters, loss])?));
    }
    let pull = graph.add(Multiply, &[parameters, decay])?;
    Ok((graph.add(Add, &[gradient, pull])?, parameters))
}

/// The decay as a scalar where all parameters decay, else as a vector with zeros for those that do not.
fn decay_per_parameter(graph: &mut Graph, rule: &Rule, count: usize) -> Result<Outlet, GraphError> {
    if rule.decayed == count {
        return graph.add(super::operators::source::Constant::scalar(rule.weight_decay), &[]);
    }
    let decaying = graph.add(Filled { shape: vec![rule.decayed], value: rule.weight_decay }, &[])?;
    let resting = graph.add(Filled { shape: vec![count - rule.decayed], value: 0.0 }, &[])?;
    graph.add(Concat { axis: 0 }, &[decaying, resting])
}

/// What an update needs.
struct Step<'a> {
    graph: &'a mut Graph,
    rule: &'a Rule,
    numbers: Numbers,
    given: Given,
}

impl Step<'_> {
    /// `p - rate * direction`.
    fn descend(
        &mut self,
        direction: Outlet,
        rate: Outlet,
        moments: Vec<Outlet>,
    ) -> Result<Updated, GraphError> {
        let change = self.graph.add(Multiply, &[direction, rate])?;
        let parameters = self.graph.add(Subtract, &[self.given.parameters, change])?;
        Ok(Updated { parameters, moments })
    }

    /// `decay * sum + new`.
    fn accumulate(&mut self, sum: Outlet, decay: f32, new: Outlet) -> Result<Outlet, GraphError> {
        let kept = self.graph.add(Scale(decay), &[sum])?;
        self.graph.add(Add, &[kept, new])
    }

    /// `m = μ m + g; p -= rate * m`.
    fn momentum(&mut self, velocity: Outlet) -> Result<Updated, GraphError> {
        let velocity = self.accumulate(velocity, self.rule.momentum, self.given.gradient)?;
        self.descend(velocity, self.given.learning_rate, vec![velocity])
    }

    /// `m = μ m + g; p -= rate * (g + μ m)`.
    fn nesterov(&mut self, velocity: Outlet) -> Result<Updated, GraphError> {
        let velocity = self.accumulate(velocity, self.rule.momentum, self.given.gradient)?;
        let direction = self.accumulate(velocity, self.rule.momentum, self.given.gradient)?;
        self.descend(direction, self.given.learning_rate, vec![velocity])
    }

    /// `p -= rate * g / (√m + ε)` with `m` the running mean of squares, kept as the sum `m / (1 - ρ)`.
    fn rms_prop(&mut self, squares: Outlet) -> Result<Updated, GraphError> {
        let share = (1.0 - self.rule.momentum).sqrt();
        let square = self.graph.add(Square, &[self.given.gradient])?;
        let squares = self.accumulate(squares, self.rule.momentum, square)?;
        let root = self.graph.add(SquareRoot, &[squares])?;
        let root = self.graph.add(AddScalar(self.numbers.epsilon / share), &[root])?;
        let direction = self.graph.add(Divide, &[self.given.gradient, root])?;
        let rate = self.graph.add(Scale(1.0 / share), &[self.given.learning_rate])?;
        self.descend(direction, rate, vec![squares])
    }

    /// `p -= rate * m̂ / (√v̂ + ε)` with `m̂ = m / (1 - β₁ᵗ)`, `v̂ = v / (1 - β₂ᵗ)`, moments kept as sums `M` and `V`.
    /// With `c = √((1 - β₂) / (1 - β₂ᵗ))` that is `rate (1 - β₁) / ((1 - β₁ᵗ) c) * M / (√V + ε / c)`.
    fn adam(&mut self, velocity: Outlet, squares: Outlet) -> Result<Updated, GraphError> {
        let decay = self.rule.momentum;
        let velocity = self.accumulate(velocity, decay, self.given.gradient)?;
        let square = self.graph.add(Square, &[self.given.gradient])?;
        let squares = self.accumulate(squares, self.numbers.square_decay, square)?;
        let first = self.bias_correction(decay)?;
        let second = self.bias_correction(self.numbers.square_decay)?;
        let inverse_share = self.graph.add(SquareRoot, &[second])?;
        let epsilon = self.graph.add(Scale(self.numbers.epsilon), &[inverse_share])?;
        let root = self.graph.add(SquareRoot, &[squares])?;
        let root = self.graph.add(Add, &[root, epsilon])?;
        let direction = self.graph.add(Divide, &[velocity, root])?;
        let rate = self.graph.add(Divide, &[self.given.learning_rate, first])?;
        let rate = self.graph.add(Multiply, &[rate, inverse_share])?;
        self.descend(direction, rate, vec![velocity, squares])
    }

    /// `(1 - βᵗ) / (1 - β)`.
    fn bias_correction(&mut self, decay: f32) -> Result<Outlet, GraphError> {
        let step = self.graph.add(ToFloat, &[self.given.step])?;
        let power = self.graph.add(PowerOf(decay), &[step])?;
        let scaled = self.graph.add(Scale(-1.0 / (1.0 - decay)), &[power])?;
        self.graph.add(AddScalar(1.0 / (1.0 - decay)), &[scaled])
    }
}

#[cfg(test)]
mod tests;
