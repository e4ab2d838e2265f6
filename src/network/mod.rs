//! Floor 1: the hub network: links, latency, loss, faults; knows nothing of what a frame carries.
