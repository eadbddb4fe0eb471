//! Kernel arguments: those of a boot entry, those that an image brings, and how an update changes the first by the second.
//! Nothing here reads or writes files.
//!
//! ```
//! use bootc_storage::host::kargs::{KernelArguments, image_arguments, update};
//!
//! let files = |kargs: &'static str| move |_: &str| Ok(format!("kargs = {kargs}\n").into_bytes());
//! let old = image_arguments(["10-console.toml".to_owned()], files(r#"["console=tty0", "quiet"]"#), "x86_64")?;
//! let new = image_arguments(["10-console.toml".to_owned()], files(r#"["console=ttyS0"]"#), "x86_64")?;
//!
//! let current = KernelArguments::parse("root=UUID=1234 console=tty0 quiet nosmt");
//! let changed = update(&current, &old, &new);
//! assert_eq!(changed.arguments.to_string(), "root=UUID=1234 nosmt console=ttyS0");
//! assert_eq!(changed.removed.len(), 2);
//! # Ok::<(), bootc_storage::host::kargs::Error>(())
//! ```

mod argument;
mod arguments;
mod directory;
mod error;
mod update;

pub use argument::Argument;
pub use arguments::KernelArguments;
pub use directory::{KARGS_DIRECTORY, MAX_FILE_BYTES, image_arguments, is_kargs_file};
pub use error::Error;
pub use update::{Update, update};
