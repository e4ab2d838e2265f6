//! What a user does with a device, as the harness says it on the line.
//!
//! Not here: when it is done (`message::UserAct`), or what a device makes of it (`adapter`).

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::base::id::{DraftId, TxnId, UserId};
use crate::base::time::Millis;
use crate::conformance::octets;
use crate::trace::fact::Button;

/// What a user can do with a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "act", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Act {
    /// Presses a button, whatever the screen shows.
    Press {
        /// Which.
        button: Button,
    },
    /// Pages to the end of what is shown.
    Scroll,
    /// Writes a text; the harness calls it by the draft's number.
    Send {
        /// Its number.
        draft: DraftId,
        /// For whom.
        to: UserId,
        /// The text.
        text: String,
    },
    /// Asks somebody for approval.
    Request(Form),
    /// Brings own data to approval, for somebody.
    Approve(Form),
    /// Says whether a peer's new identity is right.
    Confirm {
        /// Whose.
        peer: UserId,
        /// Is it?
        accept: bool,
    },
    /// Makes a new key pair.
    Rotate {
        /// Without grace for the old one.
        revoke: bool,
    },
    /// Looks for mail.
    Poll,
    /// Registers.
    Register,
    /// Resets the device to what it was made as.
    Wipe,
    /// Has the device make its keys.
    Generate,
    /// Gives the device its keys.
    Download {
        /// For agreement.
        agree: Half,
        /// For signatures.
        sign: Half,
    },
}

/// A transaction's data, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The draft's number.
    pub draft: DraftId,
    /// For whom.
    pub to: UserId,
    /// The transaction.
    pub txn: TxnId,
    /// What to display.
    pub lines: Vec<String>,
    /// In the currency's least unit.
    pub amount: Option<u64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Who gets it.
    pub payee: Option<String>,
    /// Until when it may be approved.
    pub expires: Millis,
}

/// A key pair as an authority hands it over; either part may be wrong.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Half {
    /// The private half.
    #[serde(with = "octets")]
    pub secret: Vec<u8>,
    /// The public half.
    #[serde(with = "octets")]
    pub public: Vec<u8>,
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Half").field("public", &self.public).finish_non_exhaustive()
    }
}
