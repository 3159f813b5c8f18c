//! The command runtime: owners of lanes as state machines, driven by thin shells.
