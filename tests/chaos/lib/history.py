#!/usr/bin/env python3
"""Judges what was written, by etcd's own history: every version of every Memcached and Deployment.

Usage: history.py MEMCACHEDS DEPLOYMENTS      two outputs of "etcdctl watch -w json"

A write is wrong if
  - a size is one that the Memcached's source never had, or had before one that was taken already;
  - the replicas of our Deployment are so beside the Memcached's sizes;
  - a Deployment is made for a Memcached that never was in this history, or again for one that is
    there, or is left of one that is gone;
  - something that is not ours was written by us.
Prints each, then "WRITES writes, WRONG wrong"; fails if any is. Of one Memcached there is one source.
"""
import base64
import json
import os
import sys

CLAIM = os.environ["CLAIM_LABEL"]
MANAGER = "memcached-operator"


# ---- protobuf, as the API server stores Deployments -----------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """A message as {field number: [values]}."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            assert tag & 7 == 2, f"wire type {tag & 7}"
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        found.setdefault(tag >> 3, []).append(value)
    return found


def text(message, number):
    return message.get(number, [b""])[0].decode()


def deployment(data):
    """Field numbers: k8s.io/api/apps/v1 and k8s.io/apimachinery/pkg/apis/meta/v1, generated.proto."""
    assert data[:4] == b"k8s\0"
    body = fields(fields(data[4:])[2][0])
    meta = fields(body[1][0])
    pairs = [fields(pair) for pair in meta.get(11, [])]
    owners = [fields(owner) for owner in meta.get(13, [])]
    return {"uid": text(meta, 5),
            "size": fields(body[2][0]).get(1, [0])[0],
            "claim": {text(p, 1): text(p, 2) for p in pairs}.get(CLAIM),
            "owner": next((text(o, 4) for o in owners if text(o, 1) == "Memcached"), None),
            "managers": {text(fields(entry), 1) for entry in meta.get(17, [])}}


def memcached(data):
    found = json.loads(data)
    return {"uid": found["metadata"]["uid"], "size": found["spec"]["size"], "status": found.get("status")}


# ---- history --------------------------------------------------------------------------------------


def events(file, decode):
    """(revision, key, object or None when deleted), in order."""
    for line in open(file):
        for event in json.loads(line).get("Events") or []:
            pair = event["kv"]
            value = pair.get("value")
            key = base64.b64decode(pair["key"]).decode()
            yield pair["mod_revision"], key, value and decode(base64.b64decode(value))


class Sizes:
    """What somebody had, and how far a follower has come in it."""

    def __init__(self):
        self.had, self.taken = [], 0

    def add(self, size):
        if not self.had or self.had[-1] != size:
            self.had.append(size)

    def take(self, size):
        """True if it had @size, not before what the follower has taken already."""
        for at in range(self.taken, len(self.had)):
            if self.had[at] == size:
                self.taken = at
                return True
        return False


class Judge:
    def __init__(self):
        self.writes, self.wrong = 0, []
        self.here = {}      # key → object, as of now
        self.sources = {}   # "namespace/claimed name" → Sizes
        self.memcacheds = {}  # uid → Sizes
        self.served = set()   # uids whose Deployment was made

    def accuse(self, revision, key, why):
        self.wrong.append(f"revision {revision}, {key.split('/registry/')[1]}: {why}")

    def on_memcached(self, revision, key, now):
        before = self.here.get(key)
        if before is None or now["uid"] != before["uid"]:
            self.memcacheds[now["uid"]] = Sizes()
        else:
            self.writes += 1
            if now["size"] != before["size"]:
                source = self.sources.get("/".join(key.split("/")[-2:]))
                if source is None or not source.take(now["size"]):
                    self.accuse(revision, key, f"size {before['size']} → {now['size']}: not its source's, or taken back")
        self.memcacheds[now["uid"]].add(now["size"])

    def on_operand(self, revision, key, now):
        before = self.here.get(key)
        sizes = self.memcacheds.get(now["owner"])
        if sizes is None:
            self.accuse(revision, key, f"made for a Memcached that never was ({now['owner']})")
            return
        made = before is None or now["uid"] != before["uid"]
        if made and now["owner"] in self.served and self.memcached_is_here(now["owner"]):
            self.accuse(revision, key, "made again")
        if made:
            self.served.add(now["owner"])
        if made or now["size"] != before["size"]:
            self.writes += 1
            if not sizes.take(now["size"]):
                self.accuse(revision, key, f"{now['size']} replicas: not its Memcached's size, or taken back")

    def memcached_is_here(self, uid):
        return any(o["uid"] == uid for o in self.here.values() if o)

    def on_source(self, revision, key, now):
        if MANAGER in now["managers"]:
            self.accuse(revision, key, "is not ours, and was written by us")
        if now["claim"]:
            namespace = key.split("/")[-2]
            self.sources.setdefault(f"{namespace}/{now['claim']}", Sizes()).add(now["size"])

    def on_event(self, revision, key, now):
        if now is not None:
            kind = self.on_memcached if "/memcacheds/" in key else self.on_operand if now["owner"] else self.on_source
            kind(revision, key, now)
        self.here[key] = now

    def end(self):
        for key, now in self.here.items():
            if now and now.get("owner") and not self.memcached_is_here(now["owner"]):
                self.wrong.append(f"{key.split('/registry/')[1]}: left of a Memcached that is gone")


def main():
    judge = Judge()
    both = list(events(sys.argv[1], memcached)) + list(events(sys.argv[2], deployment))
    for event in sorted(both, key=lambda event: event[0]):
        judge.on_event(*event)
    judge.end()
    for line in judge.wrong[:20]:
        print(line)
    print(f"{judge.writes} writes, {len(judge.wrong)} wrong")
    sys.exit(1 if judge.wrong or not judge.writes else 0)


main()
