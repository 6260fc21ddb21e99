//! stub
use crate::cli::{exit::Failure, options::DoctorOptions};
/// stub
pub fn doctor(_options: &DoctorOptions) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not written yet").into())
}
