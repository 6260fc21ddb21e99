//! stub
use crate::cli::{exit::Failure, options::BenchOptions};
/// stub
pub fn bench(_options: &BenchOptions) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not written yet").into())
}
