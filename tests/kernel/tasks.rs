//! Tasks, their handles, their timers and their wakers.

use std::future::poll_fn;
use std::sync::{Mutex, mpsc};
use std::task::{Poll, Waker};

use stormglass::kernel::JoinError;

use super::*;

#[test]
fn a_handle_gives_the_result() {
    check(
        |ctx| async move {
            let task = ctx.spawn(async move {
                ctx.sleep(ms(1)).await;
                42
            });
            assert!(!task.is_finished());
            ctx.sleep(ms(2)).await;
            assert!(task.is_finished());
            ctx.record(task.await.unwrap());
        },
        expect![[r"
            2000000 client 42
        "]],
    );
}

#[test]
fn a_dropped_handle_lets_the_task_run_on() {
    check(
        |ctx| async move {
            drop(ctx.spawn(async move {
                ctx.sleep(ms(1)).await;
                ctx.record("ran on");
            }));
            ctx.sleep(ms(2)).await;
        },
        expect![[r"
            1000000 client ran on
        "]],
    );
}

#[test]
fn an_aborted_task_is_dropped_at_once() {
    let drops = Drops::default();
    let world_drops = drops.clone();
    let run = alone(move |ctx| {
        let drops = world_drops.clone();
        async move {
            let guard = drops.guard();
            let task = ctx.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            ctx.yield_now().await;
            task.abort();
            assert_eq!(drops.count(), 1);
            assert_eq!(task.await, Err(JoinError::Cancelled));
        }
    });
    assert!(run.verdict().holds(), "{}", run.verdict());
}

#[test]
fn a_task_may_abort_itself() {
    check(
        |ctx| async move {
            let (sender, receiver) = futures::channel::oneshot::channel();
            let task = ctx.spawn(async move {
                let own: stormglass::kernel::JoinHandle<()> = receiver.await.unwrap();
                own.abort();
                ctx.record("this step still ends");
                ctx.yield_now().await;
                ctx.record("never");
            });
            sender.send(task).unwrap_or_else(|_| panic!("it waits"));
            ctx.sleep(ms(1)).await;
        },
        expect![[r"
            0 client this step still ends
        "]],
    );
}

/// If the dropped timer were still there, the world would go on for an hour before it is idle.
#[test]
fn a_dropped_timer_leaves_nothing_behind() {
    let run = calm(|sim| {
        sim.time_limit(Duration::from_secs(7200));
        client(sim, "client", |ctx| async move {
            let hour = ctx.sleep(Duration::from_secs(3600));
            assert!(ctx.timeout(ms(1), hour).await.is_err());
            pending::<()>().await;
        });
    });
    assert_eq!(run.duration, ms(1).into());
    assert_eq!(run.journal.of_kind(Kind::Timer).count(), 1);
}

#[test]
fn what_is_ready_at_the_deadline_is_in_time() {
    check(
        |ctx| async move {
            let in_time = ctx.timeout(ms(5), ctx.sleep(ms(5))).await;
            let late = ctx.timeout(ms(5), ctx.sleep(ms(6))).await;
            ctx.record(format_args!("{in_time:?} {late:?}"));
        },
        expect![[r"
            10000000 client Ok(()) Err(Elapsed)
        "]],
    );
}

/// A place outside of all worlds where a world leaves a waker.
type Shelf = Arc<Mutex<Option<Waker>>>;

fn leave_waker_on(shelf: &Shelf) -> impl Future<Output = ()> + use<> {
    let shelf = shelf.clone();
    poll_fn(move |cx| {
        *shelf.lock().unwrap() = Some(cx.waker().clone());
        Poll::Ready(())
    })
}

#[test]
fn a_waker_of_another_world_wakes_nobody_here() {
    let shelf = Shelf::default();
    let other = shelf.clone();
    alone(move |_| leave_waker_on(&other));
    let polls = |wake: bool| {
        let shelf = shelf.clone();
        let run = alone(move |ctx| {
            let waker = shelf.lock().unwrap().clone().unwrap();
            async move {
                ctx.sleep(ms(1)).await;
                if wake {
                    waker.wake();
                }
                ctx.sleep(ms(1)).await;
            }
        });
        (run.polls, run.fingerprint())
    };
    assert_eq!(polls(true), polls(false));
    shelf.lock().unwrap().take().unwrap().wake();
}

#[test]
fn waking_from_a_foreign_thread_changes_nothing() {
    let (to_thread, wakers) = mpsc::channel::<Option<Waker>>();
    let (woken, from_thread) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while let Ok(waker) = wakers.recv() {
                if let Some(waker) = waker {
                    waker.wake();
                }
                woken.send(()).unwrap();
            }
        });
        let channels = Arc::new(Mutex::new((to_thread, from_thread)));
        let polls = |wake: bool| {
            let channels = channels.clone();
            let run = alone(move |ctx| {
                let channels = channels.clone();
                async move {
                    poll_fn(|cx| {
                        let channels = channels.lock().unwrap();
                        channels.0.send(wake.then(|| cx.waker().clone())).unwrap();
                        channels.1.recv().unwrap();
                        Poll::Ready(())
                    })
                    .await;
                    ctx.sleep(ms(1)).await;
                }
            });
            (run.polls, run.fingerprint())
        };
        assert_eq!(polls(true), polls(false));
    });
}
