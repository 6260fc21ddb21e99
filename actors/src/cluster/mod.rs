//! STUB
use crate::link::{Ear, Link, Unsent};
use crate::protocol::letters::{Letter, NodeName};
use std::net::SocketAddr;
use std::sync::Arc;
/// STUB
#[derive(Clone, Debug)]
pub struct Security;
/// STUB
pub struct ListenSettings {
    /// STUB
    pub address: SocketAddr,
    /// STUB
    pub name: NodeName,
    /// STUB
    pub security: Security,
}
/// STUB
pub struct Cluster;
impl Cluster {
    /// STUB
    pub async fn start(_: NodeName, _: Security, _: Ear) -> Result<Arc<Self>, String> {
        Err("stub".to_owned())
    }
    /// STUB
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr, String> {
        Ok(address)
    }
    /// STUB
    pub fn join(&self, _: Vec<String>) {}
    /// STUB
    pub async fn close(&self) {}
}
impl Link for Cluster {
    fn send(&self, to: &NodeName, _: Letter) -> Result<(), Unsent> {
        Err(Unsent::NotConnected(to.clone()))
    }
    fn hang_up(&self, _: &NodeName, _: &str) {}
}
