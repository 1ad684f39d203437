# SPDX-License-Identifier: Apache-2.0
"""What the benches share: where the tests' modules are, arguments, percentiles, the verdict."""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("system", "kube", "cluster"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))
sys.path.insert(0, HERE)  # first: it has a worldgen of its own

import common  # noqa: E402

UNTIMED = "SEINE_BENCH_UNTIMED" in os.environ  # times are told, not judged


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def median(values):
    return percentile(values, 0.5)


def spread(times):
    """Of milliseconds."""
    return {"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "max_ms": max(times)}


def arguments(doc, what=(), **numbers):
    """Parses the command line: names of `what` (all of them if none is given), --json FILE, and a number by each name of `numbers`,
    which has what it is by default and, in a pair, what it is when times are not judged."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if what:
        parser.add_argument("what", nargs="*", choices=(*what, []))
    for name, default in numbers.items():
        default = default[UNTIMED] if isinstance(default, tuple) else default
        parser.add_argument("--" + name, type=type(default), default=default)
    parser.add_argument("--json")
    args = parser.parse_args()
    if what:
        args.what = args.what or list(what)
    return args


def run_named(args, parts):
    """Runs the parts that were asked for, each of which returns what it found and whether its limits hold; the same of all."""
    found, good = {}, True
    for name, part in parts.items():
        if name in args.what:
            found[name], held = part()
            good = good and held
    return found, good


def verdict(args, found, good):
    """Keeps what was found where --json says; fails if a limit is broken."""
    if args.json:
        with open(args.json, "w") as f:
            json.dump(found, f)
    common.true(good, "a limit is broken: see above")
