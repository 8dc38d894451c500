#!/usr/bin/env python3
"""A busy cluster's days in minutes: ever new names come, are scaled and go.

Usage: churn.py NAMESPACE SECONDS      prints how many names there were

Each worker has a row of living pairs, a Memcached and its source: the newest is made, those before it are
scaled, the oldest goes. As there is no controller manager, the worker deletes what a Memcached leaves, too:
so garbage never piles up, however fast all this goes, and as many objects live at the end as at the
beginning. What came too late for that goes by a collector. At the end nothing is left. Server and
credentials as tests/e2e/lib/common.sh prepares them.
"""
import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

WORKERS = 8
ROW = 20  # living pairs of each worker
ORPHANS = 5  # and Deployments whose Memcached is gone
COLLECT_SECONDS = 2
CLAIM = os.environ["CLAIM_LABEL"]
OURS = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmemcached-operator"


class Api:
    """One connection."""

    def __init__(self, namespace):
        directory = os.environ["BATS_FILE_TMPDIR"]
        context = ssl.create_default_context(cafile=f"{directory}/certificate-authority-data")
        context.load_cert_chain(f"{directory}/client-certificate-data", f"{directory}/client-key-data")
        host = urllib.parse.urlsplit(os.environ["API_SERVER"]).netloc
        self.connection = http.client.HTTPSConnection(host, context=context, timeout=60)
        self.deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self.memcacheds = f"/apis/cache.example.com/v1alpha1/namespaces/{namespace}/memcacheds"

    def call(self, method, path, body=None, good=(200, 201), media_type="application/json"):
        self.connection.request(method, path, body and json.dumps(body), {"Content-Type": media_type})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in good:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def make(self, name):
        labels = {"app": name}
        self.call("POST", self.memcacheds, {
            "apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached",
            "metadata": {"name": name}, "spec": {"size": 1}})
        self.call("POST", self.deployments, {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": f"source-{name}", "labels": {CLAIM: name}},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "c", "image": "memcached:1.6"}]}}}})

    def scale(self, name, replicas):
        self.call("PATCH", f"{self.deployments}/source-{name}", {"spec": {"replicas": replicas}},
                  media_type="application/merge-patch+json")

    def remove(self, name):
        self.call("DELETE", f"{self.deployments}/source-{name}")
        self.call("DELETE", f"{self.memcacheds}/{name}")

    def remove_orphan(self, name):
        self.call("DELETE", f"{self.deployments}/{name}", good=(200, 404))

    def collect(self):
        """How many of our Deployments there are; those of Memcacheds that are gone are deleted."""
        operands = self.call("GET", f"{self.deployments}?{OURS}")["items"]
        alive = {m["metadata"]["uid"] for m in self.call("GET", self.memcacheds)["items"]}
        for operand in operands:
            meta = operand["metadata"]
            if meta["ownerReferences"][0]["uid"] not in alive:
                self.remove_orphan(meta["name"])
        return len(operands)


def work(namespace, number, until, counts, failures):
    api, made = Api(namespace), 0
    try:
        while time.monotonic() < until:
            api.make(f"w{number}-{made}")
            for behind, replicas in ((ROW // 4, 3), (ROW // 2, 5)):
                if made >= behind:
                    api.scale(f"w{number}-{made - behind}", replicas)
            if made >= ROW:
                api.remove(f"w{number}-{made - ROW}")
            if made >= ROW + ORPHANS:
                api.remove_orphan(f"w{number}-{made - ROW - ORPHANS}")
            made += 1
        for n in range(max(0, made - ROW), made):
            api.remove(f"w{number}-{n}")
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        failures.append(repr(error))
    counts.append(made)


def main():
    namespace, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
    counts, failures = [], []
    workers = [threading.Thread(target=work, args=(namespace, n, until, counts, failures)) for n in range(WORKERS)]
    for worker in workers:
        worker.start()
    collector = Api(namespace)
    while collector.collect() > 0 or any(worker.is_alive() for worker in workers):
        time.sleep(COLLECT_SECONDS)
    if failures:
        sys.exit("\n".join(failures))
    print(sum(counts), "names")


main()
