//! What the orchestrator does: forwards, backwards, past the pivot, and when it gives up.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};
use stormglass::prelude::*;
use stormglass::saga::{Ending, Saga, SagaEvent, Step, StepError, Task};

use super::{MS, run_alone};

type Result = std::result::Result<(), StepError>;

/// A step that says what it does, and whose n-th try has the n-th of the results; the last one again and
/// again.
fn step(name: &'static str, results: &[Result], undo: &[Result]) -> Step<()> {
    let act = |verb: &'static str, results: &[Result]| {
        let (results, tries) = (results.to_vec(), Arc::new(AtomicU32::new(0)));
        move |task: Task<()>| {
            let number = tries.fetch_add(1, Ordering::Relaxed) as usize;
            let result = results[number.min(results.len() - 1)].clone();
            async move {
                task.ctx().record(format_args!("{verb} {}", task.key()));
                result
            }
        }
    };
    let step = Step::new(name, act("does", results));
    if undo.is_empty() { step } else { step.undo(act("undoes", undo)) }
}

/// Runs a saga once, without faults: what its orchestrator tells.
#[track_caller]
fn check(saga: impl Fn() -> Saga<()> + Send + Sync + Clone + 'static, expected: Expect) -> Ending {
    let ending = Arc::new(std::sync::Mutex::new(None));
    let shared = ending.clone();
    let world = move |sim: &mut Sim| {
        let (saga, ending) = (saga.clone(), shared.clone());
        sim.chaos(Chaos::none()).client("orders", move |ctx| {
            let (orders, ending) = (saga().resume(ctx), ending.clone());
            async move {
                *ending.lock().unwrap() = Some(orders.run(7, ()).await);
                Ok::<(), Infallible>(())
            }
        });
    };
    let run = run_alone(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let told: Vec<String> = SagaEvent::all(&run.journal)
        .iter()
        .map(|event| format!("{} {}", event.what.name(), event.step).trim_end().to_owned())
        .collect();
    expected.assert_eq(&told.join("\n"));
    ending.lock().unwrap().take().unwrap()
}

fn refused() -> Result {
    Err(StepError::Refused("no".to_owned()))
}

fn unknown() -> Result {
    Err(StepError::Unknown("lost".to_owned()))
}

fn not_heard() -> Result {
    Err(StepError::NotHeard("down".to_owned()))
}

#[test]
fn a_refusal_undoes_what_was_done_in_reverse_order() {
    let saga = || {
        Saga::new("order")
            .step(step("a", &[Ok(())], &[Ok(())]))
            .step(step("look", &[Ok(())], &[]))
            .step(step("b", &[Ok(())], &[Ok(())]))
            .step(step("c", &[refused()], &[Ok(())]))
    };
    let ending = check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step done a
            step begins look
            step done look
            step begins b
            step done b
            step begins c
            step refused c
            undo begins b
            undo done b
            undo begins a
            undo done a
            saga compensated"#]],
    );
    assert_eq!(ending, Ending::Compensated("c: no".to_owned()));
}

#[test]
fn an_unknown_step_is_tried_again_and_then_undone() {
    let saga = || Saga::new("order").step(step("a", &[unknown(), unknown(), unknown()], &[Ok(())]));
    check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step unknown a
            undo begins a
            undo done a
            saga compensated"#]],
    );
    let saga = || Saga::new("order").step(step("a", &[unknown(), Ok(())], &[Ok(())]));
    assert_eq!(
        check(
            saga,
            expect![[r#"
        saga begins
        step begins a
        step done a
        saga completed"#]]
        ),
        Ending::Completed
    );
}

/// The first try may still be on its way.
#[test]
fn a_refusal_after_an_unknown_try_proves_nothing() {
    let saga = || Saga::new("order").step(step("a", &[unknown(), refused()], &[Ok(())]));
    check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step unknown a
            undo begins a
            undo done a
            saga compensated"#]],
    );
}

#[test]
fn what_nobody_heard_needs_no_compensation() {
    let saga = || Saga::new("order").step(step("a", &[not_heard()], &[Ok(())]));
    let ending = check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step refused a
            saga compensated"#]],
    );
    assert_eq!(ending, Ending::Compensated("a: down".to_owned()));
}

#[test]
fn past_the_pivot_there_is_no_way_back() {
    let many = [refused(), unknown(), not_heard(), refused(), refused(), Ok(())];
    let saga = move || {
        Saga::new("order")
            .step(step("a", &[Ok(())], &[Ok(())]))
            .step(step("pay", &[unknown(), unknown(), unknown(), unknown(), Ok(())], &[]).pivot())
            .step(step("ship", &many, &[Ok(())]))
    };
    let ending = check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step done a
            step begins pay
            step done pay
            step begins ship
            step done ship
            saga completed"#]],
    );
    assert_eq!(ending, Ending::Completed);
}

#[test]
fn a_compensation_is_tried_until_it_succeeds_or_a_person_is_asked() {
    let undo = [unknown(), refused(), not_heard(), Ok(())];
    let undo_of = move || step("a", &[Ok(())], &undo);
    let again = undo_of.clone();
    let saga = move || Saga::new("order").step(undo_of()).step(step("b", &[refused()], &[]));
    check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step done a
            step begins b
            step refused b
            undo begins a
            undo fails a
            undo fails a
            undo fails a
            undo done a
            saga compensated"#]],
    );
    let saga = move || {
        Saga::new("order").step(again()).step(step("b", &[refused()], &[])).escalate_after(2)
    };
    let ending = check(
        saga,
        expect![[r#"
            saga begins
            step begins a
            step done a
            step begins b
            step refused b
            undo begins a
            undo fails a
            undo fails a
            saga escalated"#]],
    );
    assert_eq!(ending, Ending::Escalated("a cannot be undone: refused: no".to_owned()));
}

/// An answer after the timeout is not heard, and the saga does not come back to life.
#[test]
fn a_late_answer_is_not_heard() {
    let slow = || {
        Step::new("a", |task: Task<()>| async move {
            task.ctx().sleep(200 * MS).await;
            Ok(())
        })
        .undo(|_| async { Ok(()) })
        .retries(0)
    };
    let ending = check(
        move || Saga::new("order").step(slow()),
        expect![[r#"
            saga begins
            step begins a
            step unknown a
            undo begins a
            undo done a
            saga compensated"#]],
    );
    assert_eq!(ending, Ending::Compensated("a: no answer within 100ms".to_owned()));
}

/// A saga is begun once, however often it is asked for, also after its end and after a restart.
#[test]
fn a_saga_is_begun_once() {
    let world = |sim: &mut Sim| {
        sim.process("orders", |ctx| async move {
            let saga = || Saga::new("order").step(step("a", &[Ok(())], &[]));
            let orders = saga().resume(ctx);
            let all = [(), ()].map(|()| {
                let orders = orders.clone();
                ctx.spawn(async move { orders.run(7, ()).await })
            });
            for task in all {
                ctx.record(format_args!("{:?}", task.await.unwrap()));
            }
            ctx.record(format_args!("{:?}", orders.run(7, ()).await));
        });
        sim.client("clock", |ctx| async move {
            ctx.sleep(500 * MS).await;
            Ok::<(), Infallible>(())
        });
    };
    let crash = stormglass::chaos::Fault::Crash {
        node: "orders".to_owned(),
        at: 200 * MS,
        lasts: Some(50 * MS),
    };
    let run = run_alone(&world, &RunConfig::seed(1).plan(FaultPlan::new([crash])));
    let notes: Vec<&str> = run
        .journal
        .of_kind(stormglass::journal::Kind::Note)
        .filter_map(|event| event.text())
        .collect();
    assert_eq!(notes.iter().filter(|note| note.starts_with("does")).count(), 1, "{notes:?}");
    assert_eq!(notes.iter().filter(|note| **note == "Completed").count(), 6, "{notes:?}");
}
