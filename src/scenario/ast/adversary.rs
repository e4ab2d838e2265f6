//! Verbs of the adversary, who acts on frames captured on a device's link.
//!
//! Not here: when they act (`step`), or what nature does (`fault`).

use crate::base::id::UserId;
use crate::scenario::address::FrameAt;
use crate::scenario::fields::{table, words};
use crate::scenario::leaf::{Hex, Name};
use crate::scenario::source::Spanned;

table! {
    /// Sends a captured frame again, towards where it went.
    Replay "replay" short "frame" {
        /// Which frame.
        frame: Spanned<FrameAt>,
    }
}

table! {
    /// Sends a user's own message back to them, as if from its receiver.
    Reflect "reflect" short "message" {
        /// Which message.
        message: Spanned<Name>,
    }
}

table! {
    /// Flips each octet of a part of a captured frame in turn, and sends it every time.
    Flip "flip" {
        /// Which frame.
        frame: Spanned<FrameAt>,
        /// Which part.
        part: Spanned<FlipPart>,
    }
}

words! {
    /// A part of a frame with a message in it.
    FlipPart "part of a frame" {
        /// The header.
        Header = "header",
        /// The ciphertext without its tag.
        Ciphertext = "ciphertext",
        /// The tag.
        Tag = "tag",
        /// Nothing is flipped: of 16 copies each lacks the last octets of the tag, from one to all of them.
        ShortTag = "short-tag",
    }
}

table! {
    /// Answers a device's lookup with a forged record.
    ForgeKeyReply "forge-key-reply" {
        /// To whose device.
        to: Spanned<UserId>,
        /// Whose record.
        of: Spanned<UserId>,
        /// What is wrong with it.
        how: Option<Spanned<ForgeryOf>>,
        /// The octets in the place of its agreement key, at most 133: any tag, any length. Everything else is
        /// in order, under a signature of the adversary's own. Only P-256 knows points from elsewhere.
        point: Option<Spanned<Hex>>,
    }
    rules [ExactlyOne(&["how", "point"])]
}

words! {
    /// What is wrong with a forged record.
    ForgeryOf "forgery" {
        /// A key of the adversary's, not signed by the old one.
        Unchained = "unchained",
        /// A point off the curve.
        OffCurve = "off-curve",
        /// The encoding of the identity point.
        Identity = "identity",
        /// The right point, in another encoding than the profile's.
        OtherEncoding = "other-encoding",
        /// A signature of its own that does not verify.
        BadSignature = "bad-signature",
        /// Another user's record.
        OtherUser = "other-user",
        /// The right record under another request ID.
        OtherRequest = "other-request",
        /// The twin of the true signature with the greater `s`.
        HighS = "high-s",
        /// A signature with `r = s = 0`.
        ZeroSignature = "zero-signature",
        /// A signature with `r = s = n`, the order of the group.
        OrderSignature = "order-signature",
        /// The DER encoding of the true signature, in the place of 64 octets.
        DerSignature = "der-signature",
        /// The true signature without its last octet.
        ShortSignature = "short-signature",
        /// The true signature with an octet more.
        LongSignature = "long-signature",
    }
}

table! {
    /// Tells a device of a key change that did not happen.
    ForgeNotice "forge-notice" {
        /// To whose device.
        to: Spanned<UserId>,
        /// Whose key.
        of: Spanned<UserId>,
        /// The epoch that it names.
        epoch: Spanned<u64>,
    }
}

table! {
    /// Exchanges the records of a device's next two key replies about these users.
    SwapReplies "swap-replies" {
        /// To whose device.
        to: Spanned<UserId>,
        /// The two users.
        of: Spanned<Vec<Spanned<UserId>>>,
    }
}

table! {
    /// Serves a device a user's record of an earlier epoch.
    ServeOld "serve-old-record" {
        /// To whose device.
        to: Spanned<UserId>,
        /// Whose record.
        of: Spanned<UserId>,
        /// Of which epoch.
        epoch: Spanned<u64> = "1",
    }
}

table! {
    /// Registers a used name again, with keys of the adversary's own, from a device's link.
    Reregister "reregister" {
        /// From whose link.
        from: Spanned<UserId>,
        /// Whose name.
        of: Spanned<UserId>,
    }
}

table! {
    /// Sends any octets over a device's link.
    Inject "inject" {
        /// To this device.
        to: Option<Spanned<UserId>>,
        /// From this device to the server.
        from: Option<Spanned<UserId>>,
        /// The octets.
        octets: Spanned<Hex>,
    }
    rules [ExactlyOne(&["to", "from"])]
}

table! {
    /// Sends a device messages from unknown senders, or of absurd epochs.
    Spray "spray" {
        /// To whose device.
        to: Spanned<UserId>,
        /// How many.
        count: Spanned<u64>,
        /// Of absurd epochs of known senders, in place of unknown senders.
        epochs: Spanned<bool> = "false",
    }
}
