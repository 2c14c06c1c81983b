//! Pairs of things that fit each other: a matching of two lists.

/// The longest list that is matched exactly; in longer ones the first that fits is taken.
const EXACT_MAX: usize = 256;

/// How many of `left` things find none of `right` ones for themselves alone, at best.
pub(crate) fn unmatched(left: usize, right: usize, fits: impl Fn(usize, usize) -> bool) -> usize {
    let mut taken_by: Vec<Option<usize>> = vec![None; right];
    if left > EXACT_MAX || right > EXACT_MAX {
        let finds = |l: &usize| {
            let free = (0..right).find(|r| taken_by[*r].is_none() && fits(*l, *r));
            free.inspect(|r| taken_by[*r] = Some(*l)).is_some()
        };
        return left - (0..left).filter(finds).count();
    }
    let choices: Vec<Vec<usize>> =
        (0..left).map(|l| (0..right).filter(|r| fits(l, *r)).collect()).collect();
    let places = (0..left).filter(|l| place(*l, &choices, &mut taken_by, &mut vec![false; right]));
    left - places.count()
}

/// Finds a place for one; those who have one may move to another (Kuhn's algorithm).
fn place(
    one: usize,
    choices: &[Vec<usize>],
    taken_by: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &choice in &choices[one] {
        if std::mem::replace(&mut seen[choice], true) {
            continue;
        }
        let is_free = match taken_by[choice] {
            None => true,
            Some(other) => place(other, choices, taken_by, seen),
        };
        if is_free {
            taken_by[choice] = Some(one);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_have_a_place_make_room() {
        // 0 fits both, 1 fits only the first.
        assert_eq!(unmatched(2, 2, |l, r| l == 0 || r == 0), 0);
        assert_eq!(unmatched(3, 2, |_, _| true), 1);
        assert_eq!(unmatched(2, 3, |_, r| r == 2), 1);
        assert_eq!(unmatched(0, 2, |_, _| true), 0);
        assert_eq!(unmatched(300, 300, |l, r| l == r), 0);
    }

    /// Trying every order would take 200! steps.
    #[test]
    fn many_that_fit_everything_take_no_longer() {
        assert_eq!(unmatched(200, 200, |l, _| l > 0), 1);
    }
}
