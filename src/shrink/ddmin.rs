//! Delta debugging: a subset of a list that still fails, and from which nothing can be left out.

/// A part of `items` that still `fails`, in the same order, such that it no longer does with any
/// single item left out. `items` as a whole is taken to fail; nothing at all is tried first.
pub(super) fn minimal<T: Clone>(mut items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
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
