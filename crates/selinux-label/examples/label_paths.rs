//! Labels the paths on standard input, a mode in octal and a path on each line: `100755 /usr/bin/bash`.
//!
//! `cargo run --release -p selinux-label --example label_paths -- ROOT < paths`, where ROOT holds `etc/selinux` or
//! `usr/etc/selinux`. Prints label and path; with `--count` only how many have one. With `--libselinux` (a feature),
//! libselinux is asked. `find / -printf '%m %y %p\n'` needs its types turned into octal first:
//! `awk '{ t["f"]=10; t["d"]=4; t["l"]=12; t["c"]=2; t["b"]=6; t["p"]=1; t["s"]=14; printf "%d%04d %s\n", t[$2], $1, $3 }'`.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use selinux_label::{DirTree, Label, Policy, Result};
use std::error::Error;
use std::io::{Read as _, Write as _};

type Labeller = Box<dyn Fn(&str, u32) -> Result<Option<Label>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut root = None;
    let (mut count, mut libselinux) = (false, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--count" => count = true,
            "--libselinux" => libselinux = true,
            _ => root = Some(argument),
        }
    }
    let root = root.ok_or("which root?")?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a program opens the directory that it is told to"
    )]
    let root = Dir::open_ambient_dir(root, ambient_authority())?;
    let label = labeller(&DirTree::new(&root), libselinux)?;

    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut asked, mut labelled) = (0_u64, 0_u64);
    for line in input.lines() {
        let (mode, path) = line.split_once(' ').ok_or("a line without a path")?;
        let found = label(path, u32::from_str_radix(mode, 8)?)?;
        asked += 1;
        labelled += u64::from(found.is_some());
        if !count {
            let found = found.as_ref().map_or("<<none>>", Label::as_str);
            writeln!(output, "{found} {path}")?;
        }
    }
    if count {
        writeln!(output, "{labelled} of {asked} paths have a label")?;
    }
    Ok(output.flush()?)
}

fn labeller(tree: &DirTree<'_>, libselinux: bool) -> Result<Labeller, Box<dyn Error>> {
    if libselinux {
        #[cfg(feature = "libselinux")]
        {
            let policy = selinux_label::OraclePolicy::open(tree)?.ok_or("no policy there")?;
            return Ok(Box::new(move |path, mode| policy.label(path, mode)));
        }
        #[cfg(not(feature = "libselinux"))]
        return Err("built without the feature libselinux".into());
    }
    let policy = Policy::open(tree)?.ok_or("no policy there")?;
    Ok(Box::new(move |path, mode| policy.label(path, mode)))
}
