"""Arrays of instances, work and speed."""

from __future__ import annotations

import numpy as np
import pytest

import offcut


def test_shapes() -> None:
    lymdo = offcut.generate("lymdo", users=3, slots=4)
    assert lymdo.array("slots", "gains").shape == (4, 3)
    assert lymdo.array("users", "model", dtype=int).dtype.kind == "i"
    jpdra = offcut.generate("jpdra", flows=3, servers=5)
    assert jpdra.array("link_bytes_per_s").shape == (5, 5)
    assert jpdra.array("flows", "uplink_bytes_per_s").shape == (3, 5)
    throughput = offcut.generate("throughput", requests=6, cloudlets=2, access_points=4)
    assert throughput.array("hop_s_per_byte").shape == (4, 2)
    assert throughput.array("requests", "profit", default=1.0).tolist() == [1.0] * 6
    assert [edges.shape[1] for edges in throughput.arrays("models", "edges", dtype=int)][0] == 2


def test_what_is_no_array_says_so() -> None:
    instance = offcut.generate("multiuser")
    with pytest.raises(ValueError, match="see arrays"):
        instance.array("models", "cut_bytes")
    with pytest.raises(KeyError):
        instance.array("users", "no_such_field")
    assert len(instance.arrays("models", "cut_bytes")) == len(instance.body["models"])


@pytest.mark.parametrize("problem", ["multiuser", "throughput", "lymdo"])
def test_work_in_macs_and_in_seconds(problem: str) -> None:
    macs, seconds = offcut.generate(problem), offcut.generate(problem, work="seconds")
    assert (macs.document["version"], seconds.document["version"]) == (1, 2)
    for instance in (macs, seconds):
        (device, speed), (server, unit) = instance.device_work(0), instance.server_work(0)
        assert device.shape == server.shape and speed > 0 and unit > 0
        assert 1e-4 < device.sum() / speed < 1e4


def test_work_of_jpdra() -> None:
    for work in ("macs", "seconds"):
        instance = offcut.generate("jpdra", work=work)
        partitions, speed = instance.server_work(0, 1)
        assert partitions.shape == (len(instance.body["flows"][0]["partitions"]),) and speed > 0
        with pytest.raises(offcut.InputError, match="server_work"):
            instance.device_work(0)


def test_a_kind_that_does_not_run_a_model_takes_forever() -> None:
    model = {"out_bytes": [1, 1, 0], "edges": [[0, 1]], "work_s": [None, [0, 1, 1]]}
    request = {"model": 0, "device": {"kind": 1, "speed": 2}}
    cloudlet = {"thread": {"kind": 0, "speed": 1}}
    body = {"models": [model], "requests": [request], "cloudlets": [cloudlet]}
    instance = offcut.Instance({"offcut": "instance", "problem": "throughput", "version": 2, "body": body})
    assert np.isinf(instance.server_work(0)[0]).all()
    assert instance.device_work(0)[0].sum() / instance.device_work(0)[1] == 1
