"""Leads most of the generated requests to things that are there, so that more than refusals is seen."""

import json
import os
import zlib

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# For each operation, things of its own: no other operation can have deleted them.
THINGS = json.loads(os.environ["FLAME_FUZZ_THINGS"])


def is_meant_well(case, location):
    component = case.meta and case.meta.components.get(location)
    return not component or component.mode.is_positive


@schemathesis.hook
def before_call(ctx, case, **kwargs):
    if "waitMs" in (case.query or {}) or "otifications" in case.operation.path:
        case.query = {**(case.query or {}), "waitMs": "0"}
    # A number as text breaks the pattern of these, which schemathesis takes for valid.
    for name in ("If-Match", "If-None-Match"):
        if '"' not in (case.headers or {}).get(name, '"'):
            case.headers[name] = "*"
    things = THINGS.get(case.operation.definition.raw["operationId"])
    draw = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace")) % 4
    if things is None or draw == 0:
        return
    if is_meant_well(case, ParameterLocation.PATH):
        for name in case.path_parameters or {}:
            case.path_parameters[name] = things["parameters"].get(name, case.path_parameters[name])
    if is_meant_well(case, ParameterLocation.QUERY) and "key" in (case.query or {}):
        case.query["key"] = things["key"]
    if not is_meant_well(case, ParameterLocation.BODY):
        return
    if draw == 1 and "body" in things:
        case.body = things["body"]
    elif isinstance(case.body, dict):
        for name in ("id", "userId"):
            case.body.pop(name, None)
        case.body.update({name: value for name, value in things["fields"].items() if name in case.body})
