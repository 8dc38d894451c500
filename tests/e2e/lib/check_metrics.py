#!/usr/bin/env python3
"""Check the Prometheus text format on stdin, as "promtool check metrics" would.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
TYPES = {"counter", "gauge", "histogram"}
errors = []


def labels_of(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if match is None:
            errors.append(f"bad labels: {text}")
            return labels
        if match[1] in labels:
            errors.append(f"label {match[1]} twice: {text}")
        labels[match[1]] = match[2]
        at = match.end()
    return labels


def family_of(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        stem = name.removesuffix(suffix)
        if stem != name and types.get(stem) == "histogram":
            return stem
    return name


def check_histogram(name, series):
    """series: labels without le → {suffix or bound: value}"""
    for labels, values in series.items():
        buckets = sorted((float(le), v) for le, v in values.items() if le not in ("sum", "count"))
        counts = [v for _, v in buckets]
        if not buckets or buckets[-1][0] != float("inf"):
            errors.append(f"{name}{labels}: no bucket +Inf")
        elif counts != sorted(counts) or counts[-1] != values.get("count") or "sum" not in values:
            errors.append(f"{name}{labels}: buckets, _sum and _count disagree: {values}")


def main():
    text = sys.stdin.read()
    types, helps, closed, seen, histograms, last = {}, set(), set(), set(), {}, None
    if not text.endswith("\n"):
        errors.append("no newline at the end")
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = (line.split(" ", 3) + [""])[:4]
            if what == "HELP" and name in helps or what == "TYPE" and name in types:
                errors.append(f"{what} of {name} twice")
            if what == "HELP":
                helps.add(name)
            elif rest in TYPES:
                types[name] = rest
            else:
                errors.append(f"unknown type: {line}")
            continue
        match = SAMPLE.match(line)
        if match is None:
            errors.append(f"no sample: {line}")
            continue
        name, labels, value = match[1], labels_of(match[2] or ""), float(match[3])
        family = family_of(name, types)
        if family not in types or family not in helps:
            errors.append(f"{name}: no TYPE or HELP before it")
        if family != last and family in closed:
            errors.append(f"{family}: its samples are not together")
        closed.add(family)
        last = family
        key = (name, tuple(sorted(labels.items())))
        if key in seen:
            errors.append(f"twice: {line}")
        seen.add(key)
        if types.get(family) == "counter" and (not name.endswith("_total") or value < 0):
            errors.append(f"no counter: {line}")
        if types.get(family) == "histogram":
            bound = labels.pop("le", name.removeprefix(family + "_"))
            histograms.setdefault(family, {}).setdefault(tuple(sorted(labels.items())), {})[bound] = value
    for family, series in histograms.items():
        check_histogram(family, series)
    if errors:
        sys.exit("\n".join(errors))


main()
