//! A part of a suite, and a suite from a few words.

use offcut_instances::multiuser::Multiuser;
use offcut_runner::Suite;
use offcut_runner::choice::{Choice, GRID, GridRequest, recipe_with};

fn request(settings: &[&str]) -> GridRequest {
    let mut request = GridRequest { methods: vec!["iao".into(), "threshold".into()], ..GridRequest::default() };
    settings.iter().for_each(|text| request.set(text).expect("a setting"));
    request
}

#[test]
fn values_with_commas_vary_and_lists_do_not() {
    let suite =
        request(&["units=6", "users=2,3", "models=[\"vgg16\",\"alexnet\"]", "objective=max,sum"]).suite::<Multiuser>();
    let study = &suite.studies[0];
    assert_eq!(study.axis.as_ref().map(|axis| axis.values.clone()), Some(vec![2.0, 3.0]));
    assert_eq!(study.set["models"], serde_json::json!(["vgg16", "alexnet"]));
    assert_eq!(study.vary["objective"], serde_json::json!(["max", "sum"]));
    let grid = suite.expand::<Multiuser>("code", |_, _| Ok(())).expect("a grid");
    assert_eq!(grid.recipes.len(), 2 * 2 * 3);
    assert!(GridRequest::default().set("users").is_err());
    assert!(request(&["users=2"]).set("users=3").is_err());
}

#[test]
fn a_choice_leaves_out_the_rest_and_names_what_there_is() {
    let whole = request(&["users=2"]).suite::<Multiuser>();
    let choose = |choice: Choice| {
        let mut suite = whole.clone();
        suite.choose(&choice).map(|()| suite)
    };
    let only = Choice { only: vec!["iao".into()], seeds: Some(1), time_s: Some(2.0), ..Choice::default() };
    let suite = choose(only).expect("iao is there");
    assert_eq!((&suite.studies[0].methods[..], &suite.studies[0].seeds[..]), (&["iao".to_owned()][..], &[1][..]));
    assert_eq!(suite.budget.time_s, Some(2.0));
    assert_eq!(choose(Choice::default()).expect("nothing is unknown"), whole);
    let error = choose(Choice { only: vec!["magic".into()], ..Choice::default() }).expect_err("unknown");
    assert!(error.remedy.contains("iao, threshold"), "{error}");
    let error = choose(Choice { studies: vec!["x".into()], ..Choice::default() }).expect_err("unknown");
    assert!(error.remedy.contains(GRID), "{error}");
}

#[test]
fn the_recipe_of_a_folder_grows_with_its_run_and_is_one_grid() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("suite.json");
    let write = |suite: &Suite| recipe_with::<Multiuser>(suite, &path).map(|bytes| std::fs::write(&path, bytes));
    let first = request(&["users=2"]).suite::<Multiuser>();
    write(&first).expect("new").expect("room");
    let mut second = first.clone();
    second.choose(&Choice { seeds: Some(4), ..Choice::default() }).expect("nothing is unknown");
    second.studies[0].methods = vec!["binary".into(), "iao".into()];
    write(&second).expect("the same grid").expect("room");
    let kept = Suite::read(&path, "multiuser").expect("a suite");
    assert_eq!(kept.studies[0].methods, ["iao", "threshold", "binary"]);
    assert_eq!(kept.studies[0].seeds, [1, 2, 3, 4]);
    assert!(write(&request(&["users=3"]).suite::<Multiuser>()).is_err());
}
