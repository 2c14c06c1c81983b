//! OTLP/JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`): ids in hexadecimal, enumerations as
//! numbers, 64-bit numbers as texts, nothing that is not known to every parser.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;
