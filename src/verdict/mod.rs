//! Floor 1: requirements, findings, verdicts, metrics and the outcome of a run.
