#!/usr/bin/env python3
"""Many writes at once, as many users would do them: pairs of a Memcached and its source.

Usage: load.py NAMESPACE COUNT create       pair-N of size 1, and source-N of 2 replicas for it
       load.py NAMESPACE COUNT scale N      all sources to N replicas

Server and credentials as common.sh prepares them. A server that is away is tried again: what was
asked for is done at the end.
"""
import http.client
import json
import os
import queue
import random
import ssl
import sys
import threading
import time
import urllib.parse

THREADS = 8
GIVE_UP_SECONDS = int(os.environ.get("LOAD_GIVE_UP_SECONDS", "60"))
APPS = "/apis/apps/v1/namespaces/%s/deployments"
CACHE = "/apis/cache.example.com/v1alpha1/namespaces/%s/memcacheds"


def memcached(name):
    return {"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached",
            "metadata": {"name": name}, "spec": {"size": 1}}


def source(name, claim):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "labels": {os.environ["CLAIM_LABEL"]: claim}},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "c", "image": "memcached:1.6"}]}}}}


def requests(namespace, count, verb, replicas):
    for n in range(count):
        if verb == "create":
            yield "POST", CACHE % namespace, "application/json", memcached(f"pair-{n}")
            yield "POST", APPS % namespace, "application/json", source(f"source-{n}", f"pair-{n}")
        else:
            yield ("PATCH", APPS % namespace + f"/source-{n}", "application/merge-patch+json",
                   {"spec": {"replicas": replicas}})


class Sender(threading.Thread):
    """Takes requests until none is left."""

    def __init__(self, todo, failures):
        super().__init__(daemon=True)
        self.todo, self.failures, self.connection = todo, failures, None

    def connect(self):
        directory = os.environ["BATS_FILE_TMPDIR"]
        context = ssl.create_default_context(cafile=f"{directory}/certificate-authority-data")
        context.load_cert_chain(f"{directory}/client-certificate-data", f"{directory}/client-key-data")
        host = urllib.parse.urlsplit(os.environ["API_SERVER"]).netloc
        return http.client.HTTPSConnection(host, context=context, timeout=10)

    def send(self, method, path, media_type, body):
        self.connection = self.connection or self.connect()
        self.connection.request(method, path, json.dumps(body), {"Content-Type": media_type})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def send_until_done(self, request):
        until = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                status, text = self.send(*request)
                # 409: it is there already, the answer to an earlier try was lost
                if status in (200, 201, 409):
                    return
                problem = f"{status} {text[:300]}"
                if status < 500 and status != 429:
                    break
            except (OSError, http.client.HTTPException) as error:
                problem, self.connection = repr(error), None
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        self.failures.append(f"{request[0]} {request[1]}: {problem}")

    def run(self):
        try:
            while True:
                self.send_until_done(self.todo.get_nowait())
        except queue.Empty:
            pass


def main():
    namespace, count, verb = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    all_requests = list(requests(namespace, count, verb, int(sys.argv[4]) if verb == "scale" else 0))
    random.shuffle(all_requests)
    todo, failures = queue.Queue(), []
    for request in all_requests:
        todo.put(request)
    threads = [Sender(todo, failures) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("\n".join(failures[:5]))


main()
