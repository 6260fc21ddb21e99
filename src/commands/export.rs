//! stub
use crate::cli::{exit::Failure, options::ExportOptions};
/// stub
pub fn export(_options: &ExportOptions) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not written yet").into())
}
