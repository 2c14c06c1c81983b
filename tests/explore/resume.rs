//! A search that is killed goes on; one that is cut in shards is whole again.

use stormglass::explore::Coverage;

use super::*;

#[test]
fn a_search_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = || explore(shop).variant("fixed").resume(&file);
    let first = search().seeds(0..40).find();
    assert_eq!((first.coverage.runs, first.resumed), (40, 0));
    let second = search().seeds(0..100).find();
    assert_eq!((second.coverage.runs, second.resumed), (100, 40));
    let whole = explore(shop).variant("fixed").seeds(0..100).find();
    assert_eq!(second.coverage, whole.coverage);
    assert_eq!(second.sampled, whole.sampled);
    assert!(second.to_string().contains(", 40 of them earlier"), "{second}");
    let third = search().seeds(0..100).find();
    assert_eq!((third.coverage, third.resumed), (whole.coverage, 100));
}

#[test]
fn a_search_that_was_broken_off_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = || explore(shop).variant("fixed").seeds(0..300).resume(&file);
    let _ = search().time(Duration::ZERO).find();
    let _ = search().time(ms(100)).find();
    let whole = explore(shop).variant("fixed").seeds(0..300).find();
    assert_eq!(search().find().coverage, whole.coverage);
}

#[test]
fn a_failure_is_found_again_without_a_search() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = || in_shop(directory.path()).resume(&file);
    let first = search().find();
    let again = search().find();
    assert_eq!(again.resumed, first.coverage.runs);
    assert_eq!(again.failures[0].run.fingerprint(), first.failures[0].run.fingerprint());
}

#[test]
fn the_state_of_another_search_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = |variant| explore(shop).variant(variant).seeds(0..5).resume(&file);
    let _ = search("fixed").find();
    let error = search("broken").try_find().unwrap_err().to_string();
    assert!(error.contains("it is the state of another search, format 1, shop fixed"), "{error}");
    assert!(error.contains("give another file, or remove it"), "{error}");
    std::fs::write(&file, "{").unwrap();
    let error = search("fixed").try_find().unwrap_err().to_string();
    assert!(error.contains("it is no state of a search"), "{error}");
}

#[test]
fn shards_are_the_whole() {
    let search = || explore(shop).variant("fixed").seeds(10..110).verify_sample(0);
    let whole = search().find().coverage;
    for n in [1, 3, 7] {
        let mut sum = Coverage::default();
        for i in 0..n {
            sum.add(&search().shard(i, n).find().coverage);
        }
        assert_eq!(sum, whole, "{n} shards");
    }
    let empty = search().seeds(0..2).shard(3, 4).find();
    assert_eq!(empty.verdict().to_string(), "unknown: no seed was run");
    assert!(panic_of(|| drop(search().shard(4, 4))).contains("numbered from 0 to 3"));
}
