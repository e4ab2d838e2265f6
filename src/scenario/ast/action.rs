//! Verbs of users: messages, approvals, keys.
//!
//! Not here: when they act (`step`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::scenario::fields::{table, words};
use crate::scenario::leaf::{Name, Octets};
use crate::scenario::source::Spanned;
use crate::trace::fact::Button;

table! {
    /// A user writes a message.
    Send "send" {
        /// Who writes.
        from: Spanned<UserId>,
        /// For whom; `nobody` is a name that no user has.
        to: Spanned<UserId>,
        /// The text; the step's name unless given.
        text: Option<Spanned<String>>,
        /// In place of a text: this much of some text.
        size: Option<Spanned<Octets>>,
    }
    rules [AtMostOne(&["text", "size"])]
}

table! {
    /// A user asks another for approval.
    Request "request" {
        /// Who asks.
        from: Spanned<UserId>,
        /// Who is to approve.
        to: Spanned<UserId>,
        /// What the display shows, line by line.
        lines: Spanned<Vec<Spanned<String>>>,
        /// The amount in minor units.
        amount: Option<Spanned<u64>>,
        /// The currency's code.
        currency: Option<Spanned<String>>,
        /// Who is paid.
        payee: Option<Spanned<String>>,
        /// How long it may be approved.
        expires: Spanned<Duration> = "120s",
        /// The transaction of another `request`, in place of one of its own.
        txn: Option<Spanned<Name>>,
    }
    rules [Needs("amount", "currency"), Needs("currency", "amount")]
}

table! {
    /// A user writes own data, to be approved on the own screen and sent (claim 4).
    Compose "compose" {
        /// Who writes and approves.
        from: Spanned<UserId>,
        /// For whom.
        to: Spanned<UserId>,
        /// What the display shows, line by line.
        lines: Spanned<Vec<Spanned<String>>>,
        /// The amount in minor units.
        amount: Option<Spanned<u64>>,
        /// The currency's code.
        currency: Option<Spanned<String>>,
        /// Who is paid.
        payee: Option<Spanned<String>>,
        /// How long it may be approved.
        expires: Spanned<Duration> = "120s",
        /// It is approved on the screen before it is sent; a message without approval is a `send`.
        approve: Spanned<bool> = "true",
    }
    rules [Needs("amount", "currency"), Needs("currency", "amount")]
}

table! {
    /// A user presses a button.
    Press "press" {
        /// Who presses.
        by: Spanned<UserId>,
        /// Which button.
        button: Spanned<Button>,
        /// Scrolls to the end of the screen first.
        scroll: Spanned<bool> = "true",
    }
}

table! {
    /// A user answers the question about another's new identity.
    Confirm "confirm" {
        /// Who answers.
        by: Spanned<UserId>,
        /// About whom.
        of: Spanned<UserId>,
        /// Is the new identity right?
        accept: Spanned<bool> = "true",
    }
}

table! {
    /// A user's device makes a new key pair and announces it.
    Rotate "rotate" short "by" {
        /// Whose.
        by: Spanned<UserId>,
        /// Ends the old epoch at once, without grace (R11).
        revoke: Spanned<bool> = "false",
    }
}

table! {
    /// A user asks for mail now.
    Poll "poll" short "by" {
        /// Who asks.
        by: Spanned<UserId>,
    }
}

table! {
    /// Keys come into a device, over its local port.
    Provision "provision" short "by" {
        /// Which device.
        by: Spanned<UserId>,
        /// How they come, and what is wrong with them.
        keys: Spanned<KeySource> = "generate",
    }
}

table! {
    /// A device with keys registers.
    Register "register" short "by" {
        /// Which device.
        by: Spanned<UserId>,
    }
}

table! {
    /// Factory reset: the device forgets everything.
    Wipe "wipe" short "by" {
        /// Which device.
        by: Spanned<UserId>,
    }
}

words! {
    /// How keys come into a device (claim 12).
    KeySource "source of keys" {
        /// Made inside.
        Generate = "generate",
        /// From the provisioning authority, in order.
        Download = "download",
        /// Downloaded, with a private key of 31 octets.
        ShortSecret = "short-secret",
        /// Downloaded, with a private key of zero.
        ZeroSecret = "zero-secret",
        /// Downloaded, with a private key equal to the group order.
        OrderSecret = "order-secret",
        /// Downloaded, with the public key of another private key.
        WrongPublic = "wrong-public",
        /// Downloaded, with a public key off the curve.
        OffCurve = "off-curve",
        /// Downloaded, with one pair for agreement and signatures.
        SamePair = "same-pair",
    }
}
