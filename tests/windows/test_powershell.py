# SPDX-License-Identifier: Apache-2.0
"""The lint of PowerShell scripts finds what it is there to find."""
import os
import tempfile
import unittest

import powershell

GOOD = """
function Get-SeineStatus {
    <#
    .SYNOPSIS
    Says it.
    .DESCRIPTION
    Says it at length.
    .PARAMETER Path
    Where.
    .EXAMPLE
    Get-SeineStatus -Path 'x'
    #>
    [CmdletBinding()]
    [OutputType('Seine.Step')]
    param(
        [string] $Path
    )
    Join-Path -Path $Path -ChildPath 'y'
}
"""
MANIFEST = "@{ FunctionsToExport = @('Get-SeineStatus') }\n"
# What breaks it, and what is said then.
BROKEN_SYNTAX = (
    ("Get-X {", "if ($a { 'x' }\n"),
    ("brace", "function Get-A { 'x'\n"),
    ("string", "$a = 'x\n"),
    ("hash", "$a = @{ b = \n"),
    ("param", "function Get-A { param([string $A) 'x' }\n"),
)


class Lint(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def findings(self, module, manifest=MANIFEST):
        paths = []
        for name, text in (("m.psm1", module), ("m.psd1", manifest)):
            paths.append(os.path.join(self.folder.name, name))
            with open(paths[-1], "w", encoding="utf-8") as f:
                f.write(text)
        saved, powershell.EXPORTED = powershell.EXPORTED, ["Get-SeineStatus"]
        try:
            return [text for _, _, text in powershell.check(powershell.read_facts(paths), *paths)]
        finally:
            powershell.EXPORTED = saved

    def changed(self, old, new):
        self.assertIn(old, GOOD)
        return self.findings(GOOD.replace(old, new))

    def test_good_is_clean(self):
        self.assertEqual(self.findings(GOOD), [])

    def test_broken_syntax_is_found(self):
        for name, text in BROKEN_SYNTAX:
            with self.subTest(name):
                self.assertTrue(any("does not parse" in f for f in self.findings(GOOD + text)))

    def test_cmdlets_that_are_not_allowed(self):
        for command in ("Invoke-Expression", "iex", "Invoke-WebRequest", "Stop-Service", "Remove-Item", "sc.exe"):
            with self.subTest(command):
                self.assertEqual(self.changed("Join-Path -Path $Path -ChildPath 'y'", command + " 'y'"),
                                 [command + ": not an allowed cmdlet"])
        self.assertEqual(self.changed("Join-Path -Path $Path -ChildPath 'y'", "& $Path 'y'"),
                         ["$Path: not an allowed cmdlet"])

    def test_types_that_are_not_allowed(self):
        self.assertEqual(self.changed("Join-Path -Path $Path -ChildPath 'y'", "[System.IO.File]::Delete($Path)"),
                         ["[System.IO.File]: not an allowed type"])

    def test_help_is_whole(self):
        for part, text in ((".SYNOPSIS\n    Says it.", "no .SYNOPSIS"), (".SYNOPSIS", "no .SYNOPSIS"),
                           (".DESCRIPTION\n    Says it at length.", "no .DESCRIPTION"),
                           (".EXAMPLE\n    Get-SeineStatus -Path 'x'", "no .EXAMPLE"),
                           (".PARAMETER Path\n    Where.", "no .PARAMETER Path")):
            with self.subTest(part):
                self.assertIn("Get-SeineStatus: " + text, self.changed(part, ""))
        self.assertEqual(self.changed(".PARAMETER Path", ".PARAMETER Paht"),
                         ["Get-SeineStatus: no .PARAMETER Path",
                          "Get-SeineStatus: .PARAMETER Paht, but there is no such parameter"])
        self.assertEqual(self.changed("    Get-SeineStatus -Path 'x'", "    Get-Status -Path 'x'"),
                         ["Get-SeineStatus: an .EXAMPLE that does not call it"])

    def test_attributes_are_there(self):
        self.assertEqual(self.changed("    [OutputType('Seine.Step')]\n", ""), ["Get-SeineStatus: no [OutputType()]"])
        self.assertEqual(self.changed("[OutputType('Seine.Step')]", "[OutputType()]"),
                         ["Get-SeineStatus: no [OutputType()]"])
        self.assertEqual(self.changed("    [CmdletBinding()]\n", ""), ["Get-SeineStatus: no [CmdletBinding()]"])
        self.assertEqual(self.changed("[CmdletBinding()]", "[CmdletBinding(SupportsShouldProcess = $true)]"),
                         ["Get-SeineStatus: SupportsShouldProcess where nothing is changed"])
        whole = GOOD.replace("Get-SeineStatus", "Install-SeineAgent")
        found = self.findings(GOOD + whole)
        self.assertEqual(found, ["Install-SeineAgent: SupportsShouldProcess is missing"])

    def test_exports_agree(self):
        self.assertEqual(self.findings(GOOD, "@{ FunctionsToExport = @('Get-SeineStatus', 'Get-B') }\n"),
                         ["FunctionsToExport names Get-B, which the module does not have",
                          "FunctionsToExport is Get-B, Get-SeineStatus, not Get-SeineStatus"])
        self.assertEqual(self.findings(GOOD, "@{ ModuleVersion = '1' }\n"),
                         ["FunctionsToExport is , not Get-SeineStatus"])

    def test_examples_of_pages(self):
        module = {"functions": [{"name": "Get-SeineStatus", "parameters": ["Path"]}]}
        page = "# A page\n\n```powershell\nGet-SeineStatus -Path 'x' -WhatIf | Format-Table -Property 'y'\n```\ntext\n"
        self.assertEqual(powershell.check_page(page, module), [])
        self.assertEqual(powershell.check_page(page.replace("-Path", "-Pth"), module), [(4, "Get-SeineStatus has no -Pth")])
        self.assertEqual(powershell.check_page(page.replace("Get-", "Read-"), module),
                         [(4, "Read-SeineStatus: there is no such function")])
        self.assertEqual([line for line, _ in powershell.check_page(page.replace("'x'", "'x"), module)][:1], [4])


if __name__ == "__main__":
    unittest.main()
