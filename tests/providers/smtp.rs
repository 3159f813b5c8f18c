//! Mail against a real mail server that fails on demand.

use std::sync::Arc;

use ports::{Mail, Secret};
use provider_smtp::{Server, Smtp};
use recount_tests::peers::{MailFault, Mailbox};

use crate::asks::{done, mail, refused, transient, unknown};
use crate::effect::{Books, again, due_in, effect};

fn smtp(address: &str) -> (Arc<Books>, Smtp) {
    let books = Arc::new(Books::default());
    *books.address.lock().unwrap() = Some("reader@example.test".into());
    let server = Server::parse(address, None).unwrap();
    let smtp = Smtp::new(server, "Recount <recount@example.org>", books.clone()).unwrap();
    (books, smtp)
}

#[tokio::test]
async fn a_letter_is_taken_as_it_was_written() {
    let mailbox = Mailbox::start();
    let (_, smtp) = smtp(&mailbox.url());
    let (sending, letter) = (effect(), mail("Published: Grüße"));
    let mailed = done(smtp.send(&sending, &letter).await);
    let mails = mailbox.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].message_id, mailed.message_id);
    assert_eq!(mails[0].message_id, format!("<{}@example.org>", sending.key));
    assert_eq!(mails[0].to, ["reader@example.test"]);
    assert_eq!(mails[0].from, "recount@example.org");
    assert_eq!(mails[0].subject, letter.subject);
    assert_eq!(mails[0].text.replace("\r\n", "\n"), letter.text.trim_end());
    // A second try is a copy of the same letter.
    assert_eq!(done(smtp.send(&again(&sending), &letter).await), mailed);
    let mails = mailbox.mails().await;
    assert_eq!((mails.len(), &mails[0].message_id), (2, &mails[1].message_id));
}

#[tokio::test]
async fn what_the_server_says_is_believed_and_silence_behind_the_text_is_not() {
    let mailbox = Mailbox::start();
    let (books, smtp) = smtp(&mailbox.url());
    let letter = mail("Published");
    for fault in [
        MailFault::Greeting(421),
        MailFault::Recipient(451),
        MailFault::Data(452),
        MailFault::AfterData(451),
        MailFault::CutBefore,
    ] {
        mailbox.fail(fault, 1).await;
        transient(smtp.send(&effect(), &letter).await);
    }
    for fault in [
        MailFault::Greeting(554),
        MailFault::Recipient(550),
        MailFault::Data(554),
        MailFault::AfterData(552),
    ] {
        mailbox.fail(fault, 1).await;
        let outcome = smtp.send(&effect(), &letter).await;
        assert!(!format!("{outcome:?}").contains("reader@"), "no address is told: {outcome:?}");
        assert_eq!(refused(outcome), "mail_refused", "{fault:?}");
    }
    let taken = mailbox.mails().await.len();
    mailbox.fail(MailFault::CutAfter, 1).await;
    unknown(smtp.send(&effect(), &letter).await);
    assert_eq!(mailbox.mails().await.len(), taken + 1, "it was taken, and nobody said so");

    *books.address.lock().unwrap() = Some("nowhere".into());
    let outcome = smtp.send(&effect(), &letter).await;
    assert!(!format!("{outcome:?}").contains("nowhere"));
    assert_eq!(refused(outcome), "bad_address");
    *books.address.lock().unwrap() = None;
    assert_eq!(refused(smtp.send(&effect(), &letter).await), "no_address");
    *books.closed.lock().unwrap() = true;
    transient(smtp.send(&effect(), &letter).await);
    *books.closed.lock().unwrap() = false;
    *books.address.lock().unwrap() = Some("reader@example.test".into());
    transient(smtp.send(&due_in(50), &letter).await);
    done(smtp.send(&effect(), &letter).await);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_silent_got_nothing() {
    let (_, nobody) = smtp("smtp://127.0.0.1:9");
    transient(nobody.send(&effect(), &mail("Published")).await);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, smtp) = smtp(&format!("smtp://{}", silent.local_addr().unwrap()));
    let began = std::time::Instant::now();
    transient(smtp.send(&due_in(700), &mail("Published")).await);
    assert!(began.elapsed().as_secs() < 20);
}

#[tokio::test]
async fn a_letter_goes_over_tls_to_a_server_that_is_vouched_for_and_knows_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let (mailbox, ca) = Mailbox::start_secure(dir.path(), "recount", "only-for-this-test");
    let port = mailbox.url().rsplit(':').next().unwrap().to_owned();
    let by = |password: &str, vouched: bool| {
        let address = format!("smtps://recount@127.0.0.1:{port}");
        let server = Server::parse(&address, Some(Secret::new(password.to_owned()))).unwrap();
        let pem = std::fs::read(&ca).unwrap();
        let server = if vouched { server.trusting(&pem).unwrap() } else { server };
        let books = Arc::new(Books::default());
        *books.address.lock().unwrap() = Some("reader@example.test".into());
        Smtp::new(server, "Recount <recount@example.org>", books).unwrap()
    };
    let letter = mail("Published");
    let stranger = transient(by("only-for-this-test", false).send(&effect(), &letter).await).detail;
    assert!(stranger.contains("the TLS handshake failed"), "{stranger}");
    let wrong = transient(by("another", true).send(&effect(), &letter).await).detail;
    assert!(wrong.contains("answered 535") && !wrong.contains("another"), "{wrong}");
    assert!(mailbox.mails().await.is_empty());
    done(by("only-for-this-test", true).send(&effect(), &letter).await);
    let mails = mailbox.mails().await;
    assert_eq!((mails.len(), mails[0].to[0].as_str()), (1, "reader@example.test"));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_without_the_tls_that_was_asked_for() {
    let mailbox = Mailbox::start();
    let port = mailbox.url().rsplit(':').next().unwrap().to_owned();
    // The machine's own name is not the loopback to us, whatever it resolves to.
    let (_, whole) = smtp(&format!("smtps://127.0.0.1:{port}"));
    transient(whole.send(&due_in(3_000), &mail("Published")).await);
    assert!(mailbox.mails().await.is_empty());
}
