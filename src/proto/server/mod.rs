//! The server, partitioned by user: an account holds one user's directory chain, session, mailbox and watchers.
//!
//! Not here: sockets, threads, the durable store; those belong to whoever drives an account.
