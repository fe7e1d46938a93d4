"""Lineage events of a real server, read into the classes of the OpenLineage client."""

import json
import re
import uuid

import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import (
    data_quality_assertions_dataset, error_message_run, input_statistics_input_dataset, job_type_job,
    nominal_time_run, output_statistics_output_dataset, parent_run, schema_dataset, sql_job,
)
from receiver import Receiver
from test_webhooks import prepare, shop

FACETS = {
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "sql": sql_job.SQLJobFacet,
}


def facet(name, values):
    """A facet as the client's class, which refuses what it does not know."""
    own = {key: value for key, value in values.items() if not key.startswith("_")}
    if name == "parent":
        made = parent_run.ParentRunFacet(run=parent_run.Run(**own.pop("run")), job=parent_run.Job(**own.pop("job")))
        assert not own
    elif name == "schema":
        fields = [schema_dataset.SchemaDatasetFacetFields(**field) for field in own.pop("fields")]
        made = schema_dataset.SchemaDatasetFacet(fields=fields, **own)
    elif name == "dataQualityAssertions":
        assertions = [data_quality_assertions_dataset.Assertion(**item) for item in own.pop("assertions")]
        made = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=assertions, **own)
    else:
        made = FACETS[name](**own)
    unversioned = lambda url: re.sub(r"\d+-\d+-\d+", "", url)
    assert unversioned(values["_schemaURL"]) == unversioned(made._get_schema())
    assert values["_producer"] == "urn:strandline"
    return made


def facets(values):
    return {name: facet(name, value) for name, value in values.items()}


def event(text):
    """An event as the client's class."""
    values = json.loads(text)
    unversioned = re.sub(r"\d+-\d+-\d+", "", values.pop("schemaURL"))
    assert unversioned == re.sub(r"\d+-\d+-\d+", "", RunEvent._get_schema())
    run, job = values.pop("run"), values.pop("job")
    inputs = [
        InputDataset(
            item["namespace"], item["name"], facets=facets(item["facets"]), inputFacets=facets(item["inputFacets"]))
        for item in values.pop("inputs")
    ]
    outputs = [
        OutputDataset(
            item["namespace"], item["name"], facets=facets(item["facets"]), outputFacets=facets(item["outputFacets"]))
        for item in values.pop("outputs")
    ]
    return RunEvent(
        eventType=RunState(values.pop("eventType")), run=Run(run["runId"], facets(run["facets"])),
        job=Job(job["namespace"], job["name"], facets(job["facets"])), inputs=inputs, outputs=outputs, **values)


def story(server):
    """A run that succeeds, and one whose check fails."""
    prepare(server)
    assert server.run("orders")["state"] == "success"
    shop(server.folder, "INSERT INTO orders VALUES (2, -1, '2024-01-02T00:00:00Z')")
    assert server.run("orders")["state"] == "failed"


def check(events):
    """What the story must have told."""
    assert [f"{item.eventType.value} {item.job.name}" for item in events] == [
        "START orders", "START orders.orders", "COMPLETE orders.orders", "COMPLETE orders",
        "START orders", "START orders.orders", "FAIL orders.orders", "FAIL orders",
    ]
    assert all(uuid.UUID(item.run.runId).version == 7 for item in events)
    assert events[2].run.facets["parent"].run.runId == events[0].run.runId
    source, destination = events[2].inputs[0], events[2].outputs[0]
    assert source.namespace.startswith("sqlite:///") and source.namespace.endswith("/shop.db")
    assert source.name == "orders" and source.inputFacets["inputStatistics"].rowCount == 1
    assert [(field.name, field.type) for field in source.facets["schema"].fields] == [
        ("id", "INTEGER"), ("total", "REAL"), ("updated_at", "TEXT")]
    assert destination.outputFacets["outputStatistics"].rowCount == 1
    assert [item.success for item in source.inputFacets["dataQualityAssertions"].assertions] == [True]
    failed = events[6]
    assert [item.success for item in failed.inputs[0].inputFacets["dataQualityAssertions"].assertions] == [False]
    assert "total" in failed.run.facets["errorMessage"].message


def test_events_are_written_to_a_file(serve, tmp_path):
    path = tmp_path / "events.ndjson"
    server = serve("--openlineage", path, "--openlineage-namespace", "shop")
    story(server)
    for _ in range(3_000):
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) == 8:
            break
        server.ask("/healthz")
    events = [event(line) for line in lines]
    check(events)
    assert {item.job.namespace for item in events} == {"shop"}


def test_events_are_posted(serve, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "canary-key")
    with Receiver() as receiver:
        server = serve("--openlineage", receiver.url + "/api/v1/lineage")
        story(server)
        requests = receiver.wait(8)
        check([event(request.body) for request in requests])
        assert {request.headers["Authorization"] for request in requests} == {"Bearer canary-key"}
        assert {request.path for request in requests} == {"/api/v1/lineage"}
        assert "canary" not in (server.folder / "server.log").read_text()
        receiver.shutdown()


def test_a_receiver_must_be_one(serve):
    with pytest.raises(pytest.fail.Exception):
        serve("--openlineage", "ftp://example.org")
