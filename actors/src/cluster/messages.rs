//! What the switchboard can be told, apart from it, so that the gateway can name it.

use crate::protocol::letters::NodeName;

/// What the switchboard is told.
pub(super) enum SwitchboardMessage {
    /// A session has begun, on the connection with this label.
    Opened(u64, String),
    /// Both ends of a session have announced their actors to each other.
    Ready(u64),
    /// A session has ended.
    Closed(u64),
    /// A frame has come, and who says that it sent it.
    Frame {
        /// The sender.
        from: NodeName,
        /// The frame.
        frame: Vec<u8>,
    },
}

impl ractor::Message for SwitchboardMessage {}
