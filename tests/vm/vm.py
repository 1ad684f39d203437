# SPDX-License-Identifier: Apache-2.0
"""System tests on the kernel datapath: a throw-away machine under QEMU with Debian's kernel, whose root file system is
made of packages that are installed here.

    vm.py TEST...        runs tests/system/test_TEST.py for each, in one machine; exit 0 if all passed
    vm.py TEST=A,B       ... with the arguments A and B, which name its parts
    vm.py --console      shows the machine's whole console

The host's kernel needs no Open vSwitch module, and nothing of the host is changed. Emulated: everything takes ten to thirty
times longer and packets are lost when it cannot keep up, so this shows that things work, not how fast, and a test that
fails is run once more. Skipped (77) where QEMU or the kernel's package is missing."""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SEINE_BIN") or os.path.join(ROOT, "build", "release", "bin")
KERNEL = "linux-image-cloud-amd64"  # a package of nothing but the newest kernel's name
PACKAGES = """bash coreutils mount util-linux procps kmod grep sed mawk findutils iproute2 ethtool nftables netbase
    openvswitch-switch openvswitch-common python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libgcc-s1""".split()
MODULES = """openvswitch vport-geneve vport-vxlan vport-gre veth bridge tun nf_tables nft_ct nft_nat nft_masq nft_chain_nat
    nft_fib_inet nf_conntrack sctp_diag""".split()
MODULE_FOLDERS = ("kernel/net", "kernel/lib", "kernel/crypto", "kernel/drivers/net")
LEFT_OUT = re.compile(r"^/usr/share/(doc|man|locale|info|lintian|bash-completion|bug)/|/__pycache__/|/(test|tests|idlelib)/")
LIMIT_S = 3400  # a machine that hangs; on one that is left alone it takes some six minutes
SKIPPED = 77

INIT = """#!/usr/bin/bash
export PATH=/usr/sbin:/usr/bin HOME=/root SEINE_LAB_DATAPATH=system SEINE_LAB_SLOWNESS=6 SEINE_BIN=/seine/bin
export PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
mkdir -p /run/netns /run/openvswitch
ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
for m in %(modules)s; do modprobe -q $m || echo "no module $m"; done
ip link set lo up
# Open vSwitch 3.1 counts processors again every ten seconds of the machine's clock, not before the first ten:
# until then it has no thread for the kernel's questions.
while read -r up rest < /proc/uptime; [ "${up%%.*}" -lt 11 ]; do sleep 1; done
echo "VM-KERNEL $(uname -r)"
failed=0
for t in %(tests)s; do
    echo "VM-TEST $t"
    case $t in *=*) parts=${t#*=} ;; *) parts= ;; esac
    run="python3.11 /seine/tests/system/test_${t%%%%=*}.py ${parts//,/ }"
    $run || { echo "VM-AGAIN $t"; $run; } || failed=$((failed + 1))
done
echo "VM-FAILED $failed"
echo o > /proc/sysrq-trigger
sleep 60
"""


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def out(*argv, **more):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **more).stdout


def fetch_kernel(work):
    """Unpacks the kernel's package (it is never installed); returns (its folder, its version)."""
    try:
        depends = out("apt-cache", "depends", KERNEL)
        name = re.search(r"Depends: (linux-image-[0-9]\S*)", depends).group(1)
        out("apt-get", "download", name, cwd=work)
    except (subprocess.CalledProcessError, AttributeError) as e:
        skip("the package of Debian's kernel cannot be had: %s" % e)
    out("dpkg-deb", "-x", glob.glob(work + "/linux-image-*.deb")[0], work + "/kernel")
    return work + "/kernel", os.listdir(work + "/kernel/lib/modules")[0]


def merged(path):
    """Where a file of a package lies today: /bin, /sbin and /lib are links into /usr."""
    return "/usr" + path if re.match(r"^/(bin|sbin|lib|lib64)/", path) else path


def copy(path, root):
    target = root + merged(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.lexists(target):
        shutil.copy2(path, target, follow_symlinks=False)
    if os.path.islink(path):
        there = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        if os.path.isfile(there):
            copy(there, root)


def copy_packages(root):
    for line in out("dpkg", "-L", *PACKAGES).splitlines():
        if line.startswith("/") and not LEFT_OUT.search(line) and os.path.isfile(line):
            copy(line, root)
    for name in ("ovs-vswitchd", "awk"):
        for path in glob.glob("/usr/*bin/" + name):
            copy(path, root)


def copy_libraries(root):
    """The shared libraries that programs in the new root ask for."""
    programs = [os.path.join(d, f) for d, _, files in os.walk(root) for f in files
                if "/modules/" not in d and not os.path.islink(os.path.join(d, f))
                and (os.access(os.path.join(d, f), os.X_OK) or ".so" in f)]
    text = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    for path in sorted(set(re.findall(r"=> (/\S+) ", text))):
        copy(path, root)
    copy("/lib64/ld-linux-x86-64.so.2", root)


def copy_modules(root, kernel, version):
    source, target = "%s/lib/modules/%s" % (kernel, version), "%s/usr/lib/modules/%s" % (root, version)
    for folder in MODULE_FOLDERS:
        shutil.copytree(os.path.join(source, folder), os.path.join(target, folder))
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        shutil.copy2(os.path.join(source, name), target)
    out("depmod", "-b", root, version)


def make_root(work, tests):
    root = work + "/root"
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run", "tmp", "etc", "root",
                 "var/log", "seine"):
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + name, os.path.join(root, name))
    os.symlink("../run", root + "/var/run")
    copy_packages(root)
    os.symlink("bash", root + "/usr/bin/sh") if not os.path.lexists(root + "/usr/bin/sh") else None
    shutil.copytree(BIN, root + "/seine/bin")
    shutil.copytree(ROOT + "/tests/system", root + "/seine/tests/system")
    shutil.copytree(ROOT + "/installer", root + "/seine/installer")
    copy_libraries(root)
    with open(root + "/etc/passwd", "w") as f:
        f.write("root:x:0:0:root:/root:/bin/bash\n")
    with open(root + "/etc/group", "w") as f:
        f.write("root:x:0:\n")
    with open(root + "/init", "w") as f:
        f.write(INIT % {"modules": " ".join(MODULES), "tests": " ".join(tests)})
    os.chmod(root + "/init", 0o755)
    return root


def run(work, kernel, version, console):
    with open(work + "/initrd", "wb") as f:
        subprocess.run("find . | cpio -o -H newc --quiet", shell=True, cwd=work + "/root", stdout=f, check=True)
    # It does not outlive this program, however that ends.
    command = ["setpriv", "--pdeathsig", "KILL",
               "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1536", "-smp", "2", "-nodefaults",
               "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none",
               "-kernel", "%s/boot/vmlinuz-%s" % (kernel, version), "-initrd", work + "/initrd",
               "-append", "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on mitigations=off tsc=reliable"]
    machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    limit = threading.Timer(LIMIT_S, machine.kill)
    limit.start()
    try:
        return follow(machine.stdout, console)
    finally:
        limit.cancel()
        machine.kill()
        machine.wait()


def follow(lines, console):
    """Shows what the machine says; returns how many tests failed, None if it ended without a word on that."""
    began, hidden = time.monotonic(), collections.deque(maxlen=40)
    started = False
    for line in lines:
        line = line.rstrip()
        started = started or line.startswith("VM-KERNEL")
        if started or console:
            print(line, flush=True)
        else:
            hidden.append(line)
        if line.startswith("VM-FAILED "):
            return int(line.split()[1])
    print("FAILED: the machine ended after %.0f s without an answer%s" % (
        time.monotonic() - began, "" if started else "; the last lines of its console:\n" + "\n".join(hidden)))
    return None


def main():
    console = "--console" in sys.argv
    tests = [a for a in sys.argv[1:] if not a.startswith("-")] or ["connectivity"]
    for tool in ("qemu-system-x86_64", "cpio", "depmod", "dpkg-deb"):
        if not shutil.which(tool):
            skip("%s is not installed (installer/deps.sh vm)" % tool)
    with tempfile.TemporaryDirectory(prefix="seine-vm-") as work:
        kernel, version = fetch_kernel(work)
        root = make_root(work, tests)
        copy_modules(root, kernel, version)
        failed = run(work, kernel, version, console)
    return 1 if failed != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
