//! Test kits: given/when/then, projection histories, saga laws.
