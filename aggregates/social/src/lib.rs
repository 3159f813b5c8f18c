//! Rules of the social context: accounts.
