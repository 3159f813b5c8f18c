//! Keys of an installation: master, subjects, fingerprints; seals and opens.
