//! Who is there: devices and fleets with the indexes of their users.
//!
//! Not here: their settings (`settings`) or links (`links`).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::base::id::UserId;
use crate::scenario::ast::device::Device;
use crate::scenario::ast::fault::Users;
use crate::scenario::ast::scenario::Scenario;
use crate::scenario::codes::Code;
use crate::scenario::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::source::Spanned;

/// Most devices of a run: twice the largest world that the simulator is built for.
pub const DEVICES_MAX: u64 = 20_000_000;

/// Names that no device may have: they stand for other nodes.
const RESERVED: [&str; 3] = ["server", "harness", NOBODY];

/// The name that no user has, for those who are written to or looked up.
pub const NOBODY: &str = "nobody";

/// Devices with one declaration.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What its links are looked up under.
    pub name: &'a Spanned<UserId>,
    /// The declaration.
    pub device: &'a Device,
    /// The indexes of its users.
    pub range: RangeInclusive<u32>,
}

/// All users, by index and by name.
#[derive(Clone, Debug, Default)]
pub struct People<'a> {
    /// Users in the order of their index.
    pub users: Vec<UserId>,
    /// Indexes by name.
    pub by_name: BTreeMap<UserId, u32>,
    /// Groups in the order of their first index: devices, then fleets.
    pub groups: Vec<Group<'a>>,
    fleets: BTreeMap<&'a UserId, RangeInclusive<u32>>,
}

impl<'a> People<'a> {
    /// Numbers all users of a scenario: devices as declared, then the members of each fleet.
    pub fn of(scenario: &'a Scenario, sink: &mut Diagnostics) -> Self {
        let mut people = Self::default();
        for named in &scenario.devices.0 {
            let index = people.next();
            people.add(named.name.value.clone(), &named.name, sink);
            people.groups.push(Group {
                name: &named.name,
                device: &named.value,
                range: index..=index,
            });
        }
        for named in &scenario.fleets.0 {
            let count = &named.value.own.count;
            if count.value == 0 || count.value + people.users.len() as u64 > DEVICES_MAX {
                sink.out_of_limits(count, &format!("a run has 1 to {DEVICES_MAX} devices"));
                sink.declare_broken(named.name.value.as_str());
                continue;
            }
            let first = people.next();
            for number in 1..=count.value {
                match UserId::new(&format!("{}-{number}", named.name.value)) {
                    Ok(user) => people.add(user, &named.name, sink),
                    Err(error) => {
                        sink.out_of_limits(&named.name, &error.to_string());
                        break;
                    }
                }
            }
            let range = first..=people.next().saturating_sub(1);
            people.fleets.insert(&named.name.value, range.clone());
            people.groups.push(Group { name: &named.name, device: &named.value.rest, range });
        }
        people
    }

    fn next(&self) -> u32 {
        u32::try_from(self.users.len()).expect("the number of devices is limited")
    }

    fn add(&mut self, user: UserId, declared: &Spanned<UserId>, sink: &mut Diagnostics) {
        if RESERVED.contains(&declared.value.as_str()) {
            sink.reserved_name(declared);
        }
        if self.by_name.insert(user.clone(), self.next()).is_some() {
            sink.device_twice(declared, &user);
        }
        self.users.push(user);
    }

    /// The index of a user.
    pub fn user(&self, name: &Spanned<UserId>, sink: &mut Diagnostics) -> Option<u32> {
        let found = self.by_name.get(&name.value).copied();
        if found.is_none() {
            if self.fleets.contains_key(&name.value) {
                sink.fleet_for_device(name);
            } else {
                sink.unknown_device(name, self.names());
            }
        }
        found
    }

    /// The indexes of devices and of the members of fleets.
    pub fn ranges(
        &self,
        names: &[Spanned<UserId>],
        sink: &mut Diagnostics,
    ) -> Vec<RangeInclusive<u32>> {
        let mut ranges = Vec::with_capacity(names.len());
        for name in names {
            if let Some(range) = self.fleets.get(&name.value) {
                ranges.push(range.clone());
            } else if let Some(index) = self.by_name.get(&name.value) {
                ranges.push(*index..=*index);
            } else {
                sink.unknown_device(name, self.names());
            }
        }
        ranges
    }

    /// The indexes of devices and of the members of fleets, one by one.
    pub fn indexes(&self, names: &Users, sink: &mut Diagnostics) -> Vec<u32> {
        self.ranges(&names.0, sink).into_iter().flatten().collect()
    }

    /// Is it the name of a device or a fleet?
    #[must_use]
    pub fn is_known(&self, name: &UserId) -> bool {
        self.by_name.contains_key(name) || self.fleets.contains_key(name)
    }

    /// Names as declared, for suggestions.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.name.value.as_str())
    }
}

impl Diagnostics {
    /// A name that no device or fleet has.
    pub fn unknown_device<'n>(
        &mut self,
        name: &Spanned<UserId>,
        names: impl Iterator<Item = &'n str>,
    ) {
        if self.is_broken(name.value.as_str()) {
            return;
        }
        self.add(
            Diagnostic::new(Code::UnknownDevice, name.span, format!("no device `{name}`"))
                .suggest(name.value.as_str(), names)
                .help("declare it under `devices` or `fleets`; `{}` takes all defaults"),
        );
    }

    /// A value that the protocol or the simulator does not take.
    pub fn out_of_limits<T: std::fmt::Display>(&mut self, value: &Spanned<T>, why: &str) {
        let message = format!("`{value}` is out of limits");
        self.add(Diagnostic::new(Code::OutOfLimits, value.span, message).label(why));
    }

    fn fleet_for_device(&mut self, name: &Spanned<UserId>) {
        let message = format!("`{name}` is a fleet, not a device");
        self.add(
            Diagnostic::new(Code::WrongThing, name.span, message)
                .help(format!("its devices are called `{name}-1`, `{name}-2` and so on")),
        );
    }

    fn reserved_name(&mut self, name: &Spanned<UserId>) {
        let message = format!("no device may be called `{name}`");
        self.add(Diagnostic::new(Code::ReservedName, name.span, message));
    }

    fn device_twice(&mut self, name: &Spanned<UserId>, user: &UserId) {
        let message = format!("there are two devices called `{user}`");
        self.add(Diagnostic::new(Code::DefinedTwice, name.span, message));
    }
}
