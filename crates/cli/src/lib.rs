//! The command line: verbs over an installation or its API.
