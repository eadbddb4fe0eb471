//! The JSON Schemas in `schema/` are those of the types that are printed.

use std::fs;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::output::ErrorView;
use crate::verbs;

/// Set it to write the files anew.
const UPDATE: &str = "UPDATE_SCHEMA";

/// What is printed: a member without a value is there as null.
fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// Every kind of document, by the name of its schema.
fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("pull", schema_of::<verbs::pull::PulledView>()),
        ("pull-plan", schema_of::<verbs::pull::PlanView>()),
        ("list", schema_of::<verbs::list::View>()),
        ("inspect", schema_of::<verbs::inspect::View>()),
        ("history", schema_of::<verbs::history::View>()),
        ("remove", schema_of::<verbs::remove::View>()),
        ("remove-plan", schema_of::<verbs::remove::PlanView>()),
        ("prune", schema_of::<verbs::prune::PrunedView>()),
        ("prune-plan", schema_of::<verbs::prune::PlanView>()),
        ("check", schema_of::<verbs::check::View>()),
        ("selinux-check", schema_of::<verbs::selinux::CheckView>()),
        ("selinux-lookup", schema_of::<verbs::selinux::LookupView>()),
        ("checkout", schema_of::<verbs::checkout::View>()),
        (
            "composefs-build",
            schema_of::<verbs::composefs::BuildView>(),
        ),
        (
            "composefs-digest",
            schema_of::<verbs::composefs::DigestView>(),
        ),
        ("composefs-dump", schema_of::<verbs::composefs::DumpView>()),
        (
            "composefs-mount",
            schema_of::<verbs::composefs::MountView>(),
        ),
        (
            "composefs-check",
            schema_of::<verbs::composefs::CheckView>(),
        ),
        ("bound-list", schema_of::<verbs::bound::ListView>()),
        ("bound-plan", schema_of::<verbs::bound::PlanView>()),
        ("bound-pull", schema_of::<verbs::bound::PullView>()),
        ("bound-verify", schema_of::<verbs::bound::VerifyView>()),
        ("bound-prune", schema_of::<verbs::bound::PruneView>()),
        ("host-init", schema_of::<verbs::host::InitView>()),
        ("host-update", schema_of::<verbs::host::UpdateView>()),
        ("host-upgrade-check", schema_of::<verbs::host::CheckView>()),
        ("host-released", schema_of::<verbs::host::ReleasedView>()),
        ("host-rollback", schema_of::<verbs::host::RollbackView>()),
        ("host-pin", schema_of::<verbs::host::PinView>()),
        ("host-undeploy", schema_of::<verbs::host::UndeployView>()),
        ("host-prune", schema_of::<verbs::host::CleanedUpView>()),
        ("host-prune-plan", schema_of::<verbs::host::PrunePlanView>()),
        (
            "host-status-verbose",
            schema_of::<verbs::host::VerboseView>(),
        ),
        ("error", schema_of::<ErrorView>()),
    ]
}

#[test]
fn the_schemas_are_those_of_what_is_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let schemas = schemas();
    let mut files: Vec<String> = schemas
        .iter()
        .map(|(name, _)| format!("{name}.schema.json"))
        .collect();
    for (file, (_, schema)) in files.iter().zip(&schemas) {
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        let path = folder.join(file);
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == text,
            "schema/{file} is not what is printed; if the change is meant: {UPDATE}=1 cargo test -p bootc-storage-cli"
        );
    }
    files.sort();
    let mut stored: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    stored.sort();
    assert_eq!(stored, files, "a schema of nothing that is printed");
}
