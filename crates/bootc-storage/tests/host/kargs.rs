//! Lists of arguments and their changes, held against libostree's own; what an update does.

use bootc_storage::host::kargs::{Error, KernelArguments, update};
use ostree::KernelArgs;
use proptest::prelude::*;
use proptest::sample::select;

fn parse(options: &str) -> KernelArguments {
    KernelArguments::parse(options)
}

fn texts(arguments: &KernelArguments) -> Vec<&str> {
    arguments.iter().map(|a| a.as_str()).collect()
}

#[test]
fn a_line_is_cut_at_spaces_outside_of_quotes() {
    for (line, expected) in [
        ("", &[][..]),
        ("  quiet   ro ", &["quiet", "ro"]),
        ("a=\"1 2\" b", &["a=\"1 2\"", "b"]),
        ("\"a b=c d\" e", &["\"a b=c d\"", "e"]),
        ("x\ty\nz", &["x", "y", "z"]),
        ("a=\"open b c", &["a=\"open b c"]),
    ] {
        assert_eq!(texts(&parse(line)), expected, "{line:?}");
    }
    let quoted = parse("a=\"k=v w\" key= key");
    let parts: Vec<_> = quoted.iter().map(|a| (a.key(), a.value())).collect();
    assert_eq!(
        parts,
        [("a", Some("\"k=v w\"")), ("key", Some("")), ("key", None)]
    );
    assert_eq!(quoted.to_string(), "a=\"k=v w\" key= key");
    assert_eq!(parse("c=1 d c=2").last_value("c"), Some("2"));
}

#[test]
fn what_a_boot_entry_cannot_hold_is_not_added() {
    let mut arguments = parse("root=x");
    for text in [
        "a=\"b",
        "a\u{1}",
        "ok =x",
        "a=\"b\nc\"",
        "a\0b",
        "ok \"\"\"",
    ] {
        for error in [
            arguments.append(text).unwrap_err(),
            arguments.append_if_missing(text).unwrap_err(),
            arguments.replace(text).unwrap_err(),
            arguments.replace_value(text).unwrap_err(),
            arguments.delete(text).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Invalid { .. }), "{text:?}: {error}");
        }
    }
    assert_eq!(arguments, parse("root=x"));
}

#[test]
fn a_change_with_an_error_in_it_changes_nothing() {
    let mut arguments = parse("a=1 b=1 b=2");
    let error = arguments.delete("a b").unwrap_err();
    assert!(
        matches!(&error, Error::Ambiguous { key } if key == "b"),
        "{error}"
    );
    let error = arguments.replace_value("a=2 c=1").unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { argument } if argument == "c"),
        "{error}"
    );
    let error = arguments.delete_if_present("a c a b=3").unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { argument } if argument == "b=3"),
        "{error}"
    );
    assert_eq!(arguments, parse("a=1 b=1 b=2"));
    arguments.delete_if_present("a c b=1").unwrap();
    assert_eq!(arguments, parse("b=2"));
}

#[test]
fn a_missing_one_is_one_whose_key_is_missing() {
    let mut arguments = parse("console=tty0");
    arguments
        .append_if_missing("console=ttyS0 quiet quiet")
        .unwrap();
    assert_eq!(texts(&arguments), ["console=tty0", "quiet"]);
    assert_eq!(arguments.remove_key("console"), 1);
    assert_eq!(arguments.remove_key("console"), 0);
    assert!(!arguments.is_empty() && arguments.contains_key("quiet"));
}

/// libostree 2022.7 cuts within quotes too; newer ones do not.
fn libostree_knows_quotes() -> bool {
    KernelArgs::from_string("a=\"1 2\"").to_strv().len() == 1
}

fn argument() -> impl Strategy<Value = String> {
    let quoted = if libostree_knows_quotes() {
        "=\"1 2\""
    } else {
        "=\"1_2\""
    };
    let key = select(&["a", "b", "root", "console", "a.b"][..]);
    let value = select(vec!["", "=", "=1", "=2", quoted, "=1=2", "=2=1", "=x,y"]);
    (key, value).prop_map(|(key, value)| format!("{key}{value}"))
}

fn line() -> impl Strategy<Value = String> {
    proptest::collection::vec(argument(), 0..8).prop_map(|list| list.join(" "))
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Append,
    Replace,
    ReplaceValue,
    Delete,
    RemoveKey,
}

fn change() -> impl Strategy<Value = (Change, String)> {
    use Change::*;
    let all = [Append, Replace, ReplaceValue, Delete, RemoveKey];
    (select(all.to_vec()), argument())
}

/// Applies a change to both; whether each was done.
fn apply(
    change: Change,
    argument: &str,
    ours: &mut KernelArguments,
    theirs: &KernelArgs,
) -> (bool, bool) {
    match change {
        Change::Append => (ours.append(argument).is_ok(), {
            theirs.append(argument);
            true
        }),
        Change::Replace => (ours.replace(argument).is_ok(), {
            theirs.replace(argument);
            true
        }),
        Change::ReplaceValue => (
            ours.replace_value(argument).is_ok(),
            theirs.new_replace(argument).is_ok(),
        ),
        Change::Delete => (
            ours.delete(argument).is_ok(),
            theirs.delete(argument).is_ok(),
        ),
        Change::RemoveKey => {
            let key = argument.split('=').next().unwrap();
            (
                ours.remove_key(key) > 0,
                theirs.delete_key_entry(key).is_ok(),
            )
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn libostree_changes_the_same(line in line(), changes in proptest::collection::vec(change(), 1..8)) {
        let mut ours = parse(&line);
        let theirs = KernelArgs::from_string(&line);
        prop_assert_eq!(ours.to_string(), theirs.to_string());
        for (change, argument) in changes {
            let (done, expected) = apply(change, &argument, &mut ours, &theirs);
            prop_assert_eq!(done, expected, "{:?} {:?}", change, &argument);
            prop_assert_eq!(ours.to_string(), theirs.to_string(), "{:?} {:?}", change, argument);
            let key = argument.split('=').next().unwrap();
            let last = theirs.get_last_value(key).map(|value| value.to_string());
            prop_assert_eq!(ours.last_value(key), last.as_deref());
        }
    }

    /// The administrator's arguments, of other keys than the images', stay through any two updates and in their order.
    #[test]
    fn an_update_changes_what_is_the_images(
        own in proptest::collection::vec("my[a-c](=[0-9])?", 0..5), first in line(), second in line(), third in line(),
    ) {
        let own = own.join(" ");
        let [first, second, third] = [first, second, third].map(|line| parse(&line));
        let installed = parse(&format!("{own} {first}"));
        let updated = update(&installed, &first, &second);
        let again = update(&updated.arguments, &second, &third);
        for (arguments, image) in [(&updated.arguments, &second), (&again.arguments, &third)] {
            let (mine, images): (Vec<_>, Vec<_>) = texts(arguments).into_iter().partition(|a| a.starts_with("my"));
            prop_assert_eq!(mine.join(" "), own.as_str());
            prop_assert_eq!(sorted(images), sorted(texts(image)));
        }
        let nothing = update(&installed, &second, &second);
        prop_assert_eq!(&nothing.arguments, &installed);
        prop_assert!(nothing.added.is_empty() && nothing.removed.is_empty());
    }
}

fn sorted(mut list: Vec<&str>) -> Vec<&str> {
    list.sort_unstable();
    list
}

#[test]
fn what_the_administrator_did_to_the_images_arguments_stays() {
    let old = parse("quiet console=tty0 mitigations=off");
    // `quiet` was deleted by hand, `nosmt` added; the new image brings that too, and no more `mitigations`.
    let current = parse("root=x console=tty0 mitigations=off nosmt ostree=/ostree/boot.1/x");
    let new = parse("quiet console=tty0 nosmt loglevel=3");
    let changed = update(&current, &old, &new);
    assert_eq!(
        changed.arguments.to_string(),
        "root=x console=tty0 nosmt ostree=/ostree/boot.1/x loglevel=3"
    );
    assert_eq!(texts(&changed.removed.into()), ["mitigations=off"]);
    assert_eq!(texts(&changed.added.into()), ["loglevel=3"]);
}

#[test]
fn an_image_without_any_takes_the_old_ones_away() {
    let changed = update(
        &parse("root=x quiet nosmt"),
        &parse("quiet"),
        &KernelArguments::default(),
    );
    assert_eq!(changed.arguments.to_string(), "root=x nosmt");
}

#[test]
fn what_counts_twice_goes_once() {
    let changed = update(&parse("a b a"), &parse("a b"), &parse("b b"));
    assert_eq!(changed.arguments.to_string(), "b a b");
}
