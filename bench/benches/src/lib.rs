//! criterion benchmarks; see `benches/`. There is nothing here but a place for them to belong to.
