//! Stripe against its stand-in, behind the proxy that honours keys and lies.

use std::sync::Arc;
use std::time::Duration;

use domain::saga::Probe;
use ports::{Payments, Secret};
use provider_stripe::Stripe;
use recount_tests::peers::{self, Lie};

use crate::asks::{charge, done, refund, refused, transient, unknown};
use crate::effect::{Books, again, due_in, effect, undo};

const CHARGE: &str = "POST /v1/payment_intents";
const REFUND: &str = "POST /v1/refunds";

async fn started() -> (peers::Stripe, Arc<Books>, Stripe) {
    let peer = peers::Stripe::start().await;
    let books = Arc::new(Books::default());
    *books.payer.lock().unwrap() = Some(peer.customer().await);
    let stripe = Stripe::new(&peer.url(), Secret::new(peer.key().into()), books.clone()).unwrap();
    (peer, books, stripe)
}

/// What stands: charged less given back, in minor units.
async fn stands(peer: &peers::Stripe) -> i64 {
    let charges = peer.charges().await;
    let taken: i64 = charges.iter().filter(|it| it.status == "succeeded").map(|it| it.amount).sum();
    taken - peer.refunds().await.iter().map(|it| it.amount).sum::<i64>()
}

#[tokio::test]
async fn money_is_taken_once_found_and_given_back_once() {
    let (peer, books, stripe) = started().await;
    let (paying, boost) = (effect(), charge(500));
    assert_eq!(stripe.probe(&paying, &boost).await, Probe::NotHappened);
    let charged = done(stripe.charge(&paying, &boost).await);
    assert_eq!(done(stripe.charge(&again(&paying), &boost).await), charged);
    assert_eq!(stripe.probe(&again(&paying), &boost).await, Probe::Happened(charged.clone()));
    let all = peer.charges().await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].amount, &*all[0].currency), (500, "eur"));
    assert_eq!(all[0].intent, charged.reference);
    assert_eq!(all[0].metadata["recount_payment"], boost.payment.to_string());
    assert_eq!(all[0].metadata["recount_tenant"], "local");
    assert_eq!(all[0].metadata["recount_step"], paying.key.to_string());

    let giving = undo(&paying);
    done(stripe.refund(&giving, &refund(&boost, Some(&charged))).await);
    done(stripe.refund(&again(&giving), &refund(&boost, Some(&charged))).await);
    // Another undo of the same charge, by another key: what stands decides.
    done(stripe.refund(&undo(&paying), &refund(&boost, None)).await);
    assert_eq!((peer.refunds().await.len(), stands(&peer).await), (1, 0));
    assert_eq!(stripe.probe(&again(&paying), &boost).await, Probe::NotHappened, "given back");

    // Of an answer that never came the undo finds the charge by the key alone.
    let (paying, other) = (effect(), charge(700));
    done(stripe.charge(&paying, &other).await);
    assert_eq!(stands(&peer).await, 700);
    done(stripe.refund(&undo(&paying), &refund(&other, None)).await);
    done(stripe.refund(&undo(&effect()), &refund(&other, None)).await);
    assert_eq!((peer.refunds().await.len(), stands(&peer).await), (2, 0));

    *books.payer.lock().unwrap() = Some(peer.declined_customer().await);
    let declined = effect();
    assert_eq!(refused(stripe.charge(&declined, &boost).await), "card_declined");
    assert_eq!(stripe.probe(&declined, &boost).await, Probe::NotHappened);
    done(stripe.refund(&undo(&declined), &refund(&boost, None)).await);
    *books.payer.lock().unwrap() = Some(peer.cardless_customer().await);
    assert_eq!(refused(stripe.charge(&effect(), &boost).await), "no_card");
    *books.payer.lock().unwrap() = Some("cus_nobody".into());
    assert_eq!(refused(stripe.charge(&effect(), &boost).await), "not_accepted");
    *books.payer.lock().unwrap() = None;
    assert_eq!(refused(stripe.charge(&effect(), &boost).await), "no_payer");
    assert_eq!(stripe.probe(&effect(), &boost).await, Probe::NotHappened);
    *books.closed.lock().unwrap() = true;
    transient(stripe.charge(&effect(), &boost).await);
    assert_eq!(stripe.probe(&effect(), &boost).await, Probe::CannotTell);
    assert_eq!(stands(&peer).await, 0);
}

#[tokio::test]
async fn answers_that_get_lost_are_unknown_and_found_again() {
    let (peer, _, stripe) = started().await;
    let late = Lie::Late(Duration::from_secs(30));
    for (how, stood) in [
        (Lie::CutAfter, true),
        (Lie::BreakAfter(500), true),
        (late, true),
        (Lie::CutBefore, false),
        (Lie::Answer(500), false),
        (Lie::Answer(409), false),
    ] {
        let before = stands(&peer).await;
        let (paying, boost) = (due_in(2_500), charge(100));
        peer.lie(CHARGE, how, 1);
        unknown(stripe.charge(&paying, &boost).await);
        let expected = if stood { before + 100 } else { before };
        assert_eq!(stands(&peer).await, expected, "{how:?}");
        let happened = matches!(stripe.probe(&again(&paying), &boost).await, Probe::Happened(_));
        assert_eq!(happened, stood, "{how:?}");
        // The same key again is the same charge.
        done(stripe.charge(&again(&paying), &boost).await);
        assert_eq!(stands(&peer).await, before + 100, "{how:?}");

        peer.lie(REFUND, how, 1);
        let charged = None;
        let giving = undo(&paying);
        let asked = ports::Effect { due_at: provider_http::now().plus_ms(2_500), ..giving.clone() };
        unknown(stripe.refund(&asked, &refund(&boost, charged)).await);
        done(stripe.refund(&again(&giving), &refund(&boost, charged)).await);
        assert_eq!(stands(&peer).await, before, "{how:?}: given back once");
    }
}

#[tokio::test]
async fn what_did_not_happen_is_transient() {
    let (peer, books, stripe) = started().await;
    let boost = charge(100);
    peer.lie(CHARGE, Lie::Limit(3), 1);
    assert_eq!(transient(stripe.charge(&effect(), &boost).await).retry_after_ms, Some(3_000));
    for status in [401, 403] {
        peer.lie(CHARGE, Lie::Answer(status), 1);
        let fault = transient(stripe.charge(&effect(), &boost).await);
        assert!(fault.detail.contains("does not take our key"), "{fault:?}");
    }
    // Looking changes nothing: whatever becomes of it can be tried again.
    let customer = books.payer.lock().unwrap().clone().unwrap();
    for how in [Lie::CutAfter, Lie::Answer(503)] {
        peer.lie(&format!("GET /v1/customers/{customer}"), how, 1);
        transient(stripe.charge(&effect(), &boost).await);
        peer.lie("GET /v1/charges", how, 1);
        assert_eq!(stripe.probe(&effect(), &boost).await, Probe::CannotTell);
        peer.lie("GET /v1/charges", how, 1);
        transient(stripe.refund(&undo(&effect()), &refund(&boost, None)).await);
    }
    transient(stripe.charge(&due_in(50), &boost).await);
    assert_eq!(stands(&peer).await, 0);
    let nobody =
        Stripe::new("http://127.0.0.1:9", Secret::new("sk_test".into()), books.clone()).unwrap();
    let fault = transient(nobody.charge(&effect(), &boost).await);
    assert!(!format!("{fault:?} {nobody:?}").contains("sk_test"), "no secret is told");
    // What stays unsaid by the proxy: keys were sent with everything that moves money.
    let moved = peer.calls().into_iter().filter(|it| it.what == CHARGE || it.what == REFUND);
    assert!(moved.into_iter().all(|it| it.key.is_some()));
}
