"""The API is what its own description says: made-up requests by the hundred, each answer held against it."""

import json

import pytest
import schemathesis
from gateways import Gateway
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from pipeline import DEADLINE, ROOT, Pipeline, until
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from test_gateway import feed

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = json.loads((ROOT / "Sources" / "Gateway" / "OpenAPI" / "openapi.json").read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# Events have no end.
OPERATIONS = {
    operation.label: operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())
    if operation.path != "/v1/events"
}


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    with (Pipeline(folder, sink=["--keep-frames", "20M"], infer=["--forward-frames"]) as pipeline,
          Gateway(pipeline) as gateway):
        until(lambda: gateway.http.get(gateway.url + "/readyz").ok, "the gateway reaches all stages")
        feed(pipeline, "ride", 20, end=True)
        until(lambda: gateway.json("/v1/sessions")["sessions"], "something is stored")
        gateway.session = gateway.json("/v1/sessions")["sessions"][0]["session"]
        yield gateway


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_what_the_description_says(label, described):
    asked = []

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=OPERATIONS[label].as_strategy())
    def ask(case):
        # Half of what is asked for exists.
        asked.append(case)
        if len(asked) % 2 and "session" in (case.path_parameters or {}):
            case.path_parameters["session"] = described.session
        response = case.call(base_url=described.url, timeout=DEADLINE)
        # Something may be missing (503) or late (504): that is said in words, and no failure of the gateway.
        checks = CHECKS + ([] if response.status_code in (503, 504) else [not_a_server_error])
        case.validate_response(response, checks=checks)

    ask()


def test_the_description_is_valid_and_served_as_it_is(described):
    served = described.json("/v1/openapi.json")
    assert served == DOCUMENT
    validate(served)
