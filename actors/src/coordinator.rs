//! A coordinator process: conducts a search whose trainers are in worker processes.

use crate::cluster::{Cluster, ListenSettings};
use crate::error::SearchError;
use crate::hub::{PackedData, Post};
use crate::journal::Journal;
use crate::link;
use crate::run::{Controls, SearchSetup, SearchSummary, conduct};
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// What a coordinator needs besides its journal.
pub struct CoordinatorSetup {
    /// What is to be done.
    pub search: SearchSetup,
    /// Where workers find it, and who may join.
    pub listen: ListenSettings,
    /// The data set in the form in which it is sent to workers that do not have it.
    pub packed_data: PackedData,
    /// Threads of each trainer on CPU.
    pub threads: u32,
    /// Told the address once workers can join.
    pub listening: oneshot::Sender<SocketAddr>,
}

/// Runs a search to its end, or goes on with it, as the journal says, with whatever workers join.
///
/// # Errors
/// See `SearchError`. Being stopped by the user is none.
pub async fn run_coordinator(
    journal: Journal,
    setup: CoordinatorSetup,
    controls: Controls,
) -> Result<SearchSummary, SearchError> {
    let CoordinatorSetup { search, listen, packed_data, threads, listening } = setup;
    let (ear, incoming) = link::queue();
    let cluster = Cluster::start(listen.name, listen.security, ear)
        .await
        .map_err(|error| SearchError::NoCluster(error.to_string()))?;
    let address = listen.door.address();
    cluster.listen(listen.door).await.map_err(|error| SearchError::NoCluster(error.to_string()))?;
    // Whoever waits for the address is gone only where the process ends.
    let _ = listening.send(address);
    let post = Post { link: cluster.clone(), incoming, data: packed_data, sole: false };
    let summary = conduct(journal, search, post, threads, controls).await;
    cluster.close().await;
    summary
}
