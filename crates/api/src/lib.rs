//! The HTTP edge: commands, queries, OpenAPI, registry, health.
