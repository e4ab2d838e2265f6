//! Floor 2: outcomes as text, JSON and JUnit; pure functions, no file system.
