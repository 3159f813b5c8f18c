//! Mistakes that are planted in the simulated parts, to show that the checks find them: a check that
//! finds nothing when something is wrong is none. Mistakes in the product's own code are the mutants.

macro_rules! mistakes {
    ($($mistake:ident, $name:literal, $what:literal;)*) => {
        /// A mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each has its sentence beside it")]
        pub enum Planted { $($mistake,)* }

        impl Planted {
            /// All, with name and sentence.
            pub const ALL: &[(Self, &'static str, &'static str)] =
                &[$((Self::$mistake, $name, $what),)*];
        }
    };
}

mistakes! {
    AckBeforeDurable, "ack-before-durable", "the log reports a record that it then loses";
    TornIsWhole, "torn-is-whole", "the log reports a frame whose last record is lost";
    StaleRead, "stale-read", "an owner that takes over is not shown the last records of the lane";
    RecallWithoutKeys, "recall-without-keys", "the log remembers a lane without its keys";
    ForgetsKeys, "forgets-keys", "the key of a command is lost on its way to the owner";
    LiesAboutFailure, "lies-about-failure", "a command that was accepted is answered: nothing happened";
    CheckpointBeforeRows, "checkpoint-before-rows", "the checkpoint is committed without the rows";
    RowsBeforeCheckpoint, "rows-before-checkpoint", "the rows are committed without the checkpoint";
    BothWorkersWin, "both-workers-win", "the checkpoint is moved without a look at where it was";
    DoubleEffect, "double-effect", "a payment is charged once for each attempt";
    RefundForgotten, "refund-forgotten", "a refund is answered and not done";
    EffectBeforeIntent, "effect-before-intent", "something is charged that no saga has asked for";
    TriggerSwallowed, "trigger-swallowed", "what is told to a saga is answered and not done";
}

impl Planted {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it, _)| *it == name).map(|(mistake, ..)| *mistake)
    }
}
