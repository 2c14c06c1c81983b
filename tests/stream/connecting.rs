//! How a connection begins, or does not.

use super::*;

#[test]
fn a_port_where_nobody_listens_refuses() {
    let run = check(
        never,
        |ctx| connect_at(ctx, ms(10)),
        vec![],
        expect![[r#"
               12.000 ms client ConnectionRefused
        "#]],
    );
    let reset = run.journal.of_kind(Kind::Reset).next().unwrap();
    assert_eq!((reset.node_name(), reset.symbol()), ("client", "refused"));
}

#[test]
fn a_machine_without_its_process_refuses() {
    let down = crash("server", ms(5), None);
    check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![down],
        expect![[r#"
               12.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn a_refusal_that_is_lost_is_asked_for_again() {
    let (a, b) = (vec!["server".to_owned()], vec!["client".to_owned()]);
    let (at, lasts) = (Duration::from_micros(10_500), Some(ms(100)));
    check(
        never,
        |ctx| connect_at(ctx, ms(10)),
        vec![Fault::Partition { a, b, one_way: true, at, lasts }],
        expect![[r#"
             1012.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn a_machine_without_power_says_nothing() {
    let off = power_loss("server", ms(5), None);
    let run = check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![off],
        expect![[r#"
        127010.000 ms client TimedOut
    "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Drop).count(), 7, "one SYN and six retries");
}

#[test]
fn a_syn_is_sent_again_until_somebody_hears_it() {
    let off = power_loss("server", ms(5), Some(secs(2)));
    check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![off],
        expect![[r#"
             3014.000 ms client ok
        "#]],
    );
}

#[test]
fn nobody_has_that_name() {
    check(
        echo,
        |ctx| async move {
            ctx.record(kind(ctx.connect("sever", 7).await));
            Ok(())
        },
        vec![],
        expect![[r#"
                0.000 ms client NotFound
        "#]],
    );
}

/// A connect that nobody waits for any more leaves no connection behind.
#[test]
fn a_connect_can_be_given_up() {
    check(
        |ctx| async move {
            let listener = ctx.listen(7).unwrap();
            ctx.sleep(ms(100)).await;
            ctx.record(format_args!("{:?} wait", listener.readiness()));
            never(ctx).await;
        },
        |ctx| async move {
            let given_up = ctx.timeout(Duration::from_micros(1500), ctx.connect("server", 7)).await;
            ctx.record(format_args!("{}", given_up.is_err()));
            ctx.sleep(ms(200)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            1.500 ms client true
            100.000 ms server (0, 0) wait
        "#]],
    );
}
