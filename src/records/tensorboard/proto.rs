//! The messages of event files, as far as they are used: `Event` and `Summary` of TensorBoard's `compat/proto`, and
//! what its plugin for hyperparameters reads.

use crate::records::genes::Gene;
use prost::Message;
use std::collections::BTreeMap;

/// `DataType.DT_FLOAT`.
const FLOAT: i32 = 1;
/// `DataType.DT_STRING`.
const STRING: i32 = 7;
/// `DataClass.DATA_CLASS_TENSOR`.
const TENSOR_CLASS: i32 = 2;
/// The tag that the plugin for hyperparameters looks for.
const SESSION_TAG: &str = "_hparams_/session_start_info";

/// One record of an event file.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Unix time, seconds.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The epoch.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// Only in the first record.
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    /// What it says.
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
}

/// Named values.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// A named value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub number: Option<f32>,
    /// Anything else.
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<Tensor>,
    /// Whose it is.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

/// `TensorProto`, of texts.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int32, tag = "1")]
    data_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    texts: Vec<Vec<u8>>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(message, repeated, tag = "2")]
    dimensions: Vec<Dimension>,
}

/// One dimension.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    #[prost(int64, tag = "1")]
    size: i64,
}

/// `SummaryMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
    #[prost(int32, tag = "4")]
    data_class: i32,
}

/// What a plugin keeps with a value.
#[derive(Clone, PartialEq, Message)]
pub struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

/// `HParamsPluginData`.
#[derive(Clone, PartialEq, Message)]
struct Hyperparameters {
    #[prost(message, optional, tag = "3")]
    session_start: Option<SessionStart>,
}

/// `SessionStartInfo`.
#[derive(Clone, PartialEq, Message)]
struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    parameters: BTreeMap<String, Any>,
    #[prost(double, tag = "5")]
    start_time: f64,
}

/// `google.protobuf.Value`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(oneof = "Kind", tags = "2, 3")]
    kind: Option<Kind>,
}

/// A number or a text.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
}

impl Event {
    /// Values at a moment.
    pub fn of(wall_time: f64, step: i64, values: Vec<Value>) -> Self {
        Self { wall_time, step, file_version: None, summary: Some(Summary { values }) }
    }
}

impl Value {
    /// A number.
    pub fn scalar(tag: &str, number: f64) -> Self {
        Self { tag: tag.to_owned(), number: Some(number as f32), ..Self::default() }
    }

    /// A text.
    pub fn text(tag: &str, text: &str) -> Self {
        let tensor = Tensor {
            data_type: STRING,
            shape: Some(Shape { dimensions: vec![Dimension { size: 1 }] }),
            texts: vec![text.as_bytes().to_vec()],
        };
        let plugin = Plugin { name: "text".to_owned(), content: Vec::new() };
        Self {
            tag: tag.to_owned(),
            number: None,
            tensor: Some(tensor),
            metadata: Some(Metadata { plugin: Some(plugin), data_class: TENSOR_CLASS }),
        }
    }

    /// Whether it is a text with nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tensor
            .as_ref()
            .is_some_and(|tensor| tensor.data_type == STRING && tensor.texts.iter().all(Vec::is_empty))
    }

    /// The hyperparameters of one evaluation.
    pub fn session_start(genes: &BTreeMap<String, Gene>, start_time: f64) -> Self {
        let any = |gene: &Gene| match gene {
            Gene::Whole(number) => Kind::Number(*number as f64),
            Gene::Real(number) => Kind::Number(*number),
            Gene::Word(word) => Kind::Text(word.clone()),
        };
        let parameters =
            genes.iter().map(|(name, gene)| (name.clone(), Any { kind: Some(any(gene)) })).collect();
        let session_start = Some(SessionStart { parameters, start_time });
        let plugin =
            Plugin { name: "hparams".to_owned(), content: Hyperparameters { session_start }.encode_to_vec() };
        // A value without a number is one with an empty tensor.
        let shape = Shape { dimensions: vec![Dimension { size: 0 }] };
        let nothing = Tensor { data_type: FLOAT, shape: Some(shape), texts: Vec::new() };
        Self {
            tag: SESSION_TAG.to_owned(),
            number: None,
            tensor: Some(nothing),
            metadata: Some(Metadata { plugin: Some(plugin), data_class: TENSOR_CLASS }),
        }
    }
}
