//! The file of a device under test, and the options of the command line, which win over it.
//!
//! Not here: what stands in such a file (`scenario::device`), or what the options mean (`places`).

use std::num::NonZeroU32;

use crate::cli::exit::CliError;
use crate::cli::files;
use crate::cli::places::Attachment;
use crate::cli::words::Clock;
use crate::conformance::declaration::Declaration;
use crate::scenario::device::{self, ClockWord, DeviceFile, HostPort};
use crate::scenario::source::Spanned;

/// What a file says beside where the device is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Whose the clock is.
    pub clock: Option<Clock>,
    /// How fast it goes.
    pub scale: Option<NonZeroU32>,
}

/// The options with what the file adds that they name.
///
/// # Errors
/// When the file cannot be read, or is invalid.
pub fn complete(options: &Attachment) -> Result<(Attachment, Pace), CliError> {
    let Some(path) = &options.file else { return Ok((options.clone(), Pace::default())) };
    let invalid = "the device's file is invalid; nothing was run";
    let (file, _) = files::read_alone(path, device::read, invalid)?;
    let scale = file.time_scale.as_ref().map(|it| {
        let scale = u32::try_from(it.value).ok().and_then(NonZeroU32::new);
        scale.ok_or_else(|| {
            CliError::Usage(format!("`{}`: a time scale is from 1 to 2^32 - 1", path.display()))
        })
    });
    let pace = Pace {
        clock: file.clock.as_ref().map(|it| match it.value {
            ClockWord::Virtual => Clock::Virtual,
            ClockWord::Real => Clock::Real,
        }),
        scale: scale.transpose()?,
    };
    Ok((merged(options, file), pace))
}

fn merged(options: &Attachment, file: DeviceFile) -> Attachment {
    fn value<T>(it: Option<Spanned<T>>) -> Option<T> {
        it.map(|it| it.value)
    }
    let address = |it: Option<Spanned<HostPort>>| value(it).map(|it| it.0);
    let mut own = options.clone();
    // A place on the command line is another place: nothing of that in the file is left.
    if own.words().iter().all(|(flag, _)| !Attachment::PLACES.contains(flag)) {
        own.exec = value(file.exec);
        own.tcp = address(file.tcp);
        own.unix = value(file.unix).map(Into::into);
        own.listen_tcp = address(file.listen_tcp);
        own.listen_unix = value(file.listen_unix).map(Into::into);
        own.serial = value(file.serial);
    }
    own.token = own.token.or_else(|| value(file.token));
    own.allow_remote |= value(file.allow_remote).unwrap_or_default();
    own.native = own.native.or_else(|| address(file.native));
    own.user = own.user.or_else(|| value(file.user));
    own.user_time = own.user_time.or_else(|| value(file.user_time));
    own.patience = own.patience.or_else(|| value(file.patience));
    own.hello_patience = own.hello_patience.or_else(|| value(file.hello));
    own.arrival = own.arrival.or_else(|| value(file.arrival));
    let declared = file.capabilities.0;
    own.declared = (!declared.is_empty()).then(|| {
        Declaration::of(|name| declared.iter().any(|it| it.name.value.0 == name && it.value.value))
    });
    own
}
