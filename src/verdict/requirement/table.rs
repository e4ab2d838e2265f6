//! The 101 requirements in their order: what each asks, where it comes from, who judges it.
//!
//! Not here: the judges; a name `S-..` or `L-..` is an oracle, an ID of its own a small check.

use super::Class::{self, Approve, Cache, Poll, Prov, Push, Rot, Rx, Srv, Tx};
use super::Observability::{self, B, G, W};
use super::Origin::{self, I, L, P};
use super::{Info, Requirement};

/// One row of the table.
const fn row(
    id: (u8, u8),
    origin: &'static [Origin],
    seen: &'static [Observability],
    classes: &'static [Class],
    judges: &'static [&'static str],
    text: &'static str,
) -> Info {
    Info { id: Requirement::of(id.0, id.1), origin, seen, classes, judges, text }
}

/// Requirements of each claim, from claim 1.
#[cfg(test)]
pub(super) const PER_CLAIM: [u8; 17] = [7, 6, 8, 6, 8, 6, 5, 4, 6, 6, 5, 7, 4, 6, 4, 5, 8];

#[rustfmt::skip]
pub(super) static TABLE: [Info; 101] = [
    row((1, 1), &[L], &[B], &[Rx], &["S-06"],
        "A message whose slot is in the table is decrypted and shown without a lookup."),
    row((1, 2), &[I], &[B], &[Rx], &["L-03"],
        "Without a slot the device fetches the sender's key, derives the secret and shows that \
         same message."),
    row((1, 3), &[L], &[G], &[Rx], &["S-01", "S-22"],
        "No private key, raw agreement or stored secret leaves the device."),
    row((1, 4), &[I], &[B], &[Rx], &["C01-R4"],
        "With the server out of reach a hit still decrypts and a miss is kept, neither lost nor \
         shown."),
    row((1, 5), &[P], &[B], &[Rx], &["S-21", "S-02"],
        "Of a ciphertext that does not authenticate nothing is shown, and the device and its slot \
         live on."),
    row((1, 6), &[I, P], &[B], &[Rx], &["S-07", "S-21"],
        "The slot is chosen by the exact sender ID; a message for somebody else is refused before \
         any lookup."),
    row((1, 7), &[P], &[B], &[Rx], &["S-21", "S-32"],
        "A malformed message causes neither a lookup nor a display."),

    row((2, 1), &[L], &[B], &[Tx], &["S-06"],
        "With a slot for the receiver the encrypted message leaves without a lookup before it."),
    row((2, 2), &[I], &[B], &[Tx], &["S-05"],
        "Without a slot there is one lookup for the receiver, then derivation, encryption and \
         sending."),
    row((2, 3), &[L], &[G], &[Tx], &["C02-R3"],
        "No failure makes the device send plaintext, or ciphertext under a key that is not the \
         pair's."),
    row((2, 4), &[P], &[B], &[Tx], &["S-20", "L-02"],
        "When no key can be had the user is told, and the draft is never called sent."),
    row((2, 5), &[I], &[G], &[Tx], &["S-02", "C02-R5"],
        "The peer can decrypt with its own private key and the device's registered public key."),
    row((2, 6), &[P], &[B], &[Tx], &["S-05"],
        "Several drafts for one missing receiver share one lookup."),

    row((3, 1), &[L], &[B], &[Approve], &["S-13"],
        "No approval of a request without a press of APPROVE after its prompt."),
    row((3, 2), &[L], &[G], &[Approve], &["S-15"],
        "One press gives one approval with the user information and a valid signature."),
    row((3, 3), &[P], &[G], &[Approve], &["S-14"],
        "The signature covers decision, transaction, requester, what was displayed, user \
         information and expiry."),
    row((3, 4), &[I, P], &[B, G], &[Approve], &["S-16"],
        "The approval goes to the authenticated sender of the request, encrypted."),
    row((3, 5), &[I], &[B], &[Approve], &["S-13"],
        "A rejection, a time-out, a power loss before the press or a press on another screen \
         gives no approval."),
    row((3, 6), &[P], &[B], &[Approve], &["S-15"],
        "A repeated request that is already answered does not prompt again."),
    row((3, 7), &[P], &[B], &[Approve], &["S-15"],
        "A request past its expiry cannot be approved, judged at the moment of the press."),
    row((3, 8), &[I], &[B], &[Approve], &["C03-R8"],
        "A request that did not decrypt and authenticate is never prompted."),

    row((4, 1), &[L], &[B], &[Approve], &["S-13"],
        "For own data, signature and sending follow the press; nothing derived from it goes out \
         before."),
    row((4, 2), &[L], &[G], &[Approve], &["S-16"],
        "User information and signature are inside the ciphertext for the receiver."),
    row((4, 3), &[I], &[B], &[Approve], &["C04-R3"],
        "When the key is missing after the press, the secret is computed and then the approval \
         sent, never in clear."),
    row((4, 4), &[P], &[B], &[Approve], &["C04-R4"],
        "A signed approval that waits for a key shows as unsent, ends at its expiry, and asks for \
         no second press."),
    row((4, 5), &[P], &[G], &[Approve], &["C04-R5"],
        "A rotation between press and sending neither spoils nor doubles the approval."),
    row((4, 6), &[P], &[B], &[Approve], &["C04-R6"],
        "The receiver's key is resolved before the prompt, so that a failure after approval is \
         rare."),

    row((5, 1), &[L], &[G], &[Tx, Rx], &["S-08"],
        "The key used for a receiver is the one under the receiver's user ID."),
    row((5, 2), &[L], &[G], &[Tx, Rx], &["S-08"],
        "Sender and receiver derive equal secrets, each from the own private and the other's \
         public key."),
    row((5, 3), &[L], &[B], &[Tx], &["S-04"],
        "Every message carries both user IDs where the server can read them."),
    row((5, 4), &[L], &[B], &[Rx], &["S-07"],
        "The receiver picks the sender's public key by the sender ID in the header."),
    row((5, 5), &[P], &[G], &[Tx, Rx], &["C05-R5", "S-02"],
        "A header changed in any octet on its way makes decryption fail."),
    row((5, 6), &[I], &[B], &[Tx, Rx], &["C05-R6"],
        "An unregistered sender or receiver leads to a reported error, without leak or fallback \
         key."),
    row((5, 7), &[P], &[G], &[Rx], &["C05-R7"],
        "A device's own ciphertext that comes back with swapped IDs is not accepted."),
    row((5, 8), &[P], &[G], &[Tx, Rx], &["S-23"],
        "A public key that is no valid point is refused before the private key is used, and not \
         cached."),

    row((6, 1), &[L], &[B], &[Cache], &["S-06"],
        "After a first exchange a second message of that peer causes no lookup."),
    row((6, 2), &[L], &[B], &[Cache], &["S-06"],
        "Traffic with one peer does not change whether another hits, except through capacity."),
    row((6, 3), &[L, P], &[B], &[Cache], &["S-28", "C06-R3"],
        "The table holds as many peers as declared, evicts when full and goes on working."),
    row((6, 4), &[I], &[B], &[Cache], &["S-06"],
        "A slot made while receiving serves sending, and the other way round."),
    row((6, 5), &[P], &[B, W], &[Cache], &["S-24"],
        "No slot comes from a key reply that is not verified."),
    row((6, 6), &[P], &[W], &[Cache], &["S-06"],
        "What is stored is derived, never the raw agreement, and is gone after eviction, rotation \
         and reset."),

    row((7, 1), &[L], &[B], &[Tx], &["C07-R1"],
        "A lookup goes to the server with the peer's user ID as the only index."),
    row((7, 2), &[L], &[B], &[Srv], &["S-25"],
        "The server answers with the current record for exactly that ID, or a definite unknown \
         user."),
    row((7, 3), &[P], &[B], &[Tx], &["S-24"],
        "A key reply under another user or number, or one nobody asked for, is ignored."),
    row((7, 4), &[P], &[B], &[Tx], &["C07-R4"],
        "A lost reply is asked for again under the same request number."),
    row((7, 5), &[P], &[B], &[Tx], &["C07-R5"],
        "An unknown user makes no entry, and is believed for a limited time only."),

    row((8, 1), &[L], &[B, G], &[Tx], &["C08-R1"],
        "A message is encrypted completely before its first octet leaves the device."),
    row((8, 2), &[L], &[B], &[Tx, Srv], &["S-04"],
        "The submission names the receiver, so that the server can route without decrypting."),
    row((8, 3), &[I], &[G], &[Tx, Srv], &["S-01", "S-17"],
        "What the server sees gives neither plaintext nor secrets."),
    row((8, 4), &[P], &[B], &[Tx], &["S-20", "C08-R4"],
        "A message counts as sent only after SubmitAck; until then identical octets are sent \
         again."),

    row((9, 1), &[L], &[B], &[Srv], &["S-18", "L-01"],
        "The server stores a message before it forwards it, and forwards it when its receiver is \
         back."),
    row((9, 2), &[I], &[B], &[Srv], &["S-19"],
        "SubmitAck follows durable storage: a crash right after it loses nothing."),
    row((9, 3), &[L], &[B], &[Srv], &["S-04", "S-30"],
        "The server forwards to the header's receiver and nobody else, octet by octet the same."),
    row((9, 4), &[P], &[B], &[Srv], &["S-18"],
        "The server keeps a message until it is acknowledged or expires, and reports expiry to \
         the sender."),
    row((9, 5), &[P], &[B], &[Srv], &["S-18"],
        "A full mailbox refuses at submission and never drops what it acknowledged."),
    row((9, 6), &[P], &[B], &[Srv], &["S-18"],
        "A message submitted twice is stored once; with other content it is refused."),

    row((10, 1), &[L], &[B], &[Poll, Srv], &["C10-R1"],
        "With mail waiting, a poll leads to delivery."),
    row((10, 2), &[I], &[B], &[Poll, Srv], &["C10-R2"],
        "Without a poll, and with push disabled, the server sends nothing."),
    row((10, 3), &[P], &[B], &[Poll, Srv], &["S-30"],
        "A poll returns only the mail of the user who polls."),
    row((10, 4), &[P], &[B], &[Poll, Srv], &["S-19", "S-03", "S-18"],
        "The device acknowledges only what it holds durably; the rest is offered again."),
    row((10, 5), &[P], &[B], &[Poll], &["C10-R5"],
        "The device polls at its declared period while online, and backs off with jitter on \
         errors."),
    row((10, 6), &[P], &[B], &[Poll, Srv], &["C10-R6"],
        "A poll of an empty mailbox has a definite empty answer."),

    row((11, 1), &[L], &[B], &[Push, Srv], &["C11-R1"],
        "To a connected receiver the server delivers without a poll within the push bound."),
    row((11, 2), &[L], &[B], &[Push], &["C11-R2"],
        "The device takes a pushed message exactly as a polled one."),
    row((11, 3), &[P], &[B], &[Push], &["S-03", "C11-R2"],
        "A push and a poll that race for one message give one display."),
    row((11, 4), &[P], &[B], &[Push, Srv], &["C11-R4"],
        "A push that nobody acknowledges falls back to stored mail."),
    row((11, 5), &[P], &[B], &[Push], &["S-03", "C11-R5"],
        "A push bypasses no check."),

    row((12, 1), &[L], &[B], &[Prov], &["C12-R1"],
        "A provisioned device sends its public key with its user ID before its first exchange."),
    row((12, 2), &[I], &[G], &[Prov], &["S-17", "S-22"],
        "The private key appears on no interface after provisioning."),
    row((12, 3), &[L], &[B], &[Srv], &["S-25"],
        "The server indexes the key by the user's ID and returns exactly those octets."),
    row((12, 4), &[P], &[G], &[Prov], &["C12-R4"],
        "A downloaded pair is checked and refused when it is not one."),
    row((12, 5), &[P], &[B], &[Prov, Srv], &["S-26"],
        "Registration proves possession; a used ID is not registered again without its present \
         key."),
    row((12, 6), &[I], &[B], &[Prov], &["C12-R6"],
        "New keys replace the old: every slot made from the old private key goes."),
    row((12, 7), &[P], &[G], &[Prov], &["C12-R7"],
        "Agreement and signature use different key pairs."),

    row((13, 1), &[L], &[B], &[Rx, Cache], &["S-06", "C01-R4"],
        "A hit at the receiver is shown without any lookup, also with the directory offline."),
    row((13, 2), &[L], &[G], &[Rx, Cache], &["S-07"],
        "The search is by sender ID; another peer's slot is not used even if it would decrypt."),
    row((13, 3), &[I], &[B], &[Rx, Cache], &["S-06"],
        "How long a hit takes does not depend on round trips to the server."),
    row((13, 4), &[P], &[B], &[Rx, Cache], &["C13-R4"],
        "A slot of other epochs than the header's is a miss, and is not tried."),

    row((14, 1), &[L], &[B], &[Rx], &["S-05"],
        "A miss causes one lookup, by the sender's ID, before the display."),
    row((14, 2), &[I], &[B], &[Rx], &["S-07"],
        "A message causes no lookup of anybody but its sender."),
    row((14, 3), &[P], &[B], &[Rx], &["S-05"],
        "Several messages of one unknown sender share one lookup."),
    row((14, 4), &[P], &[B], &[Rx], &["S-19", "L-03"],
        "While the lookup fails the message waits, with bounded tries, and is not acknowledged as \
         displayed."),
    row((14, 5), &[P], &[B], &[Rx], &["S-28"],
        "Messages that name random senders or absurd epochs cause a bounded number of lookups."),
    row((14, 6), &[I], &[B], &[Rx, Srv], &["C14-R6"],
        "One reply serves the records still in grace too, so that mail under them decrypts."),

    row((15, 1), &[L], &[G], &[Rx], &["S-08", "C15-R1"],
        "The secret equals the key schedule over own private and fetched public key."),
    row((15, 2), &[P], &[G], &[Rx], &["S-08"],
        "The own private key of the epoch that the header names is used."),
    row((15, 3), &[I], &[G], &[Rx], &["C15-R1"],
        "The x-coordinate keeps its leading zeros."),
    row((15, 4), &[P], &[G], &[Rx], &["S-23"],
        "Invalid points are refused on the receiving path too."),

    row((16, 1), &[L], &[B], &[Cache], &["S-06"],
        "After a miss, a fetch and a derivation the next message of that sender is a hit."),
    row((16, 2), &[I], &[B], &[Cache], &["S-24"],
        "A slot belongs to the ID that was asked for, not to one found in the reply or body."),
    row((16, 3), &[P], &[B], &[Cache], &["C16-R3"],
        "A decryption that fails after the fetch does not fetch in a loop."),
    row((16, 4), &[P], &[B], &[Cache], &["C16-R4"],
        "Slots survive a restart exactly as declared: a hit after it, or one lookup."),
    row((16, 5), &[P], &[B], &[Cache], &["C16-R5"],
        "A crash between computing and storing leaves a hit or a miss, never an error."),

    row((17, 1), &[L], &[B], &[Rot], &["S-09", "L-04"],
        "A bounded time after a peer's rotation the device encrypts only under the new epoch."),
    row((17, 2), &[L], &[B], &[Rot], &["S-09"],
        "That holds by time alone, with every notice lost."),
    row((17, 3), &[I], &[B, G], &[Rot], &["C17-R3"],
        "Without a key change a refresh changes no secret and stays within its rate."),
    row((17, 4), &[I], &[G], &[Rot], &["S-11"],
        "An own rotation reaches every slot; no later message uses the old own epoch."),
    row((17, 5), &[P], &[B], &[Rot, Srv], &["S-35", "L-05", "C17-R5"],
        "Mail in flight under the previous epoch decrypts during grace and is refused with a \
         defined error after it."),
    row((17, 6), &[P], &[B], &[Rot], &["S-10"],
        "An epoch below one already accepted is refused and reported."),
    row((17, 7), &[P], &[B], &[Rot], &["S-34"],
        "A new key is taken by itself only when the previous key authorizes it; else the user \
         confirms first."),
    row((17, 8), &[P], &[B], &[Rot], &["S-10"],
        "Repeated, reordered or forged notices do no harm."),
];
