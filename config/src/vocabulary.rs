//! The words that an experiment file and a genome share: kinds of layers, activations, optimizers, ...
//!
//! This module must not know what a word does: shapes, gradients and costs live in `hatchery-models`.

use serde::{Deserialize, Serialize};

/// Declares a closed set of words with one spelling in files, messages and reports.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every word of this kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is spelled in files.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }
    };
}

words! {
    /// Kinds of layer genes.
    LayerKind {
        /// Two-dimensional convolution.
        Convolution = "convolution",
        /// Maximum over a window.
        MaxPool = "max_pool",
        /// Mean over a window, padding excluded.
        AveragePool = "average_pool",
        /// Mean over all positions of a channel.
        GlobalAveragePool = "global_average_pool",
        /// Parallel 1x1, 3x3, 5x5 and pooling branches, concatenated.
        Inception = "inception",
        /// Two 3x3 convolutions with a skip connection around them.
        Residual = "residual",
        /// Fully connected layer.
        Dense = "dense",
        /// Normalisation as a layer of its own.
        Normalisation = "normalisation",
        /// Random zeroing while training.
        Dropout = "dropout",
        /// End of the per-view part of a multi-view network.
        Merge = "merge",
    }
}

words! {
    /// Ways to search.
    SearchStrategy {
        /// Hatchery's own: evolution proposes, a model of all results disposes.
        Hatchery = "hatchery",
        /// Random search.
        Random = "random",
        /// Evolution, survival by age.
        Aging = "aging",
        /// Evolution, survival by fitness.
        Steady = "steady",
        /// Local search.
        Local = "local",
        /// NSGA-II, for several objectives.
        Nsga2 = "nsga2",
        /// Tree-structured Parzen estimators.
        Tpe = "tpe",
    }
}

words! {
    /// Who makes new networks.
    Refinement {
        /// The Breeder and the Refiner, each by what it has gained of late.
        Shared = "shared",
        /// The Breeder alone.
        Off = "off",
        /// The Refiner alone, once the Breeder has made the first networks.
        Only = "only",
    }
}

words! {
    /// What a network is judged by. The first objective of a search is always the error.
    Objective {
        /// Validation error: 1 less the score.
        Error = "error",
        /// Trainable parameters.
        Parameters = "parameters",
        /// Multiply-adds of one sample's forward pass.
        MultiplyAdds = "multiply_adds",
        /// Measured seconds of an inference of one sample.
        Latency = "latency",
        /// Seconds of its training.
        TrainingTime = "training_time",
    }
}

words! {
    /// Rules that stop trainings early, by what others had reached at the same epoch.
    EarlyStopping {
        /// Nobody is stopped.
        Off = "off",
        /// The worst quarter is stopped.
        Quartile = "quartile",
        /// The worse half is stopped (the median stopping rule).
        Median = "median",
        /// At each doubling of epochs, all but the best third are stopped (asynchronous successive halving, the
        /// stopping kind).
        Halving = "halving",
        /// Whoever would not come among the best, by as much as similar trainings had still gained, is stopped
        /// (extrapolation of learning curves).
        Extrapolation = "extrapolation",
    }
}

words! {
    /// Element-wise non-linearities.
    Activation {
        /// Identity.
        None = "none",
        /// max(x, 0).
        Relu = "relu",
        /// x where positive, else 0.01 x.
        LeakyRelu = "leaky_relu",
        /// x where positive, else exp(x) - 1 (Clevert et al., 2015).
        Elu = "elu",
        /// x times the standard normal distribution function (Hendrycks & Gimpel, 2016), exact form.
        Gelu = "gelu",
        /// x times sigmoid(x).
        Silu = "silu",
        /// Logistic function.
        Sigmoid = "sigmoid",
        /// Hyperbolic tangent.
        Tanh = "tanh",
    }
}

words! {
    /// Kinds of normalisation.
    Norm {
        /// No normalisation.
        None = "none",
        /// Batch normalisation (Ioffe & Szegedy, 2015).
        Batch = "batch",
        /// Layer normalisation over channels and positions of a sample (Ba et al., 2016).
        Layer = "layer",
        /// Local response normalisation across channels (Krizhevsky et al., 2012).
        LocalResponse = "local_response",
    }
}

words! {
    /// Zero padding of a window.
    Padding {
        /// Output size is ceil(input / stride).
        Same = "same",
        /// No padding.
        Valid = "valid",
    }
}

words! {
    /// Optimizers.
    Optimizer {
        /// Stochastic gradient descent.
        Sgd = "sgd",
        /// Heavy-ball momentum.
        Momentum = "momentum",
        /// Nesterov momentum.
        Nesterov = "nesterov",
        /// RMSProp (Tieleman & Hinton, 2012).
        RmsProp = "rmsprop",
        /// Adam (Kingma & Ba, 2014), weight decay added to the gradient.
        Adam = "adam",
        /// AdamW (Loshchilov & Hutter, 2017), decoupled weight decay.
        AdamW = "adamw",
    }
}

words! {
    /// How the learning rate changes over a training.
    Schedule {
        /// Unchanged.
        Constant = "constant",
        /// Times 0.1 at one half and at three quarters.
        Step = "step",
        /// Half a cosine down to zero (Loshchilov & Hutter, 2016).
        Cosine = "cosine",
        /// Linear warm-up over the first tenth, then half a cosine.
        WarmupCosine = "warmup_cosine",
    }
}

words! {
    /// How weights are drawn before training.
    Initializer {
        /// Normal with variance 2 / fan-in (He et al., 2015).
        HeNormal = "he_normal",
        /// Uniform with variance 2 / fan-in.
        HeUniform = "he_uniform",
        /// Normal with variance 2 / (fan-in + fan-out) (Glorot & Bengio, 2010).
        GlorotNormal = "glorot_normal",
        /// Uniform with variance 2 / (fan-in + fan-out).
        GlorotUniform = "glorot_uniform",
    }
}

words! {
    /// What is to be predicted.
    TaskKind {
        /// One class of several.
        Classification = "classification",
        /// One or more real numbers.
        Regression = "regression",
    }
}
