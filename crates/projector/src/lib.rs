//! The projection runtime: folds lanes into rows, exactly once.
