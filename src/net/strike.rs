//! What a message fault does to the packet that it names.

use std::cell::RefMut;
use std::rc::Rc;

use super::barrier::Passage;
use super::fault::{FaultRef, Struck};
use super::{Net, Packet, Payload, record_hit, stream};
use crate::chaos::Effect;
use crate::kernel::Kernel;
use crate::time::{Time, nanos};

impl Net {
    /// Lets message faults strike, then puts the packet on its link.
    pub(super) fn send_through_weather(self: &Rc<Self>, kernel: &Kernel, packet: Packet) {
        let struck = self.faults.borrow_mut().strike(kernel, &packet);
        let is_segment = packet.payload.segment().is_some();
        match struck {
            Some(struck) if is_segment => self.strike_segment(kernel, packet, struck),
            Some(struck) => self.strike(kernel, packet, struck),
            None => self.send_segment(kernel, packet),
        }
    }

    /// Sends a packet; if it is a segment, its bytes count for the bodies that are to be cut.
    fn send_segment(self: &Rc<Self>, kernel: &Kernel, packet: Packet) {
        if let Some(segment) = packet.payload.segment() {
            self.faults.borrow_mut().barriers.follow_bodies(segment);
        }
        self.route(kernel, packet, 0);
    }

    /// A message fault strikes a datagram, or a message of the message lane.
    fn strike(self: &Rc<Self>, kernel: &Kernel, mut packet: Packet, struck: Struck) {
        let Struck { number, effect, .. } = struck;
        match effect {
            Effect::Drop | Effect::Stall(None) => {
                self.lose(kernel, packet, self.reasons.fault, Some(FaultRef::armed(number)));
            }
            Effect::Reset | Effect::DropBytes { .. } => self.reset(kernel, packet, Some(number)),
            Effect::Delay(extra) | Effect::Stall(Some(extra)) => {
                record_hit(kernel, &packet, FaultRef::armed(number));
                self.route(kernel, packet, nanos(extra));
            }
            Effect::Duplicate => self.send_twice(kernel, packet, number),
            Effect::Corrupt => {
                record_hit(kernel, &packet, FaultRef::armed(number));
                packet.payload.corrupt(u64::from(number));
                self.route(kernel, packet, 0);
            }
        }
    }

    /// A message fault strikes a segment.
    fn strike_segment(self: &Rc<Self>, kernel: &Kernel, packet: Packet, struck: Struck) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let Struck { number, effect, at, has_body } = struck;
        let (from, byte) = (segment.from(), segment.bytes().start + at);
        let barriers = || RefMut::map(self.faults.borrow_mut(), |faults| &mut faults.barriers);
        match effect {
            // TCP finds out, and sends it again.
            Effect::Drop | Effect::Corrupt => {
                let fault = Some(FaultRef::armed(number));
                return self.send_again(kernel, packet, self.reasons.fault, fault);
            }
            Effect::Reset if at == 0 => return self.reset(kernel, packet, Some(number)),
            Effect::Duplicate => return self.send_twice(kernel, packet, number),
            Effect::Delay(extra) => {
                record_hit(kernel, &packet, FaultRef::armed(number));
                return self.route(kernel, packet, nanos(extra));
            }
            Effect::Reset => barriers().break_at(from, byte, number),
            Effect::Stall(lasts) => {
                let until = lasts.map_or(Time::MAX, |lasts| kernel.now() + lasts);
                record_hit(kernel, &packet, FaultRef::armed(number));
                barriers().stall(from, byte, number, until);
            }
            Effect::DropBytes { after } if has_body => {
                barriers().cut_body(segment, number, after);
            }
            Effect::DropBytes { after } => barriers().break_at(from, byte + after, number),
        }
        self.send_segment(kernel, packet);
    }

    fn send_twice(self: &Rc<Self>, kernel: &Kernel, packet: Packet, number: u32) {
        let hit = record_hit(kernel, &packet, FaultRef::armed(number));
        let copy = packet.clone();
        self.route(kernel, packet, 0);
        self.duplicate(kernel, copy, hit);
    }

    /// Holds up what a barrier does not let through; what goes on its way now.
    pub(super) fn pass(self: &Rc<Self>, kernel: &Kernel, mut packet: Packet) -> Option<Packet> {
        if self.calm.get() {
            return Some(packet);
        }
        let segment = packet.payload.segment();
        let passage = segment.map(|s| self.faults.borrow_mut().barriers.passage(kernel.now(), s));
        match passage {
            None | Some(Passage::Free) => return Some(packet),
            Some(Passage::Held(number)) => self.hold(kernel, packet, number),
            Some(Passage::Cut { length, number, breaks: false }) => {
                let rest = stream::cut(&mut packet, length, false)?;
                self.hold(kernel, rest, number);
                return Some(packet);
            }
            Some(Passage::Cut { length, number, breaks: true }) => {
                record_hit(kernel, &packet, FaultRef::armed(number));
                self.faults.borrow_mut().count_hit(number);
                stream::cut(&mut packet, length, true)?;
                return Some(packet);
            }
        }
        None
    }

    /// A barrier is in a packet's way: TCP sends it again, and again.
    fn hold(self: &Rc<Self>, kernel: &Kernel, packet: Packet, number: u32) {
        let (reason, fault) = (self.reasons.fault, Some(FaultRef::armed(number)));
        match packet.reliable {
            true => self.send_again(kernel, packet, reason, fault),
            false => self.lose(kernel, packet, reason, fault),
        }
    }
}
