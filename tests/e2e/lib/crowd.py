#!/usr/bin/env python3
"""Ten thousand Deployments in seconds: copies of one that are written straight into etcd.

Usage: crowd.py NAMESPACE COUNT <DEPLOYMENT.json      copies of it, crowd-0, crowd-1, …
       crowd.py NAMESPACE 0                           remove all Deployments of that namespace

The API server reads JSON from etcd as it reads protobuf, and tells who watches.
https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/; the endpoint is that of ETCDCTL_ENDPOINTS.
"""
import base64
import http.client
import json
import os
import sys
import uuid

BATCH = 100  # etcd takes 128 operations at once


def encode(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self, endpoint):
        self.connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=60)

    def call(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"etcd: {answer.status} {text[:300]}")


def main():
    namespace, count = sys.argv[1], int(sys.argv[2])
    etcd = Etcd(os.environ["ETCDCTL_ENDPOINTS"])
    prefix = f"/registry/deployments/{namespace}/"
    if count == 0:
        etcd.call("/v3/kv/deleterange", {"key": encode(prefix), "range_end": encode(prefix[:-1] + "0")})
        return
    model = json.load(sys.stdin)
    for member in ("resourceVersion", "managedFields", "selfLink"):
        model["metadata"].pop(member, None)
    for first in range(0, count, BATCH):
        puts = []
        for n in range(first, min(first + BATCH, count)):
            name = model["metadata"]["name"] = f"crowd-{n}"
            model["metadata"]["uid"] = str(uuid.uuid4())
            puts.append({"requestPut": {"key": encode(prefix + name), "value": encode(json.dumps(model))}})
        etcd.call("/v3/kv/txn", {"success": puts})


main()
