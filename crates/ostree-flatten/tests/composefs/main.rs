//! composefs images: what others published, what the reference writes, what commits become, what is refused.

mod commits;
mod corners;
mod fs_verity;
mod malformed;
mod mkcomposefs;
mod published;
mod random_dump;
mod reference;
