//! What the tests share: archives made byte by byte, a repository to import into, and its listing.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(unreachable_pub, reason = "shared by test programs, not published")]
#![allow(unused_imports, reason = "each test program uses a part")]

pub mod lab;
pub mod tar;

pub use lab::{Imported, Lab, Request, chain};
