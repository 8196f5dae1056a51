"""Faults on demand (API reference section 10 no. 31)."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from reconciler.sandbox import UnknownFaultError, parse_fault
from reconciler.sandbox.faults import Fault, make_fault

PUT = "settings/domain/user-put"


def exists(world, name: str = "new") -> bool:
    return name in world.state()["users"]


def test_latency_delays_the_answer(world):
    world.fault(name="latency", param=900)
    began = time.monotonic()
    world.da.ok(PUT, world.user("new"))
    assert time.monotonic() - began >= 0.9
    world.da.read("settings/domain/data")
    struck = [r["faults"] for r in world.anon.sandbox("GET", "requests")["requests"]][-2:]
    assert struck == [["latency"], []], "once is the default of the admin endpoint"


def test_an_answer_can_be_late_although_the_write_was_immediate(world):
    world.fault(name="latency-after", param=1500, path="user-put")
    with pytest.raises(httpx.ReadTimeout):
        world.da.http.post(
            f"{world.da.url}/api/v1/{PUT}", json=world.user("new"), headers=world.da.headers, timeout=0.2
        )
    assert exists(world)


def test_a_late_request_is_executed_although_the_client_has_left(world):
    world.fault(name="latency", param=600, path="user-put")
    with pytest.raises(httpx.ReadTimeout):
        world.da.http.post(
            f"{world.da.url}/api/v1/{PUT}", json=world.user("new"), headers=world.da.headers, timeout=0.1
        )
    deadline = time.monotonic() + 20
    while not exists(world) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert exists(world)


@pytest.mark.parametrize(
    ("name", "param", "status", "retry_after"),
    [("429", None, 429, None), ("429", 7, 429, "7"), ("500", None, 500, None), ("502", None, 502, None),
     ("503", None, 503, None), ("503", 3, 503, "3")],
)  # fmt: skip
def test_an_overloaded_server_does_nothing(world, name, param, status, retry_after):
    world.fault(name=name, param=param, path="user-put")
    response = world.da.post(PUT, world.user("new"))
    assert (response.status_code, response.headers.get("retry-after")) == (status, retry_after)
    assert not exists(world)
    world.da.ok(PUT, world.user("new"))


@pytest.mark.parametrize(
    ("name", "status"), [("500-after", 500), ("502-after", 502), ("503-after", 503), ("html-after", 200)]
)
def test_an_error_can_follow_an_executed_write(world, name, status):
    world.fault(name=name, path="user-put")
    response = world.da.post(PUT, world.user("new"))
    assert response.status_code == status and (status == 500 or response.text.startswith("<!DOCTYPE"))
    assert exists(world)


def test_a_connection_may_be_cut_before_the_write(world):
    world.fault(name="drop-before", path="user-put")
    with pytest.raises(httpx.TransportError):
        world.da.post(PUT, world.user("new"))
    assert not exists(world)
    assert world.anon.sandbox("GET", "requests")["requests"][-1]["status"] == 0


@pytest.mark.parametrize("name", ["drop-after", "drop-mid-body"])
def test_a_connection_may_be_cut_after_the_write(world, name):
    world.fault(name=name, path="user-put")
    with pytest.raises(httpx.TransportError):
        world.da.post(PUT, world.user("new"))
    assert exists(world)
    assert world.da.refused(PUT, world.user("new")) == "USER_ADD_ERROR_NAME_IN_USE"
    assert world.effects()["user new@example.test"] == {"create": 1}


def test_a_page_of_html_may_come_with_200(world):
    world.fault(name="html")
    response = world.da.get("settings/domain/data")
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/html")


def test_json_may_be_truncated(world):
    world.fault(name="truncated-json")
    response = world.da.get("settings/domain/data")
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_a_valid_token_can_be_rejected_as_expired_but_a_login_is_not(world):
    world.fault(name="expired-token", times=2)
    assert world.anon.login("anna@example.test", world.secret)
    response = world.da.get("settings/domain/data")
    assert (response.status_code, response.content) == (401, b"")


def test_lists_may_be_empty_for_once(world):
    world.fault(name="empty-list", times=2)
    assert world.da.read("settings/domain/list-users")["userData"] == []
    found = world.da.ok("settings/domain/account-list-search", {})
    assert (found["results"], found["totalCount"]) == ([], 0)
    assert len(world.da.read("settings/domain/list-users")["userData"]) == 2


def test_lists_may_lack_their_last_row_while_the_totals_stay(world):
    before = world.da.ok("settings/domain/account-list-search", {})
    world.fault(name="cut-list", times=2)
    assert len(world.da.read("settings/domain/list-users")["userData"]) == 1
    found = world.da.ok("settings/domain/account-list-search", {})
    assert (found["results"], found["totalCount"]) == (before["results"][:-1], before["totalCount"])


def test_a_busy_server_rejects_requests_above_its_limit(world):
    world.fault(name="latency", param=150, times=-1)
    world.fault(name="busy", param=2, times=-1)

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(verify=False) as http:
            url = f"{world.da.url}/api/v1/{PUT}"
            names = [f"n{number}" for number in range(5)]
            sent = [http.post(url, json=world.user(name), headers=world.da.headers) for name in names]
            return [response.status_code for response in await asyncio.gather(*sent)]

    assert sorted(asyncio.run(all_at_once())) == [200, 200, 429, 429, 429]
    assert sum(exists(world, f"n{number}") for number in range(5)) == 2
    world.da.read("settings/domain/data")


def test_faults_select_by_path_method_skip_and_times(world):
    world.fault(name="503", path=r"domain/(data|user-put)$", method="GET", skip=1, times=2)
    statuses = [world.da.get("settings/domain/data").status_code for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert world.da.post(PUT, world.user("new")).status_code == 200
    shown = world.anon.sandbox("GET", "faults")["faults"][0]
    assert (shown["seen"], shown["struck"]) == (5, 2)


def test_chance_is_repeatable():
    def run() -> list[bool]:
        fault = make_fault({"name": "500", "probability": 0.5, "times": -1, "seed": 4})
        return [fault.applies_to("GET", "x") for _ in range(50)]

    assert run() == run()
    assert 10 < sum(run()) < 40


def test_faults_are_cleared(world):
    world.fault(name="503", times=-1)
    assert world.da.get("settings/domain/data").status_code == 503
    world.anon.sandbox("DELETE", "faults")
    assert world.da.get("settings/domain/data").status_code == 200


def test_a_fault_of_the_command_line_applies_to_all_requests(make):
    world = make(faults=("latency:1", "429:2,path=settings/domain/data,times=3"))
    assert [world.da.get("settings/domain/data").status_code for _ in range(4)] == [429, 429, 429, 200]


def test_fault_strings_are_parsed():
    fault = parse_fault("503:9,path=alias-put,method=POST,skip=2,times=1,probability=0.5,seed=3")
    assert (fault.name, fault.param, fault.path, fault.method) == ("503", 9.0, "alias-put", "POST")
    assert (fault.skip, fault.times, fault.probability, fault.seed) == (2, 1, 0.5, 3)
    assert parse_fault("html").times == -1


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "html:3",
        "503,times",
        "503,colour=red",
        "503,times=x",
        "latency:soon",
        "503,path=(",
        "503,probability=2",
        "latency:-1",
    ],
)
def test_an_invalid_fault_is_rejected(text):
    with pytest.raises(UnknownFaultError):
        parse_fault(text)


def test_a_fault_is_plain_data():
    assert Fault("html").as_json()["struck"] == 0


def test_the_control_endpoint_rejects_an_invalid_fault(world):
    response = world.anon.http.post(
        f"{world.anon.url}/sandbox/faults", json={"name": "flood"}, headers={"X-Sandbox": "1"}
    )
    assert response.status_code == 400 and "flood" in response.json()["error"]
