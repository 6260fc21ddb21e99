//! Many things made of many others on all cores, in their order: JSON takes longer to understand than to read.

use std::num::NonZero;
use std::thread;

/// Fewer are made here: a thread costs more than they do.
const COUNT_MIN: usize = 2000;
/// Cores beyond these would wait for memory.
const THREADS_MAX: usize = 8;

/// So many are taken before any is made: what is not made yet takes as much room as what is.
const TAKEN_AT_ONCE: usize = 20_000;

/// What `make` makes of each, in their order.
///
/// # Errors
/// The first of them that cannot be had or made, by place.
pub fn side_by_side<From: Send, To: Send, Error: Send>(
    mut all: impl Iterator<Item = Result<From, Error>>,
    make: impl Fn(From) -> Result<To, Error> + Sync,
) -> Result<Vec<To>, Error> {
    let mut made = Vec::new();
    loop {
        let taken = all.by_ref().take(TAKEN_AT_ONCE).collect::<Result<Vec<From>, Error>>()?;
        if taken.is_empty() {
            return Ok(made);
        }
        made.extend(make_all(taken, &make)?);
    }
}

fn make_all<From: Send, To: Send, Error: Send>(
    all: Vec<From>,
    make: &(impl Fn(From) -> Result<To, Error> + Sync),
) -> Result<Vec<To>, Error> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    if threads < 2 || all.len() < COUNT_MIN {
        return all.into_iter().map(make).collect();
    }
    let count = all.len();
    let mut parts = split(all, count.div_ceil(threads));
    thread::scope(|scope| {
        let last = parts.pop().unwrap_or_default();
        let others: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.into_iter().map(make).collect::<Result<Vec<To>, Error>>()))
            .collect();
        let last: Result<Vec<To>, Error> = last.into_iter().map(make).collect();
        let mut made = Vec::with_capacity(count);
        for other in others {
            match other.join() {
                Ok(part) => made.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made.extend(last?);
        Ok(made)
    })
}

/// Parts of so many each, the last one smaller.
fn split<T>(mut all: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    while all.len() > size {
        let rest = all.split_off(size);
        parts.push(std::mem::replace(&mut all, rest));
    }
    parts.push(all);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_their_order_and_the_first_error_is_said() {
        for count in [0, 1, COUNT_MIN, 10_007, 2 * TAKEN_AT_ONCE, 2 * TAKEN_AT_ONCE + 1] {
            let doubled = side_by_side((0..count).map(Ok), |number| Ok::<_, ()>(number * 2)).unwrap();
            assert_eq!(doubled, (0..count).map(|number| number * 2).collect::<Vec<_>>());
        }
        let refused = |number: usize| if number % 3000 == 2999 { Err(number) } else { Ok(number) };
        assert_eq!(side_by_side((0..10_007).map(Ok), refused), Err(2999));
    }
}
