//! PostgreSQL: the private server, pools, row sink and read store.
