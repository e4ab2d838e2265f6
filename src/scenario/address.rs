//! Addresses: points in the life of named things, moments, and frames (`m1.submit#2`).
//!
//! Not here: whether the named things exist (`resolve`).

use crate::base::id::UserId;
use crate::base::time::Duration;
use crate::base::units::parse_duration;
use crate::oracle::spec::Point;
use crate::scenario::diagnostics::suggest;
use crate::scenario::fields::leaf;
use crate::trace::fact::FrameKind;

/// A point in the life of a named thing: `m1.stored`; a fence needs no point: `f1`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PointAt {
    /// The name of a step.
    pub name: String,
    /// Which point of it.
    pub point: Option<Point>,
}

/// An end of an interval: a time from the end of `given`, or a point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A time.
    Time(Duration),
    /// A point or fence.
    Point(PointAt),
}

/// The address of frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrameAt {
    /// The message or rotation, or the device.
    pub owner: String,
    /// The kind of frame.
    pub kind: FrameKind,
    /// In brackets: the user it is about, or the watcher to whom it goes.
    pub about: Option<UserId>,
    /// Which copy in the order of sending, from 1; none: all of them.
    pub copy: Option<u32>,
}

/// What stands before the dot of a frame's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A message: `m1.submit`.
    Message,
    /// A rotation: `r1.ack`.
    Rotation,
    /// A device: `bob.poll`.
    Device,
}

/// What owns frames of a kind, and whether the address names a user in brackets.
#[must_use]
pub const fn owner_of(kind: FrameKind) -> (Owner, bool) {
    match kind {
        FrameKind::Submit
        | FrameKind::SubmitAck
        | FrameKind::Deliver
        | FrameKind::DeliverAck
        | FrameKind::DeliverNack
        | FrameKind::StatusReport => (Owner::Message, false),
        FrameKind::RotateKey | FrameKind::RotateAck => (Owner::Rotation, false),
        FrameKind::KeyChanged => (Owner::Rotation, true),
        FrameKind::LookupKey | FrameKind::KeyReply => (Owner::Device, true),
        FrameKind::Register
        | FrameKind::RegisterAck
        | FrameKind::Poll
        | FrameKind::PollEnd
        | FrameKind::Error
        | FrameKind::Hello
        | FrameKind::Challenge
        | FrameKind::Attach
        | FrameKind::Attached => (Owner::Device, false),
    }
}

leaf!(
    PointAt,
    "point",
    "a name and a point of it such as `m1.stored`, or the name of a fence",
    r"^[A-Za-z][A-Za-z0-9_-]*(\.[a-z]+)?$",
    [],
    parse_point
);

leaf!(
    Moment,
    "moment",
    "a time such as `5s`, a point such as `m1.stored`, or the name of a fence",
    r"^([0-9][0-9_]*(\.[0-9]+)?(ns|us|ms|s|m|h|d)|[A-Za-z][A-Za-z0-9_-]*(\.[a-z]+)?)$",
    [],
    |text: &str| {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            parse_duration(text).map(Moment::Time).map_err(|_| String::new())
        } else {
            parse_point(text).map(Moment::Point)
        }
    }
);

leaf!(
    FrameAt,
    "frame",
    "the address of frames such as `m1.submit`, `r1.ack#2` or `bob.lookup(alice)`",
    r"^[A-Za-z0-9._-]+\.[a-z-]+(\([a-z0-9._-]+\))?(#[1-9][0-9]*)?$",
    [],
    parse_frame
);

fn parse_point(text: &str) -> Result<PointAt, String> {
    let (name, point) = match text.rsplit_once('.') {
        None => (text, None),
        Some((name, word)) => {
            let point = Point::ALL.iter().copied().find(|point| point.name() == word);
            let names = Point::ALL.iter().map(|point| point.name());
            (name, Some(point.ok_or_else(|| closed_list("point", word, names))?))
        }
    };
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if good { Ok(PointAt { name: name.to_owned(), point }) } else { Err(String::new()) }
}

fn parse_frame(text: &str) -> Result<FrameAt, String> {
    let (text, copy) = match text.split_once('#') {
        None => (text, None),
        Some((text, number)) => {
            let copy = number.parse().ok().filter(|copy| *copy > 0);
            (text, Some(copy.ok_or("copies are counted from 1: `#1`, `#2`")?))
        }
    };
    let (text, about) = match text.strip_suffix(')') {
        None => (text, None),
        Some(text) => {
            let (text, about) = text.split_once('(').ok_or_else(String::new)?;
            (text, Some(UserId::new(about).map_err(|error| error.to_string())?))
        }
    };
    let (owner, word) = text.rsplit_once('.').ok_or_else(String::new)?;
    let kind = FrameKind::ALL.iter().copied().find(|kind| kind.name() == word);
    let names = FrameKind::ALL.iter().map(|kind| kind.name());
    let kind = kind.ok_or_else(|| closed_list("kind of frame", word, names))?;
    match (owner_of(kind), &about) {
        ((_, true), None) => Err(format!("`{word}` names a user: `{owner}.{word}(alice)`")),
        ((_, false), Some(_)) => Err(format!("`{word}` takes no user in brackets")),
        ((_, true), Some(_)) | ((_, false), None) if owner.is_empty() => Err(String::new()),
        ((_, true), Some(_)) | ((_, false), None) => {
            Ok(FrameAt { owner: owner.to_owned(), kind, about, copy })
        }
    }
}

fn closed_list<'a>(what: &str, word: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = suggest(word, names.clone()).map(|name| format!("did you mean `{name}`? "));
    let list: Vec<_> = names.collect();
    format!("{}`{word}` is no {what}; they are: {}", nearest.unwrap_or_default(), list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fields::Scalar as _;

    #[test]
    fn frames_of_messages_rotations_and_devices_have_addresses() {
        let read = |text: &str| {
            let frame = FrameAt::parse(text)?;
            Ok::<_, String>((
                frame.owner,
                frame.kind.name(),
                frame.about.map(|user| user.to_string()),
                frame.copy,
            ))
        };
        let of = |owner: &str, kind, about: Option<&str>, copy| {
            Ok((owner.to_owned(), kind, about.map(str::to_owned), copy))
        };
        assert_eq!(read("m1.submit"), of("m1", "submit", None, None));
        assert_eq!(read("m1.submit#2"), of("m1", "submit", None, Some(2)));
        assert_eq!(read("r1.notice(alice)"), of("r1", "notice", Some("alice"), None));
        assert_eq!(read("bo.b.lookup(al.ice)#1"), of("bo.b", "lookup", Some("al.ice"), Some(1)));
        assert_eq!(read("bob.poll-end"), of("bob", "poll-end", None, None));
        for bad in ["submit", "m1.", "m1.submit#0", "m1.submit(bob)", "bob.lookup", "m1.submitt"] {
            assert!(FrameAt::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_point_is_a_name_and_a_word() {
        let point = |text: &str| PointAt::parse(text).map(|p| (p.name, p.point));
        assert_eq!(point("m1.stored"), Ok(("m1".to_owned(), Some(Point::Stored))));
        assert_eq!(point("f1"), Ok(("f1".to_owned(), None)));
        assert!(point("m1.storred").unwrap_err().contains("did you mean `stored`?"));
        assert_eq!(Moment::parse("5s"), Ok(Moment::Time(Duration::from_secs(5))));
    }
}
