//! The layers of `docs/ARCHITECTURE.md`, held against the `use` lines of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The files and the modules of the library, without its tests. A module is a path such as `engine/accept`.
fn modules() -> BTreeMap<String, String> {
    let mut modules = BTreeMap::new();
    collect(&root().join("src"), &mut modules);
    modules
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, modules: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in ASCII").to_owned();
        let is_left_out = ["bin", "simulation", "tests", "properties"].contains(&name.as_str());
        if path.is_dir() && !is_left_out {
            collect(&path, modules);
        } else if path.is_file() && !is_left_out && !name.starts_with("any_") {
            let below = path.strip_prefix(root().join("src")).expect("it is below src").with_extension("");
            let module = below.to_str().expect("a path in ASCII").trim_end_matches("/mod").to_owned();
            modules.insert(module, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The modules that a module's `use` lines name, up to its tests.
fn used_by(module: &str, text: &str, all: &BTreeMap<String, String>) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for statement in code.split(';') {
        let Some((_, path)) = statement.rsplit_once("use ") else { continue };
        for path in each_path(&path.split_whitespace().collect::<String>()) {
            let parts: Vec<_> = path.split("::").collect();
            let absolute = match parts.as_slice() {
                ["crate", rest @ ..] => rest.to_vec(),
                ["super", rest @ ..] => {
                    let parent = module.rsplit_once('/').map(|(parent, _)| parent).unwrap_or_default();
                    parent.split('/').filter(|part| !part.is_empty()).chain(rest.iter().copied()).collect()
                }
                // A path of this module's own, or of another crate.
                _ => continue,
            };
            let longest = (1..=absolute.len()).rev().map(|len| absolute[..len].join("/"));
            used.extend(
                longest.into_iter().find(|path| all.contains_key(path)).filter(|path| path != module),
            );
        }
    }
    used
}

/// `a::{b,c::d}` names `a::b` and `a::c::d`. No `use` line here has braces in braces.
fn each_path(path: &str) -> Vec<String> {
    match path.split_once('{') {
        Some((prefix, names)) => {
            names.trim_end_matches('}').split(',').map(|name| format!("{prefix}{name}")).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// The layers in the documentation, from the top.
fn layers() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the architecture");
    let (_, section) = text.split_once("## The layers").expect("the section of the layers");
    let list = section.split("```").nth(1).expect("a fenced list").trim_start_matches("text\n");
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_module_belongs_to_a_layer_that_is_documented() {
    let (layers, modules) = (layers(), modules());
    let tops: BTreeSet<_> =
        modules.keys().map(|module| module.split('/').next().unwrap_or_default()).collect();
    let documented: BTreeSet<_> = layers.iter().map(String::as_str).collect();
    assert!(layers.len() > 20, "the list is there: {layers:?}");
    assert_eq!(tops, documented);
}

#[test]
fn dependencies_point_down() {
    let (layers, modules) = (layers(), modules());
    let height = |module: &str| {
        let top = module.split('/').next().unwrap_or_default();
        layers.iter().position(|layer| layer == top).unwrap_or_else(|| panic!("{module} is in no layer"))
    };
    let mut count = 0;
    for (module, text) in &modules {
        for used in used_by(module, text, &modules) {
            count += 1;
            assert!(height(module) <= height(&used), "{module} uses {used}, which is above it");
        }
    }
    assert!(count > 150, "the `use` lines are read: {count}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let modules = modules();
    let mut left: BTreeMap<_, _> =
        modules.iter().map(|(module, text)| (module.clone(), used_by(module, text, &modules))).collect();
    // Files that use nothing that is left are taken away, until none is left or only circles are.
    while let Some(free) = left.iter().find(|(_, used)| used.is_empty()).map(|(module, _)| module.clone()) {
        left.remove(&free);
        for used in left.values_mut() {
            used.remove(&free);
        }
    }
    assert!(left.is_empty(), "in a circle, or above one: {left:#?}");
}
