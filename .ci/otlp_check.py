#!/usr/bin/env python3
"""Refuses OTLP/JSON that the protocol's own schema does not know, or whose spans do not fit together.

    otlp_check.py FILE...

Each file is parsed with PyPI's `opentelemetry-proto`, unknown fields refused. OTLP's JSON writes ids in
hexadecimal where protobuf's JSON has base64, so ids are checked and translated before. Then: no id
twice, no parent missing, no span that ends before it starts, none at the instant 0.
"""

import base64
import json
import re
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

ID_DIGITS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
WHOLE_TEXTS = ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue")


def translated(value, path=""):
    """The same document with ids as protobuf's JSON has them; what OTLP forbids is an error."""
    if isinstance(value, list):
        return [translated(part, f"{path}/{n}") for n, part in enumerate(value)]
    if not isinstance(value, dict):
        if value is None:
            raise ValueError(f"{path}: null, which some parsers refuse")
        return value
    if path.endswith("/value") and not value:
        raise ValueError(f"{path}: an empty value, which some parsers refuse")
    done = {}
    for key, part in value.items():
        here = f"{path}/{key}"
        if key in ID_DIGITS:
            if not re.fullmatch(f"[0-9a-f]{{{ID_DIGITS[key]}}}", part) or not part.strip("0"):
                raise ValueError(f"{here}: `{part}` is no id of {ID_DIGITS[key]} lower-case digits")
            part = base64.b64encode(bytes.fromhex(part)).decode()
        elif key in WHOLE_TEXTS and not re.fullmatch(r"-?\d+", part if isinstance(part, str) else ""):
            raise ValueError(f"{here}: 64-bit numbers are texts of decimal digits, not {part!r}")
        elif key == "kind" and not isinstance(part, int):
            raise ValueError(f"{here}: enumerations are numbers, not {part!r}")
        done[key] = translated(part, here)
    return done


def spans_of(request):
    for resource in request.resource_spans:
        names = [a for a in resource.resource.attributes if a.key == "service.name"]
        if len(names) != 1 or not names[0].value.string_value:
            raise ValueError("a resource has not one service.name")
        for scope in resource.scope_spans:
            yield from scope.spans


def check(text):
    request = trace_service_pb2.ExportTraceServiceRequest()
    json_format.Parse(json.dumps(translated(json.loads(text))), request, ignore_unknown_fields=False)
    spans = list(spans_of(request))
    if not spans:
        raise ValueError("there are no spans")
    known = set()
    for span in spans:
        own = (span.trace_id, span.span_id)
        if own in known:
            raise ValueError(f"span {span.span_id.hex()} of {span.trace_id.hex()} is there twice")
        known.add(own)
    for span in spans:
        name = f"span {span.span_id.hex()} ({span.name})"
        if span.parent_span_id and (span.trace_id, span.parent_span_id) not in known:
            raise ValueError(f"{name} is an orphan")
        if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
            raise ValueError(f"{name} has no start, or ends before it")
        if not span.name or not span.kind:
            raise ValueError(f"{name} has no name or no kind")
        keys = [attribute.key for attribute in span.attributes]
        if len(keys) != len(set(keys)):
            raise ValueError(f"{name} has an attribute twice: {sorted(keys)}")
        for event in span.events:
            if not span.start_time_unix_nano <= event.time_unix_nano:
                raise ValueError(f"{name} has an event before its start")
    again = json_format.MessageToDict(request)
    other = trace_service_pb2.ExportTraceServiceRequest()
    json_format.ParseDict(again, other, ignore_unknown_fields=False)
    if other.SerializeToString(deterministic=True) != request.SerializeToString(deterministic=True):
        raise ValueError("it does not survive protobuf's own JSON")
    return len(spans)


def main(files):
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    for file in files:
        try:
            with open(file, encoding="utf-8") as opened:
                print(f"{file}: {check(opened.read())} spans")
        except (ValueError, OSError, json_format.ParseError) as error:
            print(f"{file}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
