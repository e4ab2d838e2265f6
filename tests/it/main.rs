//! The one integration test binary: rules of the repository, and behavior across floors.

// What the source text must keep to.
mod floors;
mod tidy;

// Help for the others.
mod sources;
