//! Floor 4: the virtual world that drives machines, network and oracles from a plan.
