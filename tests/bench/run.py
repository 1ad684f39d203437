# SPDX-License-Identifier: Apache-2.0
"""All benches, one after the other, on programs of the release build: `python3 tests/bench/run.py [NAME ...]`.

Each prints its figures beside those of its named peer, measured in the same run, and fails if a limit of
docs/performance.md is broken. Wall times are only worth something on a machine that does nothing else: with
SEINE_BENCH_UNTIMED in the environment they are told from few rounds, and only counts and memory are judged."""
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SEINE_BUILD") or os.path.join(ROOT, "build", "release")
# Name: command, what it measures.
BENCHES = {
    "flows": ([os.path.join(BUILD, "bench", "bench_flows")], "installing flows and reading them back, against ovs-ofctl"),
    "json": ([os.path.join(BUILD, "bench", "bench_json")], "reading an API server's list of Pods, against cJSON_Parse"),
    "cni": ([sys.executable, os.path.join(HERE, "bench_cni.py")], "ADD and DEL, against bridge + host-local"),
    "cluster": ([sys.executable, os.path.join(HERE, "bench_cluster.py")], "Pod start in a real cluster, against bridge + host-local"),
    "churn": ([sys.executable, os.path.join(ROOT, "tests", "cluster", "test_churn.py"), "--pods", "1000"],
              "1,000 Pods created and deleted in a real cluster: how fast, and what is left"),
    "agent": ([sys.executable, os.path.join(HERE, "bench_agent.py")], "label change, memory, restart in a large world"),
    "services": ([sys.executable, os.path.join(HERE, "bench_services.py")], "1,000 Services, one of 1,000 endpoints"),
    "kube": ([sys.executable, os.path.join(HERE, "bench_kube.py")], "a real API server's 10,000 Pods, against client-go's informers"),
    "windows": ([sys.executable, os.path.join(HERE, "bench_windows.py")], "the engine under Wine, against the Linux build"),
}


def machine():
    with open("/proc/cpuinfo") as f:
        models = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return "%d x %s, Linux %s, load %.2f" % (len(models), models[0] if models else platform.machine(), platform.release(),
                                             os.getloadavg()[0])


def main():
    names = sys.argv[1:] or list(BENCHES)
    print("machine: %s" % machine())
    status = 0
    for name in names:
        if name not in BENCHES:
            sys.exit("run.py: no bench %s; there are: %s" % (name, ", ".join(BENCHES)))
        command, what = BENCHES[name]
        print("== %s: %s" % (name, what), flush=True)
        program = command[1] if command[0] == sys.executable else command[0]
        if not os.path.exists(program):
            print("not built: %s" % program)
            status = 1
            continue
        start = time.monotonic()
        done = subprocess.run(command, cwd=ROOT)
        print("-- %s: %s, %.0f s" % (name, {0: "within its limits", 77: "skipped"}.get(done.returncode, "BROKE A LIMIT"),
                                     time.monotonic() - start), flush=True)
        if done.returncode not in (0, 77):
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
