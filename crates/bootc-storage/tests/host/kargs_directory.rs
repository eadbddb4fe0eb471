//! The files by which an image brings kernel arguments.

use bootc_storage::host::kargs::{Error, MAX_FILE_BYTES, image_arguments};
use std::error::Error as _;
use std::io;

fn arguments_of(files: &[(&str, &str)], architecture: &str) -> Result<String, Error> {
    let names = files.iter().map(|(name, _)| (*name).to_owned());
    let read = |name: &str| {
        let file = files.iter().find(|(other, _)| *other == name);
        file.map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    image_arguments(names, read, architecture).map(|list| list.to_string())
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let files = [
        (
            "20-b.toml",
            "kargs = [\"console=ttyS0,115200n8\"]\nmatch-architectures = [\"x86_64\", \"aarch64\"]\n",
        ),
        ("10-a.toml", "# first\nkargs = ['quiet', 'a=\"x', 'y\"']\n"),
        ("9-last.toml", "kargs = [\"console=tty0\"]"),
        ("30-none.toml", "kargs = []"),
        ("README", "not toml at all"),
        (".toml", "neither"),
        ("40-old.toml.bak", "nor this"),
    ];
    let x86_64 = arguments_of(&files, "x86_64").unwrap();
    assert_eq!(
        x86_64,
        "quiet a=\"x y\" console=ttyS0,115200n8 console=tty0"
    );
    let s390x = arguments_of(&files, "s390x").unwrap();
    assert_eq!(s390x, "quiet a=\"x y\" console=tty0");
    assert_eq!(arguments_of(&[], "x86_64").unwrap(), "");
}

#[test]
fn errors_name_the_file() {
    let good = ("10-good.toml", "kargs = [\"quiet\"]");
    for (text, says) in [
        ("kargs = [\"quiet\"]\nfoo = 1\n", "foo"),
        (
            "kargs = [\"quiet\"]\nmatch_architectures = [\"x86_64\"]\n",
            "match_architectures",
        ),
        ("match-architectures = [\"x86_64\"]\n", "kargs"),
        ("kargs = \"quiet\"\n", "sequence"),
        ("kargs = [\"quiet\", 1]\n", "string"),
        ("kargs = [", "array"),
        // Wrong even where it is not for this architecture.
        (
            "match-architectures = [\"s390x\"]\nkargs = [\"quiet\"]\nfoo = 1\n",
            "foo",
        ),
        ("kargs = ['a=\"open']\n", "quote"),
        ("kargs = [\"a\\u0007\"]\n", "control"),
        ("kargs = ['\"a', 'b\"', '=x']\n", "no key"),
        ("kargs = [\"a=\\\"b\\nc\\\"\"]\n", "line break"),
    ] {
        let error = arguments_of(&[good, ("50-bad.toml", text)], "x86_64").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("usr/lib/bootc/kargs.d/50-bad.toml "),
            "{error}"
        );
        let cause = error.source().map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        assert!(cause.contains(says), "{text:?}: {cause}");
    }
}

#[test]
fn a_file_that_is_not_read_is_named() {
    let denied = |_: &str| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    let error = image_arguments(["1.toml".to_owned()], denied, "x86_64").unwrap_err();
    assert!(
        matches!(&error, Error::Read { name, .. } if name == "1.toml"),
        "{error}"
    );
    let text = format!("kargs = []\n{}", "#".repeat(MAX_FILE_BYTES));
    let error = arguments_of(&[("2.toml", &text)], "x86_64").unwrap_err();
    assert!(
        matches!(&error, Error::TooLarge { name, .. } if name == "2.toml"),
        "{error}"
    );
    let not_text = |_: &str| Ok(b"kargs = [\"\xff\"]".to_vec());
    let error = image_arguments(["3.toml".to_owned()], not_text, "x86_64").unwrap_err();
    assert!(
        matches!(&error, Error::Format { name, .. } if name == "3.toml"),
        "{error}"
    );
}
