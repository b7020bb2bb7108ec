"""A client in another language: the whole life of an event, by reflection, against the real binary.

It knows nothing of our proto files; every message comes from the server's reflection service. It starts the server on
a fresh directory, imports a small map, makes a worker and a desk, reports an incident, walks it to its end while a
watch listens, and checks that what it watched, listed and counted agrees. Exits 0 when all is as it should be.

    python tests/clients/life.py --wangge target/debug/wangge
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import uuid

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

WAIT_S = 30


class Client:
    """Calls any method of the server by its name, as the bearer of one token."""

    def __init__(self, channel, token):
        self.channel = channel
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def call(self, method, **fields):
        service, _, name = method.rpartition("/")
        descriptor = self.pool.FindServiceByName(service).FindMethodByName(name)
        request = GetMessageClass(descriptor.input_type)(**fields)
        make = self.channel.unary_stream if descriptor.server_streaming else self.channel.unary_unary
        stub = make(
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(descriptor.output_type).FromString,
        )
        timeout = None if descriptor.server_streaming else WAIT_S
        return stub(request, metadata=self.metadata, timeout=timeout)

    def events(self, method, **fields):
        return self.call(f"wangge.events.v1.EventService/{method}", **fields)

    def staff(self, method, **fields):
        return self.call(f"wangge.staff.v1.StaffService/{method}", **fields)

    def grids(self, method, **fields):
        return self.call(f"wangge.grids.v1.GridService/{method}", **fields)


def square(west, south, size, **properties):
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def start(wangge, data):
    server = subprocess.Popen(
        [wangge, "serve", "--data", data, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    lines = []
    for line in server.stdout:
        lines.append(line)
        ready = re.search(r"http://(127\.0\.0\.1:\d+)", line)
        if ready:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server, ready.group(1)
    sys.exit("the server did not become ready:\n" + "".join(lines))


def import_map(wangge, address, token_file, folder):
    features = [
        square(117.58, 34.76, 0.01, town="370404001", town_name="坛山街道", code="370404001001", name="工农社区"),
        square(117.59, 34.76, 0.01, town="370404001", town_name="坛山街道", code="370404001006", name="立新社区"),
    ]
    path = os.path.join(folder, "map.geojson")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"type": "FeatureCollection", "features": features}, file)
    subprocess.run(
        [wangge, "--server", f"http://{address}", "--token-file", token_file, "import", "boundaries", path,
         "--datum", "wgs84", "--level", "subdistrict:town:town_name", "--level", "community:code:name"],
        check=True, stdout=subprocess.DEVNULL,
    )


def make_person(admin, address, name, post, area):
    principal = admin.staff("CreatePrincipal", request_id=str(uuid.uuid4()), principal={
        "kind": "PRINCIPAL_KIND_PERSON", "display_name": name, "bindings": [{"post": post, "area": area}],
    })
    token = admin.staff("IssueToken", principal=principal.name).token
    return principal.name, Client(grpc.insecure_channel(address), token)


def walk(admin, address):
    listed = admin.grids("ListAreas", code="370404001001")
    community = listed.areas[0]
    worker_name, worker = make_person(admin, address, "王网格", "POST_GRID_WORKER", community.name)
    _, desk = make_person(admin, address, "李坐席", "POST_SUBDISTRICT_DESK", community.parent)
    _, leader = make_person(admin, address, "赵网格长", "POST_GRID_LEADER", community.name)
    admin.staff("AssignCharge", charge={"area": community.name, "worker": worker_name})

    seen, watching = [], desk.events("WatchEvents")
    first = next(watching)
    assert first.cursor and first.WhichOneof("change") is None, first

    def watch():
        try:
            for message in watching:
                if message.WhichOneof("change"):
                    seen.append(message.event)
        except grpc.RpcError as ended:
            assert ended.code() == grpc.StatusCode.CANCELLED, ended

    listener = threading.Thread(target=watch, daemon=True)
    listener.start()

    point = {"longitude_deg": 117.585, "latitude_deg": 34.765, "datum": "DATUM_WGS84"}
    report = dict(point=point, category="市容环境", text="路口有暴露垃圾", channel="CHANNEL_HOTLINE_12345",
                  reporter={"display_name": "张三", "phone": "13812341234"}, request_id=str(uuid.uuid4()))
    event = desk.events("ReportEvent", **report)
    assert event.chain[-1].display_name == "工农社区", event
    assert event.worker == worker_name, event
    assert desk.events("ReportEvent", **report).name == event.name, "a repeated request id made a second event"

    steps = [
        (desk, "AcceptEvent", {}), (desk, "DispatchEvent", {}), (worker, "StartEvent", {}),
        (worker, "ResolveEvent", {"result": "已清理"}), (leader, "VerifyEvent", {"note": "现场核实"}),
        (desk, "CloseEvent", {}),
    ]
    for who, method, fields in steps:
        event = who.events(method, name=event.name, etag=event.etag, request_id=str(uuid.uuid4()), **fields)
    closed = event.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_name["EVENT_STATE_CLOSED"].number
    assert event.state == closed, event
    history = desk.events("ListEventSteps", parent=event.name)
    assert len(history.steps) == 7, history

    listener.join(timeout=2)
    watching.cancel()
    assert [e.etag for e in seen] == [f'"{n}"' for n in range(1, 8)], [e.etag for e in seen]
    total = desk.events("CountEvents", filter={"states": ["EVENT_STATE_CLOSED"]}).total_count
    assert total == len(desk.events("ListEvents", filter={"states": ["EVENT_STATE_CLOSED"]}).events) == 1

    try:
        worker.events("AcceptEvent", name=event.name)
        sys.exit("a grid worker could accept an event")
    except grpc.RpcError as refused:
        assert refused.code() == grpc.StatusCode.PERMISSION_DENIED, refused
    return event.number


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--wangge", required=True, help="path of the wangge binary")
    wangge = arguments.parse_args().wangge
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        server, address = start(wangge, data)
        try:
            token_file = os.path.join(data, "admin.token")
            import_map(wangge, address, token_file, folder)
            with open(token_file, encoding="ascii") as file:
                admin = Client(grpc.insecure_channel(address), file.read().strip())
            number = walk(admin, address)
        finally:
            server.send_signal(signal.SIGTERM)
            ended = server.wait(timeout=WAIT_S)
        assert ended == 0, f"the server ended with {ended}"
    print(f"event {number}: reported, handled, watched and closed from Python")


if __name__ == "__main__":
    main()
