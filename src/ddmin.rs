//! Delta debugging: a subset of a list that still fails, and from which nothing can be left out.

/// A part of `items` that still `fails`, in the same order, such that it no longer does with any
/// single item left out. `items` as a whole is taken to fail; nothing at all is tried first.
pub(crate) fn minimal<T: Clone>(mut items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut parts = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(parts);
        if let Some(smaller) = one_part(&items, size, fails) {
            items = smaller;
            parts = 2;
        } else if let Some(smaller) = all_but_one_part(&items, size, fails) {
            items = smaller;
            parts = (parts - 1).max(2);
        } else if size == 1 {
            break;
        } else {
            parts = (parts * 2).min(items.len());
        }
    }
    items
}

fn one_part<T: Clone>(
    items: &[T],
    size: usize,
    fails: &mut dyn FnMut(&[T]) -> bool,
) -> Option<Vec<T>> {
    items.chunks(size).find(|part| fails(part)).map(<[T]>::to_vec)
}

fn all_but_one_part<T: Clone>(
    items: &[T],
    size: usize,
    fails: &mut dyn FnMut(&[T]) -> bool,
) -> Option<Vec<T>> {
    (0..items.len()).step_by(size).find_map(|start| {
        let end = (start + size).min(items.len());
        let rest = [&items[..start], &items[end..]].concat();
        fails(&rest).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of 0 to 6, if all that is in one of `causes` fails.
    #[track_caller]
    fn check(causes: &[&[u32]], expected: &[u32]) {
        let mut tries = 0;
        let mut fails = |items: &[u32]| {
            assert!(items.is_sorted(), "in another order: {items:?}");
            tries += 1;
            causes.iter().any(|cause| cause.iter().all(|item| items.contains(item)))
        };
        assert_eq!(minimal((0..7).collect(), &mut fails), expected);
        assert!(tries < 60, "{tries} tries");
    }

    #[test]
    fn what_it_takes_is_left() {
        check(&[&[]], &[]);
        check(&[&[0]], &[0]);
        check(&[&[6]], &[6]);
        check(&[&[0, 6]], &[0, 6]);
        check(&[&[1, 3, 5]], &[1, 3, 5]);
        check(&[&[0, 1, 2, 3, 4, 5, 6]], &[0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn one_cause_of_several_is_enough() {
        check(&[&[0, 1], &[4]], &[0, 1]);
        check(&[&[0, 6], &[4]], &[4]);
        check(&[&[2, 5], &[1, 2, 3]], &[1, 2, 3]);
    }

    #[test]
    fn an_empty_list_needs_no_try() {
        let left = minimal(Vec::<u32>::new(), &mut |_| panic!("there is nothing to try"));
        assert!(left.is_empty());
    }

    /// Whatever fails, monotone or not: the result does, and nothing more can be left out of it.
    #[test]
    fn nothing_can_be_left_out_of_what_is_left() {
        for failing in 0..1u32 << 16 {
            // Which of the subsets of four items fail, as a set of their bits; all of them do.
            let bits = |items: &[u32]| items.iter().fold(0, |bits, item| bits | 1 << item);
            let fails = |items: &[u32]| failing >> bits(items) & 1 == 1 || items.len() == 4;
            let left = minimal((0..4).collect(), &mut |items| fails(items));
            assert!(fails(&left), "{failing:x}: {left:?}");
            let without = |out: u32| -> Vec<u32> {
                left.iter().copied().filter(|item| *item != out).collect()
            };
            let can_go = left.iter().find(|out| fails(&without(**out)));
            assert_eq!(can_go, None, "{failing:x}: {left:?}");
        }
    }
}
