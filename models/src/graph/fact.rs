//! What is known of a tensor before anything runs: element type and shape.

/// Element types that graphs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// Unsigned byte: raw pixels.
    U8,
    /// 64-bit integer: labels, indices, shapes.
    I64,
    /// Truth value.
    Bool,
}

impl ElementType {
    /// Bytes of one element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::U8 | Self::Bool => 1,
            Self::I64 => 8,
        }
    }
}

/// Type and shape of a tensor; `[]` is a scalar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// Element type.
    pub element: ElementType,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

impl Fact {
    /// A tensor of 32-bit floats.
    pub fn f32(shape: &[usize]) -> Self {
        Self { element: ElementType::F32, shape: shape.to_vec() }
    }

    /// A tensor of 64-bit integers.
    pub fn i64(shape: &[usize]) -> Self {
        Self { element: ElementType::I64, shape: shape.to_vec() }
    }

    /// A tensor of bytes.
    pub fn u8(shape: &[usize]) -> Self {
        Self { element: ElementType::U8, shape: shape.to_vec() }
    }

    /// The same with another size of the first axis.
    pub fn with_samples(&self, samples: usize) -> Self {
        let mut fact = self.clone();
        if let Some(size) = fact.shape.first_mut() {
            *size = samples;
        }
        fact
    }

    /// Number of elements.
    pub fn volume(&self) -> usize {
        self.shape.iter().product()
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.volume() * self.element.bytes()
    }
}
