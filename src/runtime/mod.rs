//! Floor 4: the only floor that may use sockets, the OS clock, OS entropy and tokio.
