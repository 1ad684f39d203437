# SPDX-License-Identifier: Apache-2.0
"""Lint of PowerShell scripts: they parse, call only cmdlets that are allowed, and what a module exports is documented.
Nothing here runs a script: the logic of the installer is in seine-agent.exe, and a script is a thin coat over it."""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODULE = "installer/windows/Seine/Seine.psm1"
MANIFEST = "installer/windows/Seine/Seine.psd1"
PAGES = ("docs/windows-install.md",)
EXPORTED = ["Get-SeineStatus", "Install-SeineAgent", "Test-SeineNode", "Uninstall-SeineAgent"]

# No aliases, nothing that runs text, fetches anything or touches services, files or the registry by itself.
CMDLETS = {"Set-StrictMode", "Split-Path", "Join-Path", "Test-Path", "ConvertFrom-Json", "Write-Error", "Write-Verbose",
           "Where-Object", "Export-ModuleMember"}
PROGRAMS = {"$program"}  # `& $program`: seine-agent.exe
TYPES = {"[string]", "[string[]]", "[switch]", "[bool]", "[PSCustomObject]", "[Console]", "[System.Text.Encoding]",
         "[System.Collections.IDictionary]"}
CHANGES = ("Install-", "Uninstall-", "Set-", "New-", "Remove-", "Start-", "Stop-")


def read_facts(files):
    folder = subprocess.run([os.path.join(ROOT, "installer/windows/npm.sh")], check=True, capture_output=True,
                            text=True).stdout.strip()
    out = subprocess.run(["node", "--liftoff-only", os.path.join(HERE, "powershell.js"),
                          os.path.join(folder, "node_modules"), *files], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def quoted(text):
    return sorted(re.findall(r"'([^']*)'", text))


def sections(help_text):
    """[(keyword, argument, text)] of a comment-based help."""
    parts = re.split(r"(?m)^\s*\.([A-Z]+)[ \t]*(\S*)[ \t]*$", help_text)
    return [(parts[i], parts[i + 1], parts[i + 2].replace("#>", "").strip()) for i in range(1, len(parts), 3)]


def check_help(function):
    told = sections(function["help"])
    for keyword in ("SYNOPSIS", "DESCRIPTION", "EXAMPLE"):
        if not any(k == keyword and text for k, _, text in told):
            yield function["line"], "%s: no .%s" % (function["name"], keyword)
    named = [argument for k, argument, text in told if k == "PARAMETER" and text]
    for parameter in function["parameters"]:
        if parameter not in named:
            yield function["line"], "%s: no .PARAMETER %s" % (function["name"], parameter)
    for name in named:
        if name not in function["parameters"]:
            yield function["line"], "%s: .PARAMETER %s, but there is no such parameter" % (function["name"], name)
    for _, _, text in (s for s in told if s[0] == "EXAMPLE"):
        if function["name"] not in text:
            yield function["line"], "%s: an .EXAMPLE that does not call it" % function["name"]


def check_attributes(function):
    text = " ".join(function["attributes"])
    if not re.search(r"\[OutputType\(\s*[^)\s]", text):
        yield function["line"], "%s: no [OutputType()]" % function["name"]
    if "[CmdletBinding(" not in text:
        yield function["line"], "%s: no [CmdletBinding()]" % function["name"]
    changes = function["name"].startswith(CHANGES)
    if changes != bool(re.search(r"SupportsShouldProcess = \$true", text)):
        yield function["line"], "%s: SupportsShouldProcess %s" % (
            function["name"], "is missing" if changes else "where nothing is changed")


def check_script(facts):
    own = {f["name"] for f in facts["functions"]}
    for error in facts["errors"]:
        yield error["line"], "does not parse: %s" % error["text"]
    for command in facts["commands"]:
        if command["name"] not in CMDLETS | PROGRAMS | own:
            yield command["line"], "%s: not an allowed cmdlet" % command["name"]
    for name in facts["types"]:
        if name["name"] not in TYPES:
            yield name["line"], "%s: not an allowed type" % name["name"]


def check_module(module, manifest):
    """The module's functions against what is exported by it and by its manifest."""
    exported = quoted(manifest["hashKeys"].get("FunctionsToExport", ""))
    for function in module["functions"]:
        yield from check_attributes(function)
        if function["name"] in exported:
            yield from check_help(function)
    missing = set(exported) - {f["name"] for f in module["functions"]}
    for name in sorted(missing):
        yield 0, "FunctionsToExport names %s, which the module does not have" % name
    if exported != EXPORTED:
        yield 0, "FunctionsToExport is %s, not %s" % (", ".join(exported), ", ".join(EXPORTED))


def check(facts, module=MODULE, manifest=MANIFEST):
    findings = []
    for file in sorted(facts):
        findings += [(file, line, text) for line, text in check_script(facts[file])]
    if module in facts and manifest in facts:
        findings += [(module, line, text) for line, text in check_module(facts[module], facts[manifest])]
    return findings


COMMON = {"-WhatIf", "-Confirm", "-Verbose", "-ErrorAction"}


def check_example(facts, module):
    """An example of a page: it parses, and calls our functions by parameters that they have."""
    functions = {f["name"]: {"-" + p for p in f["parameters"]} | COMMON for f in module["functions"]}
    for error in facts["errors"]:
        yield error["line"], "does not parse: %s" % error["text"]
    for command in facts["commands"]:
        if "Seine" in command["name"] and command["name"] not in functions:
            yield command["line"], "%s: there is no such function" % command["name"]
        for parameter in command["parameters"] if command["name"] in functions else ():
            if parameter.rstrip(":") not in functions[command["name"]]:
                yield command["line"], "%s has no %s" % (command["name"], parameter)


def examples(text):
    """Fenced blocks of PowerShell, each with as many lines before it as in the page."""
    for m in re.finditer(r"(?ms)^```powershell\n(.*?)^```", text):
        yield "\n" * text[:m.start(1)].count("\n") + m.group(1)


def check_page(text, module):
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, block in enumerate(examples(text)):
            paths.append("%s/%d.ps1" % (folder, i))
            with open(paths[-1], "w", encoding="utf-8") as f:
                f.write(block)
        facts = read_facts(paths) if paths else {}
        for path in paths:
            findings += check_example(facts[path], module)
    return findings


def main():
    os.chdir(ROOT)
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.ps1", "*.psm1",
                            "*.psd1"], check=True, capture_output=True, text=True).stdout.split()
    facts = read_facts(files)
    findings = check(facts)
    with open(MODULE, encoding="utf-8") as f:
        if not re.search(r"Export-ModuleMember -Function (.*)", f.read()):
            findings.append((MODULE, 0, "no Export-ModuleMember"))
    for page in PAGES:
        with open(page, encoding="utf-8") as f:
            findings += [(page, line, text) for line, text in check_page(f.read(), facts[MODULE])]
    for path, line, text in findings:
        print("%s:%d: %s" % (path, line, text))
    print("powershell: %s, %d files" % ("%d findings" % len(findings) if findings else "clean", len(files)))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
