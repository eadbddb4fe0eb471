//! Helpers of the tests. Each file stands alone, so that it can be moved to where others can use it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

pub mod docker_daemon;
pub mod images;
pub mod served;
pub mod skopeo;
pub mod transports;
