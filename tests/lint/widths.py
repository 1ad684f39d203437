# SPDX-License-Identifier: Apache-2.0
"""Data that would differ between 64-bit Linux and 64-bit Windows: types, formats and functions whose width the system
chooses (words.py has `long` itself), layouts that compilers pack differently, files opened as text, and 64-bit numbers
that pass through a JSON number, which is a double."""
import re

import tree

SYSTEMS = ("platform/linux/", "platform/windows/")
# In code without its strings and comments.
IN_CODE = (
    (re.compile(r"\b(off_t|wchar_t|LONG_MAX|LONG_MIN|ULONG_MAX)\b"), "has another width on Windows"),
    (re.compile(r"\b(ftell|fseek|labs)\s*\("), "is on long"),
    (re.compile(r"\bpacked\b"), "compilers pack differently: write the bytes one by one"),
    (re.compile(r"\b\w+\s+\w+\s*:\s*\d+\s*;"), "bit-fields are laid out differently"),
    (re.compile(r"\b(cJSON_(?:Create|Add|Set)Number\w*)\s*\([^;]*\((?:double)\)"), "a wide number loses bits as a JSON number: use text"),
    (re.compile(r"\((?:u?int64_t|size_t|(?:unsigned )?long long)\)\s*[\w.>-]+->value(?:double|int)\b"),
     "a JSON number has 53 bits: read text"),
)
# In code with its strings.
IN_STRINGS = (
    (re.compile(r'%[-+ #0]*[\d*]*(?:\.[\d*]*)?l[diouxX]'), "%l is on long: use PRI macros or %z"),
    (re.compile(r'\bfopen\s*\([^;]*"(?:[rwa]\+?)"\s*\)'), "a file opened as text"),
)
# They count: requests of one connection, configurations asked for; neither comes near 2^53, and what is read is bounded.
EXCEPT = ("ovs/ovsdb_session.c", "ovs/switchdb_ops.c")


def check(paths, read):
    findings = []
    for path in paths:
        if path.startswith(SYSTEMS) or path in EXCEPT:
            continue
        text = read(path)
        for rules, code in ((IN_CODE, tree.code_only(text)), (IN_STRINGS, tree.code_only(text, keep_strings=True))):
            for pattern, why in rules:
                findings += [(path, code[:m.start()].count("\n") + 1, "%s: %s" % (" ".join(m.group().split())[:60], why))
                             for m in pattern.finditer(code)]
    return findings


if __name__ == "__main__":
    tree.report(check(tree.files(".c", ".h", roots=tree.C_ROOTS), tree.read), "widths")
