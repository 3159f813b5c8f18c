//! The protocol of an owner, case by case. All its orders are the model's; these are what the model
//! takes for harmless, because it only costs an epoch.

use domain::Timestamp;
use lane::{Delivered, Read, Tenure};
use log::{Claim, Head, Header, LaneState, Record, Sha256Chain};
use uuid::Uuid;

/// An owner whose claim lies at offset 0.
fn serving() -> Tenure<Sha256Chain> {
    let mut tenure = Tenure::<Sha256Chain>::new(LaneState::new(Head([0; 32])), 0);
    let at = Timestamp::from_micros(0);
    let claim = Claim { id: Uuid::nil(), at, node: String::new(), url: String::new() };
    let bytes = Record::claim(1, &claim);
    let header = Header::read(&bytes).unwrap().0;
    tenure.claim(bytes.clone());
    assert_eq!(tenure.read(0, &header, &Head([0; 32]), &bytes), Read::Won);
    tenure
}

#[test]
fn every_record_takes_an_offset_so_an_epoch_goes_on_behind_long_frames() {
    let mut tenure = serving();
    let (epoch, first, _) = tenure.next_frame().unwrap();
    assert_eq!(tenure.hand_over(3, b"three records"), 1);
    let (_, second, _) = tenure.next_frame().unwrap();
    assert_eq!(second, first + 3);
    assert_eq!(tenure.hand_over(1, b"one"), 4);
    assert_eq!(tenure.hand_over(2, b"two"), 5);
    // Reports in another order: the oldest is waited for.
    assert_eq!(tenure.delivered(epoch, second, Some(4)), Delivered::Committed(0));
    assert_eq!(tenure.delivered(epoch, first, Some(1)), Delivered::Committed(2));
    assert_eq!(tenure.delivered(epoch, second + 1, Some(5)), Delivered::Committed(1));
    assert_eq!((tenure.next_offset(), tenure.is_serving()), (7, true));
}

#[test]
fn one_wrong_offset_ends_the_epoch_for_all_that_is_open() {
    for wrong in [None, Some(0), Some(2)] {
        let mut tenure = serving();
        let (epoch, first, _) = tenure.next_frame().unwrap();
        tenure.hand_over(1, b"one");
        tenure.hand_over(1, b"two");
        assert_eq!(tenure.delivered(epoch, first, wrong), Delivered::Broken, "{wrong:?}");
        assert_eq!(tenure.delivered(epoch, first + 1, Some(2)), Delivered::Stale, "{wrong:?}");
        assert_eq!((tenure.next_offset(), tenure.known().seq), (1, 1), "{wrong:?}");
    }
}
