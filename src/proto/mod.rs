//! Floor 2: the device and the server as state machines without I/O, clock or entropy of their own.
