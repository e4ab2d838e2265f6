//! Floor 2: judges that read records and a specification, never a live world.
