//! Floor 1: the event queue, the virtual clock and the scheduler; knows nothing of what an event carries.
