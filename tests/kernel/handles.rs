//! What one world hands out is of no use in another, and does no harm there.
#![expect(clippy::async_yields_async, reason = "what is carried along is to be awaited elsewhere")]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use futures::FutureExt;
use rand::Rng;
use stormglass::disk::OpenOptions;

use super::*;

/// A world in which both worlds of a test do the same, so that their numbers are the same; at last
/// the client does what it is given.
fn world<F: Future<Output = ()> + 'static>(sim: &mut Sim, body: impl Fn(Ctx) -> F + 'static) {
    sim.service("server", || {
        axum::Router::new().route("/", axum::routing::get(|| async { "hello" }))
    });
    sim.process("echo", |ctx| async move {
        let listener = ctx.listen(7).unwrap();
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    client(sim, "client", body);
}

/// Makes something in one world and uses it in another, which must panic.
#[track_caller]
fn check_use<T, F>(make: impl AsyncFn(Ctx) -> T + 'static, use_it: impl Fn(T) -> F + 'static)
where
    T: 'static,
    F: Future<Output = ()> + 'static,
{
    let (carried, make, use_it) = (Rc::new(RefCell::new(None)), Rc::new(make), Rc::new(use_it));
    let first = calm(|sim| {
        let (carried, make) = (carried.clone(), make.clone());
        world(sim, move |ctx| {
            let (carried, make) = (carried.clone(), make.clone());
            async move {
                let made = make(ctx).await;
                carried.borrow_mut().replace(made);
            }
        });
    });
    assert!(first.verdict().holds(), "{}", first.verdict());
    let second = calm(|sim| {
        let (carried, use_it) = (carried.clone(), use_it.clone());
        world(sim, move |_| {
            let carried = carried.borrow_mut().take().expect("the first world made it");
            use_it(carried)
        });
    });
    let verdict = second.verdict().to_string();
    let expected =
        "client: this was made in another world: what comes from a `Ctx` is of use in that";
    assert!(verdict.contains(expected), "{verdict}");
}

#[test]
fn a_ctx_and_what_it_gives_are_of_one_world() {
    check_use(async |ctx| ctx, async |ctx| _ = ctx.name());
    check_use(async |ctx| ctx, async |ctx| ctx.record("there"));
    check_use(async |ctx| ctx, async |ctx| ctx.publish("here", 1));
    check_use(async |ctx| ctx, async |ctx| _ = ctx.spawn(async {}));
    check_use(async |ctx| ctx, async |ctx| _ = ctx.scale("server", 0));
    check_use(async |ctx: Ctx| ctx.clock(), async |clock| _ = clock.now());
    check_use(async |ctx: Ctx| ctx.clock(), async |clock| _ = clock.wall());
    check_use(async |ctx: Ctx| ctx.rng(), async |mut rng| _ = rng.next_u64());
    check_use(async |ctx: Ctx| ctx.stopping(), async |stopping| stopping.await);
    check_use(async |ctx: Ctx| ctx.work(ms(1)), async |work| work.await);
    check_use(async |ctx: Ctx| ctx.sleep(ms(1)), async |sleep| sleep.await);
    check_use(
        async |ctx: Ctx| ctx.sleep(ms(1)),
        async |mut sleep| sleep.reset(Duration::from_secs(1).into()),
    );
}

#[test]
fn a_call_is_of_one_world() {
    check_use(
        async |ctx: Ctx| ctx.http(),
        async |http| {
            _ = http.get("http://server/").send().await;
        },
    );
    // Under way, with the number that a call of the other world has.
    let under_way = async |ctx: Ctx| {
        let call = async move { _ = ctx.http().get("http://server/").send().await };
        let mut call: Pin<Box<dyn Future<Output = ()>>> = Box::pin(call);
        assert!(call.as_mut().now_or_never().is_none());
        call
    };
    check_use(under_way, async |call| call.await);
}

#[test]
fn what_is_bound_or_connected_is_of_one_world() {
    check_use(
        async |ctx: Ctx| ctx.bind(9).unwrap(),
        async |socket| {
            _ = socket.send("server", 7, "x");
        },
    );
    check_use(async |ctx: Ctx| ctx.bind(9).unwrap(), async |socket| _ = socket.receive().await);
    check_use(async |ctx: Ctx| ctx.bind(9).unwrap(), async |socket| _ = socket.try_receive());
    check_use(async |ctx: Ctx| ctx.listen(9).unwrap(), async |door| _ = door.accept().await);
    let connect = async |ctx: Ctx| ctx.connect("echo", 7).await.unwrap();
    check_use(connect, async |connection| _ = connection.try_write(b"x"));
    check_use(connect, async |connection| connection.reset());
}

#[test]
fn a_disk_is_of_one_world() {
    check_use(async |ctx: Ctx| ctx.disk(), async |disk| _ = disk.list("").await);
    let open = async |ctx: Ctx| {
        let options = OpenOptions::new().write(true).create(true);
        ctx.disk().open("log", options).await.unwrap()
    };
    check_use(open, async |file| _ = file.write_all_at(b"x", 0).await);
}

/// Outside of a task there is no world at all.
#[test]
fn outside_of_all_worlds_a_ctx_panics() {
    let carried = Rc::new(RefCell::new(None));
    let inner = carried.clone();
    calm(move |sim| {
        let carried = inner.clone();
        world(sim, move |ctx| {
            carried.borrow_mut().replace(ctx);
            async {}
        });
    });
    let ctx: Ctx = carried.borrow_mut().take().unwrap();
    let outside = std::panic::catch_unwind(|| ctx.name());
    let payload = outside.expect_err("there is no world");
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    assert_eq!(text, Some("this must be called inside of a running world, on its thread"));
}

/// Makes the same in two worlds. In the second one, what is from the first is dropped (or done away
/// with by `end`), and then its own is used: it must not be the one that went.
#[track_caller]
fn check_drop<T: 'static, F>(
    make: impl AsyncFn(Ctx) -> T + 'static,
    end: impl Fn(T) + 'static,
    use_it: impl Fn(Ctx, T) -> F + 'static,
) where
    F: Future<Output = ()> + 'static,
{
    let carried = Rc::new(RefCell::new(None));
    let (make, end, use_it) = (Rc::new(make), Rc::new(end), Rc::new(use_it));
    let run = || {
        calm(|sim| {
            let (carried, make) = (carried.clone(), make.clone());
            let (end, use_it) = (end.clone(), use_it.clone());
            world(sim, move |ctx| {
                let (carried, make) = (carried.clone(), make.clone());
                let (end, use_it) = (end.clone(), use_it.clone());
                async move {
                    let made = make(ctx).await;
                    let other = carried.borrow_mut().take();
                    match other {
                        None => _ = carried.borrow_mut().replace(made),
                        Some(other) => {
                            end(other);
                            use_it(ctx, made).await;
                            ctx.record("used");
                        }
                    }
                }
            });
        })
    };
    assert!(run().verdict().holds());
    let second = run();
    assert!(second.verdict().holds(), "{}", second.verdict());
    assert_eq!(second.journal.of_kind(Kind::Note).count(), 1);
}

/// A sleep that was polled: it has an entry in the queue.
async fn asleep(ctx: Ctx) -> Pin<Box<stormglass::clock::Sleep>> {
    let mut sleep = Box::pin(ctx.sleep(ms(5)));
    assert!(sleep.as_mut().now_or_never().is_none());
    sleep
}

#[test]
fn a_timer_of_another_world_cancels_none_here() {
    // It is dropped when a task waits for the one of the same number.
    let other = Rc::new(RefCell::new(None));
    let kept = other.clone();
    let keep = move |sleep| _ = kept.borrow_mut().replace(sleep);
    check_drop(asleep, keep, move |ctx, sleep| {
        let other = other.clone();
        async move {
            let task = ctx.spawn(sleep);
            ctx.yield_now().await;
            drop(other.borrow_mut().take().unwrap());
            ctx.timeout(ms(50), task).await.expect("its timer fires").unwrap();
            assert_eq!(ctx.clock().now(), ms(5).into());
        }
    });
}

#[test]
fn a_join_handle_of_another_world_ends_no_task_here() {
    let spawn = async |ctx: Ctx| ctx.spawn(async move { ctx.sleep(ms(5)).await });
    check_drop(
        spawn,
        |handle| handle.abort(),
        |_, handle| async move {
            handle.await.expect("it was not aborted");
        },
    );
}

#[test]
fn work_of_another_world_frees_no_processor_here() {
    let work = async |ctx: Ctx| {
        let mut work = Box::pin(ctx.work(ms(5)));
        assert!(work.as_mut().now_or_never().is_none());
        work
    };
    check_drop(work, drop, |ctx, own| async move {
        let more = ctx.timeout(ms(50), ctx.work(ms(1))).await;
        more.expect_err("its own work keeps the processor");
        own.await;
    });
}

#[test]
fn an_endpoint_of_another_world_unbinds_none_here() {
    check_drop(
        async |ctx: Ctx| ctx.bind(9).unwrap(),
        drop,
        |ctx, socket| async move {
            socket.send_to(socket.local_addr(), "x");
            ctx.timeout(ms(5), socket.receive()).await.unwrap().unwrap();
        },
    );
}

#[test]
fn a_connection_of_another_world_closes_none_here() {
    let connect = async |ctx: Ctx| ctx.connect("echo", 7).await.unwrap();
    check_drop(connect, drop, |ctx, connection| async move {
        ctx.sleep(ms(5)).await;
        assert_eq!(connection.try_write(b"x").unwrap(), 1);
    });
    check_drop(
        async |ctx: Ctx| ctx.listen(9).unwrap(),
        drop,
        |_, door| async move {
            let error = door.try_accept().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        },
    );
}

#[test]
fn a_call_of_another_world_gives_up_none_here() {
    let under_way = async |ctx: Ctx| {
        let call = async move { ctx.http().get("http://server/").send().await.unwrap().text() };
        let mut call: Pin<Box<dyn Future<Output = String>>> = Box::pin(call);
        assert!(call.as_mut().now_or_never().is_none());
        call
    };
    check_drop(under_way, drop, |_, call| async move {
        assert_eq!(call.await, "hello");
    });
}
