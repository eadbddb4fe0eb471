//! Who looks labels up.

use clap::Args;
use selinux_label::Engine;

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct EngineArgs {
    /// Who looks up SELinux labels: builtin, or libselinux for policies with expressions that only it knows; much slower
    #[arg(long, value_name = "ENGINE", default_value = "builtin", value_parser = parse)]
    pub(crate) selinux_engine: Engine,
}

fn parse(text: &str) -> Result<Engine, &'static str> {
    match text {
        "builtin" => Ok(Engine::Builtin),
        "libselinux" => libselinux(),
        _ => Err("it is builtin or libselinux"),
    }
}

#[cfg(feature = "libselinux")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn libselinux() -> Result<Engine, &'static str> {
    Ok(Engine::Libselinux)
}

#[cfg(not(feature = "libselinux"))]
fn libselinux() -> Result<Engine, &'static str> {
    Err("this program was built without it: build it with `--features libselinux`")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_engine_is_there_or_it_is_said_how_to_get_it() {
        assert!(parse("builtin").is_ok());
        match (parse("libselinux"), cfg!(feature = "libselinux")) {
            (Ok(engine), true) => assert_ne!(engine, selinux_label::Engine::Builtin),
            (Err(reason), false) => assert!(reason.contains("--features libselinux"), "{reason}"),
            (other, built) => panic!("{other:?}, built with it: {built}"),
        }
        assert!(parse("other").is_err());
    }
}
