//! `hatchery top`: a run, watched in a terminal. What is shown (`view`) comes from a run directory (`journal`) or from a
//! coordinator (`api`); how it is drawn (`draw`) knows neither.

mod api;
mod draw;
mod journal;
mod screen;
mod view;

pub use screen::watch;

use crate::{cli::exit::Failure, records::client::ClientError};
use api::Api;
use journal::Directory;
use std::path::PathBuf;
use view::View;

/// Where a run is looked at.
#[derive(Debug)]
pub enum Source {
    /// In its directory.
    Directory(Directory),
    /// At its coordinator.
    Api(Box<Api>),
}

impl Source {
    /// A URL means a coordinator, anything else a directory. `token` is for coordinators that ask for one.
    ///
    /// # Errors
    /// Where the URL is none.
    pub fn new(place: &str, token: Option<String>) -> Result<Self, ClientError> {
        if place.contains("://") {
            Ok(Self::Api(Box::new(Api::new(place, token)?)))
        } else {
            Ok(Self::Directory(Directory::new(PathBuf::from(place))))
        }
    }

    /// Looks.
    fn look(&mut self) -> Result<View, Failure> {
        match self {
            Self::Directory(directory) => directory.look(),
            Self::Api(api) => api.look(),
        }
    }
}
